"""Time. Stamps come from this machine; what is due is judged by the database's clock, which all workers share.

A demonstration may let due time run faster than real time; leases and tokens always live in real time.
"""

from datetime import UTC, datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

_DATABASE_NOW = text("select clock_timestamp()")


class Clock:
    """Due time: equal to real time at `origin`, then running `rate` times as fast. `freeze` is for tests."""

    def __init__(self, *, rate: float = 1.0, origin: datetime | None = None) -> None:
        self.rate = rate
        self.origin = origin or now()
        self._frozen: datetime | None = None

    async def due_now(self, db: AsyncSession) -> datetime:
        """Returns the moment up to which things are due, by the database's clock."""
        if self._frozen:
            return self._frozen
        return self.at(await database_now(db))

    def at(self, real: datetime) -> datetime:
        """Maps a real moment to due time."""
        return real if self.rate == 1.0 else self.origin + (real - self.origin) * self.rate

    def real_seconds(self, due: float) -> float:
        """How long `due` seconds of due time take in reality."""
        return due / self.rate

    def freeze(self, at: datetime | None) -> None:
        self._frozen = at


async def database_now(db: AsyncSession) -> datetime:
    at: datetime = (await db.execute(_DATABASE_NOW)).scalar_one()
    return at


def now() -> datetime:
    return datetime.now(UTC)
