"""Reads of operations."""

from uuid import UUID

from sqlalchemy import select
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
