"""A bucket of quota units that fills at a steady rate, so that a provider's limit is never reached."""

import asyncio
import time


class Quota:
    """Units of one mailbox in this process; at most `per_minute` and one `burst` in any minute. First come, first served."""

    def __init__(self, per_minute: float, *, burst: float) -> None:
        self._rate, self._burst = per_minute / 60, burst
        self._level = burst
        self._filled = time.monotonic()
        self._open_at = 0.0
        self._turn = asyncio.Lock()

    @property
    def is_full(self) -> bool:
        self._fill()
        return self._level >= self._burst and self._open_at <= self._filled

    async def take(self, units: float) -> None:
        """Waits until the units are there. More than fit into the bucket are waited for in full all the same."""
        async with self._turn:
            while True:
                self._fill()
                # A debt is paid by whoever comes next, so that a large request does not wait for ever.
                lacking = min(units, self._burst) - self._level
                wait = max(lacking / self._rate, self._open_at - time.monotonic())
                if wait <= 0:
                    self._level -= units
                    return
                await asyncio.sleep(wait)

    def pause(self, seconds: float) -> None:
        """The provider asked for quiet: nothing leaves for that long, and then slowly."""
        self._fill()
        self._open_at = max(self._open_at, time.monotonic() + seconds)
        self._level = min(self._level, 0.0)

    def _fill(self) -> None:
        at = time.monotonic()
        self._level = min(self._level + (at - self._filled) * self._rate, self._burst)
        self._filled = at
