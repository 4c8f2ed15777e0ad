"""A real Chromium, and pages whose errors are kept."""

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or ""
NEEDED = [
    pytest.mark.real,
    pytest.mark.skipif(not CHROMIUM, reason="Chromium is not installed: apt-get install chromium"),
]


@asynccontextmanager
async def running() -> AsyncIterator[Any]:
    playwright = pytest.importorskip("playwright.async_api", reason="playwright is not installed")
    args = ["--disable-gpu", *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    async with playwright.async_playwright() as started:
        browser = await started.chromium.launch(executable_path=CHROMIUM, args=args)
        yield browser
        await browser.close()


class Watched:
    """A page whose errors are kept."""

    def __init__(self, page: Any) -> None:
        self.page, self.errors = page, []
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", lambda said: self.errors.append(said.text) if said.type == "error" else None)


async def serious(page: Any) -> list[str]:
    """What axe-core finds on a page that is serious or worse. The page must have been opened with `bypass_csp`."""
    axe = pytest.importorskip("axe_playwright_python.async_playwright", reason="axe is not installed")
    results = await axe.Axe().run(page)
    return [
        f"{page.url}: {each['id']} {[node['html'][:90] for node in each['nodes'][:3]]}"
        for each in results.response["violations"]
        if each["impact"] in {"serious", "critical"}
    ]
