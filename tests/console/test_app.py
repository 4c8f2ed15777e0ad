"""Every page and every button of the console: who may, whose things, and what is told when it fails."""

from typing import Any

import pytest
from fastapi.routing import APIRoute
from sqlalchemy import text

from outrider.console import app as console
from outrider.core.ids import new_id
from outrider.domain.accounts.models import Role
from outrider.runtime import Runtime
from tests.factories.accounts import Someone, make_user, retire
from tests.factories.browser import browser
from tests.factories.calls import make_call
from tests.factories.console import furnish

PUBLIC = {("GET", "/sign-in"), ("POST", "/sign-in"), ("GET", "/register"), ("POST", "/register")}
ROUTES = [
    (method, route.path)
    for router in console.ROUTERS
    for route in router.routes
    if isinstance(route, APIRoute)
    for method in sorted(route.methods or ())
]
NO_PAGES = {"/", "/live", "/calls/ringing", "/calls/{call_id}/audio"}
GUARDED = [each for each in ROUTES if each not in PUBLIC]
PAGES = [path for method, path in GUARDED if method == "GET" and path not in NO_PAGES]
CHANGES = [path for method, path in GUARDED if method == "POST" and path != "/sign-out"]
PREFERENCES = {
    "meeting_reminder_timing": "1-hour", "meeting_reminder_frequency": "external-only",
    "meeting_reminder_method": "digest-only", "preferred_call_time": "07:15", "timezone": "Europe/Berlin",
}  # fmt: skip
BODIES: dict[str, dict[str, Any]] = {
    "/preferences": {"data": PREFERENCES},
    "/senders/{sender_id}": {"data": {"category": "call-me"}},
    "/drafts/{draft_id}": {"data": {"act": "decline"}},
    "/language-model": {"data": {"consents": "no"}},
    "/imports": {"files": {"file": ("a.csv", b"email\na@b.example\n")}},
}


def filled(path: str, identifier: object = None) -> str:
    known = {"{provider}": "google", "{act}": "answer"}
    for part in path.split("/"):
        if part.startswith("{"):
            path = path.replace(part, known.get(part, str(identifier or new_id())))
    return f"/console{path}"


@pytest.fixture
async def ada(runtime: Runtime) -> Any:
    owner = await make_user(runtime, name="Ada canary")
    await furnish(runtime, owner)
    yield owner
    await retire(runtime, owner)


async def test_a_browser_at_the_root_is_sent_to_the_console_and_a_program_is_not(runtime: Runtime) -> None:
    async with browser(runtime) as client:
        assert (await client.get("/")).headers["location"] == "/console/"
        program = await client.get("/", headers={"Accept": "application/json"})
        assert program.status_code == 404
        assert program.json()["error"]["code"] == "not_found"


@pytest.mark.parametrize(("method", "path"), GUARDED)
async def test_nobody_gets_in_without_signing_in(runtime: Runtime, method: str, path: str) -> None:
    async with browser(runtime) as client:
        answer = await client.request(method, filled(path))
        assert answer.status_code == 303
        assert answer.headers["location"].startswith("/console/sign-in")


@pytest.mark.parametrize("path", CHANGES)
async def test_a_foreign_page_changes_nothing(runtime: Runtime, path: str) -> None:
    ada = await make_user(runtime)
    async with browser(runtime, ada) as client:
        foreign = {"Sec-Fetch-Site": "cross-site"}
        assert (await client.post(filled(path), headers=foreign)).status_code == 403
        del client.headers["Sec-Fetch-Site"]
        assert (await client.post(filled(path), headers={"Origin": "https://evil.example"})).status_code == 403
        assert (await client.post(filled(path))).status_code == 403, "neither header: no browser of today sent it"


@pytest.mark.parametrize("path", CHANGES)
async def test_a_viewer_changes_nothing(runtime: Runtime, path: str) -> None:
    viewer = await make_user(runtime, role=Role.VIEWER)
    async with browser(runtime, viewer) as client:
        answer = await client.post(filled(path), **BODIES.get(path, {"data": {}}))
        assert answer.status_code == 403
        assert answer.headers["x-request-id"] in answer.text


