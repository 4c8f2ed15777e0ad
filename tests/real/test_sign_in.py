"""The sign-in in a real Chromium, begun and ended by a real extension; Google and Microsoft are the stand-ins."""

import asyncio
import os
import shutil
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from outrider.core.embedded import EmbeddedServer
from outrider.runtime import Addresses, Runtime
from outrider.settings import Settings
from tests.factories.google import google_urls, retire_boxes
from tests.factories.outlook import retire_boxes as retire_outlooks
from tests.live import Live, serving
from tests.stand_ins.google import CLIENT_ID, CLIENT_SECRET, Google
from tests.stand_ins.graph_mail import Mail
from tests.stand_ins.microsoft import CLIENT_ID as MICROSOFT_ID
from tests.stand_ins.microsoft import CLIENT_SECRET as MICROSOFT_SECRET
from tests.stand_ins.microsoft import Microsoft
from tests.test_canaries import everything_stored

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or ""
EXTENSION = Path(__file__).parents[1] / "data/extension"
QUIET = [
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-gpu",
]

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(not CHROMIUM, reason="Chromium is not installed: apt-get install chromium"),
]


@pytest.fixture
async def live(
    settings: Settings, server: EmbeddedServer, database: Addresses, runtime: Runtime, google: Google, tmp_path: Path
) -> AsyncIterator[Live]:
    variables = {name.upper(): value for name, value in google_urls(google).items()}
    variables |= {"GOOGLE_CLIENT_ID": CLIENT_ID, "GOOGLE_CLIENT_SECRET": CLIENT_SECRET}
    with serving(settings, server, tmp_path, OUTRIDER_LOG_LEVEL="DEBUG", **variables) as running:
        yield running
    await retire_boxes(runtime, google)


@pytest.fixture
async def browser(tmp_path: Path) -> AsyncIterator[Any]:
    playwright = pytest.importorskip("playwright.async_api", reason="playwright is not installed")
    args = [*QUIET, f"--disable-extensions-except={EXTENSION}", f"--load-extension={EXTENSION}"]
    if os.geteuid() == 0:
        args.append("--no-sandbox")
    async with playwright.async_playwright() as running:
        context = await running.chromium.launch_persistent_context(
            str(tmp_path / "profile"), executable_path=CHROMIUM, headless=True, args=args
        )
        context.set_default_timeout(20_000)
        yield context
        await context.close()


async def worker_of(browser: Any) -> Any:
    return browser.service_workers[0] if browser.service_workers else await browser.wait_for_event("serviceworker")


async def page_at(browser: Any, live: Live, provider: str) -> Any:
    """Has the extension begin; returns the tab that it opened."""
    worker = await worker_of(browser)
    async with browser.expect_page() as opened:
        await worker.evaluate("([base, provider]) => self.connect(base, provider)", [live.url, provider])
    page = await opened.value
    await page.wait_for_selector("#allow")
    return page


async def session_of(browser: Any) -> dict[str, Any]:
    """What the extension took from the page and keeps."""
    worker = await worker_of(browser)
    async with asyncio.timeout(10):
        while True:
            kept: dict[str, Any] = await worker.evaluate("() => chrome.storage.local.get('session')")
            if "session" in kept:
                return dict(kept["session"])
            await asyncio.sleep(0.1)


async def test_an_extension_connects_a_mailbox_and_gets_its_session(browser: Any, live: Live, google: Google) -> None:
    address = f"ada{time.monotonic_ns()}@gmail.test"
    google.box(address)
    page = await page_at(browser, live, "google")
    await page.select_option("select", address)
    await page.click("#allow")
    await page.wait_for_selector("h1")
    assert address in await page.inner_text("h1")
    session = await session_of(browser)
    async with httpx2.AsyncClient(base_url=live.url) as client:
        bearer = {"Authorization": f"Bearer {session['accessToken']}"}
        status = (await client.get("/auth/status", headers=bearer)).json()
        assert [each["address"] for each in status["mailboxes"]] == [address]
        assert (await client.delete("/auth/disconnect", headers=bearer)).json()["disconnected"] is True
    log = live.log.read_text()
    secrets = [
        *google.grants,
        *google.access,
        *google.codes,
        session["refreshToken"],
        session["accessToken"],
        CLIENT_SECRET,
    ]
    assert "/auth/callback" in log
    assert [each for each in secrets if each in log] == []


async def test_who_says_no_is_told_so_on_a_page(browser: Any, live: Live, google: Google) -> None:
    google.box("ada@gmail.test")
    page = await page_at(browser, live, "google")
    await page.click("#deny")
    await page.wait_for_selector("h1")
    assert await page.inner_text("h1") == "The mailbox was not connected."
    assert "access_denied" in await page.inner_text("p")


async def test_the_way_back_is_of_no_use_in_another_browser(browser: Any, live: Live, google: Google) -> None:
    address = f"eve{time.monotonic_ns()}@gmail.test"
    google.box(address)
    async with httpx2.AsyncClient(base_url=live.url) as elsewhere:
        begun = (await elsewhere.post("/auth/connect", json={})).json()
    page = await browser.new_page()
    await page.goto(begun["authUrl"])
    await page.select_option("select", address)
    await page.click("#allow")
    await page.wait_for_selector("h1")
    assert await page.inner_text("h1") == "The mailbox was not connected."
    assert all(each.address != address or not each.is_revoked for each in google.grants.values())


async def test_an_extension_connects_an_outlook_mailbox(
    browser: Any,
    settings: Settings,
    server: EmbeddedServer,
    database: Addresses,
    runtime: Runtime,
    microsoft: Microsoft,
    tmp_path: Path,
) -> None:
    address = f"ada{time.monotonic_ns()}@outlook.test"
    Mail(microsoft).box(address)
    variables = {
        "MICROSOFT_LOGIN_URL": microsoft.url, "MICROSOFT_GRAPH_URL": microsoft.url,
        "OUTLOOK_CLIENT_ID": MICROSOFT_ID, "OUTLOOK_CLIENT_SECRET": MICROSOFT_SECRET,
    }  # fmt: skip
    with serving(settings, server, tmp_path, OUTRIDER_LOG_LEVEL="DEBUG", **variables) as live:
        page = await page_at(browser, live, "microsoft")
        await page.select_option("select", address)
        await page.click("#allow")
        await page.wait_for_selector("h1")
        assert address in await page.inner_text("h1")
        session = await session_of(browser)
        async with httpx2.AsyncClient(base_url=live.url) as client:
            bearer = {"Authorization": f"Bearer {session['accessToken']}"}
            status = (await client.get("/auth/status", headers=bearer)).json()
            assert [(each["address"], each["provider"]) for each in status["mailboxes"]] == [(address, "microsoft")]
            assert (await client.delete("/auth/disconnect", headers=bearer)).json()["disconnected"] is True
        log = live.log.read_text()
    await retire_outlooks(runtime, microsoft)
    secrets = [*microsoft.grants, *microsoft.access, *microsoft.codes, *session.values(), MICROSOFT_SECRET]
    assert "/auth/callback" in log
    assert [each for each in secrets if isinstance(each, str) and len(each) > 20 and each in log] == []
    stored = await everything_stored(server)
    assert address in stored, "the dump is a dump"
    kept = [*microsoft.grants, *microsoft.access, session["accessToken"], session["refreshToken"], MICROSOFT_SECRET]
    assert [each for each in kept if each in stored] == []
