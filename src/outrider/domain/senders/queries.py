"""Reads of senders. They are personal: every read names its user."""

from collections import Counter, defaultdict
from collections.abc import Collection
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, UnaryExpression, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from outrider.core.errors import NotFound
from outrider.core.pages import Page, PageRequest
from outrider.domain.mailboxes.models import Direction, Message
from outrider.domain.mailboxes.sender_types import SenderType
from outrider.domain.senders.models import Category, Sender
from outrider.domain.senders.rules import Habits

REMEMBERED = 1_000  # choices


class SenderNotFound(NotFound):
    code = "sender_not_found"


class Order(StrEnum):
    LATEST = "-latest_date"
    OLDEST = "latest_date"
    MOST = "-email_count"
    FEWEST = "email_count"
    EMAIL = "email"


ORDERS: dict[Order, tuple[UnaryExpression[Any], ...]] = {
    Order.LATEST: (Sender.latest_date.desc(), Sender.id.desc()),
    Order.OLDEST: (Sender.latest_date.asc(), Sender.id.asc()),
    Order.MOST: (Sender.email_count.desc(), Sender.id.desc()),
    Order.FEWEST: (Sender.email_count.asc(), Sender.id.asc()),
    Order.EMAIL: (Sender.email.asc(),),
}


async def search(
    db: AsyncSession,
    workspace_id: UUID,
    user_id: UUID,
    page: PageRequest,
    *,
    category: Category | None = None,
    sender_type: SenderType | None = None,
    words: str | None = None,
    order: Order = Order.LATEST,
) -> Page[Sender]:
    """Returns who writes to a user; every order but that of search has its index."""
    where = [Sender.workspace_id == workspace_id, Sender.user_id == user_id, Sender.email_count > 0]
    if category is not None:
        where.append(Sender.category == category)
    if sender_type is not None:
        where.append(Sender.sender_type == sender_type)
    if words:
        named = Sender.email.icontains(words, autoescape=True)
        where.append(or_(named, Sender.name.icontains(words, autoescape=True)))
    total = await db.scalar(select(func.count()).select_from(Sender).where(*where)) or 0
    rows = await db.scalars(select(Sender).where(*where).order_by(*ORDERS[order]).offset(page.offset).limit(page.size))
    return Page(list(rows), total, page.number, page.size)


async def get(db: AsyncSession, workspace_id: UUID, user_id: UUID, sender_id: UUID) -> Sender:
    """Returns a sender to be changed. Raises SenderNotFound."""
    found = await get_many(db, workspace_id, user_id, [sender_id])
    if not found:
        raise SenderNotFound("There is no such sender.")
    return found[0]


async def get_many(db: AsyncSession, workspace_id: UUID, user_id: UUID, ids: Collection[UUID]) -> list[Sender]:
    """Returns those of the senders that are the user's, to be changed."""
    query = select(Sender).where(Sender.workspace_id == workspace_id, Sender.user_id == user_id, Sender.id.in_(ids))
    return list(await db.scalars(query.order_by(Sender.id).with_for_update()))


async def categories_of(
    db: AsyncSession, workspace_id: UUID, user_id: UUID, emails: Collection[str]
) -> dict[str, Category]:
    """Returns what the user chose for the writers of incoming mail, by address; whom they chose nothing for is left out."""
    rows = await db.execute(
        select(Sender.email, Sender.category).where(
            Sender.workspace_id == workspace_id,
            Sender.user_id == user_id,
            Sender.email.in_(emails),
            Sender.category != Category.UNASSIGNED,
        )
    )
    return {row.email: row.category for row in rows}


async def habits(db: AsyncSession, workspace_id: UUID, user_id: UUID) -> Habits:
    """Returns what the user chose lately."""
    rows = await db.execute(
        select(Sender.domain, Sender.sender_type, Sender.category)
        .where(Sender.workspace_id == workspace_id, Sender.user_id == user_id, Sender.chosen_at.is_not(None))
        .order_by(Sender.chosen_at.desc())
        .limit(REMEMBERED)
    )
    by_domain: defaultdict[str, Counter[Category]] = defaultdict(Counter)
    by_type: defaultdict[SenderType, Counter[Category]] = defaultdict(Counter)
    for row in rows:
        by_domain[row.domain][row.category] += 1
        by_type[row.sender_type][row.category] += 1
    return Habits(by_domain, by_type)


async def unsorted(db: AsyncSession, workspace_id: UUID, user_id: UUID, *, at_most: int) -> list[Message]:
    """Returns incoming mail that no sender has been counted for: it was stored before there were any."""
    query = select(Message).where(*_unsorted(workspace_id, user_id)).order_by(Message.id).limit(at_most)
    return list(await db.scalars(query))


async def lock_unsorted(db: AsyncSession, workspace_id: UUID, ids: Collection[UUID]) -> dict[UUID, Message]:
    """Returns those that nobody else has counted meanwhile, to be counted."""
    query = select(Message).where(
        Message.workspace_id == workspace_id, Message.id.in_(ids), Message.sender_type.is_(None)
    )
    rows = await db.scalars(query.order_by(Message.id).with_for_update())
    return {each.id: each for each in rows}


async def count_unsorted(db: AsyncSession, workspace_id: UUID, user_id: UUID) -> int:
    return await db.scalar(select(func.count()).select_from(Message).where(*_unsorted(workspace_id, user_id))) or 0


def _unsorted(workspace_id: UUID, user_id: UUID) -> tuple[ColumnElement[bool], ...]:
    return (
        Message.workspace_id == workspace_id,
        Message.user_id == user_id,
        Message.direction == Direction.IN,
        Message.sender_type.is_(None),
    )
