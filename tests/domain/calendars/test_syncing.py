"""Calendars as they come to be known: read from a real server, changed there, and read again."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta

import pytest
from sqlalchemy import text

from outrider.core.db import Scope
from outrider.domain.calendars import queries, syncing
from outrider.domain.calendars.models import CalendarConnection, Occurrence, State
from outrider.providers.calendar.interface import DavCalendars
from outrider.runtime import Addresses, Runtime
from outrider.settings import Settings
from tests.factories.accounts import Someone, make_user
from tests.factories.calendars import at, calendar_runtime, connect, read, stamp
from tests.real.radicale import PASSWORD, USER, Radicale, running


@pytest.fixture(scope="module")
def radicale() -> Iterator[Radicale]:
    with running() as server:
        yield server


@pytest.fixture(scope="module")
async def reading(settings: Settings, database: Addresses) -> AsyncIterator[Runtime]:
    async with calendar_runtime(settings, database) as opened:
        yield opened


@pytest.fixture
async def owner(reading: Runtime) -> Someone:
    return await make_user(reading)


def account(calendar: str) -> DavCalendars:
    return DavCalendars(calendar, USER, PASSWORD)


async def upcoming(runtime: Runtime, owner: Someone, days: int = 30) -> list[Occurrence]:
    async with runtime.db.begin(owner.scope) as db:
        return await queries.upcoming(db, owner.workspace_id, owner.user.id, at(0, 0), at(days, 0))


def event(day: int, title: str, *more: str, hour: int = 9) -> str:
    times = [f"DTSTART:{stamp(at(day, hour))}", f"DTEND:{stamp(at(day, hour + 1))}"]
    return "\r\n".join([*times, f"SUMMARY:{title}", *more])


async def test_what_happens_in_a_calendar_is_known_after_the_next_read(
    radicale: Radicale, reading: Runtime, owner: Someone
) -> None:
    calendar = radicale.make("life")
    radicale.put(calendar, "dentist", event(1, "Dentist"))
    radicale.put(calendar, "standup", event(2, "Stand-up", "RRULE:FREQ=DAILY;COUNT=5"))
    connection = await connect(reading, owner, "caldav", account(calendar))
    assert await read(reading, connection) is None
    first = await upcoming(reading, owner)
    assert [each.title for each in first] == ["Dentist", *["Stand-up"] * 5]

    moved = f"RECURRENCE-ID:{stamp(at(3))}\r\n" + event(3, "Stand-up later", hour=15)
    cancelled = f"RECURRENCE-ID:{stamp(at(4))}\r\n" + event(4, "Stand-up", "STATUS:CANCELLED")
    radicale.put(calendar, "standup", event(2, "Stand-up", "RRULE:FREQ=DAILY;COUNT=5"), moved, cancelled)
    radicale.delete(f"{calendar}dentist.ics")
    assert await read(reading, connection) is None
    second = await upcoming(reading, owner)
    assert [each.title for each in second] == ["Stand-up", "Stand-up later", "Stand-up", "Stand-up"]

    kept = {each.instance: each.id for each in first}
    assert all(kept[each.instance] == each.id for each in second), "a moved occurrence stays the one it was"


async def test_reading_again_changes_nothing(radicale: Radicale, reading: Runtime, owner: Someone) -> None:
    calendar = radicale.make("still")
    for number in range(5):
        radicale.put(calendar, f"one{number}", event(number + 1, f"No. {number}"))
    connection = await connect(reading, owner, "caldav", account(calendar))
    await read(reading, connection)
    first = [(each.id, each.starts_at) for each in await upcoming(reading, owner)]
    await read(reading, connection)
    assert [(each.id, each.starts_at) for each in await upcoming(reading, owner)] == first
    async with reading.db.begin(owner.scope) as db:
        await db.execute(text("update calendars set cursor = null"))
    await read(reading, connection)
    assert [(each.id, each.starts_at) for each in await upcoming(reading, owner)] == first


async def test_an_event_in_two_calendars_is_one(radicale: Radicale, reading: Runtime, owner: Someone) -> None:
    for name in ("mine", "ours"):
        calendar = radicale.make(name)
        radicale.put(calendar, "board", event(1, "Board"))
        await read(reading, await connect(reading, owner, "caldav", account(calendar)))
    assert [each.title for each in await upcoming(reading, owner)] == ["Board"]


async def test_whole_days_begin_where_their_owner_lives(radicale: Radicale, reading: Runtime, owner: Someone) -> None:
    calendar = radicale.make("days")
    day = at(3).date()
    radicale.put(calendar, "holiday", f"DTSTART;VALUE=DATE:{day:%Y%m%d}\r\nSUMMARY:Holiday")
    connection = await connect(reading, owner, "caldav", account(calendar))
    for zone, hour in (("Asia/Tokyo", 15), ("America/Los_Angeles", None)):
        async with reading.db.begin(owner.scope) as db:
            await db.execute(text("update users set timezone = :z where id = :id"), {"z": zone, "id": owner.user.id})
        await read(reading, connection)
        [found] = await upcoming(reading, owner)
        assert (found.starts_on, found.ends_on) == (day, day)
        assert found.starts_at.hour == hour if hour else found.starts_at.hour in {7, 8}


async def test_one_calendar_that_fails_keeps_no_other_from_being_read(
    radicale: Radicale, reading: Runtime, owner: Someone
) -> None:
    good = radicale.make("good")
    radicale.put(good, "one", event(1, "Fine"))
    connection = await connect(reading, owner, "caldav", account(good))
    async with reading.db.begin(owner.scope) as db:
        await db.execute(text("update calendar_connections set url = replace(url, '/good/', '/missing/')"))
    failure = await read(reading, connection)
    assert failure is not None
    async with reading.db.begin(owner.scope) as db:
        stored = await queries.get(db, owner.workspace_id, owner.user.id, connection.id)
        assert (stored.state, stored.sync_failures) == (State.UNREACHABLE, 1)
        assert "404" in (stored.state_reason or "")


async def test_a_refused_password_waits_for_its_owner(radicale: Radicale, reading: Runtime, owner: Someone) -> None:
    calendar = radicale.make("locked")
    radicale.put(calendar, "one", event(1, "Kept"))
    connection = await connect(reading, owner, "caldav", account(calendar))
    await read(reading, connection)
    async with reading.db.begin(owner.scope) as db:
        await db.execute(text("update calendar_connections set username = 'nobody'"))
    failure = await read(reading, connection)
    assert failure is not None
    assert failure.is_terminal
    async with reading.db.begin(owner.scope) as db:
        stored = await queries.get(db, owner.workspace_id, owner.user.id, connection.id)
        assert (stored.state, stored.sync_due_at) == (State.REAUTH_REQUIRED, None)
        assert (connection.workspace_id, connection.id) not in await queries.due(db, 1000)
    assert [each.title for each in await upcoming(reading, owner)] == ["Kept"]
    again = await connect(reading, owner, "caldav", account(calendar))
    assert again.id == connection.id or again.state == State.CONNECTED


async def test_two_workers_write_each_change_once(radicale: Radicale, reading: Runtime, owner: Someone) -> None:
    calendar = radicale.make("busy")
    for number in range(20):
        radicale.put(calendar, f"n{number}", event(number % 7 + 1, f"No. {number}"))
    connection = await connect(reading, owner, "caldav", account(calendar))
    failures = await asyncio.gather(*(syncing.sync(reading, connection) for _ in range(4)))
    assert failures == [None] * 4
    async with reading.db.begin(owner.scope) as db:
        await db.execute(text("update calendar_connections set sync_due_at = clock_timestamp() + interval '1 day'"))
    assert len(await upcoming(reading, owner)) == 20


async def test_a_due_connection_is_claimed_by_one(radicale: Radicale, reading: Runtime, owner: Someone) -> None:
    connection = await connect(reading, owner, "caldav", account(radicale.make("claims")))
    async with reading.db.begin(owner.scope) as db:
        await db.execute(text("update calendar_connections set sync_due_at = clock_timestamp()"))

    async def claim() -> CalendarConnection | None:
        async with reading.db.begin(Scope(owner.workspace_id)) as db:
            return await syncing.claim(db, owner.workspace_id, connection.id)

    claims = await asyncio.gather(*(claim() for _ in range(5)))
    assert sum(each is not None for each in claims) == 1
    async with reading.db.begin(owner.scope) as db:
        await db.execute(text("update calendar_connections set sync_due_at = clock_timestamp() + interval '1 day'"))


async def test_events_that_can_not_be_read_are_said_and_keep_none_from_being_known(
    radicale: Radicale, reading: Runtime, owner: Someone
) -> None:
    calendar = radicale.make("odd")
    radicale.put(calendar, "endless", event(1, "Every second", "RRULE:FREQ=SECONDLY"))
    radicale.put(calendar, "fine", event(1, "Fine"))
    connection = await connect(reading, owner, "caldav", account(calendar))
    assert await read(reading, connection) is None
    assert "Fine" in [each.title for each in await upcoming(reading, owner)]
    async with reading.db.begin(owner.scope) as db:
        [stored] = await queries.calendars_of(db, owner.workspace_id, connection.id)
    assert stored.problem
    assert stored.known_until is not None
    assert stored.known_until > at(0) + timedelta(days=100)
