"""Everything held of one person as one JSON document, written a few rows at a time."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import text

from outrider.core.clock import now
from outrider.core.db import Database, Scope
from outrider.core.encoding import encode
from outrider.domain.erasure import walking
from outrider.domain.erasure.contact_registry import HELD, MENTIONED, Held, Mentioned
from outrider.domain.erasure.subjects import Subject

AT_ONCE = 20  # rows in memory; a mail may have some hundred thousand characters
ENTRIES_AT_ONCE = 1_000
ENTRIES = text("""
    select a.id, a.at, a.action, a.object, a.object_id, a.before, a.after,
        (a.object_id = any(cast(:ids as text[]))
         or (coalesce(a.before::text, '') || coalesce(a.after::text, '') ilike any(:likes)
             and coalesce(a.before::text, '') || ' ' || coalesce(a.after::text, '') ~* :mask)) as is_theirs
    from audit_entries a where a.workspace_id = :ws and a.at >= :at and (a.at, a.id) > (:at, :after)
    order by a.at, a.id limit :most
""")


async def export(database: Database, scope: Scope, subject: Subject) -> AsyncIterator[bytes]:
    """Yields the document in parts. `held` are rows about the person, whole but for what is the system's own; `mentioned`
    says where else they are named; `changes` is their part of the audit trail. `is_complete` comes last: a document
    without it was cut off.
    """
    person = {
        "contact_ids": subject.contact_ids,
        "addresses": subject.addresses,
        "numbers": subject.numbers,
        "names": subject.names,
    }
    yield b'{"person":' + encode(person) + b',"exported_at":' + encode(now()) + b',"held":{'
    values = subject.values
    async for part in _tables(database, scope, [each for each in HELD if each.is_told], values):
        yield part
    yield b'},"mentioned":{'
    async for part in _tables(database, scope, [_only(each) for each in MENTIONED], values):
        yield part
    yield b'},"changes":['
    async for part in _listed(_changes(database, scope, subject)):
        yield part
    yield b'],"is_complete":true}'


async def _tables(
    database: Database, scope: Scope, kinds: list[Held] | list[Mentioned], values: dict[str, Any]
) -> AsyncIterator[bytes]:
    """Each table of which there is something, with its rows."""
    is_first = True
    for kind in kinds:
        is_open = False
        async for row in walking.rows(database, scope, kind, values, at_once=AT_ONCE):
            opening = b"" if is_open else (b"" if is_first else b",") + encode(kind.table) + b":["
            yield opening + (b"," if is_open else b"") + encode(row)
            is_open, is_first = True, False
        if is_open:
            yield b"]"


async def _listed(rows: AsyncIterator[dict[str, Any]]) -> AsyncIterator[bytes]:
    comma = b""
    async for row in rows:
        yield comma + encode(row)
        comma = b","


async def _changes(database: Database, scope: Scope, subject: Subject) -> AsyncIterator[dict[str, Any]]:
    at, after, seen = datetime(1970, 1, 1, tzinfo=UTC), 0, ENTRIES_AT_ONCE
    ids = [str(each) for each in subject.contact_ids]
    while seen == ENTRIES_AT_ONCE:
        values = {**subject.values, "ids": ids, "at": at, "after": after, "most": ENTRIES_AT_ONCE}
        async with database.begin(scope) as db:
            entries = (await db.execute(ENTRIES, values)).all()
        seen = len(entries)
        for each in entries:
            at, after = each.at, each.id
            if each.is_theirs:
                names = ("at", "action", "object", "object_id", "before", "after")
                yield {name: getattr(each, name) for name in names}


def _only(mentioned: Mentioned) -> Mentioned:
    """Without the rows that are told whole."""
    held = [each.where for each in HELD if each.table == mentioned.table]
    where = " and ".join([mentioned.where, *(f"({each}) is not true" for each in held)])
    return replace(mentioned, where=f"({where})")
