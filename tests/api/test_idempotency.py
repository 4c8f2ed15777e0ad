"""Idempotency-Key: however often a client asks, it happens once."""

import asyncio
from typing import Any

from sqlalchemy import func, select

from outrider.core.ids import new_id
from outrider.domain.sequences.models import Sequence
from outrider.runtime import Runtime
from tests.client import Client
from tests.factories.accounts import Someone, make_user

DRAFT: dict[str, Any] = {"name": "After the demo", "steps": [{"body": "Any news?"}]}


async def count(runtime: Runtime, ada: Someone) -> int:
    async with runtime.db.begin(ada.scope) as db:
        return await db.scalar(select(func.count()).select_from(Sequence)) or 0


def key() -> dict[str, str]:
    return {"Idempotency-Key": str(new_id())}


async def test_fifty_at_once_with_one_key_have_one_effect(runtime: Runtime, anonymous: Client) -> None:
    ada = await make_user(runtime)
    client, headers = anonymous.signed_in(ada.access_token), key()
    answers = await asyncio.gather(*(client.post("/sequences", json=DRAFT, headers=headers) for _ in range(50)))
    effects = await count(runtime, ada)
    print(f"\n50 requests with one key: {effects} effect, {len({each.content for each in answers})} answer")
    assert effects == 1
    assert {each.status_code for each in answers} == {201}
    assert len({each.content for each in answers}) == 1
    assert sum(each.headers.get("Idempotency-Replayed") == "true" for each in answers) == 49


async def test_the_same_key_with_another_body_is_a_conflict(runtime: Runtime, anonymous: Client) -> None:
    ada = await make_user(runtime)
    client, headers = anonymous.signed_in(ada.access_token), key()
    await client.post("/sequences", json=DRAFT, headers=headers)
    answer = await client.post("/sequences", json={**DRAFT, "name": "Another"}, headers=headers)
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "idempotency_key_reused")
    assert await count(runtime, ada) == 1


async def test_a_refused_request_leaves_its_key_free(runtime: Runtime, anonymous: Client) -> None:
    ada = await make_user(runtime)
    client, headers = anonymous.signed_in(ada.access_token), key()
    refused = await client.post("/sequences", json={**DRAFT, "timezone": "Mars/Olympus"}, headers=headers)
    assert refused.status_code == 422
    assert (await client.post("/sequences", json=DRAFT, headers=headers)).status_code == 201


async def test_a_key_belongs_to_one_user_and_one_route(runtime: Runtime, anonymous: Client) -> None:
    ada, eve = await make_user(runtime), await make_user(runtime)
    headers = key()
    for someone in (ada, eve):
        answer = await anonymous.signed_in(someone.access_token).post("/sequences", json=DRAFT, headers=headers)
        assert answer.status_code == 201
        assert "Idempotency-Replayed" not in answer.headers
    assert (await anonymous.signed_in(ada.access_token).post("/emails/sync", headers=headers)).status_code == 202


async def test_a_key_has_bounds(runtime: Runtime, anonymous: Client) -> None:
    client = anonymous.signed_in((await make_user(runtime)).access_token)
    for bad in ("", "x" * 256):
        assert (await client.post("/sequences", json=DRAFT, headers={"Idempotency-Key": bad})).status_code == 422


async def test_without_a_key_each_request_counts(runtime: Runtime, anonymous: Client) -> None:
    ada = await make_user(runtime)
    client = anonymous.signed_in(ada.access_token)
    for _ in range(3):
        await client.post("/sequences", json=DRAFT)
    assert await count(runtime, ada) == 3
