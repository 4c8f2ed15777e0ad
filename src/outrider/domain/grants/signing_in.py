"""Sending a browser to a provider and taking it back: once, within ten minutes, and only the same browser.

Nothing secret is stored of a sign-in under way: the state is kept as a digest, and the PKCE verifier and the nonce
are derived from it.
"""

import base64
import hashlib
import hmac
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import delete, func, select, text

from outrider.core import tokens
from outrider.core.clock import now
from outrider.core.db import Scope
from outrider.core.errors import Invalid, Unavailable
from outrider.domain.accounts.permissions import Actor
from outrider.domain.grants.models import SignIn
from outrider.providers.oauth.interface import Challenge, GrantFailed, Identity, OAuthProvider, Tokens
from outrider.runtime import Runtime

LIFETIME = timedelta(minutes=10)
CALLBACK = "/auth/callback"
CALENDARS = "_calendars"  # ends the name of a provider that is asked for its calendars
WORKSPACE_OF = text("select workspace_of_sign_in(:digest)")


class ProviderUnavailable(Invalid):
    code = "provider_unavailable"


class SignInRefused(Invalid):
    """The browser that came back may not go on; it can begin again."""

    code = "sign_in_refused"


STALE = (
    "This sign-in is not known here: it was finished before, took longer than ten minutes, or was begun in another "
    "browser or at another address of this server. Begin again."
)
_INSTEAD = {
    False: "Connect the mailbox with provider imap instead.",
    True: "Connect the calendar by CalDAV, or by the address it is published at, instead.",
}
NOT_VOUCHED = (
    "{name} has not made sure that {email} belongs to this account, so nobody is let in by it. Sign in here in another "
    "way and connect the mailbox then; or the operator has {name} say it (xms_edov, in docs/connect-microsoft.md)."
)


@dataclass(frozen=True, slots=True)
class Begun:
    """`browser` is the secret of the browser that began, to be shown by it when it comes back."""

    auth_url: str
    state: str = field(repr=False)
    browser: str = field(repr=False)
    expires_at: datetime


async def begin(
    app: Runtime,
    *,
    provider: str,
    actor: Actor | None,
    redirect_uri: str | None,
    page: str | None = None,
    hint: str | None = None,
    request_id: str = "",
) -> Begun:
    """Writes a sign-in down. Raises ProviderUnavailable, and Invalid for a redirect that is not allowed.

    `page` is one of our own, where the browser ends instead; `hint` the address to sign in with, else the actor's.
    """
    oauth = _provider(app, provider)
    if redirect_uri is not None and redirect_uri not in app.settings.redirect_uris:
        raise Invalid(
            "This redirectUri is not on the list of allowed ones (OUTRIDER_REDIRECT_URIS).", field="redirectUri"
        )
    state, browser = tokens.new_secret(), tokens.new_secret()
    expires_at = now() + LIFETIME
    scope = actor.scope(request_id) if actor else Scope(actor="sign-in", request_id=request_id)
    async with app.db.begin(scope) as db:
        await db.execute(delete(SignIn).where(SignIn.expires_at <= func.clock_timestamp()))
        db.add(
            SignIn(
                digest=tokens.digest(state),
                provider=provider,
                browser=tokens.digest(browser),
                workspace_id=actor.workspace_id if actor else None,
                user_id=actor.user_id if actor else None,
                redirect_uri=page or redirect_uri,
                expires_at=expires_at,
            )
        )
    url = oauth.authorization_url(
        challenge_of(app, state), redirect_uri=_callback(app), hint=hint or (actor.email if actor else None)
    )
    return Begun(url, state, browser, expires_at)


async def take_back(app: Runtime, *, state: str, browser: str) -> SignIn:
    """Ends a sign-in with the browser that began it; another browser uses nothing up. Raises SignInRefused."""
    async with app.db.begin(Scope(actor="sign-in")) as db:
        workspace_id = await db.scalar(WORKSPACE_OF, {"digest": tokens.digest(state)})
    async with app.db.begin(Scope(workspace_id, actor="sign-in")) as db:
        found = await db.scalar(
            select(SignIn)
            .where(
                SignIn.digest == tokens.digest(state),
                SignIn.browser == tokens.digest(browser),
                SignIn.expires_at > func.clock_timestamp(),
            )
            .with_for_update()
        )
        if found is None:
            raise SignInRefused(STALE, field="state")
        await db.delete(found)
    return found


async def exchange(app: Runtime, sign_in: SignIn, *, state: str, code: str) -> tuple[Tokens, Identity]:
    """Asks the provider who came back and what was granted. Raises SignInRefused, or Unavailable if it can't be asked."""
    oauth = _provider(app, sign_in.provider)
    try:
        tokens, identity = await oauth.exchange(code, challenge_of(app, state), redirect_uri=_callback(app))
    except GrantFailed as failure:
        if failure.is_terminal:
            raise SignInRefused(failure.message, field="code") from failure
        raise Unavailable(f"{failure.message} Begin again in a minute.", retry_after=60) from failure
    if sign_in.user_id is None and not identity.is_vouched:
        # Else whoever writes another's address into an account of their own would come in as that other.
        raise SignInRefused(NOT_VOUCHED.format(name=shown(sign_in.provider), email=identity.email), field="code")
    return tokens, identity


def shown(provider: str) -> str:
    """A provider's name as people write it, whatever it is asked for."""
    return provider.removesuffix(CALENDARS).capitalize()


def _provider(app: Runtime, name: str) -> OAuthProvider:
    provider = app.oauth.get(name)
    if provider is None:
        raise ProviderUnavailable(
            f"Signing in with {shown(name)} is not set up on this server. {_INSTEAD[name.endswith(CALENDARS)]}",
            field="provider",
        )
    return provider


def challenge_of(app: Runtime, state: str) -> Challenge:
    """What ties a provider's answer to the state that went out; nothing of it is stored."""
    secret = app.settings.jwt_secret
    assert secret is not None  # noqa: S101  # the runtime does not open without it
    key = hashlib.sha256(b"sign-in:" + secret.get_secret_value().encode()).digest()

    def derived(purpose: str) -> str:
        digest = hmac.new(key, f"{purpose}:{state}".encode(), hashlib.sha256).digest()
        return base64.urlsafe_b64encode(digest).decode().rstrip("=")

    return Challenge(state=state, verifier=derived("verifier"), nonce=derived("nonce"))


def _callback(app: Runtime) -> str:
    return app.settings.public_url + CALLBACK
