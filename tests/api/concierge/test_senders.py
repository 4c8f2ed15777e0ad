"""Who writes, as the concierge's clients see and sort them."""

from typing import Any

import pytest
from sqlalchemy import text

from outrider.core.clock import now
from outrider.core.ids import new_id
from outrider.domain.mailboxes.sender_types import SenderType
from outrider.domain.senders.models import Category, Sender
from outrider.runtime import Runtime
from tests.client import Client
from tests.factories.accounts import Someone, make_user
from tests.factories.mailboxes import make_mailbox


async def make_sender(runtime: Runtime, owner: Someone, email: str, **values: Any) -> Sender:
    async with runtime.db.begin(owner.scope) as db:
        sender = Sender(
            **{
                "workspace_id": owner.workspace_id, "id": new_id(), "user_id": owner.user.id, "email": email,
                "domain": email.rpartition("@")[2], "email_count": 1,
                "words": f"{email} {values.get('name', '')}".lower(), "latest_date": now(), **values,
            }
        )  # fmt: skip
        db.add(sender)
    return sender


async def stage(runtime: Runtime, anonymous: Client) -> tuple[Someone, Client]:
    ada = await make_user(runtime)
    return ada, anonymous.signed_in(ada.access_token)


async def listed(client: Client, query: str = "") -> list[str]:
    return [each["email"] for each in (await client.get(f"/api/senders{query}")).json()["data"]["senders"]]


async def test_senders_are_listed_by_pages_filters_words_and_order(runtime: Runtime, anonymous: Client) -> None:
    ada, client = await stage(runtime, anonymous)
    await make_sender(runtime, ada, "bob@b.test", name="Bob Baker", email_count=3, category=Category.CALL_ME)
    await make_sender(runtime, ada, "news@c.test", email_count=9, sender_type=SenderType.NEWSLETTER)
    await make_sender(runtime, ada, "shop@d.test", email_count=5, sender_type=SenderType.PROMOTIONAL)
    whole = (await client.get("/api/senders?limit=2")).json()["data"]
    assert (whole["total"], whole["page"], whole["limit"], whole["pages"]) == (3, 1, 2, 2)
    assert await listed(client) == ["shop@d.test", "news@c.test", "bob@b.test"]
    assert await listed(client, "?limit=2&page=2") == ["bob@b.test"]
    assert await listed(client, "?sort=-email_count") == ["news@c.test", "shop@d.test", "bob@b.test"]
    assert await listed(client, "?sort=email") == ["bob@b.test", "news@c.test", "shop@d.test"]
    assert await listed(client, "?category=call-me") == ["bob@b.test"]
    assert await listed(client, "?sender_type=newsletter") == ["news@c.test"]
    assert await listed(client, "?search=BAKER") == ["bob@b.test"]
    assert await listed(client, "?search=%25") == []


@pytest.mark.parametrize("query", ["?category=loud", "?sort=size", "?limit=101", "?colour=red"])
async def test_a_filter_that_is_none_is_refused(runtime: Runtime, anonymous: Client, query: str) -> None:
    _, client = await stage(runtime, anonymous)
    refused = await client.get(f"/api/senders{query}")
    assert (refused.status_code, refused.json()["error"]["code"]) == (422, "VALIDATION_ERROR")


async def test_a_choice_is_kept_audited_and_told(runtime: Runtime, anonymous: Client) -> None:
    ada, client = await stage(runtime, anonymous)
    bob = await make_sender(runtime, ada, "bob@b.test")
    changed = await client.put(f"/api/senders/{bob.id}/category", json={"category": "dont-tell-anyone"})
    assert changed.json()["data"]["sender"]["category"] == "dont-tell-anyone"
    refused = await client.put(f"/api/senders/{bob.id}/category", json={"category": "shout"})
    assert refused.status_code == 422
    async with runtime.db.begin(ada.scope) as db:
        entry = (
            await db.execute(text("select before, after, email from audit_entries where object = 'senders'"))
        ).one()
        told = (await db.scalars(text("select payload from events where name = 'sender.categorised'"))).one()
    assert entry.after["category"] == "dont-tell-anyone"
    assert (entry.before["category"], entry.email) == ("unassigned", ada.user.email)
    assert (told["email"], told["category"]) == ("bob@b.test", "dont-tell-anyone")


async def test_what_was_chosen_for_a_house_is_proposed_for_its_others(runtime: Runtime, anonymous: Client) -> None:
    ada, client = await stage(runtime, anonymous)
    one = await make_sender(runtime, ada, "one@house.test")
    await make_sender(runtime, ada, "two@house.test")
    await client.put(f"/api/senders/{one.id}/category", json={"category": "keep-quiet"})
    two = (await client.get("/api/senders?search=two@")).json()["data"]["senders"][0]
    assert two["category"] == "unassigned"
    assert two["proposed"]["category"] == "keep-quiet"
    assert "house.test" in two["proposed"]["reasons"][0]


async def test_many_are_changed_at_once_or_none(runtime: Runtime, anonymous: Client) -> None:
    ada, client = await stage(runtime, anonymous)
    eve = await make_user(runtime)
    mine = [await make_sender(runtime, ada, f"s{number}@b.test") for number in range(3)]
    hers = await make_sender(runtime, eve, "hers@b.test")
    updates = [{"sender_id": str(each.id), "category": "remind-me"} for each in mine]
    refused = await client.post(
        "/api/senders/bulk-update", json={"updates": [*updates, {"sender_id": str(hers.id), "category": "call-me"}]}
    )
    told = refused.json()["error"]
    assert (refused.status_code, told["code"]) == (404, "SENDER_NOT_FOUND")
    assert told["details"]["errors"] == [{"index": 3, "sender_id": str(hers.id), "message": "There is no such sender."}]
    assert await listed(client, "?category=remind-me") == []
    twice = await client.post(
        "/api/senders/bulk-update", json={"updates": [updates[0], {**updates[0], "category": "call-me"}]}
    )
    assert twice.json()["error"]["details"]["errors"][0]["index"] == 1
    done = await client.post("/api/senders/bulk-update", json={"updates": updates})
    assert done.json()["data"] == {"updated_count": 3}
    assert len(await listed(client, "?category=remind-me")) == 3


async def test_a_scan_needs_a_mailbox_and_is_one_job_to_watch(runtime: Runtime, anonymous: Client) -> None:
    ada, client = await stage(runtime, anonymous)
    refused = await client.post("/api/senders/scan")
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "NO_MAILBOX")
    await make_mailbox(runtime, ada)
    begun = await client.post("/api/senders/scan")
    job = begun.json()["data"]
    assert (begun.status_code, job["status"]) == (202, "processing")
    assert (await client.post("/api/senders/scan")).json()["data"]["job_id"] == job["job_id"]
    seen = (await client.get(f"/api/senders/scan/{job['job_id']}")).json()["data"]
    assert (seen["status"], seen["progress"]) == ("processing", 0)
    assert (await client.get(f"/api/senders/scan/{new_id()}")).json()["error"]["code"] == "JOB_NOT_FOUND"
