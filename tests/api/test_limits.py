"""Rate limits, and how a caller learns of them."""

import asyncio
import re
from collections import Counter
from dataclasses import replace

from outrider.main import create_app
from outrider.runtime import Runtime
from tests.client import Client
from tests.factories.accounts import make_user


def limited(runtime: Runtime, *, user: int, address: int) -> Client:
    settings = runtime.settings.model_copy(update={"rate_per_user": user, "rate_per_address": address})
    return Client(create_app(replace(runtime, settings=settings)))


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
