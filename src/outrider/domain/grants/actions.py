"""Keeping grants: storing them sealed, renewing their access tokens one at a time, ending them.

Who renews a token first claims the grant's row and commits that; nobody holds a transaction open meanwhile. What the
provider answers is committed before anybody uses it: where it exchanges the refresh token, the old one may be void.
"""

import asyncio
from datetime import datetime, timedelta
from typing import NoReturn
from uuid import UUID

import structlog
from sqlalchemy import func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from outrider.core import jobs
from outrider.core.clock import now
from outrider.core.crypto import Vault
from outrider.core.db import Scope
from outrider.core.ids import new_id
from outrider.domain.accounts.vault import open_vault
from outrider.domain.grants import queries
from outrider.domain.grants.models import MARGIN, Grant, State
from outrider.providers.mail.interface import ConnectFailed, Step
from outrider.providers.oauth.interface import GrantFailed, Identity, Tokens
from outrider.runtime import Runtime

log = structlog.get_logger()

# Longer than any renewal takes: whoever holds the claim for this long is gone.
CLAIM = timedelta(seconds=30)
PATIENCE = 45.0
LOOK_AGAIN = 0.1
AGAIN = "Connect the mailbox again by signing in with the provider."
BY_ITSELF = "It is tried again by itself."
# When a provider that could not be told of an end is told again; after that only the token's erasure is certain.
REVOKE_AGAIN = (30.0, 300.0, 3600.0)


async def store(
    db: AsyncSession,
    vault: Vault,
    *,
    workspace_id: UUID,
    user_id: UUID,
    provider: str,
    identity: Identity,
    tokens: Tokens,
) -> Grant:
    """Stores what a sign-in gave, in place of what an earlier one of the same account gave."""
    grant = await db.scalar(
        select(Grant)
        .where(
            Grant.workspace_id == workspace_id,
            Grant.user_id == user_id,
            Grant.provider == provider,
            Grant.subject == identity.subject,
        )
        .with_for_update()
    )
    if grant is None:
        grant = Grant(
            workspace_id=workspace_id, id=new_id(), user_id=user_id, provider=provider, subject=identity.subject,
            refreshes=0,
        )  # fmt: skip
        db.add(grant)
    grant.address, grant.scopes = identity.email, sorted(tokens.scopes)
    grant.state, grant.reason, grant.refreshing_until = State.ACTIVE, None, None
    _keep(vault, grant, tokens)
    await db.flush()
    return grant


class Supplier:
    """A `TokenSupplier` over one grant; asks the database only when the token it knows won't do."""

    def __init__(self, app: Runtime, workspace_id: UUID, grant_id: UUID) -> None:
        self._app, self._workspace_id, self._grant_id = app, workspace_id, grant_id
        self._token, self._until = "", datetime.min.replace(tzinfo=now().tzinfo)

    async def __call__(self, *, refused: str | None = None) -> str:
        if self._token in {"", refused} or self._until <= now():
            self._token, self._until = await access_token(
                self._app, self._workspace_id, self._grant_id, refused=refused
            )
        return self._token


async def access_token(
    app: Runtime, workspace_id: UUID, grant_id: UUID, *, refused: str | None = None
) -> tuple[str, datetime]:
    """Returns a token and how long to trust in it, renewed if need be; whoever asks meanwhile waits for the same one.

    Raises ConnectFailed.
    """
    scope = Scope(workspace_id, actor="grants")
    ends = asyncio.get_running_loop().time() + PATIENCE
    while asyncio.get_running_loop().time() < ends:
        async with app.db.begin(scope) as db:
            grant = await db.get(Grant, (workspace_id, grant_id))
            if grant is None or grant.state is not State.ACTIVE or grant.refresh_token is None:
                _end(grant.reason if grant else None)
            vault = await open_vault(db, app.keyring, workspace_id)
            token = _open(vault, grant, "access_token") if grant.access_token else ""
            if token and token != refused and grant.expires_at and grant.expires_at - MARGIN > now():
                return token, grant.expires_at - MARGIN
            claim = await _claim(db, grant)
        if claim is not None:
            return await _renew(app, vault, grant, claim)
        await asyncio.sleep(LOOK_AGAIN)
    raise ConnectFailed(Step.LOGIN, "oauth", "The permission could not be renewed in time.", BY_ITSELF)


async def _claim(db: AsyncSession, grant: Grant) -> int | None:
    """Takes the renewal of a grant; None while somebody else has it, by the database's clock."""
    claim: int | None = await db.scalar(
        update(Grant)
        .where(
            Grant.workspace_id == grant.workspace_id,
            Grant.id == grant.id,
            Grant.state == State.ACTIVE,
            # Somebody may have renewed it since we looked.
            Grant.access_token.is_not_distinct_from(grant.access_token),
            or_(Grant.refreshing_until.is_(None), Grant.refreshing_until <= func.clock_timestamp()),
        )
        .values(refreshing_until=func.clock_timestamp() + CLAIM, refreshes=Grant.refreshes + 1)
        .returning(Grant.refreshes)
        .execution_options(synchronize_session=False)
    )
    return claim


