"""The contact import as its clients call it."""

from typing import Any

from outrider.core.ids import new_id
from outrider.runtime import Runtime
from tests.client import Client
from tests.factories.accounts import Someone, make_user
from tests.factories.imports import contacts, finish, start

BASE = "/api/v1/contacts/import"


async def send(client: Client, content: bytes, *, query: str = "", **form: str) -> Any:
    return await client.post(f"{BASE}/csv{query}", files={"file": ("contacts.csv", content)}, data=form)


async def signed_in(runtime: Runtime, anonymous: Client) -> tuple[Someone, Client]:
    ada = await make_user(runtime)
    return ada, anonymous.signed_in(ada.access_token)


async def test_a_file_is_imported_and_its_progress_told(runtime: Runtime, anonymous: Client) -> None:
    ada, client = await signed_in(runtime, anonymous)
    answered = await send(client, contacts(20) + b"Grace,grace@,\n")
    assert answered.status_code == 202
    job = answered.json()
    assert (job["status"], job["total_contacts"], job["progress_percent"]) == ("pending", 21, 0.0)
    await finish(runtime, ada, job["id"])
    told = (await client.get(f"{BASE}/status/{job['id']}")).json()
    assert told["status"] == "completed"
    assert (told["imported_contacts"], told["skipped_contacts"], told["failed_contacts"]) == (20, 0, 1)
    assert (told["provider"], told["provider_account_name"]) == ("csv", "contacts.csv")
    assert [(each["row"], each["raw"]) for each in told["errors"]] == [(21, "Grace,grace@,")]
    assert told["completed_at"].endswith("Z")


async def test_a_mapping_names_the_columns_and_an_unusable_one_is_refused(runtime: Runtime, anonymous: Client) -> None:
    _, client = await signed_in(runtime, anonymous)
    odd = b"Wer,Wohin\nGrace,grace@b.test\n"
    assert (await send(client, odd)).json()["details"] == {"field": "mapping"}
    assert (await send(client, odd, mapping="[1]")).json()["details"] == {"field": "mapping"}
    assert (await send(client, odd, mapping='{"Wer": "name", "Wohin": "email"}')).status_code == 202


async def test_a_rehearsal_is_told_as_one(runtime: Runtime, anonymous: Client) -> None:
    ada, client = await signed_in(runtime, anonymous)
    job = (await send(client, contacts(3), query="?dry_run=true")).json()
    assert job["dry_run"]
    assert (await finish(runtime, ada, job["id"])).imported_contacts == 3
    assert (await send(client, contacts(3))).status_code == 202


async def test_an_unknown_field_and_a_file_too_large_are_refused(runtime: Runtime, anonymous: Client) -> None:
    _, client = await signed_in(runtime, anonymous)
    refused = await send(client, contacts(1), colour="red")
    assert (refused.status_code, "colour" in refused.json()["message"]) == (422, True)
    assert (await send(client, b"x" * 27 * 1024 * 1024)).status_code == 413


async def test_errors_speak_the_contracts_dialect(runtime: Runtime, anonymous: Client) -> None:
    _, client = await signed_in(runtime, anonymous)
    missing = (await client.get(f"{BASE}/status/{new_id()}")).json()
    assert (missing["error"], missing["message"]) == ("Not Found", "Import job not found or access denied")
    assert (await anonymous.get(f"{BASE}/list")).json()["error"] == "Unauthorized"


async def test_the_list_filters_and_pages(runtime: Runtime, anonymous: Client) -> None:
    ada, client = await signed_in(runtime, anonymous)
    ids = [str((await start(runtime, ada, contacts(1))).id) for _ in range(3)]
    await finish(runtime, ada, (await start(runtime, ada, contacts(1))).id)
    page = (await client.get(f"{BASE}/list?status=pending&limit=2&offset=1")).json()
    assert (page["total"], page["limit"], page["offset"]) == (3, 2, 1)
    assert [each["id"] for each in page["jobs"]] == ids[1::-1]
    assert (await client.get(f"{BASE}/list?provider=google")).json()["total"] == 0
    assert (await client.get(f"{BASE}/list?limit=101")).status_code == 422


async def test_an_import_is_cancelled_and_goes_on(runtime: Runtime, anonymous: Client) -> None:
    ada, client = await signed_in(runtime, anonymous)
    job = (await send(client, contacts(5))).json()["id"]
    assert (await client.post(f"{BASE}/{job}/retry")).status_code == 409
    assert (await client.post(f"{BASE}/{job}/cancel")).json()["status"] == "cancelled"
    assert (await client.post(f"{BASE}/{job}/cancel")).status_code == 409
    assert (await client.post(f"{BASE}/{job}/retry")).json()["status"] == "pending"
    assert (await finish(runtime, ada, job)).imported_contacts == 5


async def test_a_sixth_start_an_hour_and_a_61st_look_a_minute_are_refused(runtime: Runtime, anonymous: Client) -> None:
    _, client = await signed_in(runtime, anonymous)
    jobs = [(await send(client, contacts(1))).json()["id"] for _ in range(5)]
    sixth = await send(client, contacts(1))
    assert (sixth.status_code, sixth.json()["error"]) == (429, "Too Many Requests")
    assert int(sixth.headers["Retry-After"]) > 3000
    statuses = [(await client.get(f"{BASE}/status/{jobs[0]}")).status_code for _ in range(61)]
    assert statuses == [200] * 60 + [429]


async def test_the_same_key_starts_one_import_and_another_file_under_it_is_refused(
    runtime: Runtime, anonymous: Client
) -> None:
    ada, _ = await signed_in(runtime, anonymous)
    headers = {"Authorization": f"Bearer {ada.access_token}", "Idempotency-Key": "k1"}
    client = Client(anonymous.app, headers)
    first, again = await send(client, contacts(2)), await send(client, contacts(2))
    assert (again.status_code, again.json()) == (202, first.json())
    assert (await send(client, contacts(3))).status_code == 409
