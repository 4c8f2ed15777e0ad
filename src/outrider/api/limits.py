"""Rate limits: a sliding window a user and an address, told in headers on every answer.

Names of the headers: draft-ietf-httpapi-ratelimit-headers-09, and the X-RateLimit-* that clients know.
"""

import time
from dataclasses import dataclass

from limits import RateLimitItemPerMinute
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter

from outrider.core.errors import Limited
from outrider.core.shared import Shared

# How often a user may ask how their imports go, as that contract fixed it.
IMPORT_STATUS = 60


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a caller stands: `reset` is in seconds from now."""

    name: str
    limit: int
    remaining: int
    reset: int

    def headers(self) -> dict[str, str]:
        return {
            "RateLimit-Policy": f'"{self.name}";q={self.limit};w=60',
            "RateLimit": f'"{self.name}";r={self.remaining};t={self.reset}',
            "X-RateLimit-Limit": str(self.limit),
            "X-RateLimit-Remaining": str(self.remaining),
            "X-RateLimit-Reset": str(self.reset),
        }


class RateLimiter:
    """Counts in this process's memory, and then with what all processes share, where there is that.

    Whoever is too fast for one process costs no round trip; where the others can't be asked, each holds the limit alone.
    """

    def __init__(self, *, per_user: int, per_address: int, shared: Shared | None = None) -> None:
        self._shared = shared
        self._limiter = SlidingWindowCounterRateLimiter(MemoryStorage())
        self._items = {
            "user": RateLimitItemPerMinute(per_user),
            "address": RateLimitItemPerMinute(per_address),
            "import_status": RateLimitItemPerMinute(IMPORT_STATUS),
        }

    async def hit(self, name: str, key: str) -> Standing:
        """Counts one request of a user or an address. Raises Limited once the window is full."""
        item = self._items[name]
        is_allowed = await self._limiter.hit(item, name, key)
        stats = await self._limiter.get_window_stats(item, name, key)
        remaining, reset = stats.remaining, stats.reset_time - time.time()
        if is_allowed and self._shared:
            window = await self._shared.hit(name, key, limit=item.amount, seconds=item.get_expiry())
            if window is not None:
                is_allowed, remaining, reset = window.is_allowed, item.amount - window.used, window.reset
        reset = max(1, int(reset) + 1)
        if not is_allowed:
            raise Limited(
                f"More than {item.amount} requests a minute. Wait {reset} seconds and go slower.",
                retry_after=reset,
                limit=item.amount,
            )
        return Standing(name, item.amount, max(0, remaining), reset)
