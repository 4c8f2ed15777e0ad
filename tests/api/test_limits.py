"""Rate limits, and how a caller learns of them."""

import asyncio
import re
from collections import Counter
from dataclasses import replace

from outrider.core.shared import Shared
from outrider.core.shared_postgres import PostgresStore
from outrider.core.shared_redis import RedisStore
from outrider.main import create_app
from outrider.runtime import Addresses, Runtime
from tests.client import Client
from tests.factories.accounts import make_user
from tests.real import redis_server


def limited(runtime: Runtime, *, user: int, address: int, shared: Shared | None = None) -> Client:
    settings = runtime.settings.model_copy(update={"rate_per_user": user, "rate_per_address": address})
    return Client(create_app(replace(runtime, settings=settings, shared=shared)))


async def test_ten_times_too_much_is_let_through_once(runtime: Runtime) -> None:
    ada = await make_user(runtime)
    client = limited(runtime, user=60, address=1000).signed_in(ada.access_token)
    answers = await asyncio.gather(*(client.get("/user/profile") for _ in range(600)))
    statuses = Counter(each.status_code for each in answers)
    print(f"\n600 requests against a limit of 60: {statuses[200]} let through")
    assert statuses[200] + statuses[429] == 600
    assert 57 <= statuses[200] <= 63


async def test_every_answer_says_where_its_caller_stands(runtime: Runtime) -> None:
    ada = await make_user(runtime)
    client = limited(runtime, user=2, address=1000).signed_in(ada.access_token)
    first, _, refused = [await client.get("/user/profile") for _ in range(3)]
    assert first.headers["RateLimit-Policy"] == '"user";q=2;w=60'
    assert re.fullmatch(r'"user";r=1;t=\d+', first.headers["RateLimit"])
    assert first.headers["X-RateLimit-Remaining"] == "1"
    assert refused.status_code == 429
    assert 1 <= int(refused.headers["Retry-After"]) <= 61
    assert refused.json()["error"]["code"] == "rate_limited"


async def test_one_users_haste_costs_nobody_else(runtime: Runtime) -> None:
    ada, eve = await make_user(runtime), await make_user(runtime)
    client = limited(runtime, user=1, address=1000)
    for _ in range(3):
        await client.signed_in(ada.access_token).get("/user/profile")
    assert (await client.signed_in(eve.access_token).get("/user/profile")).status_code == 200


async def test_guessing_tokens_is_limited_by_address(runtime: Runtime) -> None:
    client = limited(runtime, user=1000, address=5).signed_in("no token at all")
    statuses = [(await client.get("/user/profile")).status_code for _ in range(8)]
    assert statuses == [401] * 5 + [429] * 3


async def test_two_processes_with_redis_let_through_what_one_may(runtime: Runtime) -> None:
    with redis_server.running() as server:
        await _overload_two(runtime, [Shared(RedisStore(server.url)) for _ in range(2)])


async def test_two_processes_without_redis_count_through_postgresql(runtime: Runtime, database: Addresses) -> None:
    stores = [PostgresStore(database.app, name="tests", through_pooler=False) for _ in range(2)]
    await _overload_two(runtime, [Shared(each) for each in stores])


async def test_without_redis_each_process_holds_the_limit_for_itself(runtime: Runtime) -> None:
    with redis_server.running() as server:
        shared = [Shared(RedisStore(server.url)) for _ in range(2)]
        server.stop()
        ada = await make_user(runtime)
        clients = [limited(runtime, user=60, address=1000, shared=each).signed_in(ada.access_token) for each in shared]
        answers = await asyncio.gather(*(client.get("/user/profile") for client in clients for _ in range(120)))
        statuses = Counter(each.status_code for each in answers)
        assert set(statuses) == {200, 429}
        assert 60 <= statuses[200] <= 2 * 63
        for each in shared:
            await each.aclose()


async def _overload_two(runtime: Runtime, shared: list[Shared]) -> None:
    ada = await make_user(runtime)
    clients = [limited(runtime, user=60, address=1000, shared=each).signed_in(ada.access_token) for each in shared]
    answers = await asyncio.gather(*(client.get("/user/profile") for _ in range(300) for client in clients))
    statuses = Counter(each.status_code for each in answers)
    print(f"\n600 requests to two processes against a limit of 60: {statuses[200]} let through")
    assert statuses[200] + statuses[429] == 600
    assert 57 <= statuses[200] <= 63
    refused = next(each for each in answers if each.status_code == 429)
    assert 1 <= int(refused.headers["Retry-After"]) <= 61
    for each in shared:
        await each.aclose()
