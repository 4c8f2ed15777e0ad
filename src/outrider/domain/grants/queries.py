"""Reads of grants."""

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from outrider.domain.grants.models import Grant, State


async def of_account(db: AsyncSession, workspace_id: UUID, user_id: UUID, provider: str, subject: str) -> Grant | None:
    """Returns what a user let us do with one account, if that still holds."""
    found: Grant | None = await db.scalar(
        select(Grant).where(
            Grant.workspace_id == workspace_id,
            Grant.user_id == user_id,
            Grant.provider == provider,
            Grant.subject == subject,
            Grant.state == State.ACTIVE,
        )
    )
    return found


async def others_of(db: AsyncSession, workspace_id: UUID, grant: Grant) -> int:
    """Returns how many other grants of the same account hold: for its mailbox, or of another user."""
    found = await db.scalars(
        select(Grant.id).where(
            Grant.workspace_id == workspace_id,
            Grant.subject == grant.subject,
            Grant.id != grant.id,
            Grant.state == State.ACTIVE,
        )
    )
    return len(list(found))
