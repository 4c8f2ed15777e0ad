"""Finding contacts: by the beginnings of the words of their names, emails and companies, typing errors included.

Every word of a contact is a row of `contact_words`, and a beginning is a range of it: plain comparisons, which an index
answers also behind row-level security. A word that nobody's begins with is sought once more with every single typing
error it may hold. Pages are walked by id, newest first, so that none is skipped or repeated while contacts arrive.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self
from uuid import UUID

import asyncpg
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from outrider.core.db import driver
from outrider.core.encoding import encode
from outrider.core.errors import Invalid
from outrider.domain.people import words
from outrider.domain.people.models import Source, Status
from outrider.domain.people.queries import ContactNotFound

MOST_LISTED, MOST_COUNTED = 100, 1000
FORGIVING = "~"
# A misjudged range is a hundred times dearer, and a plan kept for one word serves another badly.
PLAN_FOR_THESE = "set local plan_cache_mode = force_custom_plan"
FORGET = text("delete from contact_words where workspace_id = :ws and contact_id = any(:ids)")
READ = text("""
    select c.id, c.name, c.organisations,
        array(select e.address from contact_emails e where e.workspace_id = c.workspace_id and e.contact_id = c.id) emails
    from contacts c where c.workspace_id = :ws and c.id = any(:ids) and c.merged_into is null
""")
WRITE = text("""
    insert into contact_words (workspace_id, contact_id, word)
    select :ws, r.contact_id, r.word from jsonb_to_recordset(cast(:rows as jsonb)) as r(contact_id uuid, word text)
""")
ENTRY = """
    select c.id, c.name, c.status, c.score, c.source, c.owner_id, c.organisations, c.created_at, c.updated_at,
        array(select e.address from contact_emails e
            where e.workspace_id = c.workspace_id and e.contact_id = c.id order by e.id) as emails,
        array(select coalesce(p.number, p.text) from contact_phones p
            where p.workspace_id = c.workspace_id and p.contact_id = c.id order by p.id) as phones,
        array(select t.name from contact_tags l join tags t on t.workspace_id = l.workspace_id and t.id = l.tag_id
            where l.workspace_id = c.workspace_id and l.contact_id = c.id order by t.name) as tags
    from contacts c
"""
TAGGED = """exists (select 1 from contact_tags l join tags t on t.workspace_id = l.workspace_id and t.id = l.tag_id
    where l.workspace_id = $1 and l.contact_id = c.id and t.name = {})"""
BEGINS = """c.id in (
    select w.contact_id from contact_words w where w.workspace_id = $1 and w.word >= {} and w.word < {})"""
MEANT = """c.id in (
    select w.contact_id from contact_words w where w.workspace_id = $1 and (w.word >= {} and w.word < {} or w.word = any({})))"""
KNOWN = """
    select m.word from unnest($2::text[]) m(word)
    where exists (select 1 from contact_words w where w.workspace_id = $1 and w.word = m.word)
"""


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where a page ended; `is_mistyped` if typing errors were forgiven to find it."""

    after: UUID
    is_mistyped: bool = False

    def __str__(self) -> str:
        return f"{FORGIVING if self.is_mistyped else ''}{self.after}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raises Invalid."""
        try:
            return cls(UUID(text.removeprefix(FORGIVING)), text.startswith(FORGIVING))
        except ValueError:
            raise Invalid("This is no place in a list. Begin at its first page.", field="cursor") from None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sought:
    """What is looked for; what is empty is no matter. `is_lead` leaves out those outside the pipeline."""

    query: str = ""
    status: Status | None = None
    source: Source | None = None
    owner_id: UUID | None = None
    tag: str = ""
    min_score: float | None = None
    is_lead: bool = False


@dataclass(frozen=True, slots=True)
class Entry:
    """A contact as lists show it; `phones` are E.164, or as written where they are no number."""

    id: UUID
    name: str
    status: Status | None
    score: float | None
    source: Source
    owner_id: UUID | None
    organisations: list[dict[str, str]]
    created_at: datetime
    updated_at: datetime
    emails: list[str]
    phones: list[str]
    tags: list[str]


@dataclass(frozen=True, slots=True)
class Found:
    """`next` is where to go on; None if this is all."""

    items: list[Entry]
    next: Cursor | None = None
    is_mistyped: bool = False


class _Where:
    """Conditions and their values; `{}` in one stands for the number of a value."""

    def __init__(self, workspace_id: UUID) -> None:
        self.clauses = ["c.workspace_id = $1", "c.merged_into is null"]
        self.values: list[Any] = [workspace_id]

    def add(self, clause: str, *values: Any) -> None:
        first = len(self.values) + 1
        self.values += values
        self.clauses.append(clause.format(*(f"${first + at}" for at in range(len(values)))))

    def __str__(self) -> str:
        return " and ".join(self.clauses)


