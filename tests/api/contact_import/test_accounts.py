"""The two halves of a sign-in for an import: where the browser is sent, and that it always comes back to the app."""

import base64
import dataclasses
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, parse_qsl, unquote, urlsplit
from uuid import UUID

import pytest
from sqlalchemy import delete, func, select, text, update

from outrider.core.clock import now
from outrider.core.db import Database
from outrider.core.ids import new_id
from outrider.domain.accounts.models import Member, Role
from outrider.domain.grants.models import Grant
from outrider.domain.imports import consent, jobs
from outrider.domain.imports.models import ImportJob, Status
from outrider.main import create_app
from outrider.providers.oauth.google import READ_CONTACTS, READ_OTHER_CONTACTS
from outrider.runtime import Addresses, Runtime
from outrider.settings import Settings
from tests.client import Client
from tests.factories.accounts import Someone, make_user
from tests.factories.google import google_runtime
from tests.factories.imports import finish, state
from tests.factories.outlook import outlook_runtime
from tests.stand_ins import google as googles
from tests.stand_ins import microsoft as microsofts
from tests.stand_ins.google import CLIENT_ID, Google
from tests.stand_ins.graph_contacts import Contacts
from tests.stand_ins.microsoft import Microsoft

BASE = "/api/v1/contacts/import"
EMAIL_SCOPE = "https://www.googleapis.com/auth/userinfo.email"


@dataclass
class Stage:
    """Ada, who imports; where she is sent, and how her browser comes back."""

    runtime: Runtime
    vendor: Google | Microsoft
    ada: Someone
    client: Client
    provider: str = "google"

    @property
    def google(self) -> Google:
        assert isinstance(self.vendor, Google)
        return self.vendor

    async def start(self) -> dict[str, Any]:
        answer = await self.client.post(f"{BASE}/{self.provider}/start")
        assert answer.status_code == 200, answer.text
        begun: dict[str, Any] = answer.json()
        return begun

    async def agree(self, begun: dict[str, Any], **choices: Any) -> dict[str, str]:
        return await self.vendor.agree(begun["authorization_url"], self.ada.user.email, **choices)

    async def come_back(self, back: dict[str, str]) -> dict[str, str]:
        return await come_back(self.client, back, provider=self.provider)

    async def job(self, job_id: str) -> ImportJob:
        return await state(self.runtime, self.ada, UUID(job_id))


@pytest.fixture
async def stage(connected: Runtime, google: Google) -> AsyncIterator[Stage]:
    ada = await make_user(connected)
    google.book(ada.user.email).add_many(3)
    async with Client(create_app(connected), {"Authorization": f"Bearer {ada.access_token}"}) as client:
        yield Stage(connected, google, ada, client)


@pytest.fixture(params=["google", "microsoft"])
async def either(request: pytest.FixtureRequest, settings: Settings, database: Addresses) -> AsyncIterator[Stage]:
    """The same at each of the two."""
    async with AsyncExitStack() as held:
        vendor: Google | Microsoft
        if request.param == "google":
            vendor = await held.enter_async_context(googles.running())
            runtime = await held.enter_async_context(google_runtime(settings, database, vendor))
        else:
            vendor = await held.enter_async_context(microsofts.running())
            vendor.plug(Contacts(vendor).methods)
            runtime = await held.enter_async_context(outlook_runtime(settings, database, vendor))
        ada = await make_user(runtime)
        client = Client(create_app(runtime), {"Authorization": f"Bearer {ada.access_token}"})
        yield Stage(runtime, vendor, ada, await held.enter_async_context(client), request.param)


async def come_back(client: Client, back: dict[str, str], *, provider: str = "google") -> dict[str, str]:
    """What the app is told. The browser is nobody: it shows no credentials."""
    anonymous = Client(client.app)
    answer = await anonymous.get(f"{BASE}/{provider}/callback", params=back)
    assert answer.status_code == 302, answer.text
    link = answer.headers["location"]
    assert link.startswith(f"everreach://import-callback/{provider}?"), link
    assert not any(secret in unquote(link) for secret in ("ya29.", "1//", "EwB", "M.C5", "M.C1", "eyJ", "+"))
    return dict(parse_qsl(link.partition("?")[2], keep_blank_values=True))


