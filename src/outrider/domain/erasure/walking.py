"""Going through a table a part at a time, each in a short transaction, with pauses that leave others their share."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from uuid import UUID

from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import AsyncSession

from outrider.core.db import Database, Scope
from outrider.domain.erasure.contact_registry import Held, Mentioned

# Of the time that work takes, at most as much again is left to others after each part.
LONGEST_PAUSE = 0.5  # seconds
FIRST: dict[str, UUID | str] = {"t.id": UUID(int=0)}
Each = Callable[[AsyncSession, list[Any]], Awaitable[None]]
Step = Callable[[AsyncSession], Awaitable[int]]


async def repeat(database: Database, scope: Scope, step: Step, *, at_once: int) -> int:
    """Repeats a step in transactions of its own until there is nothing more to do; returns how much it did."""
    total = 0
    while True:
        began = time.monotonic()
        async with database.begin(scope) as db:
            done = await step(db)
        total += done
        if done < at_once:
            return total
        await rest(began)


async def rest(began: float) -> None:
    """Waits as long as was worked since, so that a long piece of work takes no more than half of the database."""
    await asyncio.sleep(min(time.monotonic() - began, LONGEST_PAUSE))


async def erase(database: Database, scope: Scope, held: Held, values: dict[str, Any], then: Each) -> int:
    """Deletes what the condition holds for; `then` gets the keys of each part, in its transaction."""
    action = (
        f"delete from {held.table} t using chunk c"
        f" where t.workspace_id = :ws and {held.key} = c.key and ({held.where}) returning c.key"
    )
    return await _walk(database, scope, _statement(held, action), held, values, then)


async def strike(database: Database, scope: Scope, mentioned: Mentioned, values: dict[str, Any], then: Each) -> int:
    """Strikes the person out of rows that stay."""
    columns = ", ".join(f"{name} = {value}" for name, value in mentioned.strikes.items())
    action = (
        f"update {mentioned.table} t set {columns} from chunk c"
        f" where t.workspace_id = :ws and t.id = c.key and ({mentioned.where}) returning c.key"
    )
    return await _walk(database, scope, _statement(mentioned, action), mentioned, values, then)


async def count(database: Database, scope: Scope, kind: Held | Mentioned, values: dict[str, Any]) -> int:
    async def nothing(_db: AsyncSession, _keys: list[Any]) -> None:
        return None

    return await _walk(database, scope, _finding(kind), kind, values, nothing)


async def rows(
    database: Database, scope: Scope, kind: Held | Mentioned, values: dict[str, Any], *, at_once: int
) -> AsyncIterator[dict[str, Any]]:
    """Yields what an export tells of each row, holding `at_once` of them and no transaction meanwhile."""
    if isinstance(kind, Held):
        shown = "to_jsonb(t) - cast(:hidden as text[])"
    else:
        pairs = [f"'{each}', t.{each}" for each in ("id", *kind.told)]
        shown = f"jsonb_build_object({', '.join(pairs)})"
    hidden = ["workspace_id", *kind.hidden] if isinstance(kind, Held) else []
    statement = text(
        f"select {shown} from {kind.table} t where t.workspace_id = :ws and {_key(kind)} = any(:keys) order by {_key(kind)}"
    )
    after: Any = _first(kind)
    seen = kind.at_once
    while seen == kind.at_once:
        async with database.begin(scope) as db:
            after, seen, keys = await _part(db, _finding(kind), after, values)
        for start in range(0, len(keys), at_once):
            async with database.begin(scope) as db:
                wanted = {"ws": values["ws"], "keys": keys[start : start + at_once], "hidden": hidden}
                found = list(await db.scalars(statement, wanted))
            for each in found:
                yield each


async def _walk(
    database: Database, scope: Scope, statement: TextClause, kind: Held | Mentioned, values: dict[str, Any], then: Each
) -> int:
    total = 0
    after: Any = _first(kind)
    while True:
        began = time.monotonic()
        async with database.begin(scope) as db:
            after, seen, keys = await _part(db, statement, after, values)
            if keys:
                await then(db, keys)
        total += len(keys)
        if seen < kind.at_once:
            return total
        await rest(began)


async def _part(
    db: AsyncSession, statement: TextClause, after: Any, values: dict[str, Any]
) -> tuple[Any, int, list[Any]]:
    found = (await db.execute(statement, {**values, "after": after})).one()
    return found.last, found.seen, found.keys or []


def _finding(kind: Held | Mentioned) -> TextClause:
    action = f"select c.key from {kind.table} t join chunk c on {_key(kind)} = c.key where t.workspace_id = :ws and ({kind.where})"
    return _statement(kind, action)


def _statement(kind: Held | Mentioned, action: str) -> TextClause:
    key = _key(kind)
    return text(
        f"with chunk as materialized (select {key} as key from {kind.table} t"  # names of the registry
        f" where t.workspace_id = :ws and {key} > :after order by {key} limit {kind.at_once}),"
        f" done as ({action})"
        " select (select c.key from chunk c order by c.key desc limit 1) as last, (select count(*) from chunk) as seen,"
        " (select array_agg(d.key) from done d) as keys"
    )


def _key(kind: Held | Mentioned) -> str:
    return kind.key if isinstance(kind, Held) else "t.id"


def _first(kind: Held | Mentioned) -> UUID | str:
    return FIRST.get(_key(kind), "")
