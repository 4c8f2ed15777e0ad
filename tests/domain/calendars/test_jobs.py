"""What the worker does by itself: due calendars are read, and at shutdown nothing is left half done."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import text
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from outrider.core.db import Scope
from outrider.domain.calendars import jobs, queries
from outrider.domain.calendars.models import CalendarConnection
from outrider.providers.calendar.interface import PublishedCalendar
from outrider.runtime import Addresses, Runtime
from outrider.settings import Settings
from tests.factories.accounts import Someone, make_user
from tests.factories.calendars import at, calendar_runtime, connect, stamp
from tests.stand_ins.serving import serve


@pytest.fixture
async def reading(settings: Settings, database: Addresses) -> AsyncIterator[Runtime]:
    async with calendar_runtime(settings, database) as opened:
        yield opened
        await jobs.stop_reading()


async def make_due(runtime: Runtime, connection: CalendarConnection) -> None:
    async with runtime.db.begin(Scope(connection.workspace_id)) as db:
        await db.execute(text("update calendar_connections set sync_due_at = clock_timestamp()"))


async def rest(runtime: Runtime, owner: Someone) -> None:
    """Leaves nothing for a worker to do at a server that is gone."""
    async with runtime.db.begin(owner.scope) as db:
        await db.execute(text("update calendar_connections set sync_due_at = null"))


def published(held: asyncio.Event) -> Starlette:
    body = (
        f"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nUID:a\r\nDTSTART:{stamp(at(1))}\r\nSUMMARY:Published\r\nEND:VEVENT\r\n"
        "END:VCALENDAR\r\n"
    )

    async def answer(_: Request) -> Response:
        await held.wait()
        return Response(body, media_type="text/calendar")

    return Starlette(routes=[Route("/a.ics", answer)])


async def test_what_is_due_is_read_once(reading: Runtime) -> None:
    owner, held = await make_user(reading), asyncio.Event()
    held.set()
    async with serve(published(held)) as url:
        connection = await connect(reading, owner, "ics", PublishedCalendar(f"{url}/a.ics"))
        await make_due(reading, connection)
        for _ in range(3):
            await jobs.sync_due(reading)
        while jobs._reading:  # those of other tests may come first
            await asyncio.gather(*jobs._reading.values(), return_exceptions=True)
            await jobs.sync_due(reading)
        await rest(reading, owner)
    async with reading.db.begin(owner.scope) as db:
        found = await queries.upcoming(db, owner.workspace_id, owner.user.id, at(0, 0), at(9))
        stored = await queries.get(db, owner.workspace_id, owner.user.id, connection.id)
    assert [each.title for each in found] == ["Published"]
    assert stored.synced_at is not None
    assert stored.address == "127.0.0.1"


async def test_a_read_that_is_cut_short_is_done_again(reading: Runtime) -> None:
    owner, held = await make_user(reading), asyncio.Event()
    held.set()
    async with serve(published(held)) as url:
        connection = await connect(reading, owner, "ics", PublishedCalendar(f"{url}/a.ics"))
        held.clear()
        await make_due(reading, connection)
        await jobs.sync_due(reading)
        await asyncio.sleep(0.2)
        await jobs.stop_reading()
        held.set()
        async with reading.db.begin(owner.scope) as db:
            assert await queries.upcoming(db, owner.workspace_id, owner.user.id, at(0, 0), at(9)) == []
        await make_due(reading, connection)  # as five minutes would
        await jobs.sync_due(reading)
        await asyncio.gather(*jobs._reading.values())
        await rest(reading, owner)
    async with reading.db.begin(owner.scope) as db:
        assert len(await queries.upcoming(db, owner.workspace_id, owner.user.id, at(0, 0), at(9))) == 1
