"""The sign-in with Google in a real Chromium, begun and ended by a real extension; Google itself is the stand-in."""

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
from tests.live import Live, serving
from tests.stand_ins.google import CLIENT_ID, CLIENT_SECRET, Google

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


async def page_at_google(browser: Any, live: Live) -> Any:
    """Has the extension begin; returns the tab that it opened."""
    worker = await worker_of(browser)
    async with browser.expect_page() as opened:
        await worker.evaluate("base => self.connect(base)", live.url)
    page = await opened.value
    await page.wait_for_selector("#allow")
    return page


async def test_an_extension_connects_a_mailbox_and_gets_its_session(browser: Any, live: Live, google: Google) -> None:
    address = f"ada{time.monotonic_ns()}@gmail.test"
    google.box(address)
    page = await page_at_google(browser, live)
    await page.select_option("select", address)
    await page.click("#allow")
    await page.wait_for_selector("h1")
    assert address in await page.inner_text("h1")
    worker = await worker_of(browser)
    session: dict[str, Any] = {}
    async with asyncio.timeout(10):
        while not session:
            session = (await worker.evaluate("() => chrome.storage.local.get('session')")).get("session", {})
            await asyncio.sleep(0.1)
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
    page = await page_at_google(browser, live)
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
