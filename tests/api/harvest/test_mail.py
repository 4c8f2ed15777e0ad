"""Tokens handed in and believed only after Google was asked; messages and labels as the mailbox has them."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy import select, text

from outrider.core.ids import new_id
from outrider.domain.grants.models import Grant
from outrider.domain.mailboxes.models import Folder, Mailbox, Place
from outrider.main import create_app
from outrider.runtime import Runtime
from tests.client import Client
from tests.factories.accounts import Someone, make_user
from tests.factories.google import connect_gmail, retire_boxes
from tests.factories.harvest import letter
from tests.factories.mailboxes import make_mailbox, make_message
from tests.stand_ins.google import Google

READ, SEND = (f"https://www.googleapis.com/auth/gmail.{each}" for each in ("readonly", "send"))


@pytest.fixture
async def client(connected: Runtime, google: Google) -> AsyncIterator[Client]:
    async with Client(create_app(connected)) as opened:
        yield opened
    await retire_boxes(connected, google)


async def tokens_of(google: Google, address: str, scopes: str = "", **change: Any) -> dict[str, Any]:
    google.box(address)
    grant = google.granted(address, scopes)
    body = {"access_token": google.token_of(grant), "refresh_token": grant.refresh_token, "expires_in": 3599}
    return {**body, "scope": grant.scopes, "token_type": "Bearer", **change}


async def signed_in(connected: Runtime, client: Client) -> tuple[Someone, Client]:
    ada = await make_user(connected)
    return ada, client.signed_in(ada.access_token)


async def test_tokens_connect_the_mailbox_that_they_are_for(connected: Runtime, client: Client, google: Google) -> None:
    ada, client = await signed_in(connected, client)
    answered = await client.post("/api/gmail/token", json=await tokens_of(google, "ada@gmail.test"))
    assert answered.status_code == 200, answered.text
    made = answered.json()["data"]
    assert (made["email"], made["provider"], made["can_send"]) == ("ada@gmail.test", "gmail", True)
    assert {READ, SEND} <= set(made["scopes"])
    async with connected.db.begin(ada.scope) as db:
        [grant] = await db.scalars(select(Grant))
        [mailbox] = await db.scalars(select(Mailbox))
    assert (mailbox.provider, mailbox.grant_id, str(mailbox.id)) == ("google", grant.id, made["mailbox_id"])
    assert "ya29" not in answered.text
    assert b"ya29" not in (grant.access_token or b"")


@pytest.mark.parametrize(
    "old", [{"expires_in": 0}, {"expires_in": None, "expires_at": "2026-01-01T00:00:00Z"}, {"access_token": "ya29.old"}],
    ids=["told by seconds", "told by time", "found out"],
)  # fmt: skip
async def test_an_access_token_that_has_run_out_is_renewed(
    connected: Runtime, client: Client, google: Google, old: dict[str, Any]
) -> None:
    _, client = await signed_in(connected, client)
    body = await tokens_of(google, "ada@gmail.test", **old)
    assert (await client.post("/api/gmail/token", json=body)).status_code == 200
    assert google.refreshes[body["refresh_token"]] == 1


async def test_a_permission_that_says_nothing_of_its_owner_still_opens_their_mailbox(
    connected: Runtime, client: Client, google: Google
) -> None:
    _, client = await signed_in(connected, client)
    answered = await client.post("/api/gmail/token", json=await tokens_of(google, "ada@gmail.test", READ))
    assert answered.status_code == 200, answered.text
    assert answered.json()["data"]["email"] == "ada@gmail.test"
    assert not answered.json()["data"]["can_send"]


async def test_tokens_that_google_does_not_vouch_for_are_refused(
    connected: Runtime, client: Client, google: Google
) -> None:
    _, client = await signed_in(connected, client)
    good = await tokens_of(google, "ada@gmail.test")

    async def refused(**change: Any) -> tuple[int, str]:
        answer = await client.post("/api/gmail/token", json={**good, **change})
        return answer.status_code, answer.json()["error"]["code"]

    assert await refused(access_token="ya29.x", refresh_token="1//x") == (422, "TOKEN_REFUSED")
    short = await tokens_of(google, "ada@gmail.test", f"openid email {SEND}")
    assert await refused(**short) == (422, "SCOPE_MISSING")
    other = await tokens_of(google, "ada@gmail.test")
    google.grants[other["refresh_token"]].client = "somebody else's client"
    assert await refused(**other) == (422, "TOKEN_REFUSED")
    assert await refused(expires_at="2027-01-01T00:00:00Z") == (422, "VALIDATION_ERROR")
    assert await refused(access_token="") == (422, "VALIDATION_ERROR")
    google.fail("/tokeninfo", 500, times=2)
    assert await refused() == (503, "UNAVAILABLE")


async def test_a_narrower_permission_does_not_take_the_place_of_a_wider_one(
    connected: Runtime, client: Client, google: Google
) -> None:
    _, client = await signed_in(connected, client)
    await client.post("/api/gmail/token", json=await tokens_of(google, "ada@gmail.test"))
    narrower = await client.post("/api/gmail/token", json=await tokens_of(google, "ada@gmail.test", READ))
    assert (narrower.status_code, narrower.json()["error"]["details"]) == (409, {"missing": [SEND]})
    wider = await tokens_of(google, "ada@gmail.test", "openid email https://mail.google.com/")
    google.access[wider["access_token"]][0].scopes += f" {READ} {SEND}"
    assert (await client.post("/api/gmail/token", json=wider)).status_code == 200


async def test_a_server_without_a_google_client_takes_no_tokens(runtime: Runtime, anonymous: Client) -> None:
    ada = await make_user(runtime)
    body = {"access_token": "a", "refresh_token": "b", "expires_in": 3600}
    answer = await anonymous.signed_in(ada.access_token).post("/api/gmail/token", json=body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "PROVIDER_UNAVAILABLE")


async def test_messages_are_paged_and_narrowed_as_gmail_does(
    connected: Runtime, client: Client, google: Google
) -> None:
    ada, client = await signed_in(connected, client)
    mailbox = await connect_gmail(connected, google, ada)
    ids = [google.deliver(mailbox.address, letter(n), at=1_700_000_000 + n).id for n in range(5)]
    google.deliver(mailbox.address, letter(9), labels=("SENT",), at=1_700_000_009)
    first = (await client.get("/api/gmail/messages?label=INBOX&limit=2")).json()["data"]
    assert [each["id"] for each in first["messages"]] == ids[:2:-1]
    shown = first["messages"][0]
    assert shown["from"] == {"name": "Grace Hopper", "email": "grace4@hopper4.test"}
    assert (shown["subject"], shown["labels"], shown["to"]) == ("Offer 4", ["INBOX"], ["ada@a.test"])
    assert shown["sent_at"] == "2026-11-21T09:00:00.000Z"
    token = first["next_page_token"]
    second = (await client.get(f"/api/gmail/messages?label=INBOX&limit=3&page_token={token}")).json()["data"]
    assert [each["id"] for each in second["messages"]] == ids[2::-1]
    assert second["next_page_token"] is None
    found = (await client.get("/api/gmail/messages?query=from:grace3@hopper3.test")).json()["data"]
    assert [each["id"] for each in found["messages"]] == [ids[3]]
    # One request for each list, and one for all that it shows.
    assert google.count("^/batch") == 3


async def test_what_gmail_does_not_understand_is_said_and_a_dead_one_is_503(
    connected: Runtime, client: Client, google: Google
) -> None:
    ada, client = await signed_in(connected, client)
    mailbox = await connect_gmail(connected, google, ada)
    assert (await client.get("/api/gmail/messages?label=Label_404")).status_code == 422
    assert (await client.get("/api/gmail/messages?page_token=x")).status_code == 422
    assert (await client.get("/api/gmail/messages?colour=red")).status_code == 422
    google.fail("/messages", 503, headers={"Retry-After": "3600"})
    down = await client.get("/api/gmail/messages")
    assert (down.status_code, down.json()["error"]["code"]) == (503, "UNAVAILABLE")
    google.withdraw(mailbox.address)
    gone = await client.get("/api/gmail/messages")
    assert (gone.status_code, gone.json()["error"]["code"]) == (409, "MAILBOX_NEEDS_RECONNECT")


async def test_labels_are_gmails_own_and_the_users(connected: Runtime, client: Client, google: Google) -> None:
    ada, client = await signed_in(connected, client)
    mailbox = await connect_gmail(connected, google, ada)
    google.boxes[mailbox.address].own_labels["Label_7"] = "Enquiries"
    labels = (await client.get("/api/gmail/labels")).json()["data"]["labels"]
    assert {"id": "INBOX", "name": "INBOX", "type": "system"} in labels
    assert {"id": "Label_7", "name": "Enquiries", "type": "user"} in labels


async def test_another_mailbox_shows_what_was_synced_from_it(runtime: Runtime, anonymous: Client) -> None:
    ada = await make_user(runtime)
    client = anonymous.signed_in(ada.access_token)
    assert (await client.get("/api/gmail/messages")).json()["error"]["code"] == "MAILBOX_NOT_FOUND"
    mailbox = await make_mailbox(runtime, ada)
    emails = [await make_message(runtime, mailbox, subject=f"Offer {n}", minutes_ago=n) for n in range(4)]
    folder = Folder(workspace_id=ada.workspace_id, id=new_id(), mailbox_id=mailbox.id, name="INBOX")
    async with runtime.db.begin(ada.scope) as db:
        db.add(folder)
        await db.flush()
        db.add(Place(workspace_id=ada.workspace_id, folder_id=folder.id, remote_id="1.1", message_id=emails[2].id))
    first = (await client.get("/api/gmail/messages?limit=3")).json()["data"]
    assert [each["id"] for each in first["messages"]] == [str(each.id) for each in emails[:3]]
    second = (await client.get(f"/api/gmail/messages?limit=3&page_token={first['next_page_token']}")).json()["data"]
    assert [each["subject"] for each in second["messages"]] == ["Offer 3"]
    assert second["next_page_token"] is None
    placed = (await client.get("/api/gmail/messages?label=INBOX&query=offer")).json()["data"]["messages"]
    assert [each["id"] for each in placed] == [str(emails[2].id)]
    labels = (await client.get(f"/api/gmail/labels?mailbox_id={mailbox.id}")).json()["data"]["labels"]
    assert labels == [{"id": "INBOX", "name": "INBOX", "type": "user"}]
    async with runtime.db.begin(ada.scope) as db:
        await db.execute(text("update mailboxes set state = 'disconnected'"))
    assert (await client.get(f"/api/gmail/labels?mailbox_id={mailbox.id}")).status_code == 409
    assert (await client.get(f"/api/gmail/labels?mailbox_id={new_id()}")).status_code == 404
