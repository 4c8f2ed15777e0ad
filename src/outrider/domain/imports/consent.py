"""Asking a person for their address book: the browser is sent to the provider with a state, and taken back once.

The state is base64 of JSON, as its clients read it: who began which import, something random, and our signature over
all that. Of it the job keeps a digest; the PKCE verifier and the nonce are derived from it.
"""

import base64
import binascii
import hashlib
import hmac
import json
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import quote
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from outrider.core import jobs, tokens
from outrider.core.clock import now
from outrider.core.db import Scope
from outrider.core.errors import AppError, Invalid, Unavailable
from outrider.core.ids import new_id
from outrider.domain.accounts import queries as accounts
from outrider.domain.accounts.permissions import Actor, Permission
from outrider.domain.accounts.vault import open_vault
from outrider.domain.grants import actions as grants
from outrider.domain.grants.signing_in import LIFETIME, challenge_of
from outrider.domain.imports import actions, queries
from outrider.domain.imports.fetching import grant_name
from outrider.domain.imports.models import ImportJob, Provider, Status
from outrider.providers.oauth.interface import GrantFailed, Identity, OAuthProvider, Tokens
from outrider.runtime import Runtime

CALLBACK = "/api/v1/contacts/import/{provider}/callback"
EXPIRE = "imports.expire"
GRACE = timedelta(seconds=5)
LONGEST_STATE = 2_000  # characters
SETUP = {
    Provider.GOOGLE: ("Google", "https://console.cloud.google.com/"),
    Provider.MICROSOFT: ("Microsoft", "https://portal.azure.com/"),
}
TOO_LATE = "The sign-in was not finished within ten minutes. Start the import again."


class ConfigurationRequired(AppError):
    status = 400
    code = "configuration_required"


class SignInFailed(Invalid):
    """The browser that came back brings no contacts; the import can be started again."""

    status = 400
    code = "oauth_failed"


@dataclass(frozen=True, slots=True)
class State:
    """`page` is one of our own, where a browser ends that was sent from it; else it ends in the app."""

    workspace_id: UUID
    job_id: UUID
    user_id: UUID
    page: str | None = None


def is_set_up(app: Runtime, provider: str) -> bool:
    return provider in app.contacts and grant_name(provider) in app.oauth


async def begin(
    app: Runtime, db: AsyncSession, actor: Actor, provider: Provider, *, page: str | None = None
) -> tuple[ImportJob, str]:
    """Makes an import that waits for its owner's consent, and the address to ask for it at. `page`: see `State`.

    Raises ConfigurationRequired, and Limited for a user's sixth import within an hour.
    """
    oauth = _oauth(app, provider)
    await actions.count_start(db, actor.workspace_id, actor.user_id)
    job = ImportJob(
        workspace_id=actor.workspace_id,
        id=new_id(),
        user_id=actor.user_id,
        provider=provider,
        status=Status.AUTHENTICATING,
        state_expires_at=now() + LIFETIME,
    )
    state = _make_state(app, job, page)
    job.state_digest = tokens.digest(state)
    db.add(job)
    await db.flush()
    await jobs.enqueue(
        db, EXPIRE, delay=(LIFETIME + GRACE).total_seconds(), workspace_id=job.workspace_id, job_id=job.id
    )
    url = oauth.authorization_url(challenge_of(app, state), redirect_uri=callback_of(app, provider), hint=None)
    return job, url


def job_named(text: str) -> UUID | None:
    """Returns the import that a state names, whoever made it: to be told, never to be trusted."""
    try:
        return UUID(_decoded(text)["job_id"])
    except (SignInFailed, LookupError, ValueError):
        return None


def read_state(app: Runtime, text: str) -> State:
    """Raises SignInFailed for anything that we have not made."""
    said = _decoded(text)
    signature = said.pop("signature", None)
    if not isinstance(signature, str) or not hmac.compare_digest(signature.encode(), _sign(app, said).encode()):
        raise SignInFailed("The state is not one that this server made. Start the import again.")
    return State(UUID(said["workspace_id"]), UUID(said["job_id"]), UUID(said["user_id"]), said.get("page"))


def page_of(app: Runtime, text: str) -> str | None:
    """Returns the page of our own that a state leads to, if we have made it."""
    try:
        return read_state(app, text).page
    except SignInFailed:
        return None


async def take_back(app: Runtime, provider: str, state: str) -> ImportJob:
    """Takes the browser back: once, in time, for the import that it was sent out for. Raises SignInFailed."""
    said = read_state(app, state)
    async with app.db.begin(Scope(said.workspace_id, said.user_id, actor="import")) as db:
        job = await queries.of_worker(db, said.workspace_id, said.job_id, lock=True)
        if job is None or job.user_id != said.user_id or job.provider != provider:
            raise SignInFailed(f"There is no import from {quote(provider[:40])} that waits for this sign-in.")
        if job.status is not Status.AUTHENTICATING:
            raise SignInFailed(f"This import no longer waits for a sign-in: it is {job.status}.")
        if job.state_digest != tokens.digest(state):
            raise SignInFailed("This sign-in was finished before. Start the import again.")
        is_late = job.state_expires_at is None or job.state_expires_at <= now()
        job.come_back()
        if is_late:
            job.fail(now(), TOO_LATE)
    if is_late:
        raise SignInFailed(TOO_LATE)
    return job