async def test_the_address_asks_for_what_the_contract_says(stage: Stage) -> None:
    begun = await stage.start()
    assert begun["provider"] == "google"
    url = urlsplit(begun["authorization_url"])
    asked = {name: values[0] for name, values in parse_qs(url.query).items()}
    assert (asked["client_id"], asked["response_type"], asked["access_type"]) == (CLIENT_ID, "code", "offline")
    assert (asked["prompt"], asked["code_challenge_method"]) == ("consent", "S256")
    assert asked["redirect_uri"] == f"http://127.0.0.1:8700{BASE}/google/callback"
    assert {READ_CONTACTS, EMAIL_SCOPE} <= set(asked["scope"].split())
    said = json.loads(base64.b64decode(asked["state"]))
    assert (said["job_id"], said["user_id"]) == (begun["job_id"], str(stage.ada.user.id))
    assert len(said["random"]) >= 32
    waiting = (await stage.client.get(f"{BASE}/status/{begun['job_id']}")).json()
    assert (waiting["status"], waiting["provider"], waiting["total_contacts"]) == ("authenticating", "google", 0)


async def test_the_whole_flow_brings_the_contacts(stage: Stage) -> None:
    begun = await stage.start()
    told = await come_back(stage.client, await stage.agree(begun))
    assert told == {"job_id": begun["job_id"], "status": "success"}
    fetching = (await stage.client.get(f"{BASE}/status/{begun['job_id']}")).json()
    assert (fetching["status"], fetching["provider_account_name"]) == ("fetching", stage.ada.user.email)
    assert fetching["started_at"].endswith("Z")
    await finish(stage.runtime, stage.ada, (await stage.job(begun["job_id"])).id)
    done = (await stage.client.get(f"{BASE}/status/{begun['job_id']}")).json()
    assert (done["status"], done["imported_contacts"], done["progress_percent"]) == ("completed", 3, 100.0)
    listed = (await stage.client.get(f"{BASE}/list?provider=google&status=completed")).json()
    assert [each["id"] for each in listed["jobs"]] == [begun["job_id"]]


async def test_other_contacts_may_be_left_out(stage: Stage) -> None:
    begun = await stage.start()
    back = await stage.agree(begun, scopes=f"openid {READ_CONTACTS} {EMAIL_SCOPE}")
    assert (await come_back(stage.client, back))["status"] == "success"
    done = await finish(stage.runtime, stage.ada, (await stage.job(begun["job_id"])).id)
    assert (done.status, done.imported_contacts) == (Status.COMPLETED, 3)


Failing = Callable[[Stage, dict[str, Any]], Awaitable[dict[str, str]]]


async def denied(stage: Stage, begun: dict[str, Any]) -> dict[str, str]:
    return await stage.agree(begun, denies=True)


async def without_code(stage: Stage, begun: dict[str, Any]) -> dict[str, str]:
    back = await stage.agree(begun)
    return {"state": back["state"]}


async def with_an_endless_code(stage: Stage, begun: dict[str, Any]) -> dict[str, str]:
    return {**await stage.agree(begun), "code": "4" * 5_000}


async def server_error(stage: Stage, begun: dict[str, Any]) -> dict[str, str]:
    back = await stage.agree(begun)
    return {"state": back["state"], "error": "server_error\r\nLocation: https://evil.test"}


async def after_cancelling(stage: Stage, begun: dict[str, Any]) -> dict[str, str]:
    back = await stage.agree(begun)
    assert (await stage.client.post(f"{BASE}/{begun['job_id']}/cancel")).status_code == 200
    return back


async def too_late(stage: Stage, begun: dict[str, Any]) -> dict[str, str]:
    back = await stage.agree(begun)
    await alter(stage, state_expires_at=now() - timedelta(seconds=1))
    return back


async def after_the_job_expired(stage: Stage, begun: dict[str, Any]) -> dict[str, str]:
    back = await stage.agree(begun)
    await jobs.expire(stage.runtime, workspace_id=stage.ada.workspace_id, job_id=(await stage.job(begun["job_id"])).id)
    return back


async def with_a_made_up_code(stage: Stage, begun: dict[str, Any]) -> dict[str, str]:
    return {**await stage.agree(begun), "code": "4/made-up"}


