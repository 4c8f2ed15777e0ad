"""The console's leak matrix: every route, called by everybody who must not see or change a thing, with its owner's ids."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest
from sqlalchemy import text

from outrider.console import app as console
from outrider.core.ids import new_id
from outrider.domain.accounts.models import Role
from outrider.runtime import Runtime
from tests.factories.accounts import Someone, make_user, retire
from tests.factories.browser import browser
from tests.factories.calls import make_call, retire_calls
from tests.factories.console import furnish

# Words that stand in everything that belongs to whom the strangers look at.
CANARIES = ("canary", "harbour", "conference", "engine.example", "captain")
TABLES = {
    "mailbox_id": "mailboxes", "connection_id": "calendar_connections", "enrollment_id": "enrollments",
    "sender_id": "senders", "job_id": "contact_import_jobs", "batch_id": "harvest_batches", "contact_id": "contacts",
    "call_id": "calls", "draft_id": "reply_drafts", "merged_id": "contacts",
}  # fmt: skip
Owned = dict[str, str]


@dataclass(frozen=True)
class Row:
    """One route of the matrix. `names` what its path is filled with: then strangers are told that there is none. What
    `is_shared` belongs to the workspace and is seen by all its members; a page that `shows` has something of its owner's.
    `is_for_all`: who may only read does this for themselves.
    """

    form: Callable[[Owned], dict[str, Any]] | None = None
    query: str = ""
    names: bool = False
    is_shared: bool = False
    shows: bool = False
    is_for_all: bool = False


PREFERENCES = {
    "meeting_reminder_timing": "1-hour", "meeting_reminder_frequency": "external-only",
    "meeting_reminder_method": "digest-only", "timezone": "Europe/Berlin",
}  # fmt: skip
CALLED = {"quiet_from": "21:00", "quiet_until": "07:00", "daily_budget": "12", "preferred_call_time": "08:00"}
PUBLIC = {("GET", "/sign-in"), ("POST", "/sign-in"), ("GET", "/register"), ("POST", "/register")}
MATRIX: dict[tuple[str, str], Row] = {
    ("GET", "/"): Row(),
    ("POST", "/sign-out"): Row(is_for_all=True),
    ("GET", "/live"): Row(),
    ("GET", "/follow-ups"): Row(shows=True),
    ("POST", "/follow-ups/{enrollment_id}/pause"): Row(names=True),
    ("POST", "/follow-ups/{enrollment_id}/resume"): Row(names=True),
    ("GET", "/calls"): Row(shows=True),
    ("POST", "/calls"): Row(form=lambda _: {"content": "Mine"}),
    ("GET", "/calls/ringing"): Row(),
    ("GET", "/calls/settings"): Row(),
    ("POST", "/calls/settings"): Row(form=lambda _: CALLED),
    ("GET", "/calls/{call_id}/audio"): Row(names=True),
    ("POST", "/calls/{call_id}/{act}"): Row(names=True),
    ("POST", "/calls/{call_id}/not-urgent"): Row(names=True),
    ("GET", "/drafts"): Row(query="?draft={draft_id}", names=True, shows=True),
    ("POST", "/drafts/{draft_id}"): Row(form=lambda _: {"act": "decline"}, names=True),
    ("GET", "/language-model"): Row(),
    ("POST", "/language-model"): Row(form=lambda _: {"consents": "no"}),
    ("GET", "/senders"): Row(shows=True),
    ("POST", "/senders/scan"): Row(),
    ("POST", "/senders/{sender_id}"): Row(form=lambda _: {"category": "call-me"}, names=True),
    ("GET", "/mailboxes"): Row(query="?again={mailbox_id}", names=True, shows=True),
    ("POST", "/mailboxes"): Row(form=lambda _: {"email": "a@b.test", "host": "127.0.0.1", "port": "1"}),
    ("POST", "/mailboxes/with/{provider}"): Row(),
    ("POST", "/mailboxes/{mailbox_id}/sync"): Row(names=True),
    ("POST", "/mailboxes/{mailbox_id}/disconnect"): Row(names=True),
    ("GET", "/calendars"): Row(query="?again={connection_id}", names=True, shows=True),
    ("POST", "/calendars"): Row(form=lambda _: {"kind": "ics", "url": "http://10.0.0.1/a"}),
    ("POST", "/calendars/with/{provider}"): Row(),
    ("POST", "/calendars/{connection_id}/disconnect"): Row(names=True),
    ("GET", "/contacts"): Row(query="?search=hopper", is_shared=True, shows=True),
    ("POST", "/contacts"): Row(form=lambda _: {"email": "eve@b.test"}),
    ("GET", "/contacts/{contact_id}"): Row(names=True, is_shared=True, shows=True),
    ("POST", "/contacts/{contact_id}"): Row(form=lambda _: {"name": "Mine"}, names=True, is_shared=True),
    ("POST", "/contacts/{merged_id}/unmerge"): Row(names=True, is_shared=True),
    ("GET", "/duplicates"): Row(is_shared=True, shows=True),
    ("POST", "/duplicates/merge"): Row(
        form=lambda it: {"kept_id": it["contact_id"], "merged_id": it["merged_id"]}, names=True, is_shared=True
    ),
    ("GET", "/imports"): Row(shows=True),
    ("POST", "/imports"): Row(),
    ("POST", "/imports/with/{provider}"): Row(),
    ("GET", "/imports/{job_id}"): Row(names=True, shows=True),
    ("POST", "/imports/{job_id}/cancel"): Row(names=True),
    ("POST", "/imports/{job_id}/retry"): Row(names=True),
    ("GET", "/batches"): Row(),
    ("POST", "/batches"): Row(form=lambda it: {"mailbox_id": it["mailbox_id"]}, names=True),
    ("GET", "/batches/{batch_id}"): Row(names=True, shows=True),
    ("POST", "/batches/{batch_id}/cancel"): Row(names=True),
    ("POST", "/batches/{batch_id}/retry"): Row(names=True),
    ("GET", "/operations"): Row(),
    ("GET", "/preferences"): Row(),
    ("POST", "/preferences"): Row(form=lambda _: PREFERENCES),
    ("POST", "/preferences/suggest"): Row(),
}
WRITES = [route for route in MATRIX if route[0] == "POST"]
# Sign-out ends the session that it is called with, the stream does not end.
BESIDES = {("POST", "/sign-out"), ("GET", "/live")}


@pytest.fixture(scope="module")
async def ada(runtime: Runtime) -> Any:
    owner = await make_user(runtime, name="Ada canary")
    await furnish(runtime, owner)
    await make_call(runtime, owner, content="canary, call the harbour")
    yield owner
    await retire_calls(runtime, owner)
    await retire(runtime, owner)


@pytest.fixture(scope="module")
async def owned(runtime: Runtime, ada: Someone) -> Owned:
    async with runtime.db.begin(ada.scope) as db:
        found = {
            name: [str(each) for each in await db.scalars(text(f"select id from {table} order by id limit 2"))]
            for name, table in TABLES.items()
        }
    return {name: ids[-1] if name == "merged_id" else ids[0] for name, ids in found.items()}


def filled(path: str, owned: Owned) -> str:
    return f"/console{path}".format(provider="google", act="answer", **owned)


async def ask(client: httpx2.AsyncClient, route: tuple[str, str], owned: Owned, **options: Any) -> httpx2.Response:
    row = MATRIX[route]
    data = row.form(owned) if row.form else {}
    return await client.request(
        route[0], filled(route[1] + row.query, owned), data=data if route[0] == "POST" else None, **options
    )


def leaked(answer: httpx2.Response) -> list[str]:
    return [word for word in CANARIES if word in answer.text.lower()]


def test_every_route_declares_its_need_and_has_its_row() -> None:
    routes = {(method, path): needs for method, path, needs in console.all_routes()}
    assert [route for route, needs in routes.items() if not needs] == []
    assert {route for route, needs in routes.items() if needs == "public"} == PUBLIC
    assert set(routes) - PUBLIC == set(MATRIX), "a route without a row in the matrix"


async def test_whoever_is_not_signed_in_is_led_to_the_door(runtime: Runtime, owned: Owned) -> None:
    through = []
    for cookie in ("", "garbage"):
        async with browser(runtime) as client:
            for route in MATRIX:
                answer = await ask(client, route, owned, headers={"Cookie": f"outrider-console={cookie}"})
                is_led = answer.status_code == 303 and answer.headers["location"].startswith("/console/sign-in")
                if not is_led or leaked(answer):
                    through.append((cookie, *route, answer.status_code))
    assert through == []


@pytest.mark.parametrize("stranger", ["other workspace", "same workspace"])
async def test_strangers_see_nothing_of_it(runtime: Runtime, ada: Someone, owned: Owned, stranger: str) -> None:
    is_near = stranger == "same workspace"
    eve = await make_user(runtime, name="Eve", workspace_id=ada.workspace_id if is_near else None)
    leaks = []
    async with browser(runtime, eve) as client:
        for route in MATRIX.keys() - BESIDES:
            row = MATRIX[route]
            if is_near and row.is_shared:
                continue
            answer = await ask(client, route, owned)
            if leaked(answer) or (row.names and answer.status_code != 404):
                leaks.append((*route, answer.status_code, leaked(answer)))
    print(f"\nleaks to a stranger of the {stranger}: {len(leaks)} of {len(MATRIX) - len(BESIDES)}")
    assert leaks == []


async def test_what_is_ones_own_is_shown(runtime: Runtime, ada: Someone, owned: Owned) -> None:
    """Else the matrix would find no leak for want of anything that could leak."""
    async with browser(runtime, ada) as client:
        for route, row in MATRIX.items():
            if row.shows:
                answer = await ask(client, route, owned)
                assert answer.status_code == 200, route
                assert set(leaked(answer)) - {"canary"}, route


async def test_a_viewer_changes_nothing(runtime: Runtime, ada: Someone, owned: Owned) -> None:
    viewer = await make_user(runtime, role=Role.VIEWER, workspace_id=ada.workspace_id)
    async with browser(runtime, viewer) as client:
        answers = {route: await ask(client, route, owned) for route in WRITES if not MATRIX[route].is_for_all}
    assert [route for route, answer in answers.items() if answer.status_code != 403] == []
    assert all(answer.headers["x-request-id"] in answer.text for answer in answers.values())


async def test_a_foreign_page_changes_nothing(runtime: Runtime, ada: Someone, owned: Owned) -> None:
    through = []
    for headers in (
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://evil.example"},
        {},  # no browser of today sent it
    ):
        async with browser(runtime, ada) as client:
            del client.headers["Sec-Fetch-Site"]
            for route in [*WRITES, *(each for each in PUBLIC if each[0] == "POST")]:
                row = MATRIX.get(route, Row())
                data = row.form(owned) if row.form else {}
                answer = await client.post(filled(route[1] + row.query, owned), data=data, headers=headers)
                if answer.status_code != 403:
                    through.append((headers, *route, answer.status_code))
    assert through == []


async def test_forms_name_no_thing_of_another(runtime: Runtime, owned: Owned) -> None:
    """What a form names is looked for among one's own, also beside something that is."""
    eve = await make_user(runtime, name="Eve")
    async with browser(runtime, eve) as client:
        made = await client.post("/console/contacts", data={"email": f"{new_id().hex}@b.test"})
        own = made.headers["location"].rpartition("/")[2]
        for forms in (
            {"kept_id": own, "merged_id": owned["contact_id"]},
            {"kept_id": owned["contact_id"], "merged_id": own},
        ):
            assert (await client.post("/console/duplicates/merge", data=forms)).status_code == 404
