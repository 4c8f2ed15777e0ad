"""Finding contacts: by the beginnings of the words of their names, emails and companies, typing errors included.

Every word of a contact is a row of `contact_words`, and a beginning is a range of it: plain comparisons, which an index
answers also behind row-level security. A word that nobody's begins with is sought once more with every single typing
error it may hold. Pages are walked by id, newest first, so that none is skipped or repeated while contacts arrive.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Self
from uuid import UUID

from sqlalchemy import Float, Text, TextClause, Uuid, bindparam, text
from sqlalchemy.ext.asyncio import AsyncSession

from outrider.core.encoding import encode
from outrider.core.errors import Invalid
from outrider.domain.people import words
from outrider.domain.people.models import Source, Status
from outrider.domain.people.queries import ContactNotFound

MOST_LISTED, MOST_COUNTED = 100, 1000
FORGIVING = "~"
# A misjudged range is a hundred times dearer, and a plan kept for one word serves another badly.
PLAN_FOR_THESE = text("set local plan_cache_mode = force_custom_plan")
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
    where l.workspace_id = :ws and l.contact_id = c.id and t.name = :tag)"""
TYPES: dict[str, Any] = {
    "status": Text(),
    "source": Text(),
    "owner": Uuid(),
    "tag": Text(),
    "score": Float(),
    "after": Uuid(),
}


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


@dataclass(slots=True)
class _Where:
    clauses: list[str] = field(default_factory=lambda: ["c.workspace_id = :ws", "c.merged_into is null"])
    values: dict[str, Any] = field(default_factory=dict)

    def add(self, clause: str, **values: Any) -> None:
        self.clauses.append(clause)
        self.values |= values

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
    if terms:
        await db.execute(PLAN_FOR_THESE)
    found = await _page(db, workspace_id, sought, terms, limit=limit, cursor=cursor)
    if found.items or cursor is not None or not any(len(words.mistyped(each)) > 1 for each in terms):
        return found
    return await _page(db, workspace_id, sought, terms, limit=limit, cursor=None, is_mistyped=True)


async def count(db: AsyncSession, workspace_id: UUID, sought: Sought, *, is_mistyped: bool = False) -> int:
    """Returns how many contacts are sought, MOST_COUNTED + 1 where they are more."""
    terms = words.terms(sought.query)
    if sought.query.strip() and not terms:
        return 0
    if terms:
        await db.execute(PLAN_FOR_THESE)
    where = _where(workspace_id, sought, terms, is_mistyped=is_mistyped)
    statement = f"select count(*) from (select 1 from contacts c where {where} limit {MOST_COUNTED + 1}) as bounded"
    return int(await db.scalar(_statement(statement, where), where.values) or 0)


async def entry(db: AsyncSession, workspace_id: UUID, contact_id: UUID) -> Entry:
    """Raises ContactNotFound."""
    where = _Where(values={"ws": workspace_id})
    where.add("c.id = :id", id=contact_id)
    row = (await db.execute(text(f"{ENTRY} where {where}"), where.values)).mappings().first()
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
    is_mistyped: bool = False,
) -> Found:
    is_mistyped = is_mistyped or (cursor is not None and cursor.is_mistyped)
    where = _where(workspace_id, sought, terms, is_mistyped=is_mistyped)
    if cursor is not None:
        where.add("c.id < :after", after=cursor.after)
    statement = _statement(f"{ENTRY} where {where} order by c.id desc limit :limit", where)
    rows = (await db.execute(statement, {**where.values, "limit": limit + 1})).mappings().all()
    items = [_entry(row) for row in rows[:limit]]
    more = Cursor(items[-1].id, is_mistyped) if len(rows) > limit else None
    return Found(items, more, is_mistyped)


def _where(workspace_id: UUID, sought: Sought, terms: list[str], *, is_mistyped: bool) -> _Where:
    where = _Where()
    where.values["ws"] = workspace_id
    if sought.status is not None:
        where.add("c.status = :status", status=sought.status.value)
    elif sought.is_lead:
        where.add("c.status is not null")
    if sought.source is not None:
        where.add("c.source = :source", source=sought.source.value)
    if sought.owner_id is not None:
        where.add("c.owner_id = :owner", owner=sought.owner_id)
    if sought.min_score is not None:
        where.add("c.score >= :score", score=sought.min_score)
    if sought.tag:
        where.add(TAGGED, tag=" ".join(sought.tag.casefold().split()))
    for number, term in enumerate(terms):
        where.add(
            f"c.id in (select w.contact_id from contact_words w where w.workspace_id = :ws"
            f" and {_matches(number, is_mistyped=is_mistyped)})",
            **{f"from{number}": term, f"to{number}": words.end_of(term)},
            **({f"meant{number}": words.mistyped(term)} if is_mistyped else {}),
        )
    return where


def _matches(number: int, *, is_mistyped: bool) -> str:
    begins = f"(w.word >= :from{number} and w.word < :to{number})"
    return f"({begins} or w.word = any(:meant{number}))" if is_mistyped else begins


def _statement(sql: str, where: _Where) -> TextClause:
    return text(sql).bindparams(*(bindparam(name, type_=TYPES[name]) for name in where.values if name in TYPES))


def _entry(row: Mapping[Any, Any]) -> Entry:
    status = Status(row["status"]) if row["status"] else None
    return Entry(**{**row, "status": status, "source": Source(row["source"])})
