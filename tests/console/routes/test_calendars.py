"""Calendars in the console: connected by an address, shown with their state, connected again, forgotten."""

from collections.abc import AsyncIterator, Iterator

import pytest
from sqlalchemy import text

from outrider.domain.calendars import queries
from outrider.domain.calendars.models import State
from outrider.runtime import Addresses, Runtime
from outrider.settings import Settings
from tests.factories.accounts import make_user
from tests.factories.browser import browser
from tests.factories.calendars import at, calendar_runtime, make_event, read, stamp
from tests.real import radicale as caldav
from tests.real.radicale import USER, Radicale


@pytest.fixture(scope="module")
def radicale() -> Iterator[Radicale]:
    with caldav.running() as server:
        yield server


@pytest.fixture
async def reading(settings: Settings, database: Addresses) -> AsyncIterator[Runtime]:
    async with calendar_runtime(settings, database) as opened:
        yield opened


async def test_a_caldav_server_is_tried_connected_read_and_connected_again(
    reading: Runtime, radicale: Radicale
) -> None:
    calendar = radicale.make("console")
    radicale.put(calendar, "talk", f"DTSTART:{stamp(at(2))}\r\nDTEND:{stamp(at(2, 10))}\r\nSUMMARY:Talk of the town")
    ada = await make_user(reading)
    form = {"kind": "caldav", "url": calendar, "username": USER, "password": "not it"}
    async with browser(reading, ada) as client:
        refused = await client.post("/console/calendars", data=form)
        assert refused.status_code == 422
        assert "password" in refused.text.partition('role="alert"')[2][:600]
        assert f'value="{calendar}"' in refused.text, "what was written stays"
        assert "not it" not in refused.text
        assert (await client.post("/console/calendars", data=form | {"password": caldav.PASSWORD})).status_code == 303
        async with reading.db.begin(ada.scope) as db:
            [connection] = await queries.connections_of(db, ada.workspace_id, ada.user.id)
        assert await read(reading, connection) is None
        page = (await client.get("/console/calendars")).text
        assert "Talk of the town" in page
        async with reading.db.begin(ada.scope) as db:
            kept = await queries.get(db, ada.workspace_id, ada.user.id, connection.id)
            kept.state, kept.state_reason = State.REAUTH_REQUIRED, "The password was refused."
        page = (await client.get("/console/calendars")).text
        assert f"/console/calendars?again={connection.id}" in page
        again = (await client.get(f"/console/calendars?again={connection.id}")).text
        assert f'name="url" value="{calendar}"' in again
        assert f'name="username" value="{USER}"' in again
        await client.post(f"/console/calendars/{connection.id}/disconnect")
        assert "No calendar yet" in (await client.get("/console/calendars")).text


async def test_a_published_address_is_a_secret_and_not_shown_again(reading: Runtime) -> None:
    ada = await make_user(reading)
    connection = await make_event(reading, ada)
    async with browser(reading, ada) as client:
        page = (await client.get(f"/console/calendars?again={connection.id}")).text
        assert 'name="url" value=""' in page
        assert 'value="ics" checked' in page
        inside = await client.post("/console/calendars", data={"kind": "ics", "url": "http://10.0.0.1/private.ics"})
        assert inside.status_code == 422
        without = await client.post("/console/calendars", data={"kind": "caldav", "url": "https://dav.test"})
        assert "Write the password too" in without.text


async def test_open_pages_are_told_of_a_calendar_that_changes(reading: Runtime) -> None:
    ada = await make_user(reading)
    async with reading.db.begin(ada.scope) as db:
        told = list(
            await db.scalars(
                text("select tgrelid::regclass::text from pg_trigger where tgname = 'tell_console' order by 1")
            )
        )
    assert {"calendar_connections", "call_settings", "call_consents"} <= set(told)
