"""Batches as their clients watch them."""

from outrider.core.ids import new_id
from outrider.domain.harvest import jobs
from outrider.runtime import Runtime
from tests.client import Client
from tests.factories.accounts import make_user
from tests.factories.harvest import finish, letter, start

BASE = "/api/processing"


async def test_a_status_tells_progress_and_errors(runtime: Runtime, anonymous: Client) -> None:
    ada = await make_user(runtime)
    client = anonymous.signed_in(ada.access_token)
    bad = b"X: y\n" * 200_000 + b"\nhello"
    batch_id = await start(runtime, ada, [*(letter(n) for n in range(29)), bad])
    told = (await client.get(f"{BASE}/status/{batch_id}")).json()["data"]
    assert (told["status"], told["progress"], told["summary"]) == ("queued", 0, "0 of 30 completed")
    await jobs.work(runtime, workspace_id=ada.workspace_id, batch_id=batch_id, step=0)
    told = (await client.get(f"{BASE}/status/{batch_id}")).json()["data"]
    assert (told["status"], told["progress"], told["summary"]) == ("processing", 83, "25 of 30 completed")
    await finish(runtime, ada, batch_id)
    told = (await client.get(f"{BASE}/status/{batch_id}")).json()["data"]
    assert {name: told[name] for name in ("total", "processed", "succeeded", "skipped", "failed", "progress")} == {
        "total": 30, "processed": 30, "succeeded": 29, "skipped": 0, "failed": 1, "progress": 100,
    }  # fmt: skip
    assert (told["status"], told["batch_id"]) == ("completed", str(batch_id))
    [error] = told["errors"]
    assert (error["message_id"], error["code"], error["attempts"]) == ("email-30", "unreadable_mail", 1)
    assert told["completed_at"].endswith("Z")


async def test_what_failed_is_retried_and_a_batch_without_failures_is_not(runtime: Runtime, anonymous: Client) -> None:
    ada = await make_user(runtime)
    client = anonymous.signed_in(ada.access_token)
    batch_id = await start(runtime, ada, [letter(1), b"X: y\n" * 200_000 + b"\nhello"])
    await finish(runtime, ada, batch_id)
    retried = await client.post(f"{BASE}/retry/{batch_id}")
    assert (retried.status_code, retried.json()["data"]["status"]) == (202, "queued")
    await finish(runtime, ada, batch_id)
    [error] = (await client.get(f"{BASE}/status/{batch_id}")).json()["data"]["errors"]
    assert error["attempts"] == 2
    good = await start(runtime, ada, [letter(3)])
    await finish(runtime, ada, good)
    refused = await client.post(f"{BASE}/retry/{good}")
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "NOTHING_TO_RETRY")


async def test_a_batch_is_cancelled_once(runtime: Runtime, anonymous: Client) -> None:
    ada = await make_user(runtime)
    client = anonymous.signed_in(ada.access_token)
    batch_id = await start(runtime, ada, [letter(1)])
    assert (await client.post(f"{BASE}/cancel/{batch_id}")).json()["data"]["status"] == "cancelled"
    again = await client.post(f"{BASE}/cancel/{batch_id}")
    assert (again.status_code, again.json()["error"]["code"]) == (409, "BATCH_ENDED")
    assert (await client.post(f"{BASE}/cancel/{new_id()}")).json()["error"]["code"] == "BATCH_NOT_FOUND"


async def test_the_history_pages_and_filters(runtime: Runtime, anonymous: Client) -> None:
    ada = await make_user(runtime)
    client = anonymous.signed_in(ada.access_token)
    ids = [str(await start(runtime, ada, [letter(n)])) for n in range(3)]
    await finish(runtime, ada, await start(runtime, ada, [letter(9)]))
    listed = (await client.get(f"{BASE}/history?limit=2&page=2")).json()
    assert [each["batch_id"] for each in listed["data"]] == ids[1::-1]
    assert listed["pagination"] == {"page": 2, "limit": 2, "total": 4, "pages": 2}
    assert (await client.get(f"{BASE}/history?status=completed")).json()["pagination"]["total"] == 1
    assert (await client.get(f"{BASE}/history?status=unheard")).status_code == 422


async def test_results_show_each_mail_with_its_lead_and_evidence(runtime: Runtime, anonymous: Client) -> None:
    ada = await make_user(runtime)
    client = anonymous.signed_in(ada.access_token)
    batch_id = await start(runtime, ada, [letter(18), letter(2, extra="Auto-Submitted: auto-replied\n")])
    await finish(runtime, ada, batch_id)
    listed = (await client.get(f"{BASE}/results/{batch_id}")).json()
    assert [each["outcome"] for each in listed["data"]] == ["created", "skipped"]
    lead = listed["data"][0]["lead"]
    assert (lead["name"]["value"], lead["phones"][0]["value"]) == ("Grace Hopper", "+442079460018")
    evidence = lead["phones"][0]["evidence"]
    assert evidence["end"] - evidence["start"] == len(evidence["quote"])
    assert 0 < lead["email"]["confidence"] <= 1
    skipped = (await client.get(f"{BASE}/results/{batch_id}?outcome=skipped")).json()
    assert [each["message_id"] for each in skipped["data"]] == ["email-2"]
    assert skipped["data"][0]["code"] == "no_lead"
    assert skipped["data"][0]["reason"]
