"""Redis stopped, emptied and started again under the load of 50 users at two servers: it was never the truth."""

import asyncio
import statistics
import time
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
from sqlalchemy import func, select

from outrider.core.embedded import EmbeddedServer
from outrider.domain.sequences.models import Sequence
from outrider.runtime import Runtime
from outrider.settings import Settings
from tests.factories.accounts import Someone, make_user
from tests.live import serving
from tests.real import redis_server
from tests.real.redis_server import RedisServer

USERS, ROUNDS = 50, 12
LIMIT = 120
SEQUENCE = {"name": "After the demo", "steps": [{"delayDays": 3, "body": "Any news?"}], "timezone": "Europe/Berlin"}


@dataclass
class Load:
    """What the users saw: seconds of each answer by its kind, and every status that was not hoped for."""

    written: int = 0
    writes: list[float] = field(default_factory=list)
    lists: list[float] = field(default_factory=list)
    others: list[str] = field(default_factory=list)


async def test_redis_stopped_emptied_and_back_loses_nothing_and_opens_nothing(
    runtime: Runtime, settings: Settings, server: EmbeddedServer, tmp_path: Path
) -> None:
    users = [await make_user(runtime) for _ in range(USERS)]
    hasty = await make_user(runtime)
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    with redis_server.running() as redis:
        given = {"REDIS_URL": redis.url, "OUTRIDER_RATE_PER_USER": str(LIMIT)}
        with (
            serving(settings, server, tmp_path / "a", **given) as a,
            serving(settings, server, tmp_path / "b", **given) as b,
        ):
            urls, load = [a.url, b.url], Load()
            async with httpx2.AsyncClient(timeout=30, limits=httpx2.Limits(max_connections=USERS)) as http:
                working = [asyncio.create_task(work(http, urls, user, load)) for user in users]
                through, seconds = await trouble(http, urls, hasty, redis, load)
                await asyncio.gather(*working)
            logs = [each.log.read_text() for each in (a, b)]
    stored = 0
    for user in users:
        async with runtime.db.begin(user.scope) as db:
            stored += await db.scalar(select(func.count()).select_from(Sequence)) or 0
    print(
        f"\n{USERS} users: {load.written} written, {stored} stored, {len(load.others)} other answers, list p95"
        f" {p95(load.lists):.0f} ms, write p95 {p95(load.writes):.0f} ms; without Redis {through} of {4 * LIMIT} hasty"
        f" requests let through by a limit of {LIMIT}"
    )
    assert load.others == []
    assert stored == load.written == USERS * ROUNDS
    assert LIMIT <= through <= 2 * LIMIT * (1 + seconds / 60)  # a limit a minute, each process by itself
    for log in logs:
        # Said as it goes and as it comes back, not for each request.
        assert 1 <= log.count("limits.store_lost") == log.count("limits.store_back") <= 3


async def work(http: httpx2.AsyncClient, urls: list[str], user: Someone, load: Load) -> None:
    """Writes and lists in turn, each time at the other server."""
    headers = {"Authorization": f"Bearer {user.access_token}"}
    for number in range(ROUNDS):
        url = urls[number % 2]
        began = time.monotonic()
        answer = await http.post(f"{url}/sequences", json=SEQUENCE, headers=headers)
        load.writes.append(time.monotonic() - began)
        if answer.status_code == 201:
            load.written += 1
        else:
            load.others.append(answer.text)
        began = time.monotonic()
        answer = await http.get(f"{url}/sequences", headers=headers)
        load.lists.append(time.monotonic() - began)
        if answer.status_code != 200:
            load.others.append(answer.text)


async def trouble(
    http: httpx2.AsyncClient, urls: list[str], hasty: Someone, redis: RedisServer, load: Load
) -> tuple[int, float]:
    """Stops Redis, starts it and empties it; returns how many of a hasty user's requests came through, in what time."""
    total = USERS * ROUNDS
    await reached(load, total // 8)
    await asyncio.to_thread(redis.stop)
    headers = {"Authorization": f"Bearer {hasty.access_token}"}
    asked = [http.get(f"{url}/user/profile", headers=headers) for _ in range(2 * LIMIT) for url in urls]
    began = time.monotonic()
    statuses = [each.status_code for each in await asyncio.gather(*asked)]
    seconds = time.monotonic() - began
    assert set(statuses) == {200, 429}
    await asyncio.to_thread(redis.start)
    await asyncio.sleep(2.1)  # a store that failed is left alone for that long
    for url in urls:
        await http.get(f"{url}/user/profile", headers=headers)
    await asyncio.to_thread(redis.ask, "FLUSHALL")
    return statuses.count(200), seconds


async def reached(load: Load, count: int) -> None:
    while load.written < count and not load.others:
        await asyncio.sleep(0.01)


def p95(seconds: list[float]) -> float:
    return statistics.quantiles(seconds, n=20)[-1] * 1000
