"""What processes count together, kept by a real Redis and a real PostgreSQL, and what holds while neither answers."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator

import pytest
from structlog.testing import capture_logs

from outrider.core import shared
from outrider.core.shared import Bucket, Shared, Store, key
from outrider.core.shared_postgres import PostgresStore
from outrider.core.shared_redis import RedisStore
from outrider.runtime import Addresses
from tests.real import redis_server
from tests.real.redis_server import RedisServer


@pytest.fixture(scope="module")
def redis() -> Iterator[RedisServer]:
    with redis_server.running() as server:
        yield server


@pytest.fixture(params=["redis", "postgresql"])
async def stores(request: pytest.FixtureRequest, database: Addresses) -> AsyncIterator[tuple[Store, Store]]:
    """The same counts as two processes reach them."""
    both: list[Store] = []
    for _ in range(2):
        if request.param == "redis":
            both.append(RedisStore(request.getfixturevalue("redis").url))
        else:
            both.append(PostgresStore(database.app, name="tests", through_pooler=False))
    yield both[0], both[1]
    for each in both:
        await each.aclose()


async def test_two_processes_together_let_through_what_one_may(stores: tuple[Store, Store]) -> None:
    name = key("user", f"{stores[0].name} ada")
    hits = [store.hit(name, limit=60, seconds=3600) for _ in range(60) for store in stores]
    windows = await asyncio.gather(*hits)
    assert sum(each.is_allowed for each in windows) == 60
    assert max(each.used for each in windows) == 60
    assert all(0 < each.reset <= 3600 for each in windows)
    assert (await stores[0].hit(key("user", f"{stores[0].name} eve"), limit=60, seconds=3600)).used == 1


async def test_a_window_slides(stores: tuple[Store, Store]) -> None:
    name = key("user", f"{stores[0].name} sliding")
    first = await stores[0].hit(name, limit=1, seconds=1)
    assert first.is_allowed
    refused = await stores[0].hit(name, limit=1, seconds=1)
    assert not refused.is_allowed
    await asyncio.sleep(2.05)
    assert (await stores[1].hit(name, limit=1, seconds=1)).is_allowed


async def test_a_bucket_is_emptied_by_all_and_fills_at_one_rate(stores: tuple[Store, Store]) -> None:
    bucket = Bucket(key("units", f"{stores[0].name} ada"), rate=100, burst=50)
    assert await stores[0].take(bucket, 30) == 0
    assert await stores[1].take(bucket, 20) == 0
    wait = await stores[0].take(bucket, 20)
    assert 0 < wait <= 0.2
    await asyncio.sleep(wait + 0.01)
    assert await stores[1].take(bucket, 20) == 0


async def test_more_than_a_bucket_holds_is_paid_for_afterwards(stores: tuple[Store, Store]) -> None:
    bucket = Bucket(key("units", f"{stores[0].name} large"), rate=100, burst=50)
    assert await stores[0].take(bucket, 80) == 0
    assert 0.15 < await stores[1].take(bucket, 1) <= 0.31


async def test_a_pause_asked_of_one_holds_all(stores: tuple[Store, Store]) -> None:
    bucket = Bucket(key("units", f"{stores[0].name} paused"), rate=100, burst=50)
    await stores[0].pause(bucket, 30)
    assert 29 < await stores[1].take(bucket, 1) <= 30


async def test_a_store_that_is_gone_is_logged_once_left_alone_and_taken_up_again(
    redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared, "LEFT_ALONE", 0.2)
    counts = Shared(RedisStore(redis.url))
    with capture_logs() as logs:
        assert await counts.hit("user", "zoe", limit=5, seconds=60) is not None
        redis.stop()
        began = time.monotonic()
        for _ in range(3):
            assert await counts.hit("user", "zoe", limit=5, seconds=60) is None
            assert await counts.take(Bucket("units:zoe", 1, 1), 100) == 0
            await asyncio.sleep(0.25)
        assert time.monotonic() - began < 5
        redis.start()
        await asyncio.sleep(0.25)
        window = await counts.hit("user", "zoe", limit=5, seconds=60)
    assert window is not None
    assert window.is_allowed
    assert [each["event"] for each in logs] == ["limits.store_lost", "limits.store_back"]
    assert all("zoe" not in str(each) for each in logs)
    await counts.aclose()


async def test_an_emptied_store_counts_anew(redis: RedisServer) -> None:
    store = RedisStore(redis.url)
    assert not (await _third_hit(store)).is_allowed
    redis.ask("FLUSHALL")
    redis.ask("SCRIPT", "FLUSH")
    assert (await store.hit("user:emptied", limit=2, seconds=60)).is_allowed
    await store.aclose()


async def test_nobody_can_be_read_from_the_names(redis: RedisServer) -> None:
    counts = Shared(RedisStore(redis.url))
    await counts.hit("address", "203.0.113.9", limit=5, seconds=60)
    names = redis.ask("KEYS", "*")
    assert "outrider:address:" in names
    assert "203.0.113.9" not in names
    await counts.aclose()


async def _third_hit(store: RedisStore) -> shared.Window:
    for _ in range(2):
        await store.hit("user:emptied", limit=2, seconds=60)
    return await store.hit("user:emptied", limit=2, seconds=60)
