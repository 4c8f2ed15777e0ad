"""Preferences as the concierge's clients read, change and reset them."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, text, update

from outrider.core.clock import now
from outrider.domain.mailboxes.models import Direction, Message
from outrider.domain.mailboxes.sender_types import SenderType
from outrider.runtime import Runtime
from tests.client import Client
from tests.factories.accounts import make_user
from tests.factories.calendars import make_event
from tests.factories.mailboxes import make_mailbox, make_message


async def test_preferences_begin_with_the_usual_and_keep_what_is_changed(runtime: Runtime, anonymous: Client) -> None:
    client = anonymous.signed_in((await make_user(runtime)).access_token)
    first = (await client.get("/api/preferences")).json()["data"]["preferences"]
    assert (first["preferred_call_time"], first["urgent_financial"]) == ("08:00", True)
    change = {"preferred_call_time": "06:45", "urgent_financial": False, "meeting_reminder_method": "digest-only"}
    changed = (await client.put("/api/preferences", json=change)).json()["data"]["preferences"]
    assert {name: changed[name] for name in change} == change
    assert (await client.put("/api/preferences", json={})).json()["data"]["preferences"] == changed
    again = (await client.get("/api/preferences")).json()["data"]["preferences"]
    assert again == changed
    assert (again["id"], again["team_urgent"]) == (first["id"], True)


@pytest.mark.parametrize(
    "body",
    [
        {"preferred_call_time": "24:00"}, {"preferred_call_time": "8:00"}, {"urgent_financial": "yes"},
        {"urgent_financial": None}, {"meeting_reminder_timing": "5-minutes"}, {"voice_preference": ""}, {"user_id": "x"},
    ],
    ids=["no such hour", "one digit", "no flag", "null", "no such timing", "no voice", "somebody else"],
)  # fmt: skip
async def test_what_is_no_preference_is_refused(runtime: Runtime, anonymous: Client, body: dict[str, Any]) -> None:
    client = anonymous.signed_in((await make_user(runtime)).access_token)
    refused = await client.put("/api/preferences", json=body)
    assert (refused.status_code, refused.json()["error"]["code"]) == (422, "VALIDATION_ERROR")


async def test_every_change_leaves_an_entry_of_who_changed_what(runtime: Runtime, anonymous: Client) -> None:
    ada = await make_user(runtime)
    client = anonymous.signed_in(ada.access_token)
    await client.put("/api/preferences", json={"voice_preference": "nova"})
    async with runtime.db.begin(ada.scope) as db:
        entries = (await db.execute(text("select * from audit_entries where action = 'preferences.update'"))).all()
    assert [(each.before, each.after, each.email) for each in entries] == [
        ({"voice_preference": "alloy"}, {"voice_preference": "nova"}, ada.user.email)
    ]


async def test_a_reset_comes_from_the_users_own_mail_and_says_so(runtime: Runtime, anonymous: Client) -> None:
    ada = await make_user(runtime)
    mailbox = await make_mailbox(runtime, ada)
    client = anonymous.signed_in(ada.access_token)
    for day in range(8):
        await make_message(runtime, mailbox, minutes_ago=day * 1440)
    await make_message(runtime, mailbox, direction=Direction.IN, subject="Overdue invoice 12")
    for number in range(6):
        await make_message(runtime, mailbox, direction=Direction.IN, subject=f"Invitation {number}", to="bob@b.test")
    async with runtime.db.begin(ada.scope) as db:
        at = now().replace(hour=9, minute=40, second=0) - timedelta(days=1)
        for number, each in enumerate(await messages(db, Direction.OUT)):
            each.received_at = at - timedelta(days=number)
        await db.execute(
            update(Message)
            .where(Message.subject.like("Invitation%"), Message.workspace_id == ada.workspace_id)
            .values(sender_type=SenderType.MEETING)
        )
    told = (await client.post("/api/preferences/reset")).json()["data"]
    based = {each["setting"]: each for each in told["based_on"]}
    kept = told["preferences"]
    assert kept["preferred_call_time"] == "09:00"
    assert "On 8 days" in based["preferred_call_time"]["reason"]
    assert "09:40" in based["preferred_call_time"]["reason"]
    assert (kept["urgent_financial"], kept["investor_updates"]) == (True, False)
    assert "1 of 7 mails" in based["urgent_financial"]["reason"]
    assert kept["meeting_reminder_frequency"] == "external-only"
    assert all(kept[name] == each["value"] for name, each in based.items())


async def messages(db: Any, direction: Direction) -> list[Message]:
    return list(await db.scalars(select(Message).where(Message.direction == direction)))


async def test_a_reset_without_mail_says_that_there_is_none(runtime: Runtime, anonymous: Client) -> None:
    client = anonymous.signed_in((await make_user(runtime)).access_token)
    told = (await client.post("/api/preferences/reset")).json()["data"]
    assert told["preferences"]["preferred_call_time"] == "08:00"
    assert "too few" in {each["setting"]: each["reason"] for each in told["based_on"]}["preferred_call_time"]


async def test_with_a_calendar_meetings_are_counted_there(runtime: Runtime, anonymous: Client) -> None:
    ada = await make_user(runtime)
    client = anonymous.signed_in(ada.access_token)
    guest = {"address": "guest@elsewhere.test", "name": "", "response": "accepted"}
    own = {"address": ada.user.email, "name": "", "response": "accepted"}
    for day in range(1, 15):
        await make_event(runtime, ada, day=day, attendees=[own, guest] if day > 1 else [])
    await make_event(runtime, ada, day=3, attendees=[{**own, "response": "declined"}, guest])
    told = (await client.post("/api/preferences/reset")).json()["data"]
    based = {each["setting"]: each["reason"] for each in told["based_on"]}
    assert based["meeting_reminder_timing"].startswith("13 meetings in the next 28 days of your calendars, 13 of them")
    assert told["preferences"]["meeting_reminder_frequency"] == "external-only"