async def with_anothers_code(stage: Stage, begun: dict[str, Any]) -> dict[str, str]:
    """A code that somebody else was given for a sign-in of their own (PKCE tells)."""
    other = await stage.vendor.agree((await stage.start())["authorization_url"], stage.ada.user.email)
    return {**await stage.agree(begun), "code": other["code"]}


async def while_the_provider_is_down(stage: Stage, begun: dict[str, Any]) -> dict[str, str]:
    stage.vendor.fail("/token", 503)
    return await stage.agree(begun)


async def with_a_wrong_client(stage: Stage, begun: dict[str, Any]) -> dict[str, str]:
    name = "reason" if stage.provider == "google" else "code"
    stage.vendor.fail("/token", 401, **{name: "invalid_client"})
    return await stage.agree(begun)


async def without_the_scope(stage: Stage, begun: dict[str, Any]) -> dict[str, str]:
    return await stage.agree(begun, scopes=f"openid {EMAIL_SCOPE} {READ_OTHER_CONTACTS}")


async def without_an_identity(stage: Stage, begun: dict[str, Any]) -> dict[str, str]:
    return await stage.agree(begun, scopes=f"{READ_CONTACTS} {EMAIL_SCOPE}")


async def with_an_address_nobody_vouches_for(stage: Stage, begun: dict[str, Any]) -> dict[str, str]:
    stage.google.claims = {"email_verified": False}
    return await stage.agree(begun)


async def of_another_account(stage: Stage, begun: dict[str, Any]) -> dict[str, str]:
    stage.google.claims = {"nonce": "of another sign-in"}
    return await stage.agree(begun)


async def for_another_server(stage: Stage, begun: dict[str, Any]) -> dict[str, str]:
    stage.google.claims = {"aud": "somebody-else.apps.googleusercontent.test"}
    return await stage.agree(begun)


async def after_leaving_the_workspace(stage: Stage, begun: dict[str, Any]) -> dict[str, str]:
    back = await stage.agree(begun)
    async with stage.runtime.db.begin(stage.ada.scope) as db:
        await db.execute(delete(Member).where(Member.user_id == stage.ada.user.id))
    return back


async def as_a_mere_viewer(stage: Stage, begun: dict[str, Any]) -> dict[str, str]:
    back = await stage.agree(begun)
    async with stage.runtime.db.begin(stage.ada.scope) as db:
        await db.execute(update(Member).where(Member.user_id == stage.ada.user.id).values(role=Role.VIEWER))
    return back


async def alter(stage: Stage, **values: Any) -> None:
    async with stage.runtime.db.begin(stage.ada.scope) as db:
        await db.execute(update(ImportJob).values(**values))


# How the browser comes back, what its app is told, and what becomes of the import.
FAILURES: list[tuple[Failing, str, Status]] = [
    (denied, "access was denied", Status.FAILED),
    (without_code, "no authorization code", Status.FAILED),
    (with_an_endless_code, "no authorization code", Status.FAILED),
    (server_error, "server_error", Status.FAILED),
    (after_cancelling, "cancelled", Status.CANCELLED),
    (too_late, "ten minutes", Status.FAILED),
    (after_the_job_expired, "failed", Status.FAILED),
    (with_a_made_up_code, "Failed to exchange authorization code", Status.FAILED),
    (with_anothers_code, "Failed to exchange authorization code", Status.FAILED),
    (while_the_provider_is_down, "Start the import again in a minute", Status.FAILED),
    (with_a_wrong_client, "operator has to check", Status.FAILED),
    (after_leaving_the_workspace, "role", Status.FAILED),
    (as_a_mere_viewer, "role", Status.FAILED),
]
# By what only Google says of who signed in and what they granted.
FAILURES_AT_GOOGLE: list[tuple[Failing, str]] = [
    (without_the_scope, "leave the box ticked"),
    (without_an_identity, "not genuine"),
    (with_an_address_nobody_vouches_for, "vouch"),
    (of_another_account, "another sign-in"),
    (for_another_server, "not genuine"),
]


@pytest.mark.parametrize(("failing", "message", "status"), FAILURES, ids=[each[0].__name__ for each in FAILURES])
async def test_a_sign_in_that_fails_ends_in_the_app_with_words(
    either: Stage, failing: Failing, message: str, status: Status
) -> None:
    await fails(either, failing, message, status)