async def _renew(app: Runtime, vault: Vault, grant: Grant, claim: int) -> tuple[str, datetime]:
    provider = app.oauth.get(grant.provider)
    try:
        if provider is None:
            raise GrantFailed(f"Signing in with {grant.provider} is not set up on this server.", is_terminal=False)
        tokens = await provider.refresh(_open(vault, grant, "refresh_token"))
    except GrantFailed as failure:
        async with app.db.begin(Scope(grant.workspace_id, actor="grants")) as db:
            current = await _still_ours(db, grant, claim)
            if current is not None:
                current.refreshing_until = None
                if failure.is_terminal:
                    current.die(failure.message)
        if failure.is_terminal:
            _end(failure.message)
        raise ConnectFailed(Step.LOGIN, grant.provider, failure.message, BY_ITSELF) from failure
    async with app.db.begin(Scope(grant.workspace_id, actor="grants")) as db:
        current = await _still_ours(db, grant, claim)
        if current is not None:
            _keep(vault, current, tokens)
            current.refreshing_until = None
    return tokens.access_token, tokens.expires_at - MARGIN


async def _still_ours(db: AsyncSession, grant: Grant, claim: int) -> Grant | None:
    # A new sign-in, an end or a later claim outdates what this one learned.
    current: Grant | None = await db.scalar(
        select(Grant)
        .where(
            Grant.workspace_id == grant.workspace_id,
            Grant.id == grant.id,
            Grant.state == State.ACTIVE,
            Grant.refreshes == claim,
            Grant.refreshing_until.is_not(None),
        )
        .with_for_update()
    )
    return current


async def give_up(db: AsyncSession, workspace_id: UUID, grant_id: UUID) -> None:
    """Ends a grant: nobody gets a token of it from now on. `revoke` tells the provider; a job sees to it that it does."""
    grant = await db.get_one(Grant, (workspace_id, grant_id), with_for_update=True)
    if grant.state is State.REVOKING:
        return
    grant.state, grant.refreshing_until = State.REVOKING, None
    await db.flush()
    await jobs.enqueue(
        db, "grants.revoke", delay=REVOKE_AGAIN[0], workspace_id=workspace_id, grant_id=grant_id, attempt=1
    )


async def let_go(db: AsyncSession, grant: Grant) -> None:
    """Ends a grant that is needed no more. A provider ends all that an account granted us at once: while others hold,
    it is not told, and the tokens are only erased.
    """
    if await queries.others_of(db, grant.workspace_id, grant):
        await db.delete(grant)
    else:
        await give_up(db, grant.workspace_id, grant.id)


async def revoke(app: Runtime, workspace_id: UUID, grant_id: UUID) -> bool:
    """Tells the provider that a grant has ended, and erases it; False if that has to be tried again."""
    async with app.db.begin(Scope(workspace_id, actor="grants")) as db:
        grant = await db.get(Grant, (workspace_id, grant_id))
        if grant is None or grant.state is not State.REVOKING:
            return True
        vault = await open_vault(db, app.keyring, workspace_id)
    kept = next((column for column in ("refresh_token", "access_token") if getattr(grant, column)), None)
    provider = app.oauth.get(grant.provider)
    if provider is not None and kept is not None:
        try:
            await provider.revoke(_open(vault, grant, kept))
        except GrantFailed as failure:
            log.warning("grant.not_revoked", grant_id=str(grant_id), reason=failure.message)
            return False
    await erase(app, workspace_id, grant_id)
    return True


async def erase(app: Runtime, workspace_id: UUID, grant_id: UUID) -> None:
    async with app.db.begin(Scope(workspace_id, actor="grants")) as db:
        grant = await db.get(Grant, (workspace_id, grant_id), with_for_update=True)
        if grant is not None and grant.state is State.REVOKING:
            await db.delete(grant)


def _keep(vault: Vault, grant: Grant, tokens: Tokens) -> None:
    if tokens.refresh_token is not None:
        grant.refresh_token = vault.seal(tokens.refresh_token, table="grants", column="refresh_token", row_id=grant.id)
    grant.access_token = vault.seal(tokens.access_token, table="grants", column="access_token", row_id=grant.id)
    grant.expires_at = tokens.expires_at


def _open(vault: Vault, grant: Grant, column: str) -> str:
    return vault.open(getattr(grant, column), table="grants", column=column, row_id=grant.id)


def _end(reason: str | None) -> NoReturn:
    message = reason or "The permission to use this mailbox has ended."
    raise ConnectFailed(Step.LOGIN, "oauth", message, AGAIN, is_terminal=True)
