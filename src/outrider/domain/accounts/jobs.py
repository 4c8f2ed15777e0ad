"""Brings every workspace's data key under the current encryption key, while everything goes on; lets deleted accounts
leave the workspaces of others.
"""

from uuid import UUID

import structlog
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from outrider.core import jobs
from outrider.core.crypto import Keyring
from outrider.core.db import Scope
from outrider.domain.accounts import leaving
from outrider.domain.accounts.models import DataKey
from outrider.runtime import Runtime

log = structlog.get_logger()

AT_ONCE = 500
OTHERWISE = text("select workspaces_wrapped_otherwise(:header, :at_most)")


@jobs.periodic("accounts.rewrap", every=30.0)
async def rewrap(app: Runtime) -> None:
    """One short transaction a workspace: what a killed worker had done is done, and the next goes on from there."""
    count = 0
    while waiting := await not_current(app):
        for workspace_id in waiting:
            async with app.db.begin(Scope(workspace_id, actor="rewrap")) as db:
                count += await rewrap_one(db, app.keyring, workspace_id)
    if count:
        log.info("keys.rewrapped", workspaces=count)


@jobs.job(leaving.LEAVE)
async def leave(app: Runtime, *, workspace_id: UUID, user_id: UUID) -> None:
    """Ends what goes on for a deleted account in another workspace than the one it was deleted from."""
    async with app.db.begin(Scope(workspace_id, user_id, actor="leave")) as db:
        await leaving.leave(db, workspace_id, user_id)


async def not_current(app: Runtime, *, at_most: int = AT_ONCE) -> list[UUID]:
    """Returns workspaces whose data key is wrapped by an earlier key. Works without a scope."""
    async with app.db.begin() as db:
        return list(await db.scalars(OTHERWISE, {"header": app.keyring.current_header, "at_most": at_most}))


async def rewrap_one(db: AsyncSession, keyring: Keyring, workspace_id: UUID) -> int:
    key = await db.get(DataKey, workspace_id, with_for_update=True)
    if key is None or keyring.is_current(key.wrapped):
        return 0
    key.wrapped = keyring.rewrap(workspace_id, key.wrapped)
    return 1
