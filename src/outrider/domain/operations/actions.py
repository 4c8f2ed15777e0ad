"""Starting, advancing and ending operations."""

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from outrider.core.clock import now
from outrider.core.ids import new_id
from outrider.domain.operations.models import UNFINISHED, Operation


async def start(db: AsyncSession, *, workspace_id: UUID, user_id: UUID, type: str, subject_id: UUID) -> Operation:
    """Starts an operation; one of the type that is still working on the subject stands for it."""
    await db.execute(
        insert(Operation)
        .values(workspace_id=workspace_id, id=new_id(), user_id=user_id, type=type, subject_id=subject_id)
        .on_conflict_do_nothing()
    )
    unfinished = await _unfinished(db, workspace_id, type, subject_id)
    assert unfinished is not None  # noqa: S101  # inserted or found, in this transaction
    return unfinished


async def advance_of(
    db: AsyncSession,
    workspace_id: UUID,
    type: str,
    subject_id: UUID,
    *,
    done: int,
    failed: int,
    remaining: int,
) -> None:
    """Moves the subject's operation along, if somebody asked for one."""
    operation = await _unfinished(db, workspace_id, type, subject_id)
    if operation is not None:
        operation.advance(now(), done=done, failed=failed, remaining=remaining)
        await db.flush()


async def finish_of(
    db: AsyncSession,
    workspace_id: UUID,
    type: str,
    subject_id: UUID,
    *,
    error: str | None = None,
) -> None:
    operation = await _unfinished(db, workspace_id, type, subject_id)
    if operation is not None:
        operation.finish(now(), error=error)
        await db.flush()


async def _unfinished(db: AsyncSession, workspace_id: UUID, type: str, subject_id: UUID) -> Operation | None:
    found: Operation | None = await db.scalar(
        select(Operation)
        .where(
            Operation.workspace_id == workspace_id,
            Operation.type == type,
            Operation.subject_id == subject_id,
            Operation.status.in_(UNFINISHED),
        )
        .with_for_update()
    )
    return found
