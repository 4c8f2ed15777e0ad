"""An import of Outlook's contacts from its start to its second run, over the API, the worker's steps and the stand-in."""

import base64
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, parse_qsl, unquote, urlsplit
from uuid import UUID

import pytest
from sqlalchemy import func, select, text

from outrider.domain import all_jobs
from outrider.domain.grants.models import Grant, State
from outrider.domain.imports.models import ImportedContact, ImportJob, Provider, Status
from outrider.domain.people import queries as people
from outrider.domain.people.models import Contact
from outrider.main import create_app
from outrider.runtime import Addresses, Runtime
from outrider.settings import Settings
from tests.client import Client
from tests.factories.accounts import Someone, make_user
from tests.factories.imports import finish, sign_in, state, work
from tests.factories.outlook import outlook_runtime
from tests.stand_ins.graph_contacts import AddressBook, book_of
from tests.stand_ins.microsoft import CLIENT_ID, Microsoft

all_jobs.load()
BASE = "/api/v1/contacts/import"
GRAPH = "https://graph.microsoft.com/"


@dataclass
class Stage:
    """Ada, who imports her address book."""

    runtime: Runtime
    microsoft: Microsoft
    ada: Someone
    book: AddressBook
    client: Client

    async def start(self) -> dict[str, Any]:
        answer = await self.client.post(f"{BASE}/microsoft/start")
        assert answer.status_code == 200, answer.text
        begun: dict[str, Any] = answer.json()
        return begun

    async def agree(self, begun: dict[str, Any], **choices: Any) -> dict[str, str]:
        return await self.microsoft.agree(begun["authorization_url"], self.ada.user.email, **choices)

    async def come_back(self, back: dict[str, str]) -> dict[str, str]:
        """What the app is told."""
        answer = await Client(self.client.app).get(f"{BASE}/microsoft/callback", params=back)
        assert answer.status_code == 302, answer.text
        link = answer.headers["location"]
        assert link.startswith("everreach://import-callback/microsoft?"), link
        assert not any(secret in unquote(link) for secret in ("EwB", "M.C105", "M.C507", "eyJ"))
        return dict(parse_qsl(link.partition("?")[2], keep_blank_values=True))

    async def begin(self) -> ImportJob:
        email = self.ada.user.email
        return await sign_in(self.runtime, self.microsoft, self.ada, email, provider=Provider.MICROSOFT)

    async def finish(self, job: ImportJob) -> ImportJob:
        return await finish(self.runtime, self.ada, job.id)

    async def until_contacts(self, job: ImportJob) -> None:
        """Works until the folders are known and the first contacts are in."""
        while (told := await self.state(job)).processed_contacts == 0:
            await work(self.runtime, told)

    async def state(self, job: ImportJob) -> ImportJob:
        return await state(self.runtime, self.ada, job.id)

    async def count(self) -> int:
        async with self.runtime.db.begin(self.ada.scope) as db:
            return await people.count(db, self.ada.workspace_id)


def fill(book: AddressBook, numbers: range, *, folder: str | None = None) -> list[str]:
    return [
        book.add({"displayName": f"N {n}", "emailAddresses": [{"address": f"n{n}@b.test"}]}, folder=folder)
        for n in numbers
    ]


def counters(job: ImportJob) -> tuple[int, ...]:
    return job.total_contacts, job.processed_contacts, job.imported_contacts, job.skipped_contacts, job.failed_contacts


@pytest.fixture
async def stage(settings: Settings, database: Addresses, microsoft: Microsoft) -> AsyncIterator[Stage]:
    async with outlook_runtime(settings, database, microsoft) as runtime:
        ada = await make_user(runtime)
        book = book_of(microsoft.account(ada.user.email))
        async with Client(create_app(runtime), {"Authorization": f"Bearer {ada.access_token}"}) as client:
            yield Stage(runtime, microsoft, ada, book, client)


