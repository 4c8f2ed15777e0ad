"""Counts kept by PostgreSQL, where several processes share an outside database and there is no Redis.

One function a question, in unlogged tables: they are written at once, and empty after the server crashed.
"""

import asyncio
from typing import Any

from sqlalchemy import TextClause, text
from sqlalchemy.engine import URL, Row
from sqlalchemy.ext.asyncio import AsyncSession

from outrider.core.db import Database
from outrider.core.shared import Bucket, Window

PATIENCE = 0.5  # seconds; a request waits no longer for a count
# Apart from the pool of requests: one that holds a connection and waits for a second would wait for itself.
CONNECTIONS = 3

HIT = text("select is_allowed, used, reset from count_hit(:key, :limit, :seconds)")
TAKE = text("select take_units(:key, :rate, :burst, :units)")
PAUSE = text("select pause_units(:key, :rate, :burst, :pause)")
# A bucket that nobody touched for an hour is full; the longest pause is far shorter.
FORGET = (
    text("delete from limit_windows where touched_at < clock_timestamp() - interval '1 hour'"),
    text("delete from unit_buckets where greatest(filled_at, open_at) < clock_timestamp() - interval '1 hour'"),
)


class PostgresStore:
    """A `Store`. Asks once and waits briefly: whoever asked has a count of their own."""

    name = "postgresql"

    def __init__(self, url: URL, *, name: str, through_pooler: bool) -> None:
        self._database = Database(
            url, pool_size=CONNECTIONS, statement_timeout=PATIENCE, name=name, through_pooler=through_pooler
        )
        # One statement is a transaction of its own here: a third of the round trips.
        self._engine = self._database.engine.execution_options(isolation_level="AUTOCOMMIT")

    async def hit(self, key: str, *, limit: int, seconds: int) -> Window:
        row = await self._ask(HIT, {"key": key, "limit": limit, "seconds": seconds})
        return Window(row.is_allowed, row.used, row.reset)

    async def take(self, bucket: Bucket, units: float) -> float:
        return float((await self._ask(TAKE, {**_values(bucket), "units": float(units)}))[0])

    async def pause(self, bucket: Bucket, seconds: float) -> None:
        await self._ask(PAUSE, {**_values(bucket), "pause": float(seconds)})

    async def aclose(self) -> None:
        await self._database.aclose()

    async def _ask(self, question: TextClause, values: dict[str, Any]) -> Row[Any]:
        async with asyncio.timeout(PATIENCE), self._engine.connect() as connection:
            return (await connection.execute(question, values)).one()


async def forget(db: AsyncSession) -> None:
    """Removes what nobody has touched for an hour."""
    for statement in FORGET:
        await db.execute(statement)


def _values(bucket: Bucket) -> dict[str, Any]:
    return {"key": bucket.key, "rate": bucket.rate, "burst": bucket.burst}
