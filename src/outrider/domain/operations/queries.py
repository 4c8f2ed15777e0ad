"""Reads of operations."""

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncSession

from outrider.core.errors import NotFound
from outrider.domain.operations.models import UNFINISHED, Operation


class OperationNotFound(NotFound):
    code = "job_not_found"


async def latest(db: AsyncSession, workspace_id: UUID, type: str, subject_id: UUID) -> Operation | None:
    """Returns the last operation of a type on a subject, finished or not."""
    found: Operation | None = await db.scalar(
        select(Operation)
        .where(Operation.workspace_id == workspace_id, Operation.type == type, Operation.subject_id == subject_id)
        .order_by(Operation.created_at.desc())
        .limit(1)
    )
    return found


async def recent(db: AsyncSession, workspace_id: UUID, user_id: UUID, *, at_most: int) -> list[Operation]:
    """Returns a user's operations, the newest first."""
    rows = await db.scalars(
        select(Operation)
        .where(Operation.workspace_id == workspace_id, Operation.user_id == user_id)
        .order_by(Operation.created_at.desc())
        .limit(at_most)
    )
    return list(rows)


async def latest_of_each(
    db: AsyncSession, workspace_id: UUID, type: str, subject_ids: Collection[UUID]
) -> dict[UUID, Operation]:
    """Returns the last operation of a type on each of these subjects that has one."""
    rows = await db.scalars(
        select(Operation)
        .where(Operation.workspace_id == workspace_id, Operation.type == type, Operation.subject_id.in_(subject_ids))
        .ext(distinct_on(Operation.subject_id))
        .order_by(Operation.subject_id, Operation.created_at.desc())
    )
    return {each.subject_id: each for each in rows}


async def get(db: AsyncSession, workspace_id: UUID, user_id: UUID, type: str, operation_id: UUID) -> Operation:
    """Returns a user's operation of a type. Raises OperationNotFound."""
    found: Operation | None = await db.scalar(
        select(Operation).where(
            Operation.workspace_id == workspace_id,
            Operation.id == operation_id,
            Operation.user_id == user_id,
            Operation.type == type,
        )
    )
    if found is None:
        raise OperationNotFound("There is no such job.")
    return found


async def get_unfinished(db: AsyncSession, workspace_id: UUID, operation_id: UUID) -> Operation | None:
    """Returns an operation to be moved on; None once it has ended."""
    found: Operation | None = await db.scalar(
        select(Operation)
        .where(Operation.workspace_id == workspace_id, Operation.id == operation_id, Operation.status.in_(UNFINISHED))
        .with_for_update()
    )
    return found