@pytest.mark.parametrize("path", [each for each in CHANGES if "_id}" in each])
async def test_what_is_anothers_does_not_exist(runtime: Runtime, ada: Someone, path: str) -> None:
    eve = await make_user(runtime, name="Eve")
    owned = await identifiers_of(runtime, ada)
    async with browser(runtime, eve) as client:
        for identifier in owned:
            answer = await client.post(filled(path, identifier), **BODIES.get(path, {"data": {}}))
            assert answer.status_code == 404


async def test_nobody_hears_anothers_call(runtime: Runtime) -> None:
    ada, eve = await make_user(runtime), await make_user(runtime)
    call = await make_call(runtime, ada, content="The contract is signed.")
    async with browser(runtime, eve) as client:
        assert (await client.get(f"/console/calls/{call.id}/audio")).status_code == 404
    async with browser(runtime, ada) as client:
        heard = await client.get(f"/console/calls/{call.id}/audio")
        assert heard.headers["content-type"] == "audio/mpeg"
        assert heard.content[:3] == b"ID3" or heard.content[0] == 0xFF
        assert (await client.get("/console/calls/ringing")).text.strip() == ""


@pytest.mark.parametrize("path", PAGES)
async def test_pages_show_what_is_ones_own(runtime: Runtime, ada: Someone, path: str) -> None:
    eve = await make_user(runtime, name="Eve")
    async with browser(runtime, ada) as client:
        page = await client.get(filled(path))
        assert page.status_code == 200
        assert "Ada canary" in page.text
        assert page.headers["content-security-policy"].startswith("default-src 'self'; script-src 'self'")
        assert " style=" not in page.text
        assert "<style" not in page.text
    async with browser(runtime, eve) as client:
        page = await client.get(filled(path))
        assert page.status_code == 200
        assert not [word for word in ("canary", "harbour", "conference", "engine.example") if word in page.text]


async def test_buttons_do_what_they_say(runtime: Runtime, ada: Someone) -> None:
    async with browser(runtime, ada) as client:
        assert (await client.post("/console/preferences", **BODIES["/preferences"])).status_code == 303
        page = (await client.get("/console/preferences")).text
        assert 'value="07:15"' in page
        assert 'value="Europe/Berlin"' in page
        assert page.count(" checked") == 0
        assert (await client.post("/console/imports", **BODIES["/imports"])).status_code == 303
        assert "a.csv" in (await client.get("/console/imports")).text
        assert (await client.post("/console/sign-out")).headers["location"] == "/console/sign-in"
        assert (await client.get("/console/imports")).status_code == 303, "the session has ended, cookie or not"


async def test_errors_say_what_happened_under_an_id(runtime: Runtime, ada: Someone) -> None:
    async with browser(runtime, ada) as client:
        missing = await client.get("/console/nowhere")
        assert missing.status_code == 404
        assert missing.headers["x-request-id"] in missing.text
        wrong = await client.get("/console/senders?page=0")
        assert wrong.status_code == 422
        assert "page" in wrong.text


async def test_who_is_signed_out_meanwhile_is_led_away_also_from_a_part_of_a_page(runtime: Runtime) -> None:
    async with browser(runtime) as client:
        answer = await client.get("/console/senders", headers={"HX-Request": "true"})
        assert answer.headers["hx-redirect"] == "/console/sign-in?next=/console/senders"


async def test_nobody_is_sent_elsewhere_after_signing_in(runtime: Runtime) -> None:
    async with browser(runtime) as client:
        for target in ("https://evil.example/", "//evil.example", "/console/\\evil", "/console//evil.example"):
            page = await client.get("/console/sign-in", params={"next": target})
            assert 'name="next" value="/console/"' in page.text


async def identifiers_of(runtime: Runtime, owner: Someone) -> list[str]:
    tables = ("mailboxes", "enrollments", "senders", "contact_import_jobs", "reply_drafts")
    async with runtime.db.begin(owner.scope) as db:
        return [str(await db.scalar(text(f"select id from {each} limit 1"))) for each in tables]
