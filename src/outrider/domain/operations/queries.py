"""Reads of operations."""

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from outrider.domain.operations.models import Operation


async def latest(db: AsyncSession, workspace_id: UUID, type: str, subject_id: UUID) -> Operation | None:
    """Returns the last operation of a type on a subject, finished or not."""
    found: Operation | None = await db.scalar(
        select(Operation)
        .where(Operation.workspace_id == workspace_id, Operation.type == type, Operation.subject_id == subject_id)
        .order_by(Operation.created_at.desc())
        .limit(1)
    )
    return found
