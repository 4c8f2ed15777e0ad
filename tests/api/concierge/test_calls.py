"""Calls, as the concierge's clients see them."""

from datetime import UTC, datetime
from typing import Any

import pytest

from outrider.core.clock import now
from outrider.domain.mailboxes.models import Direction
from outrider.domain.senders.models import Category
from outrider.domain.urgency.topics import Topic
from outrider.runtime import Runtime
from tests.api.concierge.test_senders import make_sender
from tests.client import Client
from tests.factories.accounts import Someone, make_user
from tests.factories.calls import retire_calls
from tests.factories.mailboxes import make_mailbox, make_message
from tests.factories.urgency import make_judgement

URGENT = {"content": "The bank needs your signature.", "priority": "high"}


async def stage(runtime: Runtime, anonymous: Client) -> tuple[Someone, Client]:
    ada = await make_user(runtime)
    return ada, anonymous.signed_in(ada.access_token)


async def test_an_urgent_call_is_scheduled_and_listed(runtime: Runtime, anonymous: Client) -> None:
    ada, client = await stage(runtime, anonymous)
    made = await client.post("/api/calls/schedule-urgent", json=URGENT)
    assert made.status_code == 201
    call = made.json()["data"]["call"]
    assert (call["call_type"], call["status"], call["content_summary"], call["priority"]) == (
        "urgent", "scheduled", "The bank needs your signature", "high",
    )  # fmt: skip
    assert call["user_id"] == str(ada.user.id)
    listed = (await client.get("/api/calls")).json()["data"]
    assert (listed["total"], [each["id"] for each in listed["calls"]]) == (1, [call["id"]])
    await retire_calls(runtime, ada)


async def test_the_same_key_schedules_one_call(runtime: Runtime, anonymous: Client) -> None:
    ada, client = await stage(runtime, anonymous)
    for _ in range(2):
        await client.post("/api/calls/schedule-urgent", json=URGENT, headers={"Idempotency-Key": "one"})
    assert (await client.get("/api/calls")).json()["data"]["total"] == 1
    await retire_calls(runtime, ada)


async def test_calls_are_listed_by_dates_and_pages(runtime: Runtime, anonymous: Client) -> None:
    ada, client = await stage(runtime, anonymous)
    for number in range(3):
        await client.post("/api/calls/schedule-urgent", json={**URGENT, "content": f"Number {number}"})
    page = (await client.get("/api/calls?limit=2&page=2")).json()["data"]
    assert (page["total"], page["pages"], [each["content_summary"] for each in page["calls"]]) == (3, 2, ["Number 0"])
    assert (await client.get("/api/calls?from=2999-01-01T00:00:00Z")).json()["data"]["total"] == 0
    assert (await client.get("/api/calls?to=2999-01-01T00:00:00Z")).json()["data"]["total"] == 3
    assert (await client.get("/api/calls?to=2020-01-01")).json()["data"]["total"] == 0
    await retire_calls(runtime, ada)


@pytest.mark.parametrize(
    "body",
    [{}, {"content": "", "priority": "high"}, {"content": "x", "priority": "low"}, {"content": "x" * 2001, "priority": "high"}],
    ids=["nothing", "no content", "no such priority", "too long"],
)  # fmt: skip
async def test_a_call_that_says_nothing_is_refused(runtime: Runtime, anonymous: Client, body: dict[str, Any]) -> None:
    _, client = await stage(runtime, anonymous)
    refused = await client.post("/api/calls/schedule-urgent", json=body)
    assert (refused.status_code, refused.json()["error"]["code"]) == (422, "VALIDATION_ERROR")


async def test_the_preview_says_what_categories_and_preferences_let_through(
    runtime: Runtime, anonymous: Client
) -> None:
    ada, client = await stage(runtime, anonymous)
    mailbox = await make_mailbox(runtime, ada)
    at = now()
    for name, category in (("bob", Category.REMIND_ME), ("shop", Category.KEEP_QUIET)):
        await make_sender(runtime, ada, f"{name}@b.test", category=category)
        await make_message(
            runtime, mailbox, subject=f"From {name}", sender=f"{name}@b.test", direction=Direction.IN, minutes_ago=0
        )
    shown = (await client.get("/api/calls/next-digest")).json()["data"]
    assert "From bob" in shown["content_preview"]
    assert "From shop" not in shown["content_preview"]
    assert shown["mails"] == 1
    assert datetime.fromisoformat(shown["scheduled_at"]) > at.astimezone(UTC)


async def test_the_digest_tells_what_could_not_wait_first_and_topics_as_preferences_say(
    runtime: Runtime, anonymous: Client
) -> None:
    ada, client = await stage(runtime, anonymous)
    mailbox = await make_mailbox(runtime, ada)
    await make_sender(runtime, ada, "bob@b.test")
    for minutes, subject, values in (
        (0, "Lunch", {"topic": Topic.OTHER, "is_urgent": False}),
        (1, "Our reseller deal", {"topic": Topic.PARTNERSHIP, "is_urgent": False}),
        (2, "Win a voucher", {"topic": Topic.PROMOTION, "is_urgent": False}),
        (3, "Line stopped", {"topic": Topic.CUSTOMER, "is_urgent": True}),
    ):
        mail = await make_message(
            runtime, mailbox, subject=subject, sender="bob@b.test", direction=Direction.IN, minutes_ago=minutes
        )
        await make_judgement(runtime, ada, mail, **values)
    told = (await client.get("/api/calls/next-digest")).json()["data"]["content_preview"]
    assert told.index("Line stopped") < told.index("Lunch") < told.index("Our reseller deal")
    assert "voucher" not in told
    await client.put("/api/preferences", json={"partnership_deals": False})
    told = (await client.get("/api/calls/next-digest")).json()["data"]["content_preview"]
    assert "reseller" not in told


async def test_a_number_needs_consent_and_another_number_another(runtime: Runtime, anonymous: Client) -> None:
    _, client = await stage(runtime, anonymous)
    first = (await client.get("/api/calls/settings")).json()["data"]["settings"]
    assert (first["phone_number"], first["consents"]) == (None, False)
    kept = await client.put("/api/calls/settings", json={"phone_number": "+44 20 7946 0958", "consents": True})
    settings = kept.json()["data"]["settings"]
    assert (settings["phone_number"], settings["consents"]) == ("+442079460958", True)
    moved = await client.put("/api/calls/settings", json={"phone_number": "+442079460959"})
    assert moved.json()["data"]["settings"]["consents"] is False
    back = await client.put("/api/calls/settings", json={"phone_number": "+442079460958"})
    assert back.json()["data"]["settings"]["consents"] is False


@pytest.mark.parametrize("body", [{"phone_number": "020 7946"}, {"consents": True}, {"quiet_from": "9"}])
async def test_settings_that_can_not_be_are_refused(runtime: Runtime, anonymous: Client, body: dict[str, Any]) -> None:
    _, client = await stage(runtime, anonymous)
    assert (await client.put("/api/calls/settings", json=body)).status_code == 422
