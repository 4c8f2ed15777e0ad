"""The console in a real Chromium: a newcomer's way in, work watched while it goes on, the keyboard, and axe's judgement."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from outrider.core.clock import now
from outrider.core.embedded import EmbeddedServer
from outrider.core.ids import new_id
from outrider.domain.operations.models import Operation, OperationStatus
from outrider.domain.senders.models import Category, Sender
from outrider.domain.sending.models import ANSWER, Send
from outrider.runtime import Addresses, Runtime
from outrider.settings import Settings
from tests.factories.accounts import PASSWORD, Someone, make_user, retire
from tests.factories.console import furnish
from tests.factories.imports import contacts, finish, start
from tests.live import Live, serving
from tests.real.chromium import NEEDED, Watched, running, serious

PAGES = (
    "follow-ups", "calls", "calls/settings", "drafts", "senders", "mailboxes", "calendars", "contacts", "duplicates", "imports",
    "batches", "operations", "preferences", "language-model",
)  # fmt: skip

pytestmark = NEEDED


@pytest.fixture(scope="module")
def live(
    settings: Settings, server: EmbeddedServer, database: Addresses, tmp_path_factory: pytest.TempPathFactory
) -> Any:
    with serving(settings, server, tmp_path_factory.mktemp("live")) as running:
        yield running


@pytest.fixture
async def chromium() -> AsyncIterator[Any]:
    async with running() as browser:
        yield browser


@pytest.fixture
async def ada(runtime: Runtime) -> AsyncIterator[Someone]:
    owner = await make_user(runtime)
    await furnish(runtime, owner)
    yield owner
    await retire(runtime, owner)


async def signed_in(chromium: Any, live: Live, who: Someone, **options: Any) -> Watched:
    context = await chromium.new_context(**options)
    context.set_default_timeout(20_000)
    watched = Watched(await context.new_page())
    await watched.page.goto(f"{live.url}/")
    await watched.page.get_by_label("Email").fill(who.user.email)
    await watched.page.get_by_label("Password").fill(PASSWORD)
    await watched.page.get_by_role("button", name="Sign in").click()
    await watched.page.wait_for_selector("nav#side")
    return watched


async def test_a_newcomer_registers_signs_in_and_is_told_what_to_do(chromium: Any, live: Live) -> None:
    page = (watched := Watched(await chromium.new_page())).page
    await page.goto(f"{live.url}/")
    await page.get_by_role("link", name="Make an account").click()
    email = f"new-{new_id().hex}@a.test"
    await page.get_by_label("Name").fill("Grace Hopper")
    await page.get_by_label("Email").fill(email)
    await page.get_by_label("Password").fill("seven ships sail past noon")
    await page.get_by_role("button", name="Make the account").click()
    assert "Registered" in await page.get_by_role("status").first.inner_text()
    await page.get_by_label("Password").fill("seven ships sail past noon")
    await page.get_by_role("button", name="Sign in").click()
    await page.get_by_role("link", name="Connect a mailbox").click()
    await page.wait_for_url("**/console/mailboxes")
    form = page.locator("#connect")
    await form.get_by_label("Email address").fill(email)
    await form.get_by_label("Password").fill("wrong")
    await form.get_by_label("IMAP server").fill("127.0.0.1")
    await form.locator("[name=port]").fill("1")
    await form.get_by_role("button", name="Connect").click()
    told = await page.get_by_role("alert").inner_text()
    assert "Request" in told, "what went wrong is told beside the form, with the id that is in the log"
    assert await form.get_by_label("Email address").input_value() == email
    await page.get_by_role("button", name="Sign out").click()
    await page.wait_for_url("**/console/sign-in")
    assert [each for each in watched.errors if "422" not in each] == []


async def test_wrong_passwords_are_told_in_place(chromium: Any, live: Live, ada: Someone) -> None:
    page = await chromium.new_page()
    await page.goto(f"{live.url}/console/sign-in")
    await page.get_by_label("Email").fill(ada.user.email)
    await page.get_by_label("Password").fill("not it")
    await page.get_by_role("button", name="Sign in").click()
    assert "The email address or the password is wrong." in await page.get_by_role("alert").inner_text()


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_axe_finds_nothing_serious_and_nothing_is_logged(
    chromium: Any, live: Live, ada: Someone, scheme: str
) -> None:
    strict = await signed_in(chromium, live, ada, color_scheme=scheme)
    judged = await signed_in(chromium, live, ada, color_scheme=scheme, bypass_csp=True)  # axe brings styles of its own
    found = []
    for name in PAGES:
        await strict.page.goto(f"{live.url}/console/{name}")
        await judged.page.goto(f"{live.url}/console/{name}")
        found += await serious(judged.page)
    assert found == []
    assert strict.errors == []


async def test_a_draft_is_read_changed_and_approved(chromium: Any, live: Live, runtime: Runtime, ada: Someone) -> None:
    page = (watched := await signed_in(chromium, live, ada)).page
    await page.keyboard.press("g")
    await page.keyboard.press("d")
    await page.wait_for_url("**/console/drafts")
    await page.get_by_role("link", name="Read and decide").click()
    words = page.get_by_label("Answer")
    assert "thank you for your message" in await words.input_value()
    await words.fill("Dear Grace,\n\nthe second draft suits me.\n\nAda")
    await page.get_by_role("button", name="Save").click()
    await page.wait_for_selector("text=You wrote this")
    await page.get_by_label("Subject").fill("Re: The second draft")
    await words.fill("   ")
    await page.get_by_role("button", name="Approve and send").click()
    assert "needs a subject and some words" in await page.get_by_role("alert").inner_text()
    assert await page.get_by_label("Subject").input_value() == "Re: The second draft", "what was written stays"
    await words.fill("Dear Grace,\n\nsigned.\n\nAda")
    await page.get_by_role("button", name="Approve and send").click()
    await page.wait_for_selector(".pill.approved")
    async with runtime.db.begin(ada.scope) as db:
        send = (await db.scalars(select(Send).where(Send.origin == ANSWER))).one()
    assert (send.recipient, send.body) == ("grace@harbour.example", "Dear Grace,\n\nsigned.\n\nAda")
    # Chromium itself logs the status of what was refused.
    assert [each for each in watched.errors if "422" not in each] == []


async def test_progress_is_shown_while_it_is_made(chromium: Any, live: Live, runtime: Runtime, ada: Someone) -> None:
    page = (await signed_in(chromium, live, ada)).page
    await page.goto(f"{live.url}/console/operations")
    await page.wait_for_selector("text=3,740")
    await asyncio.sleep(1)  # the stream has opened
    async with runtime.db.begin(ada.scope) as db:
        running = (await db.scalars(select(Operation).where(Operation.status == OperationStatus.RUNNING))).one()
        running.advance(now(), done=1_000, failed=0, remaining=1_260)
    await page.wait_for_selector("text=4,740")


async def test_a_lost_connection_is_said(
    chromium: Any, settings: Settings, server: EmbeddedServer, ada: Someone, tmp_path: Path
) -> None:
    with serving(settings, server, tmp_path) as mortal:
        page = (await signed_in(chromium, mortal, ada)).page
        await page.goto(f"{mortal.url}/console/operations")
        await asyncio.sleep(3)
        assert not await page.locator("#lost").is_visible()
        mortal.process.terminate()
        mortal.process.wait(20)
        await page.wait_for_selector("text=Connection lost")


async def test_ten_tabs_share_one_stream(chromium: Any, live: Live, ada: Someone) -> None:
    first = (await signed_in(chromium, live, ada)).page
    tabs = [await first.context.new_page() for _ in range(10)]
    for tab in tabs:
        await tab.goto(f"{live.url}/console/operations")
        assert await tab.get_by_role("heading", level=1).inner_text() == "Operations"


async def test_senders_are_sorted_by_a_key_each(chromium: Any, live: Live, runtime: Runtime, ada: Someone) -> None:
    page = (await signed_in(chromium, live, ada)).page
    await page.goto(f"{live.url}/console/senders?category=unassigned")
    await page.wait_for_function("() => customElements.get('x-sorting')")
    first = await page.locator("tbody tr b").first.inner_text()
    async with page.expect_response("**/console/senders/*"):
        await page.keyboard.press("j")
        await page.keyboard.press("1")
    async with page.expect_response("**/console/senders/*"):
        await page.keyboard.press("a")
    async with runtime.db.begin(ada.scope) as db:
        rows = {each.name: each for each in await db.scalars(select(Sender))}
    assert rows[first].category is Category.CALL_ME
    assert sum(each.category is Category.UNASSIGNED for each in rows.values()) == 3
    await page.keyboard.press("g")
    await page.keyboard.press("f")
    await page.wait_for_url("**/console/follow-ups")
    await page.keyboard.press("?")
    assert await page.get_by_role("dialog", name="Keyboard").is_visible()


async def test_a_call_rings_is_answered_and_speaks(chromium: Any, live: Live, ada: Someone) -> None:
    watched = await signed_in(chromium, live, ada)
    page = watched.page
    await page.goto(f"{live.url}/console/calls")
    await page.get_by_label("What is to be said").fill("The contract is signed.")
    await page.get_by_label("Also in quiet hours").check()
    await page.get_by_role("button", name="Call me").click()
    ringing = page.get_by_role("alertdialog")
    await ringing.wait_for()
    assert "The contract is signed" in await ringing.inner_text()
    await page.get_by_role("link", name="Senders").click()
    await page.wait_for_url("**/console/senders")
    assert await ringing.is_visible(), "it rings on while pages change"
    async with page.expect_response("**/audio") as spoken:
        await ringing.get_by_role("button", name="Answer").click()
    assert (await spoken.value).status == 206, "players ask for a range"
    talk = page.locator("x-talk")
    await talk.wait_for()
    await page.wait_for_function("() => document.querySelector('x-talk audio').currentTime > 0.3")
    await talk.get_by_role("button", name="Done").click()
    await talk.wait_for(state="detached")
    await page.goto(f"{live.url}/console/calls")
    assert "Completed" in await page.inner_text("#calls")
    assert watched.errors == []


async def test_long_lists_are_walked_by_the_keyboard(chromium: Any, live: Live, runtime: Runtime) -> None:
    grace = await make_user(runtime)
    await finish(runtime, grace, (await start(runtime, grace, contacts(120))).id)
    watched = await signed_in(chromium, live, grace)
    page = watched.page
    await page.goto(f"{live.url}/console/contacts")
    seen = [await page.locator("tbody tr b, tbody tr .name").all_inner_texts()]
    for _ in range(2):
        async with page.expect_response("**/console/contacts?after=*"):
            await page.keyboard.press("n")
        await page.wait_for_function(f"() => !document.body.innerText.includes({seen[-1][0]!r})")
        seen.append(await page.locator("tbody tr .name").all_inner_texts())
    assert [len(each) for each in seen] == [50, 50, 20]
    assert len({name for each in seen for name in each}) == 120
    await page.go_back()
    await page.wait_for_function(f"() => document.body.innerText.includes({seen[1][0]!r})")
    await page.keyboard.press("j")
    await page.keyboard.press("j")
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/console/contacts/*-*")
    assert await page.get_by_role("heading", level=1).inner_text() == seen[1][1]
    assert watched.errors == []


async def test_duplicates_are_merged_by_a_key_and_taken_apart_again(chromium: Any, live: Live, ada: Someone) -> None:
    watched = await signed_in(chromium, live, ada)
    page = watched.page
    page.on("dialog", lambda dialog: dialog.accept())
    await page.goto(f"{live.url}/console/duplicates")
    await page.keyboard.press("j")
    await page.keyboard.press("m")
    await page.wait_for_selector("text=No duplicates")
    await page.goto(f"{live.url}/console/contacts?search=grace%20harbour.example")
    await page.locator(".name", has_text="Grace Hopper").click()
    await page.wait_for_selector("text=grace+news@harbour.example")
    await page.get_by_role("button", name="Take apart").click()
    await page.wait_for_selector("text=Merged into this contact", state="detached")
    await page.goto(f"{live.url}/console/duplicates")
    assert await page.locator("tbody tr").count() == 1
    assert watched.errors == []


async def test_another_number_has_to_be_agreed_to_anew(chromium: Any, live: Live, ada: Someone) -> None:
    page = (await signed_in(chromium, live, ada)).page
    await page.goto(f"{live.url}/console/calls/settings")
    number, agrees = page.get_by_label("Number", exact=True), page.get_by_label("I agree that an artificial voice")
    await number.fill("+44 20 7946 0958")
    await agrees.check()
    await page.get_by_role("button", name="Save").click()
    await page.wait_for_selector("text=Kept.")
    assert await agrees.is_checked()
    assert await number.input_value() == "+442079460958"
    await number.fill("12")
    assert not await agrees.is_checked()
    await page.get_by_role("button", name="Save").click()
    assert "with its country" in await page.get_by_role("alert").inner_text()
    assert await page.evaluate("document.activeElement.name") == "phone_number"
    assert await number.input_value() == "12", "what was written stays"


async def test_a_refused_form_stays_as_it_was_written(chromium: Any, live: Live, ada: Someone) -> None:
    page = (await signed_in(chromium, live, ada)).page
    await page.goto(f"{live.url}/console/contacts")
    await page.get_by_label("Name", exact=True).fill("Nobody in particular")
    await page.get_by_role("button", name="Add").click()
    assert "Write an email address" in await page.get_by_role("alert").inner_text()
    assert await page.get_by_label("Name", exact=True).input_value() == "Nobody in particular"
    assert page.url.endswith("/console/contacts")
    await page.get_by_label("Email", exact=True).fill("somebody@particular.test")
    await page.get_by_role("button", name="Add").click()
    await page.wait_for_url("**/console/contacts/*-*")


async def test_imports_are_watched_to_their_end(chromium: Any, live: Live, ada: Someone, tmp_path: Path) -> None:
    page = (await signed_in(chromium, live, ada)).page
    await page.goto(f"{live.url}/console/imports")
    file = tmp_path / "friends.csv"
    file.write_bytes(contacts(40))
    await page.set_input_files("#file", file)
    await page.get_by_role("button", name="Import").click()
    row = page.locator("tbody tr", has_text="friends.csv")
    await row.get_by_text("Completed").wait_for()
    assert "40" in await row.inner_text()
