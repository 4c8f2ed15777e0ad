"""Every page and every button of the console: who may, whose things, and what is told when it fails."""

from typing import Any

import pytest
from sqlalchemy import text

from outrider.domain.calls import scheduling
from outrider.domain.calls.models import Priority
from outrider.domain.mailboxes.models import Direction
from outrider.runtime import Runtime
from tests.factories.accounts import Someone, make_user, retire
from tests.factories.browser import browser
from tests.factories.calls import make_call, retire_calls
from tests.factories.console import furnish
from tests.factories.mailboxes import make_mailbox, make_message
from tests.factories.urgency import make_judgement

PREFERENCES = {
    "meeting_reminder_timing": "1-hour", "meeting_reminder_frequency": "external-only",
    "meeting_reminder_method": "digest-only", "timezone": "Europe/Berlin",
}  # fmt: skip
FILE = {"file": ("a.csv", b"email\na@b.example\n")}
PAGES = (
    "follow-ups", "calls", "calls/settings", "drafts", "senders", "mailboxes", "calendars", "contacts", "duplicates", "imports",
    "batches", "operations", "preferences", "language-model",
)  # fmt: skip


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


async def test_pages_bring_their_own_scripts_and_styles_alone(runtime: Runtime, ada: Someone) -> None:
    async with browser(runtime, ada) as client:
        for name in PAGES:
            page = await client.get(f"/console/{name}")
            assert page.status_code == 200, name
            assert page.headers["content-security-policy"].startswith("default-src 'self'; script-src 'self'")
            assert " style=" not in page.text, name
            assert "<style" not in page.text, name


async def test_who_has_nothing_is_told_what_to_do(runtime: Runtime) -> None:
    eve = await make_user(runtime, name="Eve")
    async with browser(runtime, eve) as client:
        for name in set(PAGES) - {"calls/settings", "preferences"}:
            page = await client.get(f"/console/{name}")
            assert page.status_code == 200, name
            assert 'class="empty"' in page.text, name


async def test_buttons_do_what_they_say(runtime: Runtime, ada: Someone) -> None:
    async with browser(runtime, ada) as client:
        assert (await client.post("/console/preferences", data=PREFERENCES)).status_code == 303
        page = (await client.get("/console/preferences")).text
        assert 'value="Europe/Berlin"' in page
        assert page.count(" checked") == 0
        assert (await client.post("/console/imports", files=FILE)).status_code == 303
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


async def test_what_a_form_is_refused_for_is_told_above_it(runtime: Runtime, ada: Someone) -> None:
    async with browser(runtime, ada) as client:
        sent = {"HX-Request": "true"}
        refused = await client.post("/console/contacts", data={"email": "nobody"}, headers=sent)
        assert refused.status_code == 422
        assert refused.headers["hx-retarget"] == "#problem"
        assert refused.headers["hx-push-url"] == "false", "the page stays where it is"
        assert "Write an email address" in refused.text
        assert "<html" not in refused.text
        missing = await client.get("/console/senders?page=0", headers=sent)
        assert "hx-retarget" not in missing.headers, "what is gone to is a page"


async def test_a_button_of_a_list_leads_back_to_its_place(runtime: Runtime, ada: Someone) -> None:
    async with runtime.db.begin(ada.scope) as db:
        enrollment_id = await db.scalar(text("select id from enrollments where status = 'active' limit 1"))
    async with browser(runtime, ada) as client:
        for button, asked_on, query in (("pause", "follow-ups", "?page=1"), ("resume", "senders", "")):
            sent = {"HX-Current-URL": f"http://test/console/{asked_on}?page=1"}
            back = await client.post(f"/console/follow-ups/{enrollment_id}/{button}", headers=sent)
            assert back.headers["location"] == f"/console/follow-ups{query}"


async def test_who_is_signed_out_meanwhile_is_led_away_also_from_a_part_of_a_page(runtime: Runtime) -> None:
    async with browser(runtime) as client:
        answer = await client.get("/console/senders", headers={"HX-Request": "true"})
        assert answer.headers["hx-redirect"] == "/console/sign-in?next=/console/senders"


async def test_nobody_is_sent_elsewhere_after_signing_in(runtime: Runtime) -> None:
    async with browser(runtime) as client:
        for target in ("https://evil.example/", "//evil.example", "/console/\\evil", "/console//evil.example"):
            page = await client.get("/console/sign-in", params={"next": target})
            assert 'name="next" value="/console/"' in page.text


async def test_suggestions_look_at_the_calendars_too(runtime: Runtime, ada: Someone) -> None:
    async with browser(runtime, ada) as client:
        page = (await client.post("/console/preferences/suggest")).text
    assert "meetings in the next 28 days of your calendars" in page


async def test_a_call_says_why_its_mail_rang_and_takes_that_it_was_not_urgent(runtime: Runtime) -> None:
    grace = await make_user(runtime)
    mail = await make_message(runtime, await make_mailbox(runtime, grace), direction=Direction.IN)
    await make_judgement(runtime, grace, mail)
    async with runtime.db.begin(grace.scope) as db:
        call = await scheduling.schedule_urgent(
            db, grace.workspace_id, grace.user.id, content="The line stopped.", priority=Priority.HIGH,
            at=await runtime.clock.due_now(db), origin=f"message:{mail.id}", message_id=mail.id,
        )  # fmt: skip
    async with browser(runtime, grace) as client:
        page = (await client.get("/console/calls")).text
        assert "It rang because it needs you (“please call”)." in page
        assert "This was not urgent" in page
        answer = await client.post(f"/console/calls/{call.id}/not-urgent")
        assert answer.headers["location"] == "/console/calls"
        page = (await client.get("/console/calls")).text
        assert "You said that this was not urgent." in page
        other = await make_call(runtime, grace)
        assert (await client.post(f"/console/calls/{other.id}/not-urgent")).status_code == 404
    await retire_calls(runtime, grace)