async def finish(app: Runtime, job: ImportJob, *, state: str, code: str) -> None:
    """Trades the code for tokens, keeps them sealed and begins to fetch. Raises SignInFailed and Unavailable."""
    granted, identity = await _exchange(app, job, state=state, code=code)
    async with app.db.begin(Scope(job.workspace_id, job.user_id, actor="import")) as db:
        locked = await queries.of_worker(db, job.workspace_id, job.id, lock=True)
        if locked is None or locked.status is not Status.AUTHENTICATING:
            raise SignInFailed("The import was cancelled meanwhile.")
        await _check_owner(db, locked)
        await grants.store(
            db,
            await open_vault(db, app.keyring, job.workspace_id),
            workspace_id=job.workspace_id,
            user_id=job.user_id,
            provider=grant_name(job.provider),
            identity=identity,
            tokens=granted,
        )
        cursor = await queries.sync_cursor(db, job.workspace_id, job.user_id, job.provider, identity.subject)
        locked.connect(now(), account_id=identity.subject, account_name=identity.email, cursor=cursor)
        await db.flush()
        await actions.queue(db, locked)


async def refuse(app: Runtime, job: ImportJob, message: str) -> None:
    """Ends an import whose sign-in came to nothing, unless it has ended otherwise."""
    async with app.db.begin(Scope(job.workspace_id, job.user_id, actor="import")) as db:
        locked = await queries.of_worker(db, job.workspace_id, job.id, lock=True)
        if locked is not None and locked.status is Status.AUTHENTICATING:
            locked.fail(now(), message)


def callback_of(app: Runtime, provider: str) -> str:
    """Where a provider sends the browser back to; registered with it to the letter."""
    return app.settings.public_url + CALLBACK.format(provider=provider)


async def _exchange(app: Runtime, job: ImportJob, *, state: str, code: str) -> tuple[Tokens, Identity]:
    oauth = _oauth(app, job.provider)
    try:
        return await oauth.exchange(code, challenge_of(app, state), redirect_uri=callback_of(app, job.provider))
    except GrantFailed as failure:
        message = f"Failed to exchange authorization code: {failure.message}"
        if failure.is_terminal:
            raise SignInFailed(message) from failure
        raise Unavailable(f"{message} Start the import again in a minute.", retry_after=60) from failure


async def _check_owner(db: AsyncSession, job: ImportJob) -> None:
    # Between the two halves of a sign-in somebody may have left the workspace, or been given a lesser role.
    user = await accounts.get_user(db, job.user_id)
    role = dict(await accounts.memberships(db, user.id)).get(job.workspace_id)
    is_allowed = role is not None and Actor(user.id, job.workspace_id, user.email, role).may(Permission.CONTACTS_WRITE)
    if user.disabled_at is not None or not is_allowed:
        raise SignInFailed("Your role no longer allows importing contacts.")


def _oauth(app: Runtime, provider: Provider) -> OAuthProvider:
    found = app.oauth.get(grant_name(provider))
    if found is None or provider not in app.contacts:
        name, setup_url = SETUP[provider]
        words = f"Please set {name.upper()}_CLIENT_ID and {name.upper()}_CLIENT_SECRET."
        raise ConfigurationRequired(f"{name} OAuth not configured. {words}", setup_url=setup_url)
    return found


def _make_state(app: Runtime, job: ImportJob, page: str | None) -> str:
    said = {
        "job_id": str(job.id),
        "user_id": str(job.user_id),
        "workspace_id": str(job.workspace_id),
        "random": tokens.new_secret(),
        **({"page": page} if page else {}),
    }
    return base64.b64encode(json.dumps({**said, "signature": _sign(app, said)}).encode()).decode()


def _decoded(text: str) -> dict[str, Any]:
    try:
        said = json.loads(base64.b64decode(text[:LONGEST_STATE].replace(" ", "+"), validate=True))
        if isinstance(said, dict) and all(isinstance(each, str) for each in said.values()):
            return said
    except (binascii.Error, ValueError, RecursionError):
        pass  # not ours, as whatever else can't be read
    raise SignInFailed("The state can't be read. Start the import again.")


def _sign(app: Runtime, said: dict[str, Any]) -> str:
    secret = app.settings.jwt_secret
    assert secret is not None  # noqa: S101  # the runtime does not open without it
    key = hashlib.sha256(b"contact-import:" + secret.get_secret_value().encode()).digest()
    return hmac.new(key, json.dumps(said, sort_keys=True).encode(), hashlib.sha256).hexdigest()
