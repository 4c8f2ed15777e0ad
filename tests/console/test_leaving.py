"""Sending a browser of the console to Google or Microsoft and taking it back: mailboxes, calendars, and again."""

from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
from pydantic import SecretStr
from sqlalchemy import text

from outrider.domain.mailboxes.models import Mailbox, State
from outrider.runtime import Addresses, Runtime
from outrider.settings import Settings
from tests.factories.accounts import Someone, make_user, retire
from tests.factories.browser import browser
from tests.factories.google import google_runtime, retire_boxes
from tests.factories.mailboxes import make_mailbox
from tests.stand_ins.google import CLIENT_ID, CLIENT_SECRET, Google
from tests.stand_ins.google_calendar import GoogleCalendar
from tests.stand_ins.google_calendar import running as calendar_running

PAGE = {"Accept": "text/html"}


@pytest.fixture
async def with_google(settings: Settings, database: Addresses, google: Google) -> AsyncIterator[Runtime]:
    async with google_runtime(settings, database, google) as opened:
        yield opened
        await retire_boxes(opened, google)


@pytest.fixture
async def calendars() -> AsyncIterator[GoogleCalendar]:
    async with calendar_running() as stand_in:
        yield stand_in


@pytest.fixture
async def with_calendars(settings: Settings, database: Addresses, calendars: GoogleCalendar) -> AsyncIterator[Runtime]:
    known: dict[str, Any] = {
        "google_calendar_client_id": CLIENT_ID, "google_calendar_client_secret": SecretStr(CLIENT_SECRET),
        "google_calendar_url": calendars.google.url,
    }  # fmt: skip
    async with google_runtime(settings, database, calendars.google, **known) as opened:
        yield opened


async def make_refused(runtime: Runtime, owner: Someone, *, provider: str, address: str) -> Mailbox:
    """A mailbox that only its owner can bring back."""
    mailbox = await make_mailbox(runtime, owner, address=address)
    async with runtime.db.begin(owner.scope) as db:
        kept = await db.get_one(Mailbox, (mailbox.workspace_id, mailbox.id))
        kept.provider, kept.state, kept.sync_due_at = provider, State.REAUTH_REQUIRED, None
    return mailbox


def asked(answer: httpx2.Response) -> dict[str, str]:
    """What the browser is sent to ask the provider."""
    assert answer.status_code == 303, answer.text
    return {name: values[0] for name, values in parse_qs(urlsplit(answer.headers["location"]).query).items()}


async def test_a_mailbox_at_google_is_connected_again_at_google(with_google: Runtime, google: Google) -> None:
    ada = await make_user(with_google)
    address = f"office-{ada.user.id.hex}@gmail.test"
    google.box(address)
    await make_refused(with_google, ada, provider="google", address=address)
    async with browser(with_google, ada) as client:
        page = (await client.get("/console/mailboxes")).text
        assert "Connect again with Google" in page
        assert f'name="hint" value="{address}"' in page
        sent = await client.post("/console/mailboxes/with/google", data={"hint": address})
        assert asked(sent)["login_hint"] == address
        back = await google.agree(sent.headers["location"], address)
        home = await client.get("/auth/callback", params=back, headers=PAGE)
        assert (home.status_code, home.headers["location"]) == (303, "/console/mailboxes")
        page = (await client.get("/console/mailboxes")).text
    assert "Connect again" not in page
    assert page.count(f"<h2>{address}</h2>") == 1
    await retire(with_google, ada)
    async with with_google.db.begin(ada.scope) as db:
        assert await db.scalar(text("select count(*) from sessions")) == 1, (
            "who came from the console is signed in there"
        )


async def test_a_refusal_is_told_on_a_page_that_leads_back(with_google: Runtime, google: Google) -> None:
    ada = await make_user(with_google)
    google.box(ada.user.email)
    async with browser(with_google, ada) as client:
        sent = await client.post("/console/mailboxes/with/google")
        back = await google.agree(sent.headers["location"], ada.user.email, denies=True)
        told = await client.get("/auth/callback", params=back, headers=PAGE)
    assert told.status_code == 422
    assert "access_denied" in told.text
    assert '<a href="/console/mailboxes">' in told.text


async def test_another_browser_does_not_come_back(with_google: Runtime, google: Google) -> None:
    ada = await make_user(with_google)
    google.box(ada.user.email)
    async with browser(with_google, ada) as client:
        sent = await client.post("/console/mailboxes/with/google")
        back = await google.agree(sent.headers["location"], ada.user.email)
    async with browser(with_google, ada) as other:
        assert (await other.get("/auth/callback", params=back, headers=PAGE)).status_code == 422
        assert (
            ada.user.email
            not in (await other.get("/console/mailboxes")).text.partition("<main")[2].partition("#connect")[0]
        )


async def test_calendars_at_google_are_connected_by_signing_in(
    with_calendars: Runtime, calendars: GoogleCalendar
) -> None:
    ada = await make_user(with_calendars)
    calendars.calendar(ada.user.email)
    async with browser(with_calendars, ada) as client:
        assert "Continue with Google" in (await client.get("/console/calendars")).text
        for _ in range(2):  # again: the same connection, the same grant
            sent = await client.post("/console/calendars/with/google")
            assert "calendar.readonly" in asked(sent)["scope"]
            assert "gmail" not in asked(sent)["scope"]
            back = await calendars.google.agree(sent.headers["location"], ada.user.email)
            home = await client.get("/auth/callback", params=back, headers=PAGE)
            assert (home.status_code, home.headers["location"]) == (303, "/console/calendars")
        page = (await client.get("/console/calendars")).text
    assert page.count("Disconnect</button>") == 1
    async with with_calendars.db.begin(ada.scope) as db:
        rows = (await db.execute(text("select provider, state from grants"))).all()
        assert [tuple(row) for row in rows] == [("google_calendars", "active")]
        await db.execute(text("update calendar_connections set sync_due_at = null"))


async def test_what_is_not_set_up_is_said_in_words(runtime: Runtime) -> None:
    ada = await make_user(runtime)
    await make_refused(runtime, ada, provider="microsoft", address=f"ada-{ada.user.id.hex}@outlook.test")
    async with browser(runtime, ada) as client:
        mailbox = await client.post("/console/mailboxes/with/microsoft")
        calendar = await client.post("/console/calendars/with/google")
        page = (await client.get("/console/mailboxes")).text
    assert "Signing in with Microsoft is not set up" in mailbox.text
    assert "Signing in with Google is not set up" in calendar.text
    assert "CalDAV" in calendar.text
    assert "Its operator can mend that" in page
    await retire(runtime, ada)