@pytest.mark.parametrize(
    ("failing", "message"), FAILURES_AT_GOOGLE, ids=[each[0].__name__ for each in FAILURES_AT_GOOGLE]
)
async def test_an_account_that_google_does_not_vouch_for_is_not_imported(
    stage: Stage, failing: Failing, message: str
) -> None:
    await fails(stage, failing, message, Status.FAILED)


async def fails(stage: Stage, failing: Failing, message: str, status: Status) -> None:
    begun = await stage.start()
    told = await stage.come_back(await failing(stage, begun))
    assert (told["status"], told["job_id"]) == ("error", begun["job_id"])
    assert message in told["message"]
    job = await stage.job(begun["job_id"])
    assert job.status is status
    assert status is Status.CANCELLED or job.error_message
    async with stage.runtime.db.begin(stage.ada.scope) as db:
        assert await db.scalar(select(func.count()).select_from(Grant)) == 0


def changed(state: str, **members: str) -> str:
    return base64.b64encode(json.dumps({**json.loads(base64.b64decode(state)), **members}).encode()).decode()


UNREADABLE = [
    "",
    "x",
    "%%%",
    "e30=",
    "W10=",
    base64.b64encode(b"[" * 1_000).decode(),
    base64.b64encode(b"\xff").decode(),
    "A" * 9_000,
]


@pytest.mark.parametrize("text", UNREADABLE, ids=lambda each: each[:8] or "none")
async def test_a_state_that_is_none_uses_nothing_up(stage: Stage, text: str) -> None:
    begun = await stage.start()
    back = await stage.agree(begun)
    told = await come_back(stage.client, {**back, "state": text})
    assert (told["status"], told["job_id"]) == ("error", "")
    assert (await come_back(stage.client, back))["status"] == "success"


@pytest.mark.parametrize("member", ["job_id", "user_id", "workspace_id", "random", "signature"])
async def test_a_state_that_was_changed_is_not_ours(stage: Stage, member: str) -> None:
    begun = await stage.start()
    back = await stage.agree(begun)
    told = await come_back(stage.client, {**back, "state": changed(back["state"], **{member: str(new_id())})})
    assert (told["status"], "this server made" in told["message"]) == ("error", True)
    assert (await come_back(stage.client, back))["status"] == "success"


async def test_a_state_works_once_and_for_its_own_import(either: Stage) -> None:
    first, second = await either.start(), await either.start()
    back = await either.agree(first)
    assert (await either.come_back(back))["status"] == "success"
    replayed = await either.come_back(back)
    assert (replayed["status"], replayed["job_id"]) == ("error", first["job_id"])
    assert (await either.job(first["job_id"])).status is Status.FETCHING
    assert (await either.job(second["job_id"])).status is Status.AUTHENTICATING


async def test_a_state_that_is_being_used_can_not_be_used_meanwhile(stage: Stage) -> None:
    begun = await stage.start()
    back = await stage.agree(begun)
    await consent.take_back(stage.runtime, "google", back["state"])
    told = await come_back(stage.client, back)
    assert (told["status"], "finished before" in told["message"]) == ("error", True)


@pytest.mark.parametrize("provider", ["microsoft", "icloud", "csv", "a.b"])
async def test_another_provider_can_not_bring_it_back(stage: Stage, provider: str) -> None:
    begun = await stage.start()
    back = await stage.agree(begun)
    assert (await come_back(stage.client, back, provider=provider))["status"] == "error"
    assert (await come_back(stage.client, back))["status"] == "success"


async def test_a_database_that_fails_still_sends_the_browser_back(stage: Stage) -> None:
    begun = await stage.start()
    back = await stage.agree(begun)
    gone = Database("postgresql+asyncpg://nobody:nothing@127.0.0.1:9/none", pool_size=2, name="gone")
    async with Client(create_app(dataclasses.replace(stage.runtime, db=gone))) as client:
        told = await come_back(client, back)
    await gone.aclose()
    assert (told["status"], told["job_id"]) == ("error", begun["job_id"])
    assert "database" in told["message"]


