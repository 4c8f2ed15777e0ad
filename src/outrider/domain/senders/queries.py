"""Reads of senders. They are personal: every read names its user."""

import functools
from collections import Counter, defaultdict
from collections.abc import Collection
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    CompoundSelect,
    Select,
    Text,
    UnaryExpression,
    any_,
    bindparam,
    func,
    literal,
    select,
    text,
    type_coerce,
    union_all,
)
from sqlalchemy.ext.asyncio import AsyncSession

from outrider.core.errors import NotFound
from outrider.core.pages import Page, PageRequest, page_of, paged
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


def _habits() -> CompoundSelect[Any]:
    """Both kinds in one statement, built once: every list asks it."""
    own = (
        Sender.workspace_id == bindparam("workspace_id"),
        Sender.user_id == bindparam("user_id"),
        Sender.chosen_at.is_not(None),
    )
    lately = (
        select(Sender.sender_type, Sender.category)
        .where(*own)
        .order_by(Sender.chosen_at.desc())
        .limit(REMEMBERED)
        .subquery()
    )
    of_type, of_domain = (
        select(literal(name), type_coerce(key, Text), type_coerce(category, Text), func.count()).group_by(key, category)
        for name, key, category in (
            ("type", lately.c.sender_type, lately.c.category),
            ("domain", Sender.domain, Sender.category),
        )
    )
    asked = bindparam("domains", type_=ARRAY(Text))
    return union_all(of_type, of_domain.where(*own, Sender.domain == any_(asked)))


HABITS = _habits()


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
    known = {"workspace_id": workspace_id, "user_id": user_id, "category": category, "sender_type": sender_type}
    given = {name: value for name, value in known.items() if value is not None}
    if words:
        return await _search(db, page, given, words.lower(), order)
    if total is None:
        return await page_of(db, _paged(order, frozenset(given)), page, given)
    rows = await db.scalars(_listed(order, given).offset(page.offset).limit(page.size), given)
    return Page(list(rows), total, page.number, page.size)


@functools.cache
def _paged(order: Order, given: frozenset[str]) -> "Select[Sender, int]":
    """Built once for each order and each set of filters."""
    return paged(_listed(order, given))


def _listed(order: Order, given: Collection[str]) -> Select[Sender]:
    where = [getattr(Sender, name) == bindparam(name) for name in sorted(given)]
    return select(Sender).where(*where, Sender.email_count > 0).order_by(*ORDERS[order])


async def _search(db: AsyncSession, page: PageRequest, given: dict[str, Any], words: str, order: Order) -> Page[Sender]:
    """Looks through all senders once: for what is on the page and for how many there are."""
    wanted = _listed(order, given).where(Sender.words.contains(words, autoescape=True))
    hits = wanted.with_only_columns(Sender.id, func.count().over().label("total"))
    found = (await db.execute(hits.offset(page.offset).limit(page.size), given)).all()
    if not found:
        first = (await db.execute(hits.limit(1), given)).first() if page.offset else None
        return Page([], first.total if first else 0, page.number, page.size)
    own = select(Sender).where(Sender.workspace_id == given["workspace_id"], Sender.id.in_([each.id for each in found]))
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
    known = {"workspace_id": workspace_id, "user_id": user_id, "domains": sorted(set(domains) - FREE_MAIL)}
    found: dict[str, defaultdict[str, Counter[Category]]] = {
        "type": defaultdict(Counter),
        "domain": defaultdict(Counter),
    }
    for of, key, category, count in await db.execute(HABITS, known):
        found[of][key][Category(category)] = count
    return Habits(found["domain"], {SenderType(key): counted for key, counted in found["type"].items()})


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


async def count_mails(db: AsyncSession, workspace_id: UUID, user_id: UUID) -> tuple[int, int]:
    """Returns how many mails of a user are stored, and for how many of them no sender has been counted."""
    counting = select(func.count()).select_from(Message)
    stored = counting.where(Message.workspace_id == workspace_id, Message.user_id == user_id)
    unsorted = counting.where(*_unsorted(workspace_id, user_id))
    row = (await db.execute(select(stored.scalar_subquery(), unsorted.scalar_subquery()))).one()
    return row[0], row[1]


def _unsorted(workspace_id: UUID, user_id: UUID) -> tuple[ColumnElement[bool], ...]:
    return (
        Message.workspace_id == workspace_id,
        Message.user_id == user_id,
        Message.direction == Direction.IN,
        Message.sender_type.is_(None),
    )
