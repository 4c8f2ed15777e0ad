"""Google's calendars, held to Google's description: followed by tokens that die, exceptions and all."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest

from outrider.core.egress import Egress
from outrider.providers.calendar.google import GoogleCalendars
from outrider.providers.calendar.interface import CalendarFailed, Changes, GrantedCalendars
from outrider.providers.calendar.occurrences import Occurrence, Series, work_out
from outrider.providers.mail.interface import ConnectFailed, Step
from outrider.providers.mail.sandbox import Parser
from tests.stand_ins.google_calendar import READ, GoogleCalendar, running

ADA = "ada@a.test"
SINCE, UNTIL = datetime(2026, 11, 1, tzinfo=UTC), datetime(2027, 3, 1, tzinfo=UTC)


@pytest.fixture
async def google() -> AsyncIterator[GoogleCalendar]:
    async with running() as stand_in:
        stand_in.calendar(ADA)
        yield stand_in


@pytest.fixture
async def calendars(google: GoogleCalendar) -> AsyncIterator[GoogleCalendars]:
    egress = Egress(allow=("127.0.0.1",))
    yield GoogleCalendars(egress, google.google.url)
    await egress.aclose()


@pytest.fixture(scope="module")
async def parser() -> AsyncIterator[Parser]:
    async with Parser() as running_parser:
        yield running_parser


def account(google: GoogleCalendar, scopes: str = READ) -> GrantedCalendars:
    grant = google.google.granted(ADA, scopes)
    state = {"token": google.google.token_of(grant)}

    async def supply(*, refused: str | None = None) -> str:
        if refused == state["token"]:
            if grant.is_revoked:
                raise ConnectFailed(Step.LOGIN, "google", "The permission has ended.", "Again.", is_terminal=True)
            state["token"] = google.google.token_of(grant)
        return state["token"]

    return GrantedCalendars(supply)


def times(start: str, end: str, zone: str = "Europe/Berlin") -> dict[str, Any]:
    return {"start": {"dateTime": start, "timeZone": zone}, "end": {"dateTime": end, "timeZone": zone}}


async def read(calendars: GoogleCalendars, who: GrantedCalendars, cursor: str | None = None) -> Changes:
    return await calendars.changes(who, ADA, cursor, since=SINCE, until=UNTIL)


async def occurrences(parser: Parser, changes: Changes) -> list[Occurrence]:
    groups: dict[str, list[str]] = {}
    for each in changes.sources:
        groups.setdefault(each.series, []).append(each.ical)
    series = [Series(tuple(each), "Europe/Berlin") for each in groups.values()]
    worked = await work_out(parser, series, since=SINCE, until=UNTIL)
    assert [each.problem for each in worked] == [None] * len(worked)
    return sorted((found for each in worked for found in each.occurrences), key=lambda each: each.starts_at)


async def test_calendars_are_listed_the_primary_first(google: GoogleCalendar, calendars: GoogleCalendars) -> None:
    google.calendar(ADA, "team", zone="America/New_York")
    listed = await calendars.calendars(account(google))
    assert listed.address == ADA
    assert [(each.name, each.zone, each.is_primary) for each in listed.calendars] == [
        (ADA, "Europe/Berlin", True),
        ("team", "America/New_York", False),
    ]


async def test_an_event_is_told_with_all_that_a_reminder_needs(
    google: GoogleCalendar, calendars: GoogleCalendars, parser: Parser
) -> None:
    google.calendar(ADA).put(
        summary="Talk; with Bob, Eve\nand \\others",
        location="Room 5",
        hangoutLink="https://meet.google.com/abc-defg-hij",
        transparency="transparent",
        organizer={"email": ADA, "displayName": 'Ada "the" Countess', "self": True},
        attendees=[
            {"email": "bob@b.test", "displayName": "Bob", "responseStatus": "tentative"},
            {"email": ADA, "responseStatus": "declined", "self": True},
            {"email": "room@resource.calendar.google.com", "resource": True, "responseStatus": "accepted"},
        ],
        **times("2026-12-01T09:00:00+01:00", "2026-12-01T10:00:00+01:00"),
    )
    [found] = await occurrences(parser, await read(calendars, account(google)))
    assert (found.title, found.location) == ("Talk; with Bob, Eve\nand \\others", "Room 5")
    assert found.url == "https://meet.google.com/abc-defg-hij"
    assert found.starts_at == datetime(2026, 12, 1, 8, tzinfo=UTC)
    assert (found.is_free, found.is_recurring, found.uid[-11:]) == (True, False, "@google.com")
    assert found.organizer is not None
    assert (found.organizer.address, found.organizer.name) == (ADA, "Ada 'the' Countess")
    assert [(each.address, each.response) for each in found.attendees] == [
        ("bob@b.test", "tentative"),
        (ADA, "declined"),
    ]


async def test_a_series_keeps_its_hour_and_its_exceptions(
    google: GoogleCalendar, calendars: GoogleCalendars, parser: Parser
) -> None:
    calendar, who = google.calendar(ADA), account(google)
    weekly = calendar.put(
        summary="Weekly",
        recurrence=["RRULE:FREQ=WEEKLY;COUNT=4", "EXDATE;TZID=Europe/Berlin:20261222T090000"],
        **times("2026-12-01T09:00:00+01:00", "2026-12-01T10:00:00+01:00"),
    )
    first = await read(calendars, who)
    assert [f"{each.starts_at:%m-%d}" for each in await occurrences(parser, first)] == ["12-01", "12-08", "12-15"]
    moved = {"dateTime": "2026-12-08T09:00:00+01:00", "timeZone": "Europe/Berlin"}
    calendar.put(
        id=f"{weekly['id']}_20261208T080000Z", iCalUID=weekly["iCalUID"], summary="Weekly, moved",
        recurringEventId=weekly["id"], originalStartTime=moved,
        **times("2026-12-09T15:00:00+01:00", "2026-12-09T16:00:00+01:00"),
    )  # fmt: skip
    calendar.cancel_instance(weekly["id"], {"dateTime": "2026-12-15T09:00:00+01:00", "timeZone": "Europe/Berlin"})
    second = await read(calendars, who, first.cursor)
    assert {each.series for each in second.sources} == {weekly["id"]}
    assert not second.is_everything
    together = Changes((*first.sources, *second.sources), (), "", is_everything=False)
    found = await occurrences(parser, together)
    assert [(f"{each.starts_at:%m-%d %H}", each.title) for each in found] == [
        ("12-01 08", "Weekly"),
        ("12-09 14", "Weekly, moved"),
    ]
    calendar.cancel(weekly["id"])
    third = await read(calendars, who, second.cursor)
    assert (third.sources, third.removed) == ((), (weekly["id"],))


async def test_whole_days_and_what_is_no_appointment(
    google: GoogleCalendar, calendars: GoogleCalendars, parser: Parser
) -> None:
    calendar = google.calendar(ADA)
    calendar.put(summary="Away", start={"date": "2026-12-24"}, end={"date": "2026-12-27"})
    calendar.put(summary="Home", eventType="workingLocation", start={"date": "2026-12-01"}, end={"date": "2026-12-02"})
    calendar.put(summary="Past", **times("2026-01-01T09:00:00+01:00", "2026-01-01T10:00:00+01:00"))
    [found] = await occurrences(parser, await read(calendars, account(google)))
    assert (found.title, str(found.starts_on), str(found.ends_on)) == ("Away", "2026-12-24", "2026-12-26")


async def test_many_events_come_in_pages(google: GoogleCalendar, calendars: GoogleCalendars) -> None:
    google.page = 40
    for number in range(100):
        google.calendar(ADA).put(
            summary=f"No. {number}", **times("2026-12-01T09:00:00+01:00", "2026-12-01T10:00:00+01:00")
        )
    changes = await read(calendars, account(google))
    assert len({each.id for each in changes.sources}) == 100
    assert google.google.count("events") == 3


async def test_a_dead_token_has_everything_read_again(google: GoogleCalendar, calendars: GoogleCalendars) -> None:
    calendar, who = google.calendar(ADA), account(google)
    cursor: str | None = None
    for number in range(20):
        calendar.put(summary=f"No. {number}", **times("2026-12-01T09:00:00+01:00", "2026-12-01T10:00:00+01:00"))
        calendar.oldest = calendar.changes + 1
        changes = await read(calendars, who, cursor)
        assert (len(changes.sources), changes.is_everything) == (number + 1, True)
        cursor = changes.cursor


async def test_trouble_is_waited_out_and_a_token_renewed(google: GoogleCalendar, calendars: GoogleCalendars) -> None:
    who = account(google)
    google.google.expire_tokens()
    google.google.fail("events", 503)
    google.google.fail("events", 403, reason="rateLimitExceeded")
    assert (await read(calendars, who)).is_everything


@pytest.mark.parametrize(
    ("status", "reason", "words", "is_terminal"),
    [
        (403, "insufficientPermissions", "reach far enough", True),
        (403, "accessNotConfigured", "switched off", False),
        (404, "notFound", "404", False),
        (429, "rateLimitExceeded", "429", False),
    ],
)
async def test_a_refusal_says_what_to_do(
    google: GoogleCalendar, calendars: GoogleCalendars, status: int, reason: str, words: str, *, is_terminal: bool
) -> None:
    headers = {"Retry-After": "3600"} if status == 429 else {}
    google.google.fail("events", status, reason=reason, headers=headers)
    with pytest.raises(CalendarFailed, match=words) as failure:
        await read(calendars, account(google))
    assert failure.value.is_terminal == is_terminal


async def test_a_withdrawn_permission_waits_for_its_owner(google: GoogleCalendar, calendars: GoogleCalendars) -> None:
    who = account(google)
    google.google.withdraw(ADA)
    with pytest.raises(CalendarFailed, match="has ended") as failure:
        await read(calendars, who)
    assert failure.value.is_terminal


async def test_a_permission_for_something_else_is_not_enough(
    google: GoogleCalendar, calendars: GoogleCalendars
) -> None:
    with pytest.raises(CalendarFailed, match="reach far enough"):
        await calendars.calendars(account(google, "openid"))
