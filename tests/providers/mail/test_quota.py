"""The bucket of quota units: steady, fair, and quiet when asked."""

import asyncio
import time

from outrider.providers.mail.quota import Quota


async def test_after_the_burst_units_come_at_the_steady_rate() -> None:
    quota = Quota(per_minute=60_000, burst=10_000)  # a thousand a second
    await quota.take(10_000)
    began = time.monotonic()
    for _ in range(50):
        await quota.take(10)
    took = time.monotonic() - began
    assert 0.45 < took < 0.8


async def test_more_than_the_bucket_holds_is_paid_for_afterwards() -> None:
    quota = Quota(per_minute=60_000, burst=10_000)
    await quota.take(10_000 + 300)
    began = time.monotonic()
    await quota.take(1)
    assert time.monotonic() - began > 0.25


async def test_whoever_asks_first_is_served_first() -> None:
    quota = Quota(per_minute=60_000, burst=10_000)
    await quota.take(10_000)
    served: list[int] = []

    async def ask(number: int) -> None:
        await quota.take(100 if number % 2 else 1)
        served.append(number)

    await asyncio.gather(*(ask(number) for number in range(6)))
    assert served == list(range(6))


async def test_a_pause_holds_everybody() -> None:
    quota = Quota(per_minute=60_000, burst=10_000)
    assert quota.is_full
    quota.pause(0.3)
    assert not quota.is_full
    began = time.monotonic()
    await asyncio.gather(*(quota.take(1) for _ in range(5)))
    assert time.monotonic() - began >= 0.3
