"""A newcomer's whole way in a real Chromium: a fresh install, a real mailbox, and the call that rings at the end of it."""

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator
from datetime import timedelta
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid
from pathlib import Path
from typing import Any

import pytest

from outrider.core.clock import now
from tests.live import Live, fresh_install
from tests.real.chromium import NEEDED, Watched, running, serious
from tests.real.mail_servers import MailServers

pytestmark = NEEDED

ADDRESS, PASSWORD = "grace@a.test", "seven ships sail past noon"
WRITERS = 24
MAILS = 600
PATIENCE = 60_000  # milliseconds for what workers do on a busy machine
# Every word by which the mailbox's card says how far it is read, from before it is connected on.
KEEP_WORDS = """() => {
    window.words = []
    new MutationObserver(() => {
        const said = document.querySelector('#connected .sync')?.innerText.replace(/\\s+/g, ' ').trim()
        if (said && window.words.at(-1) !== said) window.words.push(said)
    }).observe(document.body, { childList: true, subtree: true, characterData: true, attributes: true })
}"""


@pytest.fixture
async def page_of_a_newcomer(mail: MailServers) -> AsyncIterator[tuple[Any, Watched, Live]]:
    # Short: a socket's path has at most 107 characters.
    folder = Path(tempfile.mkdtemp(prefix="new-"))
    folder.chmod(0o755)
    known = {"OUTRIDER_CA_FILE": str(mail.ca_file), "OUTRIDER_EGRESS_ALLOW": "127.0.0.1,localhost"}
    try:
        with fresh_install(folder, **known) as live:
            async with running() as browser:
                context = await browser.new_context(bypass_csp=True)  # axe brings styles of its own
                context.set_default_timeout(PATIENCE)
                watched = Watched(await context.new_page())
                yield watched.page, watched, live
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def letter(number: int) -> bytes:
    """One of many mails; each of the writers sends as many."""
    writer = number % WRITERS
    message = EmailMessage()
    message["From"], message["To"] = f"Writer {writer} <writer{writer}@w{writer}.test>", ADDRESS
    message["Subject"] = f"Letter {number}"
    message["Message-ID"], message["Date"] = make_msgid(), format_datetime(now() - timedelta(hours=number))
    message.set_content("What do you think?")
    return message.as_bytes()


async def test_from_the_first_page_to_a_call_that_rings(
    page_of_a_newcomer: tuple[Any, Watched, Live], mail: MailServers
) -> None:
    page, watched, live = page_of_a_newcomer
    mail.add_user(ADDRESS)
    await asyncio.to_thread(mail.append, ADDRESS, "INBOX", *(letter(number) for number in range(MAILS)))
    found = []

    # The first user of the installation.
    await page.goto(f"{live.url}/")
    await page.get_by_role("link", name="Make an account").click()
    await page.get_by_label("Name").fill("Grace Hopper")
    await page.get_by_label("Email").fill(ADDRESS)
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Make the account").click()
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Sign in").click()

    # An empty page says what to do; the mailbox is connected, and read while one watches.
    await page.get_by_role("link", name="Connect a mailbox").click()
    await page.wait_for_url("**/console/mailboxes")
    await page.evaluate(KEEP_WORDS)
    form = page.locator("#connect")
    await form.get_by_label("Email address").fill(ADDRESS)
    await form.get_by_label("Password").fill(mail.password(ADDRESS))
    await form.get_by_label("IMAP server").fill(mail.host)
    await form.locator("[name=port]").fill(str(mail.ports["imap"]))
    await form.get_by_label("SMTP server").fill(mail.host)
    await form.locator("[name=smtp_port]").fill(str(mail.ports["submission"]))
    await form.get_by_role("button", name="Connect").click()
    await page.wait_for_selector("text=Read to its end")
    words = await page.evaluate("window.words")
    on_the_way = [each for each in words if each.startswith("Reading ")]
    print(f"\nsaid while it was read: {words}")
    assert on_the_way, f"progress is seen while it is made: {words}"
    found += await serious(page)

    # Senders, by the keyboard alone.
    await page.keyboard.press("g")
    await page.keyboard.press("s")
    await page.wait_for_url("**/console/senders")
    await page.wait_for_selector(f".count:text-is('{WRITERS}')")
    await page.wait_for_function("() => customElements.get('x-sorting')")
    for key, category in (("1", "call-me"), ("3", "keep-quiet"), ("2", "remind-me")):
        await page.keyboard.press("j") if key == "1" else None
        async with page.expect_response("**/console/senders/*") as answer:
            await page.keyboard.press(key)
        assert (await answer.value).status == 204, category
    await page.reload()
    for label in ("Call me 1", "Keep quiet 1", "Remind me 1", f"To sort {WRITERS - 3}"):
        assert await page.get_by_role("link", name=label, exact=True).count() == 1, label
    found += await serious(page)

    # A scan is watched where long work is.
    await page.get_by_role("button", name="Scan again").click()
    await page.wait_for_url("**/console/operations")
    row = page.locator("tr", has_text="Sorting mail by sender")
    await row.get_by_text("Succeeded").wait_for()
    found += await serious(page)

    # Preferences.
    await page.keyboard.press("g")
    await page.keyboard.press("p")
    await page.wait_for_url("**/console/preferences")
    launches = page.get_by_role("switch", name="Launches")
    assert not await launches.is_checked()
    await launches.check()
    await page.get_by_label("Your time zone").fill("Nowhere/Town")
    await page.get_by_role("button", name="Save").click()
    assert "Nowhere/Town" in await page.get_by_role("alert").inner_text()
    assert await launches.is_checked(), "what was written stays"
    await page.get_by_label("Your time zone").fill("Europe/London")
    async with page.expect_response("**/console/preferences", timeout=PATIENCE):
        await page.get_by_role("button", name="Save").click()
    await page.reload()
    assert await page.get_by_role("switch", name="Launches").is_checked()
    assert await page.get_by_label("Your time zone").input_value() == "Europe/London"
    found += await serious(page)

    # A call rings, is answered, speaks, and stands in the history.
    await page.get_by_role("link", name="call settings").click()
    await page.wait_for_url("**/console/calls/settings")
    await page.get_by_label("Rings a day").fill("7")
    await page.get_by_role("button", name="Save").click()
    await page.wait_for_selector("text=0 of 7")
    found += await serious(page)
    await page.get_by_role("button", name="Try a call").click()
    ringing = page.get_by_role("alertdialog")
    await ringing.wait_for()
    found += await serious(page)
    async with page.expect_response("**/audio") as spoken:
        await ringing.get_by_role("button", name="Answer").click()
    assert (await spoken.value).status == 206, "players ask for a range"
    talk = page.locator("x-talk")
    await talk.wait_for()
    await page.wait_for_function("() => document.querySelector('x-talk audio').currentTime > 0.3")
    await talk.get_by_role("button", name="Done").click()
    await talk.wait_for(state="detached")
    await page.goto(f"{live.url}/console/calls")
    history = page.locator("#calls tbody tr")
    assert await history.count() == 1
    assert "Completed" in await history.inner_text()
    assert "This is a call to try it out" in await history.inner_text()
    found += await serious(page)

    assert found == []
    assert [each for each in watched.errors if "422" not in each] == [], "but for the zone that is none"
