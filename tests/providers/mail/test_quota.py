"""The bucket of quota units: steady, fair, and quiet when asked."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest

from outrider.core.shared import Shared
from outrider.core.shared_postgres import PostgresStore
from outrider.core.shared_redis import RedisStore
from outrider.providers.mail.quota import Quota
from outrider.runtime import Addresses
from tests.real import redis_server


@pytest.fixture(params=["redis", "postgresql"])
async def processes(request: pytest.FixtureRequest, database: Addresses) -> AsyncIterator[list[Quota]]:
    """One mailbox's quota as three processes have it: 200 units a second, 100 at once."""
    if request.param == "redis":
        with redis_server.running() as server:
            stores = [Shared(RedisStore(server.url)) for _ in range(3)]
            yield [Quota(per_minute=12_000, burst=100, shared=each, name="quota:ada") for each in stores]
    else:
        stores = [Shared(PostgresStore(database.app, name="tests", through_pooler=False)) for _ in range(3)]
        yield [Quota(per_minute=12_000, burst=100, shared=each, name="quota:ada") for each in stores]
    for each in stores:
        await each.aclose()


async def test_three_processes_keep_to_the_quota_of_one(processes: list[Quota]) -> None:
    began, taken = time.monotonic(), 0
    at_most = 0.0

    async def work(quota: Quota) -> None:
        nonlocal taken, at_most
        while time.monotonic() - began < 2:
            await quota.take(10)
            taken += 10
            at_most = max(at_most, taken - 200 * (time.monotonic() - began))

    await asyncio.gather(*(work(quota) for quota in processes for _ in range(3)))
    took = time.monotonic() - began
    print(f"\n{taken} units by three processes in {took:.2f} s; one may take {100 + 200 * took:.0f}")
    assert at_most <= 100 + 10
    assert taken >= 0.6 * 200 * took


async def test_what_one_process_was_told_holds_the_others(processes: list[Quota]) -> None:
    await processes[0].pause(0.4)
    began = time.monotonic()
    await asyncio.gather(*(each.take(1) for each in processes))
    assert time.monotonic() - began >= 0.35


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
    await quota.pause(0.3)
    assert not quota.is_full
    began = time.monotonic()
    await asyncio.gather(*(quota.take(1) for _ in range(5)))
    assert time.monotonic() - began >= 0.3
