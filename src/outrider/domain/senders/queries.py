"""Reads of senders. They are personal: every read names its user."""

from collections import Counter, defaultdict
from collections.abc import Collection
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, UnaryExpression, func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from outrider.core.errors import NotFound
from outrider.core.pages import Page, PageRequest
from outrider.domain.mailboxes.models import Direction, Message
from outrider.domain.mailboxes.sender_types import SenderType
from outrider.domain.senders.models import Category, Sender
from outrider.domain.senders.rules import FREE_MAIL, Habits

REMEMBERED = 1_000  # choices
LOCK = text("select pg_advisory_xact_lock(hashtextextended('senders:' || cast(:user as text), 0))")


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
    total: int | None = None,
) -> Page[Sender]:
    """Returns who writes to a user. Each filter and order has its index; words are looked for in all senders. Where no
    words are looked for, `total` saves counting what the caller has counted.
    """
    where = [Sender.workspace_id == workspace_id, Sender.user_id == user_id, Sender.email_count > 0]
    if category is not None:
        where.append(Sender.category == category)
    if sender_type is not None:
        where.append(Sender.sender_type == sender_type)
    if words:
        return await _search(db, page, [*where, Sender.words.contains(words.lower(), autoescape=True)], order)
    if total is None:
        total = await db.scalar(select(func.count()).select_from(Sender).where(*where)) or 0
    rows = await db.scalars(select(Sender).where(*where).order_by(*ORDERS[order]).offset(page.offset).limit(page.size))
    return Page(list(rows), total, page.number, page.size)


async def _search(db: AsyncSession, page: PageRequest, where: list[ColumnElement[bool]], order: Order) -> Page[Sender]:
    """Looks through all senders once: for what is on the page and for how many there are."""
    hits = select(Sender.id, func.count().over().label("total")).where(*where).order_by(*ORDERS[order])
    found = (await db.execute(hits.offset(page.offset).limit(page.size))).all()
    if not found:
        total = await db.scalar(select(func.count()).select_from(Sender).where(*where)) if page.offset else 0
        return Page([], total or 0, page.number, page.size)
    own = select(Sender).where(where[0], Sender.id.in_([each.id for each in found]))
    rows = await db.scalars(own.order_by(*ORDERS[order]))
    return Page(list(rows), found[0].total, page.number, page.size)


async def count_by_category(db: AsyncSession, workspace_id: UUID, user_id: UUID) -> dict[Category, int]:
    """Returns how many of those who write to a user are in each category that occurs."""
    rows = await db.execute(
        select(Sender.category, func.count())
        .where(Sender.workspace_id == workspace_id, Sender.user_id == user_id, Sender.email_count > 0)
        .group_by(Sender.category)
    )
    return {row.category: row[1] for row in rows}


async def get(db: AsyncSession, workspace_id: UUID, user_id: UUID, sender_id: UUID) -> Sender:
    """Returns a sender to be changed. Raises SenderNotFound."""
    found = await get_many(db, workspace_id, user_id, [sender_id])
    if not found:
        raise SenderNotFound("There is no such sender.")
    return found[0]


async def lock(db: AsyncSession, user_id: UUID) -> None:
    """Lets nobody else change a user's senders until the transaction's end: many rows, in no common order. The user
    alone is named: it comes before every query, whatever its workspace.
    """
    await db.execute(LOCK, {"user": str(user_id)})


async def get_many(db: AsyncSession, workspace_id: UUID, user_id: UUID, ids: Collection[UUID]) -> list[Sender]:
    """Returns those of the senders that are the user's, to be changed."""
    await lock(db, user_id)
    query = select(Sender).where(Sender.workspace_id == workspace_id, Sender.user_id == user_id, Sender.id.in_(ids))
    return list(await db.scalars(query.order_by(Sender.id)))


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


async def habits(db: AsyncSession, workspace_id: UUID, user_id: UUID, domains: Collection[str]) -> Habits:
    """Returns what the user chose lately by kind of sender, and for others of these domains."""
    own = (Sender.workspace_id == workspace_id, Sender.user_id == user_id, Sender.chosen_at.is_not(None))
    lately = (
        select(Sender.sender_type, Sender.category)
        .where(*own)
        .order_by(Sender.chosen_at.desc())
        .limit(REMEMBERED)
        .subquery()
    )
    by_type: defaultdict[SenderType, Counter[Category]] = defaultdict(Counter)
    for row in await db.execute(
        select(lately.c.sender_type, lately.c.category, func.count()).group_by(lately.c.sender_type, lately.c.category)
    ):
        by_type[row.sender_type][row.category] = row[2]
    by_domain: defaultdict[str, Counter[Category]] = defaultdict(Counter)
    for row in await db.execute(
        select(Sender.domain, Sender.category, func.count())
        .where(*own, Sender.domain.in_(set(domains) - FREE_MAIL))
        .group_by(Sender.domain, Sender.category)
    ):
        by_domain[row.domain][row.category] = row[2]
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
