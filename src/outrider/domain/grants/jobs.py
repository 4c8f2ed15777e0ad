"""Telling a provider that a grant has ended, until it has heard."""

from collections.abc import Sequence
from uuid import UUID

import structlog
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from outrider.core import jobs
from outrider.core.db import Scope
from outrider.core.events import during
from outrider.domain.accounts.events import AccountDeleted
from outrider.domain.grants import actions
from outrider.domain.grants.models import Grant
from outrider.runtime import Runtime

log = structlog.get_logger()


@jobs.job("grants.revoke")
async def revoke(app: Runtime, *, workspace_id: UUID, grant_id: UUID, attempt: int) -> None:
    if await actions.revoke(app, workspace_id, grant_id):
        return
    if attempt >= len(actions.REVOKE_AGAIN):
        log.warning("grant.erased_unrevoked", grant_id=str(grant_id))
        await actions.erase(app, workspace_id, grant_id)
        return
    async with app.db.begin(Scope(workspace_id, actor="grants")) as db:
        await jobs.enqueue(
            db,
            "grants.revoke",
            delay=actions.REVOKE_AGAIN[attempt],
            workspace_id=workspace_id,
            grant_id=grant_id,
            attempt=attempt + 1,
        )


@during(AccountDeleted)
async def on_account_deleted(db: AsyncSession, facts: Sequence[AccountDeleted]) -> None:
    """Gives every permission of theirs back."""
    for fact in facts:
        theirs = select(Grant.id).where(Grant.workspace_id == fact.workspace_id, Grant.user_id == fact.user_id)
        for grant_id in list(await db.scalars(theirs)):
            await actions.give_up(db, fact.workspace_id, grant_id)
