"""Takes a picture of each page of the console, light and dark, into docs/console/; needs Chromium."""

import asyncio
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import imageio_ffmpeg
import uvicorn
from playwright.async_api import async_playwright
from tests.factories.accounts import PASSWORD, Someone, make_user
from tests.factories.calls import make_call
from tests.factories.console import furnish

from outrider import starting
from outrider.core import embedded, log
from outrider.main import create_app
from outrider.runtime import addresses, open_runtime
from outrider.serving import listening
from outrider.settings import Settings, load

FOLDER = Path(__file__).parents[1] / "docs/console"
PAGES = (
    "follow-ups", "calls", "calls/settings", "drafts", "senders", "mailboxes", "calendars", "contacts", "duplicates", "imports",
    "batches", "operations", "preferences", "language-model",
)  # fmt: skip
OPENED = {"drafts": "Read and decide"}  # what is clicked first
SIZE = {"width": 1160, "height": 640}


async def main() -> None:
    folder = Path(tempfile.mkdtemp(prefix="pict-"))
    folder.chmod(0o755)  # noqa: ASYNC240  # nothing else runs yet
    log.configure("WARNING", json=True)
    settings = load(OUTRIDER_DATA_DIR=folder, OUTRIDER_PORT=0, OUTRIDER_SIGN_UP="*", _env_file=None)
    server = embedded.start(settings.data_dir)
    try:
        await starting.create_embedded_database(server)
        found = addresses(settings, server)
        await starting.prepare(settings, found)
        async with open_runtime(settings, found.app) as runtime:
            app = create_app(runtime)
            ada = await make_user(runtime, email="ada@engine.example")
            await furnish(runtime, ada)
            await make_call(runtime, ada, content="Grace Hopper writes: the contract is signed, can we speak today?")
            await _serve_and_walk(settings, app, ada)
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


async def _serve_and_walk(settings: Settings, app: Any, ada: Someone) -> None:
    with listening(settings) as listener:
        server = uvicorn.Server(uvicorn.Config(app, log_level="error", timeout_graceful_shutdown=1))
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            await _walk(f"http://127.0.0.1:{listener.getsockname()[1]}", ada)
        finally:
            server.should_exit = True
            await serving


async def _walk(url: str, ada: Someone) -> None:
    FOLDER.mkdir(exist_ok=True)
    async with async_playwright() as playwright:
        arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = await playwright.chromium.launch(executable_path=shutil.which("chromium"), args=arguments)
        for scheme in ("light", "dark"):
            page = await browser.new_page(viewport=SIZE, color_scheme=scheme)
            await page.goto(f"{url}/console/sign-in")
            await page.wait_for_timeout(300)
            await page.screenshot(path=FOLDER / f"sign-in-{scheme}.png")
            await page.fill("[name=email]", ada.user.email)
            await page.fill("[name=password]", PASSWORD)
            await page.click("button")
            for name in PAGES:
                await page.goto(f"{url}/console/{name}")
                if name in OPENED:
                    await page.get_by_role("link", name=OPENED[name]).first.click()
                await page.wait_for_timeout(300)
                await page.screenshot(path=FOLDER / f"{name.replace('/', '-')}-{scheme}.png")
        await browser.close()
    for picture in sorted(FOLDER.glob("*.png")):
        await asyncio.to_thread(_shrink, picture)


def _shrink(picture: Path) -> None:
    """Paints it with 256 colours: a page has few, and the pictures lie in the repository."""
    small = picture.with_suffix(".small.png")
    colours = "split[a][b];[a]palettegen=max_colors=256:stats_mode=full[p];[b][p]paletteuse=dither=none"
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-y", "-loglevel", "error", "-i", str(picture), "-vf", colours]
    subprocess.run([*command, str(small)], check=True)
    small.replace(picture)


if __name__ == "__main__":
    asyncio.run(main())
