"""What all processes count together: hits in a window and units of a bucket. Kept by Redis or PostgreSQL.

It is never the truth of anything but a count. Each process also counts for itself; where the store does not answer,
that count alone holds, and a request is never refused nor let through unlimited for it.
"""

import hashlib
import time
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Protocol, TypeVar

import asyncpg
import structlog
from redis.exceptions import RedisError
from sqlalchemy.exc import SQLAlchemyError

log = structlog.get_logger()

LEFT_ALONE = 2.0  # seconds in which a store that failed is not asked again
LOST = (OSError, RedisError, SQLAlchemyError, asyncpg.PostgresError)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Window:
    """A sliding window after a hit: `used` in the last minute by the estimate of two neighbouring windows, `reset` in
    seconds.
    """

    is_allowed: bool
    used: int
    reset: float


@dataclass(frozen=True, slots=True)
class Bucket:
    """Units come at `rate` a second; at most `burst` are kept."""

    key: str
    rate: float
    burst: float


class Store(Protocol):
    """Each is one round trip and atomic; time is the store's own. Raises one of LOST."""

    name: str

    async def hit(self, key: str, *, limit: int, seconds: int) -> Window: ...

    async def take(self, bucket: Bucket, units: float) -> float:
        """Takes units if they are there and returns 0, else the seconds until they should be."""
        ...

    async def pause(self, bucket: Bucket, seconds: float) -> None: ...

    async def aclose(self) -> None: ...


class Shared:
    """A store that may fail: then nothing is known of other processes, which is logged once, as is its return."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._is_lost = False
        self._again_at = 0.0

    async def hit(self, kind: str, who: str, *, limit: int, seconds: int) -> Window | None:
        """Counts a hit for all processes; None where that can't be done."""
        if self._is_left_alone:
            return None
        return await self._ask(self._store.hit(key(kind, who), limit=limit, seconds=seconds), otherwise=None)

    async def take(self, bucket: Bucket, units: float) -> float:
        """Seconds to wait before asking again; 0 when the units were taken, or nobody knows."""
        if self._is_left_alone:
            return 0.0
        return await self._ask(self._store.take(bucket, units), otherwise=0.0)

    async def pause(self, bucket: Bucket, seconds: float) -> None:
        """Lets nobody take from a bucket for that long."""
        if not self._is_left_alone:
            await self._ask(self._store.pause(bucket, seconds), otherwise=None)

    async def aclose(self) -> None:
        await self._store.aclose()

    @property
    def _is_left_alone(self) -> bool:
        return time.monotonic() < self._again_at

    async def _ask(self, question: Awaitable[T], *, otherwise: T) -> T:
        try:
            answer = await question
        except LOST as error:
            self._again_at = time.monotonic() + LEFT_ALONE
            if not self._is_lost:
                log.warning(
                    "limits.store_lost",
                    store=self._store.name,
                    error=type(error).__name__,
                    why=str(error)[:200],
                    holds="per process",
                )
            self._is_lost = True
            return otherwise
        if self._is_lost:
            log.warning("limits.store_back", store=self._store.name)
            self._is_lost = False
        return answer


def key(kind: str, who: str) -> str:
    """The name under which somebody is counted; nobody's address can be read from it."""
    return f"{kind}:{hashlib.sha256(who.encode()).hexdigest()[:32]}"
