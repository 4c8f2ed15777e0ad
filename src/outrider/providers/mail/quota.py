"""A bucket of quota units that fills at a steady rate, so that a provider's limit is never reached."""

import asyncio
import time

BURST = 10.0  # seconds' worth of units that may be used at once


class Quota:
    """Units of one mailbox in this process. Whoever asks first is served first."""

    def __init__(self, per_minute: float) -> None:
        self._rate = per_minute / 60
        self._level = self._rate * BURST
        self._filled = time.monotonic()
        self._open_at = 0.0
        self._turn = asyncio.Lock()

    @property
    def is_full(self) -> bool:
        self._fill()
        return self._level >= self._rate * BURST and self._open_at <= self._filled

    async def take(self, units: float) -> None:
        """Waits until the units are there. More than fit into the bucket are waited for in full all the same."""
        async with self._turn:
            while True:
                self._fill()
                # A debt is paid by whoever comes next, so that a large request does not wait for ever.
                lacking = min(units, self._rate * BURST) - self._level
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
        self._level = min(self._level + (at - self._filled) * self._rate, self._rate * BURST)
        self._filled = at