async def search(
    db: AsyncSession, workspace_id: UUID, sought: Sought, *, limit: int, cursor: Cursor | None = None
) -> Found:
    """Returns a page of the contacts sought, the newest first. Typing errors are forgiven where nothing is found."""
    if not 1 <= limit <= MOST_LISTED:
        raise Invalid(f"A page has between 1 and {MOST_LISTED} contacts.", field="limit")
    terms = words.terms(sought.query)
    if sought.query.strip() and not terms:
        return Found([])
    is_mistyped = cursor is not None and cursor.is_mistyped
    found = await _page(db, workspace_id, sought, terms, limit=limit, cursor=cursor, is_mistyped=is_mistyped)
    if found.items or cursor is not None or not any(len(words.mistyped(each)) > 1 for each in terms):
        return found
    return await _page(db, workspace_id, sought, terms, limit=limit, cursor=None, is_mistyped=True)


async def count(db: AsyncSession, workspace_id: UUID, sought: Sought, *, is_mistyped: bool = False) -> int:
    """Returns how many contacts are sought, MOST_COUNTED + 1 where they are more."""
    terms = words.terms(sought.query)
    if sought.query.strip() and not terms:
        return 0
    connection = await _planning(db, terms)
    where = _where(workspace_id, sought, terms, await _meant(connection, workspace_id, terms) if is_mistyped else {})
    bounded = f"select 1 from contacts c where {where} limit {MOST_COUNTED + 1}"
    return int(await connection.fetchval(f"select count(*) from ({bounded}) as bounded", *where.values) or 0)


async def entry(db: AsyncSession, workspace_id: UUID, contact_id: UUID) -> Entry:
    """Raises ContactNotFound."""
    where = _Where(workspace_id)
    where.add("c.id = {}", contact_id)
    row = await (await driver(db)).fetchrow(f"{ENTRY} where {where}", *where.values)
    if row is None:
        raise ContactNotFound("There is no such contact.")
    return _entry(row)


async def index(db: AsyncSession, workspace_id: UUID, contact_ids: Collection[UUID]) -> None:
    """Writes anew which words these contacts are found by; one that was merged into another is found by none."""
    ids = list(contact_ids)
    await db.execute(FORGET, {"ws": workspace_id, "ids": ids})
    rows = [
        {"contact_id": row.id, "word": word}
        for row in await db.execute(READ, {"ws": workspace_id, "ids": ids})
        for word in sorted(
            words.of_person([row.name, *(each.get("name", "") for each in row.organisations)], row.emails)
        )
    ]
    if rows:
        await db.execute(WRITE, {"ws": workspace_id, "rows": encode(rows).decode()})


async def _page(
    db: AsyncSession,
    workspace_id: UUID,
    sought: Sought,
    terms: list[str],
    *,
    limit: int,
    cursor: Cursor | None,
    is_mistyped: bool,
) -> Found:
    connection = await _planning(db, terms)
    where = _where(workspace_id, sought, terms, await _meant(connection, workspace_id, terms) if is_mistyped else {})
    if cursor is not None:
        where.add("c.id < {}", cursor.after)
    rows = await connection.fetch(f"{ENTRY} where {where} order by c.id desc limit {limit + 1}", *where.values)
    items = [_entry(row) for row in rows[:limit]]
    more = Cursor(items[-1].id, is_mistyped) if len(rows) > limit else None
    return Found(items, more, is_mistyped)


async def _planning(db: AsyncSession, terms: list[str]) -> "asyncpg.Connection[Any]":
    """The session's own connection: what is asked most is asked without the toolkit around it."""
    connection = await driver(db)
    if terms:
        await connection.execute(PLAN_FOR_THESE)
    return connection


async def _meant(connection: "asyncpg.Connection[Any]", workspace_id: UUID, terms: list[str]) -> dict[str, list[str]]:
    """Returns, of all that the terms may have been meant to be, the words that somebody has."""
    meant = {term: words.mistyped(term) for term in terms}
    every = sorted({each for several in meant.values() for each in several})
    known = {row["word"] for row in await connection.fetch(KNOWN, workspace_id, every)}
    return {term: [each for each in several if each in known] for term, several in meant.items()}


def _where(workspace_id: UUID, sought: Sought, terms: list[str], meant: dict[str, list[str]]) -> _Where:
    where = _Where(workspace_id)
    if sought.status is not None:
        where.add("c.status = {}", sought.status.value)
    elif sought.is_lead:
        where.add("c.status is not null")
    if sought.source is not None:
        where.add("c.source = {}", sought.source.value)
    if sought.owner_id is not None:
        where.add("c.owner_id = {}", sought.owner_id)
    if sought.min_score is not None:
        where.add("c.score >= {}", sought.min_score)
    if sought.tag:
        where.add(TAGGED, " ".join(sought.tag.casefold().split()))
    for term in terms:
        values = [term, words.end_of(term)]
        if meant.get(term):
            where.add(MEANT, *values, meant[term])
        else:
            where.add(BEGINS, *values)
    return where


def _entry(row: Mapping[Any, Any]) -> Entry:
    return Entry(
        **{
            **row,
            "status": Status(row["status"]) if row["status"] else None,
            "source": Source(row["source"]),
        }
    )
