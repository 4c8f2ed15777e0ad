"""The console in a real Chromium: a newcomer's way in, work watched while it goes on, the keyboard, and axe's judgement."""

import asyncio
import os
import shutil
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
from outrider.runtime import Addresses, Runtime
from outrider.settings import Settings
from tests.factories.accounts import PASSWORD, Someone, make_user, retire
from tests.factories.console import furnish
from tests.live import Live, serving

axe = pytest.importorskip("axe_playwright_python.async_playwright", reason="axe is not installed")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or ""
PAGES = ("follow-ups", "calls", "senders", "mailboxes", "imports", "operations", "preferences")

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(not CHROMIUM, reason="Chromium is not installed: apt-get install chromium"),
]


@pytest.fixture
def live(settings: Settings, server: EmbeddedServer, database: Addresses, tmp_path: Path) -> Any:
    with serving(settings, server, tmp_path) as running:
        yield running


@pytest.fixture
async def chromium() -> AsyncIterator[Any]:
    playwright = pytest.importorskip("playwright.async_api", reason="playwright is not installed")
    args = ["--disable-gpu", *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    async with playwright.async_playwright() as running:
        browser = await running.chromium.launch(executable_path=CHROMIUM, args=args)
        yield browser
        await browser.close()


@pytest.fixture
async def ada(runtime: Runtime) -> AsyncIterator[Someone]:
    owner = await make_user(runtime)
    await furnish(runtime, owner)
    yield owner
    await retire(runtime, owner)


class Watched:
    """A page whose errors are kept."""

    def __init__(self, page: Any) -> None:
        self.page, self.errors = page, []
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", lambda said: self.errors.append(said.text) if said.type == "error" else None)


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
    await form.get_by_label("Port").first.fill("1")
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
        results = await axe.Axe().run(judged.page)
        found += [
            f"{name}: {each['id']} {[node['html'][:90] for node in each['nodes'][:3]]}"
            for each in results.response["violations"]
            if each["impact"] in {"serious", "critical"}
        ]
    assert found == []
    assert strict.errors == []


async def test_progress_is_shown_while_it_is_made(chromium: Any, live: Live, runtime: Runtime, ada: Someone) -> None:
    page = (await signed_in(chromium, live, ada)).page
    await page.goto(f"{live.url}/console/operations")
    await page.wait_for_selector("text=3,740")
    await asyncio.sleep(1)  # the stream has opened
    async with runtime.db.begin(ada.scope) as db:
        running = (await db.scalars(select(Operation).where(Operation.status == OperationStatus.RUNNING))).one()
        running.advance(now(), done=1_000, failed=0, remaining=1_260)
    await page.wait_for_selector("text=4,740")


async def test_a_lost_connection_is_said(chromium: Any, live: Live, ada: Someone) -> None:
    page = (await signed_in(chromium, live, ada)).page
    await page.goto(f"{live.url}/console/operations")
    await asyncio.sleep(3)
    assert not await page.locator("#lost").is_visible()
    live.process.terminate()
    live.process.wait(20)
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
    assert (await spoken.value).status == 200
    talk = page.locator("x-talk")
    await talk.wait_for()
    await page.wait_for_function("() => document.querySelector('x-talk audio').currentTime > 0.3")
    await talk.get_by_role("button", name="Done").click()
    await talk.wait_for(state="detached")
    await page.goto(f"{live.url}/console/calls")
    assert "Completed" in await page.inner_text("#calls")
    assert watched.errors == []
