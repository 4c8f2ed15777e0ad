"""Reads of batches; each belongs to the user who began it."""

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import Select, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from outrider.core.errors import NotFound
from outrider.core.pages import Page, PageRequest
from outrider.domain.harvest.models import OPERATION, Batch, Item, Outcome
from outrider.domain.operations.models import Operation, OperationStatus

Standing = tuple[Batch, Operation]


class BatchNotFound(NotFound):
    code = "batch_not_found"


def _standings(workspace_id: UUID) -> Select[Batch, Operation]:
    return (
        select(Batch, Operation)
        .join(Operation, (Operation.workspace_id == Batch.workspace_id) & (Operation.subject_id == Batch.id))
        .where(Batch.workspace_id == workspace_id, Operation.type == OPERATION)
    )


async def get(db: AsyncSession, workspace_id: UUID, user_id: UUID, batch_id: UUID, *, lock: bool = False) -> Standing:
    """Raises BatchNotFound."""
    query = _standings(workspace_id).where(Batch.user_id == user_id, Batch.id == batch_id)
    found = (await db.execute(query.with_for_update() if lock else query)).first()
    if found is None:
        raise BatchNotFound("There is no such batch.")
    return found[0], found[1]


async def of_worker(
    db: AsyncSession, workspace_id: UUID, batch_id: UUID, *, step: int, lock: bool = False
) -> Standing | None:
    """Returns a batch, whoever began it, while it is open and at this step of its work."""
    query = _standings(workspace_id).where(Batch.id == batch_id, Batch.step == step)
    query = query.execution_options(populate_existing=True)
    found = (await db.execute(query.with_for_update() if lock else query)).first()
    return (found[0], found[1]) if found is not None and found[1].is_open else None


async def search(
    db: AsyncSession, workspace_id: UUID, user_id: UUID, page: PageRequest, *, status: OperationStatus | None = None
) -> Page[Standing]:
    """Returns a user's batches, the newest first."""
    query = _standings(workspace_id).where(Batch.user_id == user_id)
    if status is not None:
        query = query.where(Operation.status == status)
    total = await db.scalar(select(func.count()).select_from(query.subquery())) or 0
    rows = await db.execute(query.order_by(Batch.id.desc()).offset(page.offset).limit(page.size))
    return Page([(row[0], row[1]) for row in rows], total, page.number, page.size)


async def failures(db: AsyncSession, workspace_id: UUID, batch_id: UUID, *, at_most: int) -> list[Item]:
    query = _items(workspace_id, batch_id).where(Item.outcome == Outcome.FAILED)
    return list(await db.scalars(query.order_by(Item.position).limit(at_most)))


async def results(
    db: AsyncSession, workspace_id: UUID, batch_id: UUID, page: PageRequest, *, outcome: Outcome | None = None
) -> Page[Item]:
    """Returns what became of a batch's mails, in the order in which they were given."""
    query = _items(workspace_id, batch_id)
    if outcome is not None:
        query = query.where(Item.outcome == outcome)
    total = await db.scalar(select(func.count()).select_from(query.subquery())) or 0
    rows = await db.scalars(query.order_by(Item.position).offset(page.offset).limit(page.size))
    return Page(list(rows), total, page.number, page.size)


async def pending(db: AsyncSession, workspace_id: UUID, batch_id: UUID, *, at_most: int) -> list[Item]:
    """Returns the first mails that nothing has become of yet."""
    query = _items(workspace_id, batch_id).where(Item.outcome == Outcome.PENDING)
    return list(await db.scalars(query.order_by(Item.position).limit(at_most)))


async def still_pending(db: AsyncSession, workspace_id: UUID, ids: Collection[UUID]) -> list[Item]:
    rows = await db.scalars(
        select(Item)
        .where(Item.workspace_id == workspace_id, Item.id.in_(ids), Item.outcome == Outcome.PENDING)
        .order_by(Item.position)
        .execution_options(populate_existing=True)
    )
    return list(rows)


async def known_refs(db: AsyncSession, workspace_id: UUID, batch_id: UUID, refs: Collection[str]) -> set[str]:
    """Returns which of these messages stand in a batch."""
    rows = await db.scalars(
        select(Item.ref).where(Item.workspace_id == workspace_id, Item.batch_id == batch_id, Item.ref.in_(refs))
    )
    return set(rows)


async def count(db: AsyncSession, workspace_id: UUID, batch_id: UUID, *, outcome: Outcome | None = None) -> int:
    query = select(func.count()).select_from(Item).where(Item.workspace_id == workspace_id, Item.batch_id == batch_id)
    return await db.scalar(query if outcome is None else query.where(Item.outcome == outcome)) or 0


def _items(workspace_id: UUID, batch_id: UUID) -> Select[Item]:
    return select(Item).where(Item.workspace_id == workspace_id, Item.batch_id == batch_id)