async def test_the_address_asks_for_what_the_contract_says(stage: Stage) -> None:
    begun = await stage.start()
    url = urlsplit(begun["authorization_url"])
    asked = {name: values[0] for name, values in parse_qs(url.query).items()}
    assert url.path == "/common/oauth2/v2.0/authorize"
    assert (asked["client_id"], asked["response_type"], asked["code_challenge_method"]) == (CLIENT_ID, "code", "S256")
    assert asked["redirect_uri"] == f"http://127.0.0.1:8700{BASE}/microsoft/callback"
    assert {f"{GRAPH}Contacts.Read", f"{GRAPH}User.Read", "offline_access"} <= set(asked["scope"].split())
    assert json.loads(base64.b64decode(asked["state"]))["job_id"] == begun["job_id"]
    health = (await stage.client.get(f"{BASE}/health")).json()
    assert health["providers"]["microsoft"]["configured"] is True


async def test_all_folders_come_in_and_a_second_import_asks_for_changes_alone(stage: Stage) -> None:
    customers = stage.book.folder("Customers")
    former = stage.book.folder("Former", inside=customers)
    put = fill(stage.book, range(600))
    fill(stage.book, range(600, 630), folder=customers)
    fill(stage.book, range(630, 640), folder=former)
    begun = await stage.start()
    assert await stage.come_back(await stage.agree(begun)) == {"job_id": begun["job_id"], "status": "success"}
    job = await state(stage.runtime, stage.ada, UUID(begun["job_id"]))
    await stage.until_contacts(job)
    fetched = await stage.state(job)
    assert (fetched.total_contacts, fetched.processed_contacts) == (640, 500)
    await stage.finish(job)
    done = (await stage.client.get(f"{BASE}/status/{begun['job_id']}")).json()
    assert (done["status"], done["imported_contacts"], done["progress_percent"]) == ("completed", 640, 100.0)
    assert done["provider_account_name"] == stage.ada.user.email
    second = await stage.finish(await stage.begin())
    assert counters(second) == (0, 0, 0, 0, 0)
    stage.book.change(put[0], displayName="N 0", emailAddresses=[{"address": "new@b.test"}])
    stage.book.remove(put[1])
    third = await stage.finish(await stage.begin())
    assert counters(third) == (2, 2, 1, 1, 0)
    assert await stage.count() == 640


async def test_everything_a_contact_has_is_kept(stage: Stage) -> None:
    contact_id = stage.book.add(
        {
            "displayName": "Grace Hopper", "emailAddresses": [{"name": "Grace", "address": "grace@b.test"}],
            "mobilePhone": "+44 20 7946 0018", "birthday": "1906-12-09T11:59:00Z", "jobTitle": "Rear Admiral",
            "companyName": "US Navy", "businessHomePage": "https://grace.example",
            "homeAddress": {"street": "1 Main St", "city": "Arlington"}, "personalNotes": "Found the first bug.",
            "spouseName": "Vincent",
        }
    )  # fmt: skip
    job = await stage.finish(await stage.begin())
    async with stage.runtime.db.begin(stage.ada.scope) as db:
        grace = (await db.scalars(select(Contact))).one()
        [row] = await db.scalars(select(ImportedContact).where(ImportedContact.import_job_id == job.id))
    assert (grace.name, grace.birthday, grace.notes) == ("Grace Hopper", "1906-12-09", "Found the first bug.")
    assert (grace.source, grace.organisations) == ("microsoft", [{"name": "US Navy", "title": "Rear Admiral"}])
    assert grace.addresses == [{"street": "1 Main St", "city": "Arlington", "label": "home"}]
    assert grace.urls == [{"url": "https://grace.example", "label": "work"}]
    assert (row.provider_contact_id, row.provider_etag) == (contact_id, stage.book.contacts[contact_id]["@odata.etag"])
    assert json.loads(row.raw_data or "")["spouseName"] == "Vincent"


async def test_microsofts_limit_pauses_the_import_for_as_long_as_it_says(stage: Stage) -> None:
    fill(stage.book, range(600))
    job = await stage.begin()
    await stage.until_contacts(job)
    stage.microsoft.fail("delta", 429, code="ApplicationThrottled", headers={"Retry-After": "40"}, times=5)
    for _ in range(5):
        await work(stage.runtime, await stage.state(job))
    paused = await stage.state(job)
    assert (paused.status, paused.processed_contacts, paused.pauses) == (Status.PROCESSING, 500, 5)
    assert "paused" in (paused.error_message or "")
    async with stage.runtime.db.begin() as db:
        query = "select extract(epoch from max(execute_after) - now()) from pgqueuer where entrypoint = 'imports.fetch'"
        waits = await db.scalar(text(query))
    assert 30 < float(waits) <= 41
    assert counters(await stage.finish(job)) == (600, 600, 600, 0, 0)


