"""Digests and reminders: each once, at the hour at home, through a year of clocks and outages."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select, text
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from outrider.domain.calls import digest, jobs, planning_jobs
from outrider.domain.calls.models import Call, CallType
from outrider.domain.mailboxes.models import Direction
from outrider.domain.preferences import actions as preferences
from outrider.domain.preferences.models import Method, Timing
from outrider.domain.senders.models import Category
from outrider.providers.calendar.interface import PublishedCalendar
from outrider.runtime import Addresses, Runtime
from outrider.settings import Settings
from tests.api.concierge.test_senders import make_sender
from tests.domain.calendars.test_rules import CANCELLED, CLOCKS, FIRST, LEFT_OUT, MOVED, WEEKS, moment, weekly
from tests.factories.accounts import Someone
from tests.factories.calendars import connect, make_event, read
from tests.factories.calls import make_callee, retire_calls, telephone_runtime
from tests.factories.mailboxes import make_mailbox, make_message
from tests.stand_ins.serving import serve
from tests.stand_ins.twilio import Twilio, running

BEFORE = timedelta(minutes=30)
READ_EVERY = 4  # weeks
# Minutes from a reminder at which a worker looks: by clocks that were not changed, on time, and once more.
LOOKS = (-60, 0, 1)
ZONES = ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Sao_Paulo")


async def plan(runtime: Runtime, owner: Someone, at: datetime) -> datetime:
    async with runtime.db.begin(owner.scope) as db:
        await planning_jobs.plan(db, owner.workspace_id, owner.user.id, at)
        await db.flush()
        until: datetime = await db.scalar(text("select planned_until from call_settings"))
        return until


async def run(runtime: Runtime, owner: Someone, since: datetime, until: datetime) -> None:
    """Plans as the worker does, each time when it said that it wants to look again."""
    at = since
    while at <= until:
        at = await plan(runtime, owner, at)


async def calls(runtime: Runtime, owner: Someone, call_type: CallType) -> list[Call]:
    async with runtime.db.begin(owner.scope) as db:
        query = select(Call).where(Call.user_id == owner.user.id, Call.call_type == call_type)
        return list(await db.scalars(query.order_by(Call.scheduled_at)))


async def prefer(runtime: Runtime, owner: Someone, **changes: object) -> None:
    async with runtime.db.begin(owner.scope) as db:
        await preferences.change(db, owner.workspace_id, owner.user.id, changes)


@pytest.mark.parametrize("zone", ZONES)
async def test_meetings_around_both_changes_of_the_clocks_are_reminded_of_once_and_on_time(
    runtime: Runtime, zone: str
) -> None:
    owner = await make_callee(runtime, number=None, timezone=zone)
    await prefer(runtime, owner, meeting_reminder_timing=Timing.HALF_HOUR)
    home, expected = ZoneInfo(zone), []
    for first in (datetime(2026, 3, 28, 9, tzinfo=home), datetime(2026, 10, 24, 9, tzinfo=home)):
        for day in range(3):
            starts = (first + timedelta(days=day)).astimezone(UTC)
            await make_event(runtime, owner, title="Daily", starts_at=starts, ends_at=starts + timedelta(minutes=15))
            expected.append(starts - timedelta(minutes=30))
            begins = starts - timedelta(minutes=31)
            await run(runtime, owner, begins - timedelta(minutes=1), begins + timedelta(minutes=5))
    made = await calls(runtime, owner, CallType.REMINDER)
    assert [each.scheduled_at for each in made] == expected
    await retire_calls(runtime, owner)


async def test_a_moved_meeting_is_reminded_of_at_its_new_time(runtime: Runtime) -> None:
    owner = await make_callee(runtime, number=None)
    starts = datetime(2027, 1, 5, 9, tzinfo=UTC)
    await make_event(runtime, owner, title="Moving", starts_at=starts, ends_at=starts + timedelta(hours=1))
    await run(runtime, owner, starts - timedelta(minutes=20), starts - timedelta(minutes=10))
    assert len(await calls(runtime, owner, CallType.REMINDER)) == 1
    async with runtime.db.begin(owner.scope) as db:
        await db.execute(
            text("update calendar_occurrences set starts_at = :s, ends_at = :e where user_id = :user"),
            {"s": starts + timedelta(hours=2), "e": starts + timedelta(hours=3), "user": owner.user.id},
        )
    await run(runtime, owner, starts, starts + timedelta(hours=2))
    made = await calls(runtime, owner, CallType.REMINDER)
    assert [each.scheduled_at for each in made] == [starts - timedelta(minutes=15), starts + timedelta(minutes=105)]
    await retire_calls(runtime, owner)


async def test_who_wants_meetings_in_the_digest_alone_is_not_called(runtime: Runtime) -> None:
    owner = await make_callee(runtime, number=None)
    await prefer(runtime, owner, meeting_reminder_method=Method.DIGEST)
    starts = datetime(2027, 1, 5, 9, tzinfo=UTC)
    await make_event(runtime, owner, starts_at=starts, ends_at=starts + timedelta(hours=1))
    await run(runtime, owner, starts - timedelta(minutes=20), starts - timedelta(minutes=10))
    assert await calls(runtime, owner, CallType.REMINDER) == []
    await retire_calls(runtime, owner)


@pytest.mark.parametrize("zone", ZONES)
async def test_the_digest_is_called_once_and_says_what_the_preview_said(runtime: Runtime, zone: str) -> None:
    owner = await make_callee(runtime, number=None, timezone=zone)
    home = ZoneInfo(zone)
    mailbox = await make_mailbox(runtime, owner)
    message = await make_message(runtime, mailbox, subject="Engines", sender="bob@b.test", direction=Direction.IN)
    await make_sender(runtime, owner, "bob@b.test", category=Category.REMIND_ME)
    eight = datetime(2026, 10, 25, 8, tzinfo=home).astimezone(UTC)  # on the day that the clocks change in Europe
    async with runtime.db.begin(owner.scope) as db:
        await db.execute(
            text("update messages set received_at = :at where id = :id"),
            {"at": eight - timedelta(hours=20), "id": message.id},
        )
    async with runtime.db.begin(owner.scope) as db:
        said = await digest.upcoming(db, owner.workspace_id, owner.user.id, eight - timedelta(minutes=3))
    await run(runtime, owner, eight - timedelta(minutes=3), eight + timedelta(minutes=30))
    (call,) = await calls(runtime, owner, CallType.DIGEST)
    assert (said.at, call.scheduled_at) == (eight, eight)
    assert call.content == said.text
    assert "Engines" in call.content
    await retire_calls(runtime, owner)


async def test_a_digest_missed_for_an_hour_is_made_up_for_and_one_of_nothing_is_not_called(runtime: Runtime) -> None:
    owner = await make_callee(runtime, number=None)
    eight = datetime(2027, 2, 2, 8, tzinfo=UTC)
    await plan(runtime, owner, eight - timedelta(hours=1))
    await plan(runtime, owner, eight + timedelta(hours=1))
    assert await calls(runtime, owner, CallType.DIGEST) == []
    await make_event(runtime, owner, starts_at=eight + timedelta(hours=3), ends_at=eight + timedelta(hours=4))
    await plan(runtime, owner, eight + timedelta(hours=1, minutes=5))
    (call,) = await calls(runtime, owner, CallType.DIGEST)
    assert call.scheduled_at == eight
    await retire_calls(runtime, owner)


@pytest.mark.parametrize("zone", CLOCKS)
async def test_each_reminder_of_a_year_rings_once_and_on_time(
    settings: Settings, database: Addresses, zone: str
) -> None:
    """From a calendar that is really read, with a moved, a cancelled and a left out meeting, to a telephone that rings."""

    async def file(_: Request) -> Response:
        return Response(weekly(zone), media_type="text/calendar")

    held = {FIRST + timedelta(weeks=week): 9 for week in range(WEEKS)}
    del held[LEFT_OUT], held[CANCELLED]
    held[MOVED] = 16
    async with (
        serve(Starlette(routes=[Route("/week.ics", file)])) as url,
        running() as twilio,
        telephone_runtime(settings, database, twilio, unencrypted_mail_hosts=("127.0.0.1",)) as runtime,
    ):
        owner = await make_callee(runtime, timezone=zone, wants_digest=False)
        async with runtime.db.begin(owner.scope) as db:
            await preferences.change(
                db, owner.workspace_id, owner.user.id, {"meeting_reminder_timing": Timing.HALF_HOUR}
            )
        runtime.clock.freeze(moment(FIRST, 0, zone))
        connection = await connect(runtime, owner, "ics", PublishedCalendar(f"{url}/week.ics"))
        rang: list[datetime] = []
        for week in range(WEEKS):
            day = FIRST + timedelta(weeks=week)
            runtime.clock.freeze(moment(day, 0, zone))
            if week % READ_EVERY == 0:
                assert await read(runtime, connection) is None
            for hour in (9, 16) if day == MOVED else (9,):
                rang += await look(runtime, twilio, owner, moment(day, hour, zone) - BEFORE)
        expected = [moment(day, hour, zone) - BEFORE for day, hour in sorted(held.items())]
        print(f"\n{zone}: {len(rang)} calls, missed, doubled or at a wrong time: {len(set(rang) ^ set(expected))}")
        assert rang == expected
        await retire_calls(runtime, owner)


async def look(runtime: Runtime, twilio: Twilio, owner: Someone, at: datetime) -> list[datetime]:
    """Works as a worker does around a moment; returns when the telephone rang, and has each call heard to its end."""
    rang = []
    for minutes in LOOKS:
        now = at + timedelta(minutes=minutes)
        runtime.clock.freeze(now)
        async with runtime.db.begin(owner.scope) as db:
            await planning_jobs.plan(db, owner.workspace_id, owner.user.id, now)
        known = len(twilio.calls)
        await jobs.pump(runtime)
        for call in list(twilio.calls.values())[known:]:
            rang.append(now)
            await twilio.answer(call)
            await twilio.end(call, seconds=8)
    return rang
