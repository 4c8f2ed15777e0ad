"""Drafts of answers, as the concierge's clients see them."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from outrider.core.ids import new_id
from outrider.domain.accounts.models import Role
from outrider.domain.drafts import writing
from outrider.domain.mailboxes.models import Mailbox
from outrider.runtime import Runtime
from tests.client import Client
from tests.factories.accounts import Someone, make_user, retire
from tests.factories.drafts import make_draft, make_letter
from tests.factories.mailboxes import make_mailbox


@pytest.fixture
async def ada(runtime: Runtime) -> AsyncIterator[Someone]:
    owner = await make_user(runtime)
    yield owner
    await retire(runtime, owner)


@pytest.fixture
async def mailbox(runtime: Runtime, ada: Someone) -> Mailbox:
    return await make_mailbox(runtime, ada)


async def test_an_answer_is_asked_for_read_changed_and_approved(
    runtime: Runtime, anonymous: Client, ada: Someone, mailbox: Mailbox
) -> None:
    client = anonymous.signed_in(ada.access_token)
    letter = await make_letter(runtime, mailbox)
    asked = await client.post("/api/drafts", json={"message_id": str(letter.id)})
    assert (asked.status_code, asked.json()["data"]["draft"]["status"]) == (201, "writing")
    path = f"/api/drafts/{asked.json()['data']['draft']['id']}"
    early = await client.post(f"{path}/approve")
    assert (early.status_code, early.json()["error"]["code"]) == (409, "DRAFT_NOT_WAITING")
    await writing.write(runtime, ada.workspace_id, (await drafts_of(client))[0]["id"])
    draft = (await client.get(path)).json()["data"]["draft"]
    assert (draft["status"], draft["written_by"], draft["recipient"]) == ("waiting", "template", "bob@b.test")
    assert draft["answers"]["message_id"] == str(letter.id)
    assert "thank you for your message" in draft["body"]
    changed = (await client.put(path, json={"body": "Friday suits us."})).json()["data"]["draft"]
    assert (changed["body"], changed["subject"], changed["written_by"]) == ("Friday suits us.", "Re: The offer", "user")
    approved = (await client.post(f"{path}/approve")).json()["data"]["draft"]
    assert (approved["status"], approved["waiting_for"]) == ("approved", "queued")
    assert approved["next_attempt_at"] is not None
    for refused in (
        client.post(f"{path}/approve"),
        client.put(path, json={"body": "No."}),
        client.post(f"{path}/decline"),
    ):
        assert (await refused).status_code == 409
    assert [each["status"] for each in await drafts_of(client)] == ["approved"]


async def test_the_same_key_approves_once(runtime: Runtime, anonymous: Client, ada: Someone, mailbox: Mailbox) -> None:
    client = anonymous.signed_in(ada.access_token)
    draft = await make_draft(runtime, ada, mailbox)
    tries = [await client.post(f"/api/drafts/{draft.id}/approve", headers={"Idempotency-Key": "one"}) for _ in range(2)]
    assert [each.status_code for each in tries] == [200, 200]
    assert tries[0].json() == tries[1].json()


async def test_drafts_are_listed_by_state_and_page(
    runtime: Runtime, anonymous: Client, ada: Someone, mailbox: Mailbox
) -> None:
    client = anonymous.signed_in(ada.access_token)
    drafts = [await make_draft(runtime, ada, mailbox) for _ in range(3)]
    declined = await client.post(f"/api/drafts/{drafts[0].id}/decline")
    assert declined.json()["data"]["draft"]["status"] == "declined"
    page = (await client.get("/api/drafts?limit=2&page=2")).json()
    assert page["pagination"] == {"page": 2, "limit": 2, "total": 3, "pages": 2}
    assert [each["id"] for each in await drafts_of(client, "?status=waiting")] == [
        str(drafts[2].id), str(drafts[1].id),
    ]  # fmt: skip
    wrong = await client.get("/api/drafts?status=lost")
    assert (wrong.status_code, wrong.json()["error"]["code"]) == (422, "VALIDATION_ERROR")


@pytest.mark.parametrize(
    "body", [{"body": ""}, {"body": "   "}, {"subject": "a\nBcc: b"}, {"recipient": "eve@evil.test"}, {"body": 7}],
    ids=["empty", "blank", "two lines", "another recipient", "no text"],
)  # fmt: skip
async def test_a_change_that_can_not_be_is_refused(
    runtime: Runtime, anonymous: Client, ada: Someone, mailbox: Mailbox, body: dict[str, Any]
) -> None:
    draft = await make_draft(runtime, ada, mailbox)
    refused = await anonymous.signed_in(ada.access_token).put(f"/api/drafts/{draft.id}", json=body)
    assert (refused.status_code, refused.json()["error"]["code"]) == (422, "VALIDATION_ERROR")


async def test_what_can_not_be_answered_says_so(
    runtime: Runtime, anonymous: Client, ada: Someone, mailbox: Mailbox
) -> None:
    client = anonymous.signed_in(ada.access_token)
    own = await make_letter(runtime, mailbox, sender=mailbox.address)
    refused = await client.post("/api/drafts", json={"message_id": str(own.id)})
    assert (refused.status_code, refused.json()["error"]["details"]["field"]) == (422, "message_id")
    unknown = await client.post("/api/drafts", json={"message_id": str(new_id())})
    assert (unknown.status_code, unknown.json()["error"]["code"]) == (404, "EMAIL_NOT_FOUND")


async def test_who_may_only_read_approves_nothing(runtime: Runtime, anonymous: Client, ada: Someone) -> None:
    viewer = await make_user(runtime, role=Role.VIEWER, workspace_id=ada.workspace_id)
    client = anonymous.signed_in(viewer.access_token)
    assert (await client.get("/api/drafts")).json()["data"] == []
    assert (await client.post(f"/api/drafts/{new_id()}/approve")).status_code == 403


async def drafts_of(client: Client, query: str = "") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await client.get(f"/api/drafts{query}")).json()["data"]
    return found