async def test_state_that_microsoft_forgot_begins_anew_and_doubles_nothing(stage: Stage) -> None:
    fill(stage.book, range(1100))
    job = await stage.begin()
    await stage.until_contacts(job)
    stage.book.forget_tokens()
    done = await stage.finish(job)
    assert (counters(done), done.restarts) == ((1100, 1100, 1100, 0, 0), 1)
    stage.book.forget_tokens()
    second = await stage.finish(await stage.begin())
    assert counters(second) == (1100, 1100, 0, 1100, 0)
    assert await stage.count() == 1100


async def test_a_permission_that_ended_ends_the_import_and_says_what_to_do(stage: Stage) -> None:
    fill(stage.book, range(10))
    job = await stage.begin()
    stage.microsoft.withdraw(stage.ada.user.email)
    failed = await stage.finish(job)
    assert (failed.status, "new import" in (failed.error_message or "")) == (Status.FAILED, True)
    assert (await stage.finish(await stage.begin())).status is Status.COMPLETED


async def test_a_token_that_runs_out_half_way_is_renewed_and_kept(stage: Stage) -> None:
    fill(stage.book, range(600))
    job = await stage.begin()
    await stage.until_contacts(job)
    stage.microsoft.expire_tokens()
    assert counters(await stage.finish(job)) == (600, 600, 600, 0, 0)
    async with stage.runtime.db.begin(stage.ada.scope) as db:
        grant = (await db.scalars(select(Grant))).one()
    assert (grant.provider, grant.state, grant.refreshes) == ("microsoft_contacts", State.ACTIVE, 1)


CHOICES: dict[str, tuple[dict[str, Any], str]] = {
    "no contacts": ({"scopes": f"openid email profile offline_access {GRAPH}User.Read"}, "accept all"),
    "not lasting": ({"scopes": f"openid email profile {GRAPH}Contacts.Read"}, "no lasting permission"),
}


@pytest.mark.parametrize(("choices", "message"), CHOICES.values(), ids=list(CHOICES))
async def test_less_than_is_needed_is_told_to_the_app(stage: Stage, choices: dict[str, Any], message: str) -> None:
    begun = await stage.start()
    await refused(stage, begun, await stage.agree(begun, **choices), message)


FAULTS = {
    "our secret": (401, "invalid_client", "AADSTS7000215"), "dead code": (400, "invalid_grant", "AADSTS70000"), "second factor": (400, "interaction_required", "organisation"),
    "cut off": (0, "", "reached"),
}  # fmt: skip


@pytest.mark.parametrize(("status", "code", "message"), FAULTS.values(), ids=list(FAULTS))
async def test_a_code_that_microsoft_does_not_trade_is_told_to_the_app(
    stage: Stage, status: int, code: str, message: str
) -> None:
    begun = await stage.start()
    back = await stage.agree(begun)
    stage.microsoft.fail("/token", status, code=code)
    await refused(stage, begun, back, message)


async def test_a_state_that_was_used_or_is_of_another_provider_is_refused(stage: Stage) -> None:
    begun = await stage.start()
    back = await stage.agree(begun)
    answer = await Client(stage.client.app).get(f"{BASE}/google/callback", params=back)
    assert "status=error" in answer.headers["location"]
    assert (await stage.come_back(back))["status"] == "success"
    assert (await stage.come_back(back))["status"] == "error"


async def refused(stage: Stage, begun: dict[str, Any], back: dict[str, str], message: str) -> None:
    told = await stage.come_back(back)
    assert (told["status"], told["job_id"]) == ("error", begun["job_id"])
    assert message in told["message"]
    assert (await state(stage.runtime, stage.ada, UUID(begun["job_id"]))).status is Status.FAILED
    async with stage.runtime.db.begin(stage.ada.scope) as db:
        assert await db.scalar(select(func.count()).select_from(Grant)) == 0
