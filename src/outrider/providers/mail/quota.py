"""A bucket of quota units that fills at a steady rate, so that a provider's limit is never reached."""

import asyncio
import time

from outrider.core.shared import Bucket, Shared, key


class Quota:
    """Units of one mailbox; at most `per_minute` and one `burst` in any minute. First come, first served in a process.

    Counted here, and with what all processes share where there is that: units leave once both have them.
    """

    def __init__(self, per_minute: float, *, burst: float, shared: Shared | None = None, name: str = "") -> None:
        """`name` tells the mailbox and its provider, and is the same in every process."""
        self._rate, self._burst = per_minute / 60, burst
        self._level = burst
        self._filled = time.monotonic()
        self._open_at = 0.0
        self._turn = asyncio.Lock()
        self._shared, self._bucket = shared, Bucket(key("units", name), self._rate, burst)

    @property
    def is_full(self) -> bool:
        self._fill()
        return self._level >= self._burst and self._open_at <= self._filled

    async def take(self, units: float) -> None:
        """Waits until the units are there. More than fit into the bucket are waited for in full all the same."""
        async with self._turn:
            while wait := self._lacking(units) or await self._lacking_elsewhere(units):  # noqa: ASYNC110  # a time is awaited
                await asyncio.sleep(wait)
            self._level -= units

    def _lacking(self, units: float) -> float:
        """Seconds until this process has the units. A debt is paid by whoever comes next: a large request must not wait
        for ever.
        """
        self._fill()
        return max((min(units, self._burst) - self._level) / self._rate, self._open_at - time.monotonic(), 0)

    async def _lacking_elsewhere(self, units: float) -> float:
        return await self._shared.take(self._bucket, units) if self._shared else 0.0

    async def pause(self, seconds: float) -> None:
        """The provider asked for quiet: nothing leaves for that long, and then slowly."""
        self._fill()
        self._open_at = max(self._open_at, time.monotonic() + seconds)
        self._level = min(self._level, 0.0)
        if self._shared:
            await self._shared.pause(self._bucket, seconds)

    def _fill(self) -> None:
        at = time.monotonic()
        self._level = min(self._level + (at - self._filled) * self._rate, self._burst)
        self._filled = at