async def test_a_failure_while_the_tokens_are_stored_sends_it_back_and_leaves_none(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = await stage.start()
    back = await stage.agree(begun)

    async def burst(*_: object, **__: object) -> None:
        raise ConnectionResetError

    with monkeypatch.context() as patched:
        patched.setattr(consent.actions, "queue", burst)
        told = await come_back(stage.client, back)
    assert told["status"] == "error"
    async with stage.runtime.db.begin(stage.ada.scope) as db:
        assert await db.scalar(select(func.count()).select_from(Grant)) == 0
    # What broke off half way is ended by its time.
    await jobs.expire(stage.runtime, workspace_id=stage.ada.workspace_id, job_id=(await stage.job(begun["job_id"])).id)
    assert (await stage.job(begun["job_id"])).status is Status.FAILED


async def test_a_crowd_is_sent_back_too(stage: Stage) -> None:
    crowded = stage.runtime.settings.model_copy(update={"rate_per_address": 1})
    async with Client(create_app(dataclasses.replace(stage.runtime, settings=crowded))) as client:
        told = [await come_back(client, {"state": "x"}) for _ in range(3)]
    assert "requests a minute" in told[-1]["message"]


async def test_an_import_that_nobody_signed_in_for_can_not_go_on(stage: Stage) -> None:
    begun = await stage.start()
    await come_back(stage.client, await denied(stage, begun))
    refused = await stage.client.post(f"{BASE}/{begun['job_id']}/retry")
    assert (refused.status_code, "Start a new one" in refused.json()["message"]) == (409, True)


async def test_the_sixth_start_within_an_hour_is_refused(stage: Stage) -> None:
    for _ in range(5):
        await stage.start()
    refused = await stage.client.post(f"{BASE}/google/start")
    assert (refused.status_code, refused.json()["error"]) == (429, "Too Many Requests")
    assert 3500 < int(refused.headers["retry-after"]) <= 3601


async def test_a_key_begins_one_import_however_often_it_is_sent(stage: Stage) -> None:
    keyed = Client(stage.client.app, {**stage.client.headers, "Idempotency-Key": "once"})
    answers = [(await keyed.post(f"{BASE}/google/start")).json() for _ in range(3)]
    assert answers[0] == answers[1] == answers[2]


async def test_without_a_client_it_says_what_to_set(runtime: Runtime, anonymous: Client) -> None:
    ada = await make_user(runtime)
    for provider, name, url in (
        ("google", "Google", "https://console.cloud.google.com/"),
        ("microsoft", "Microsoft", "https://portal.azure.com/"),
    ):
        refused = await anonymous.signed_in(ada.access_token).post(f"{BASE}/{provider}/start")
        body = refused.json()
        assert (refused.status_code, body["status"], body["error"]) == (400, 400, "Configuration Required")
        upper = name.upper()
        assert body["message"] == (
            f"{name} OAuth not configured. Please set {upper}_CLIENT_ID and {upper}_CLIENT_SECRET."
        )
        assert body["setup_url"] == url
    assert (await anonymous.signed_in(ada.access_token).post(f"{BASE}/icloud/start")).status_code == 422


async def test_the_scheme_of_the_links_is_a_setting(stage: Stage) -> None:
    own = stage.runtime.settings.model_copy(update={"app_scheme": "com.example.app"})
    async with Client(create_app(dataclasses.replace(stage.runtime, settings=own))) as client:
        answer = await client.get(f"{BASE}/google/callback?state=x")
    assert answer.headers["location"].startswith("com.example.app://import-callback/google?job_id=&status=error")


async def test_tokens_lie_sealed_and_nowhere_else(stage: Stage) -> None:
    begun = await stage.start()
    await come_back(stage.client, await stage.agree(begun))
    await finish(stage.runtime, stage.ada, (await stage.job(begun["job_id"])).id)
    canaries = [*stage.google.access, *stage.google.grants]
    found = []
    async with stage.runtime.db.begin(stage.ada.scope) as db:
        tables = await db.scalars(
            text(
                "select table_name from information_schema.tables where table_schema = 'public' and table_type = 'BASE TABLE'"
            )
        )
        for table in list(tables):
            if table == "alembic_version":
                continue
            async with db.begin_nested():
                for canary in canaries:
                    sought = {"one": f"%{canary}%", "other": f"%{canary.encode().hex()}%"}
                    query = f'select count(*) from "{table}" t where t::text like :one or t::text like :other'
                    found += [table] * (await db.scalar(text(query), sought) or 0)
    assert len(canaries) >= 2
    assert found == []
