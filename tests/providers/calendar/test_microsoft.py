"""Outlook's calendars by Graph, held to Microsoft's types: followed by delta links that die, within windows that end."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from outrider.core.egress import Egress
from outrider.providers.calendar.interface import CalendarFailed, Changes, GrantedCalendars, Source
from outrider.providers.calendar.microsoft import MicrosoftCalendars
from outrider.providers.calendar.occurrences import Occurrence, Series, work_out
from outrider.providers.mail.sandbox import Parser
from tests.stand_ins.graph_calendar import READ, Kept, default_of, methods
from tests.stand_ins.microsoft import Microsoft, running

ADA = "ada@a.test"
SINCE, UNTIL = datetime(2026, 11, 20, tzinfo=UTC), datetime(2027, 3, 20, tzinfo=UTC)
MONDAY = datetime(2026, 12, 7, 9, tzinfo=UTC)
WEEK = timedelta(weeks=1)


@pytest.fixture
async def microsoft() -> AsyncIterator[Microsoft]:
    async with running() as stand_in:
        stand_in.plug(methods(page=3))
        stand_in.account(ADA)
        yield stand_in


@pytest.fixture
def calendar(microsoft: Microsoft) -> Kept:
    return default_of(microsoft.accounts[ADA])


@pytest.fixture
async def calendars(microsoft: Microsoft) -> AsyncIterator[MicrosoftCalendars]:
    egress = Egress(allow=("127.0.0.1",))
    yield MicrosoftCalendars(egress, microsoft.url)
    await egress.aclose()


@pytest.fixture(scope="module")
async def parser() -> AsyncIterator[Parser]:
    async with Parser() as running_parser:
        yield running_parser


def account(microsoft: Microsoft, scope: str = READ) -> GrantedCalendars:
    token = microsoft.token_of(microsoft.granted(ADA, scope))

    async def supply(*, refused: str | None = None) -> str:
        return token

    return GrantedCalendars(supply)


async def occurrences(parser: Parser, sources: dict[str, Source]) -> list[Occurrence]:
    groups: dict[str, list[str]] = {}
    for each in sources.values():
        groups.setdefault(each.series, []).append(each.ical)
    series = [Series(tuple(each), "Europe/Berlin") for each in groups.values()]
    worked = await work_out(parser, series, since=SINCE, until=UNTIL)
    assert [each.problem for each in worked] == [None] * len(worked)
    return sorted((found for each in worked for found in each.occurrences), key=lambda each: each.starts_at)


def apply(sources: dict[str, Source], changes: Changes) -> dict[str, Source]:
    kept = {} if changes.is_everything else sources
    kept = {key: each for key, each in kept.items() if not {key, each.series} & set(changes.removed)}
    return {**kept, **{each.id: each for each in changes.sources}}


async def test_calendars_are_listed_with_whose_they_are(microsoft: Microsoft, calendars: MicrosoftCalendars) -> None:
    listed = await calendars.calendars(account(microsoft))
    assert (listed.address, [(each.name, each.is_primary) for each in listed.calendars]) == (ADA, [("Calendar", True)])


async def test_an_event_is_told_with_all_that_a_reminder_needs(
    microsoft: Microsoft, calendars: MicrosoftCalendars, calendar: Kept, parser: Parser
) -> None:
    calendar.put(
        MONDAY,
        subject="Talk, at last",
        importance="high",
        location={"displayName": "Room 5"},
        onlineMeeting={"joinUrl": "https://teams.test/l/1"},
        organizer={"emailAddress": {"name": "Ada", "address": ADA}},
        attendees=[
            {
                "type": "required",
                "emailAddress": {"name": "Bob", "address": "Bob@b.test"},
                "status": {"response": "none"},
            },
            {"type": "required", "emailAddress": {"address": ADA}, "status": {"response": "declined"}},
            {"type": "resource", "emailAddress": {"address": "room5@a.test"}, "status": {"response": "accepted"}},
        ],
    )
    day = datetime(2026, 12, 24, tzinfo=UTC)
    calendar.put(day, minutes=2 * 1440, subject="Away", isAllDay=True, showAs="free")
    changes = await calendars.changes(account(microsoft), calendar.id, None, since=SINCE, until=UNTIL)
    talk, away = await occurrences(parser, apply({}, changes))
    assert (talk.title, talk.location, talk.url, talk.priority) == (
        "Talk, at last",
        "Room 5",
        "https://teams.test/l/1",
        1,
    )
    assert (talk.starts_at, talk.ends_at) == (MONDAY, MONDAY + timedelta(hours=1))
    assert [(each.address, each.response) for each in talk.attendees] == [
        ("bob@b.test", "needs-action"),
        (ADA, "declined"),
    ]
    assert (away.is_free, str(away.starts_on), str(away.ends_on)) == (True, "2026-12-24", "2026-12-25")


async def test_a_series_says_what_its_occurrences_leave_unsaid(
    microsoft: Microsoft, calendars: MicrosoftCalendars, calendar: Kept, parser: Parser
) -> None:
    who = account(microsoft)
    series, instances = calendar.repeat(MONDAY, times=5, every=WEEK, subject="Weekly")
    first = await calendars.changes(who, calendar.id, None, since=SINCE, until=UNTIL)
    assert first.is_everything
    sources = apply({}, first)
    found = await occurrences(parser, sources)
    assert [(each.starts_at, each.title) for each in found] == [(MONDAY + WEEK * n, "Weekly") for n in range(5)]

    calendar.move(instances[1], MONDAY + WEEK + timedelta(hours=5), subject="Later")
    calendar.move(instances[2], MONDAY + WEEK * 2, isCancelled=True)
    calendar.remove(instances[3])
    second = await calendars.changes(who, calendar.id, first.cursor, since=SINCE, until=UNTIL)
    assert (len(second.sources), second.removed, second.is_everything) == (2, (instances[3],), False)
    sources = apply(sources, second)
    after = await occurrences(parser, sources)
    assert [(each.starts_at, each.title) for each in after] == [
        (MONDAY, "Weekly"),
        (MONDAY + WEEK + timedelta(hours=5), "Later"),
        (MONDAY + WEEK * 4, "Weekly"),
    ]
    assert after[1].instance == found[1].instance, "a moved occurrence stays the one it was"

    calendar.remove(series)
    third = await calendars.changes(who, calendar.id, second.cursor, since=SINCE, until=UNTIL)
    assert await occurrences(parser, apply(sources, third)) == []


async def test_a_dead_link_has_everything_read_again(
    microsoft: Microsoft, calendars: MicrosoftCalendars, calendar: Kept
) -> None:
    who = account(microsoft)
    cursor: str | None = None
    for number in range(20):
        calendar.put(MONDAY)
        calendar.oldest = calendar.changes + 1
        changes = await calendars.changes(who, calendar.id, cursor, since=SINCE, until=UNTIL)
        assert (len(changes.sources), changes.is_everything) == (number + 1, True)
        cursor = changes.cursor


async def test_a_new_window_is_begun_before_the_old_one_ends(
    microsoft: Microsoft, calendars: MicrosoftCalendars, calendar: Kept
) -> None:
    who = account(microsoft)
    cursor: str | None = None
    begun = []
    for day in range(0, 90, 10):
        until = UNTIL + timedelta(days=day)
        changes = await calendars.changes(who, calendar.id, cursor, since=SINCE, until=until)
        cursor = changes.cursor
        begun.append(changes.is_everything)
    assert begun == [True, False, False, True, False, False, True, False, False]
    assert calendar.asked_until[-1] == "2027-05-19T00:00:00Z"


async def test_a_token_goes_to_microsoft_alone(
    microsoft: Microsoft, calendars: MicrosoftCalendars, calendar: Kept
) -> None:
    for link in ("http://127.0.0.1:1/v1.0/x", f"{microsoft.url}.evil.test/v1.0/x", "@evil.test/", ".evil.test/"):
        elsewhere = json.dumps({"link": link, "until": UNTIL.isoformat()})
        with pytest.raises(CalendarFailed, match="not its own"):
            await calendars.changes(account(microsoft), calendar.id, elsewhere, since=SINCE, until=UNTIL)
    assert microsoft.calls == []


async def test_limits_are_obeyed_and_trouble_waited_out(
    microsoft: Microsoft, calendars: MicrosoftCalendars, calendar: Kept
) -> None:
    calendar.put(MONDAY)
    microsoft.fail("delta", 429, headers={"Retry-After": "1"})
    microsoft.fail("delta", 503)
    began = datetime.now(UTC)
    changes = await calendars.changes(account(microsoft), calendar.id, None, since=SINCE, until=UNTIL)
    assert len(changes.sources) == 1
    assert (datetime.now(UTC) - began).total_seconds() >= 1


@pytest.mark.parametrize(
    ("status", "words", "is_terminal"), [(403, "reach far enough", True), (404, "404", False)], ids=["scope", "gone"]
)
async def test_a_refusal_says_what_to_do(
    microsoft: Microsoft, calendars: MicrosoftCalendars, calendar: Kept, status: int, words: str, *, is_terminal: bool
) -> None:
    microsoft.fail("delta", status)
    with pytest.raises(CalendarFailed, match=words) as failure:
        await calendars.changes(account(microsoft), calendar.id, None, since=SINCE, until=UNTIL)
    assert failure.value.is_terminal == is_terminal


async def test_a_withdrawn_permission_waits_for_its_owner(
    microsoft: Microsoft, calendars: MicrosoftCalendars, calendar: Kept
) -> None:
    who = account(microsoft)
    microsoft.withdraw(ADA)
    with pytest.raises(CalendarFailed, match="refuses") as failure:
        await calendars.changes(who, calendar.id, None, since=SINCE, until=UNTIL)
    assert failure.value.is_terminal
