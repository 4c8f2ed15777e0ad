"""Beginning batches, in every way in which mails can be named."""

import base64
from typing import Any

import pytest
from sqlalchemy import select

from outrider.core.ids import new_id
from outrider.domain.harvest.models import Batch, Item
from outrider.domain.people.models import ContactEmail
from outrider.runtime import Runtime
from tests.client import Client
from tests.factories.accounts import Someone, make_user
from tests.factories.harvest import finish, letter
from tests.factories.mailboxes import make_mailbox

PATH = "/api/gmail/process-batch"


async def signed_in(runtime: Runtime, anonymous: Client) -> tuple[Someone, Client]:
    ada = await make_user(runtime)
    return ada, anonymous.signed_in(ada.access_token)


async def test_mails_come_whole_encoded_or_in_parts(runtime: Runtime, anonymous: Client) -> None:
    ada, client = await signed_in(runtime, anonymous)
    parts = {
        "from": "Grace Hopper <grace3@hopper3.test>",
        "subject": "Offer",
        "text": "Hello, could you call me?\n\nGrace Hopper\n+44 20 7946 0003",
    }
    notice = {**parts, "from": "bot@hopper4.test", "headers": {"Auto-Submitted": "auto-generated"}}
    emails = [letter(1).decode(), {"raw": base64.urlsafe_b64encode(letter(2)).decode().rstrip("=")}, parts, notice]
    answered = await client.post(PATH, json={"emails": emails})
    assert (answered.status_code, answered.json()["data"]["total"], answered.json()["data"]["status"]) == (
        202,
        4,
        "queued",
    )
    _, operation = await finish(runtime, ada, answered.json()["data"]["batch_id"])
    assert (operation.succeeded, operation.skipped, operation.failed) == (3, 1, 0)
    async with runtime.db.begin(ada.scope) as db:
        addresses = set(await db.scalars(select(ContactEmail.address)))
    assert addresses == {f"grace{n}@hopper{n}.test" for n in (1, 2, 3)}


async def test_messages_and_searches_belong_to_a_mailbox(runtime: Runtime, anonymous: Client) -> None:
    ada, client = await signed_in(runtime, anonymous)
    assert (await client.post(PATH, json={"message_ids": ["a1"]})).status_code == 404
    mailbox = await make_mailbox(runtime, ada)
    started = (await client.post(PATH, json={"message_ids": ["a1", "a2", "a1"]})).json()["data"]
    assert started["total"] == 2
    assert (await client.post(PATH, json={"label": "INBOX", "max": 7})).json()["data"]["total"] == 0
    async with runtime.db.begin(ada.scope) as db:
        refs = list(await db.scalars(select(Item.ref).order_by(Item.position)))
        batches = list(await db.scalars(select(Batch).order_by(Batch.id)))
    assert refs == ["a1", "a2"]
    assert {each.mailbox_id for each in batches} == {mailbox.id}
    assert [(each.label, each.at_most) for each in batches][-1] == ("INBOX", 7)
    other = await client.post(PATH, json={"message_ids": ["a1"], "mailbox_id": str(new_id())})
    assert other.json()["error"]["code"] == "MAILBOX_NOT_FOUND"


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"message_ids": ["a1"], "emails": ["From: a@b.test\n\nx"]},
        {"message_ids": ["a1"], "max": 3},
        {"message_ids": []},
        {"message_ids": ["../profile?x"]},
        {"emails": [{"raw": "%%%"}]},
        {"emails": [{"from": "nobody", "text": "x"}]},
        {"emails": [{"text": "x"}]},
        {"emails": ["From: a@b.test\n\nx"], "mailbox_id": "01a9c6f4-2b10-7c44-9a11-6f2f1b7a0e12"},
        {"query": "x", "max": 0},
        {"query": "x", "max": 1001},
        {"query": "x", "colour": "red"},
    ],
    ids=[
        "nothing", "two sources", "max without a search", "no ids", "an id that is a path", "no base64", "no address",
        "no sender", "mails of a mailbox", "none", "too many", "unknown field",
    ],
)  # fmt: skip
async def test_what_names_no_mails_is_refused(runtime: Runtime, anonymous: Client, body: dict[str, Any]) -> None:
    _, client = await signed_in(runtime, anonymous)
    refused = await client.post(PATH, json=body)
    assert (refused.status_code, refused.json()["success"]) == (422, False)
    assert refused.json()["error"]["code"] == "VALIDATION_ERROR"


async def test_the_same_key_begins_one_batch(runtime: Runtime, anonymous: Client) -> None:
    ada, client = await signed_in(runtime, anonymous)
    body = {"emails": [letter(1).decode()]}
    first, second = [await client.post(PATH, json=body, headers={"Idempotency-Key": "one"}) for _ in range(2)]
    assert first.json() == second.json()
    other = await client.post(PATH, json={"emails": [letter(2).decode()]}, headers={"Idempotency-Key": "one"})
    assert (other.status_code, other.json()["error"]["code"]) == (409, "IDEMPOTENCY_KEY_REUSED")
    async with runtime.db.begin(ada.scope) as db:
        assert len(list(await db.scalars(select(Batch.id)))) == 1
