"""Connecting calendars over the concierge's wire, and what lies ahead; ending with what an account leaves of them."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import text

from outrider.domain.calendars import queries
from outrider.main import create_app
from outrider.runtime import Addresses, Runtime
from outrider.settings import Settings
from tests.client import Client
from tests.factories.accounts import PASSWORD, Someone, make_user
from tests.factories.calendars import at, calendar_runtime, make_event, read, stamp
from tests.real import radicale as caldav
from tests.real.radicale import USER, Radicale
from tests.stand_ins.google import CLIENT_ID, CLIENT_SECRET
from tests.stand_ins.google_calendar import READ, GoogleCalendar
from tests.stand_ins.google_calendar import running as google_running
from tests.stand_ins.graph_calendar import READ as OUTLOOK_READ
from tests.stand_ins.graph_calendar import default_of, methods
from tests.stand_ins.microsoft import Microsoft
from tests.stand_ins.microsoft import running as microsoft_running

CONNECT, EVENTS = "/api/integrations/calendar/connect", "/api/integrations/calendar/events"


@pytest.fixture(scope="module")
def radicale() -> Iterator[Radicale]:
    with caldav.running() as server:
        yield server


@pytest.fixture
async def google() -> AsyncIterator[GoogleCalendar]:  # type: ignore[override]
    async with google_running() as stand_in:
        yield stand_in


@pytest.fixture
async def microsoft() -> AsyncIterator[Microsoft]:
    async with microsoft_running() as stand_in:
        stand_in.plug(methods())
        yield stand_in


@pytest.fixture
async def reading(
    settings: Settings, database: Addresses, google: GoogleCalendar, microsoft: Microsoft
) -> AsyncIterator[Runtime]:
    known = {
        "google_calendar_client_id": CLIENT_ID,
        "google_calendar_client_secret": SecretStr(CLIENT_SECRET),
        "google_token_url": f"{google.google.url}/token",
        "google_revoke_url": f"{google.google.url}/revoke",
        "google_calendar_url": google.google.url,
        "graph_url": microsoft.url,
    }
    async with calendar_runtime(settings, database, **known) as opened:
        yield opened


async def signed_in(runtime: Runtime) -> tuple[Someone, Client]:
    someone = await make_user(runtime)
    return someone, Client(create_app(runtime)).signed_in(someone.access_token)


async def read_all(runtime: Runtime, owner: Someone) -> None:
    async with runtime.db.begin(owner.scope) as db:
        connections = await queries.connections_of(db, owner.workspace_id, owner.user.id)
    for each in connections:
        assert await read(runtime, each) is None


async def events(client: Client, days: int = 30) -> list[dict[str, Any]]:
    answer = await client.get(f"{EVENTS}?days_ahead={days}")
    assert answer.status_code == 200
    return list(answer.json()["data"]["events"])


async def test_a_calendar_server_is_connected_by_its_password(reading: Runtime, radicale: Radicale) -> None:
    calendar = radicale.make("wire")
    radicale.put(
        calendar,
        "talk",
        f"DTSTART:{stamp(at(2))}\r\nDTEND:{stamp(at(2, 10))}\r\nSUMMARY:Talk\r\nATTENDEE;CN=Bob:mailto:bob@b.test",
    )
    ada, client = await signed_in(reading)
    body = {"provider": "caldav", "url": calendar, "username": USER, "auth_token": caldav.PASSWORD}
    answer = (await client.post(CONNECT, json=body)).json()
    assert (answer["data"]["status"], answer["data"]["calendars"]) == ("connected", ["Wire"])
    await read_all(reading, ada)
    [event] = await events(client)
    assert (event["title"], event["provider"], event["calendar_name"]) == ("Talk", "caldav", "Wire")
    assert (event["is_external"], event["all_day"], event["start_date"]) == (True, False, None)
    assert event["start_time"] == f"{at(2):%Y-%m-%dT%H:%M:%S}.000Z"
    assert event["reminder_at"] == f"{at(2, 8):%Y-%m-%dT%H}:45:00.000Z"
    assert event["attendees"] == [{"email": "bob@b.test", "name": "Bob", "response": "needs-action"}]
    again = (await client.post(CONNECT, json=body)).json()
    assert again["data"]["integration_id"] == answer["data"]["integration_id"]


@pytest.mark.parametrize("kind", ["refresh_token", "access_token"])
async def test_google_is_connected_by_a_token(reading: Runtime, google: GoogleCalendar, kind: str) -> None:
    ada, client = await signed_in(reading)
    calendar = google.calendar(ada.user.email)
    calendar.put(
        summary="Talk",
        start={"dateTime": at(1).isoformat(), "timeZone": "UTC"},
        end={"dateTime": at(1, 10).isoformat(), "timeZone": "UTC"},
    )
    grant = google.google.granted(ada.user.email, READ)
    token = grant.refresh_token if kind == "refresh_token" else google.google.token_of(grant)
    answer = await client.post(CONNECT, json={"provider": "google", "auth_token": token, "token_type": kind})
    assert answer.status_code == 200, answer.text
    google.google.expire_tokens() if kind == "refresh_token" else None
    await read_all(reading, ada)
    assert [each["title"] for each in await events(client)] == ["Talk"]
    async with reading.db.begin(ada.scope) as db:
        [stored] = await queries.connections_of(db, ada.workspace_id, ada.user.id)
    assert (stored.grant_id is None, stored.secret is None) == (kind == "access_token", kind == "refresh_token")


async def test_an_access_token_that_has_expired_waits_for_its_owner(reading: Runtime, google: GoogleCalendar) -> None:
    ada, client = await signed_in(reading)
    google.calendar(ada.user.email)
    token = google.google.token_of(google.google.granted(ada.user.email, READ))
    body = {"provider": "google", "auth_token": token, "token_type": "access_token"}
    assert (await client.post(CONNECT, json=body)).status_code == 200
    google.google.expire_tokens()
    async with reading.db.begin(ada.scope) as db:
        [stored] = await queries.connections_of(db, ada.workspace_id, ada.user.id)
    failure = await read(reading, stored)
    assert failure is not None
    assert (failure.message, failure.is_terminal) == ("The token has expired.", True)


async def test_outlook_is_connected_by_a_token(reading: Runtime, microsoft: Microsoft) -> None:
    ada, client = await signed_in(reading)
    calendar = default_of(microsoft.account(ada.user.email))
    calendar.put(at(1), subject="Talk")
    token = microsoft.token_of(microsoft.granted(ada.user.email, OUTLOOK_READ))
    body = {"provider": "outlook", "auth_token": token, "token_type": "access_token"}
    assert (await client.post(CONNECT, json=body)).status_code == 200
    await read_all(reading, ada)
    assert [(each["title"], each["provider"]) for each in await events(client)] == [("Talk", "microsoft")]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"provider": "caldav", "url": "https://a.test"}, "VALIDATION_ERROR"),
        ({"provider": "caldav", "auth_token": "x"}, "VALIDATION_ERROR"),
        ({"provider": "google"}, "VALIDATION_ERROR"),
        ({"provider": "google", "auth_token": "made up"}, "VALIDATION_ERROR"),
        ({"provider": "outlook", "auth_token": "x"}, "PROVIDER_UNAVAILABLE"),
        ({"provider": "pigeon", "auth_token": "x"}, "VALIDATION_ERROR"),
        ({"provider": "ics", "url": "http://10.0.0.1/a.ics"}, "CALENDAR_UNREACHABLE"),
        ({"provider": "ics", "url": "http://127.0.0.1:1/a.ics"}, "CALENDAR_UNREACHABLE"),
        ({"provider": "caldav", "url": "http://a.test", "auth_token": "x"}, "CALENDAR_UNREACHABLE"),
    ],
    ids=[
        "no password",
        "no address",
        "no token",
        "a wrong token",
        "not set up",
        "unknown",
        "inside",
        "nobody there",
        "plain",
    ],
)
async def test_what_can_not_be_connected_says_why(reading: Runtime, body: dict[str, Any], code: str) -> None:
    _, client = await signed_in(reading)
    refused = await client.post(CONNECT, json=body)
    assert (refused.status_code, refused.json()["error"]["code"]) == (422, code)


async def test_no_more_calendars_than_twenty_are_connected(reading: Runtime, radicale: Radicale) -> None:
    ada, client = await signed_in(reading)
    for _ in range(20):
        await make_event(reading, ada)
    body = {"provider": "caldav", "url": radicale.make("last"), "username": USER, "auth_token": caldav.PASSWORD}
    refused = await client.post(CONNECT, json=body)
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "TOO_MANY_CALENDARS")


async def test_only_the_days_asked_for_are_listed_and_only_the_callers(runtime: Runtime, anonymous: Client) -> None:
    ada, eve = await make_user(runtime), await make_user(runtime)
    await make_event(runtime, ada, title="Soon", day=2)
    await make_event(runtime, ada, title="Later", day=20)
    client = anonymous.signed_in(ada.access_token)
    assert [each["title"] for each in await events(client, days=7)] == ["Soon"]
    assert [each["title"] for each in await events(client, days=30)] == ["Soon", "Later"]
    assert await events(anonymous.signed_in(eve.access_token)) == []
    for days in ("0", "91", "-1", "x"):
        assert (await client.get(f"{EVENTS}?days_ahead={days}")).status_code == 422


async def test_preferences_decide_of_what_one_is_reminded(runtime: Runtime, anonymous: Client) -> None:
    ada = await make_user(runtime)
    bob = [{"address": "bob@b.test", "name": "Bob", "response": "accepted"}]
    await make_event(runtime, ada, title="Alone")
    await make_event(runtime, ada, title="With Bob", day=2, attendees=bob)
    client = anonymous.signed_in(ada.access_token)
    wish = {"meeting_reminder_frequency": "external-only", "meeting_reminder_timing": "2-hours"}
    assert (await client.put("/api/preferences", json=wish)).status_code == 200
    found = {each["title"]: each["reminder_at"] for each in await events(client)}
    assert found == {"Alone": None, "With Bob": f"{at(2, 7):%Y-%m-%dT%H:%M:%S}.000Z"}


async def test_a_calendar_that_can_not_be_read_says_so_beside_what_is_known(
    reading: Runtime, google: GoogleCalendar
) -> None:
    ada, client = await signed_in(reading)
    google.calendar(ada.user.email)
    body = {"provider": "google", "auth_token": google.google.granted(ada.user.email, READ).refresh_token}
    assert (await client.post(CONNECT, json=body)).status_code == 200
    google.google.withdraw(ada.user.email)
    async with reading.db.begin(ada.scope) as db:
        [stored] = await queries.connections_of(db, ada.workspace_id, ada.user.id)
    assert await read(reading, stored) is not None
    [told] = (await client.get(EVENTS)).json()["data"]["integrations"]
    assert (told["integration_id"], told["provider"], told["account"]) == (str(stored.id), "google", ada.user.email)
    assert (told["state"], told["last_sync"], told["calendars"]) == ("reauth_required", None, [ada.user.email])
    assert "Connect" in told["reason"]


async def test_a_disconnected_calendar_is_forgotten(reading: Runtime, google: GoogleCalendar) -> None:
    ada, client = await signed_in(reading)
    google.calendar(ada.user.email)
    grant = google.google.granted(ada.user.email, READ)
    connected = await client.post(CONNECT, json={"provider": "google", "auth_token": grant.refresh_token})
    address = f"/api/integrations/calendar/connections/{connected.json()['data']['integration_id']}"
    assert (await client.delete(address)).json()["data"] == {"disconnected": True}
    assert (await client.delete(address)).status_code == 404
    assert (await client.get(EVENTS)).json()["data"] == {"events": [], "integrations": []}
    async with reading.db.begin(ada.scope) as db:
        assert await db.scalar(text("select state from grants")) == "revoking"


async def test_an_account_that_ends_leaves_no_calendar_behind(reading: Runtime, google: GoogleCalendar) -> None:
    ada, client = await signed_in(reading)
    google.calendar(ada.user.email)
    grant = google.google.granted(ada.user.email, READ)
    assert (
        await client.post(CONNECT, json={"provider": "google", "auth_token": grant.refresh_token})
    ).status_code == 200
    answer = await client.request("DELETE", "/api/users/account", json={"password": PASSWORD})
    assert answer.status_code < 300, answer.text
    async with reading.db.begin(ada.scope) as db:
        left = await db.execute(
            text("select count(*) from calendar_connections union all select count(*) from calendars")
        )
        assert [row[0] for row in left] == [0, 0]
        assert await db.scalar(text("select state from grants")) == "revoking"
