"""When events take place, worked out in a child: across changes of the clocks, moved, cancelled, hostile."""

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from outrider.providers.calendar.occurrences import MOST, TEMPLATE, Occurrence, Person, Series, Worked, work_out
from outrider.providers.mail.sandbox import Parser

SINCE, UNTIL = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 7, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
async def parser() -> AsyncIterator[Parser]:
    async with Parser() as running:
        yield running


def ical(*components: str, before: str = "") -> str:
    events = "".join(f"BEGIN:VEVENT\r\nUID:one\r\n{each}\r\nEND:VEVENT\r\n" for each in components)
    return f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//test//EN\r\n{before}{events}END:VCALENDAR\r\n"


async def worked(parser: Parser, *components: str, zone: str = "Europe/Berlin", before: str = "") -> Worked:
    series = Series((ical(*components, before=before),), zone)
    return (await work_out(parser, [series], since=SINCE, until=UNTIL))[0]


async def starts(parser: Parser, *components: str, zone: str = "Europe/Berlin", before: str = "") -> list[str]:
    found = await worked(parser, *components, zone=zone, before=before)
    assert found.problem is None
    return [f"{each.starts_at:%m-%d %H:%M}" for each in found.occurrences]


async def test_a_weekly_meeting_keeps_its_hour_where_it_is_held(parser: Parser) -> None:
    rule = "DTSTART;TZID=Europe/Berlin:20260316T090000\r\nRRULE:FREQ=WEEKLY;COUNT=4"
    assert await starts(parser, rule) == ["03-16 08:00", "03-23 08:00", "03-30 07:00", "04-06 07:00"]


async def test_zones_are_known_by_the_names_that_windows_gives_them(parser: Parser) -> None:
    rule = "DTSTART;TZID=Pacific Standard Time:20260302T090000\r\nRRULE:FREQ=WEEKLY;COUNT=2"
    assert await starts(parser, rule) == ["03-02 17:00", "03-09 16:00"]


VTIMEZONE = """BEGIN:VTIMEZONE\r\nTZID:Own Time\r\nBEGIN:STANDARD\r\nDTSTART:19700101T000000\r
TZOFFSETFROM:+0330\r\nTZOFFSETTO:+0330\r\nEND:STANDARD\r\nEND:VTIMEZONE\r\n"""


async def test_a_zone_of_the_calendars_own_is_read_from_it(parser: Parser) -> None:
    assert await starts(parser, "DTSTART;TZID=Own Time:20260302T090000", before=VTIMEZONE) == ["03-02 05:30"]


async def test_a_time_without_a_zone_is_meant_where_its_owner_lives(parser: Parser) -> None:
    times = [await starts(parser, "DTSTART:20260302T090000", zone=zone) for zone in ("Asia/Tokyo", "America/New_York")]
    assert times == [["03-02 00:00"], ["03-02 14:00"]]
    assert await starts(parser, "DTSTART;TZID=Nowhere/Land:20260302T090000", zone="Asia/Tokyo") == ["03-02 00:00"]


async def test_a_moved_occurrence_is_where_it_went_and_still_itself(parser: Parser) -> None:
    found = await worked(
        parser,
        "DTSTART:20260302T090000Z\r\nRRULE:FREQ=DAILY;COUNT=3\r\nSUMMARY:Daily",
        "RECURRENCE-ID:20260303T090000Z\r\nDTSTART:20260305T150000Z\r\nSUMMARY:Moved",
    )
    assert [(each.instance[:10], f"{each.starts_at:%d %H}", each.title) for each in found.occurrences] == [
        ("2026-03-02", "02 09", "Daily"),
        ("2026-03-04", "04 09", "Daily"),
        ("2026-03-03", "05 15", "Moved"),
    ]


async def test_everything_after_one_occurrence_can_move(parser: Parser) -> None:
    times = await starts(
        parser,
        "DTSTART:20260302T090000Z\r\nRRULE:FREQ=DAILY;COUNT=4\r\nSUMMARY:Daily",
        "RECURRENCE-ID;RANGE=THISANDFUTURE:20260304T090000Z\r\nDTSTART:20260304T110000Z\r\nSUMMARY:Later",
    )
    assert times == ["03-02 09:00", "03-03 09:00", "03-04 11:00", "03-05 11:00"]


async def test_what_is_cancelled_or_left_out_does_not_take_place(parser: Parser) -> None:
    times = await starts(
        parser,
        "DTSTART:20260302T090000Z\r\nRRULE:FREQ=DAILY;COUNT=4\r\nEXDATE:20260303T090000Z",
        "RECURRENCE-ID:20260304T090000Z\r\nDTSTART:20260304T090000Z\r\nSTATUS:CANCELLED",
    )
    assert times == ["03-02 09:00", "03-05 09:00"]
    assert await starts(parser, "DTSTART:20260302T090000Z\r\nSTATUS:CANCELLED") == []


async def test_whole_days_have_their_days_and_begin_where_their_owner_lives(parser: Parser) -> None:
    days = "DTSTART;VALUE=DATE:20260328\r\nDTEND;VALUE=DATE:20260330\r\nSUMMARY:Away"
    [found] = (await worked(parser, days)).occurrences
    assert (found.starts_on, found.ends_on) == (date(2026, 3, 28), date(2026, 3, 29))
    berlin = ZoneInfo("Europe/Berlin")
    assert found.starts_at == datetime(2026, 3, 28, tzinfo=berlin)
    assert found.ends_at == datetime(2026, 3, 30, tzinfo=berlin)  # 47 hours: the clocks change within
    [single] = (await worked(parser, "DTSTART;VALUE=DATE:20260328")).occurrences
    assert single.ends_at - single.starts_at == timedelta(days=1)


async def test_who_comes_and_how_is_read(parser: Parser) -> None:
    [found] = (
        await worked(
            parser,
            "DTSTART:20260302T090000Z\r\nDURATION:PT30M\r\nSUMMARY:Talk\\, at last\r\nPRIORITY:1\r\nSTATUS:TENTATIVE\r\n"
            "LOCATION:https://meet.test/abc\r\nTRANSP:TRANSPARENT\r\nORGANIZER;CN=Ada:mailto:Ada@A.test\r\n"
            'ATTENDEE;CN="Baker, Bob";PARTSTAT=DECLINED:MAILTO:bob@b.test\r\nATTENDEE:tel:+491\r\nATTENDEE:mailto:c@c.test',
        )
    ).occurrences
    assert found == Occurrence(
        instance="", uid="one", starts_at=datetime(2026, 3, 2, 9, tzinfo=UTC),
        ends_at=datetime(2026, 3, 2, 9, 30, tzinfo=UTC), title="Talk, at last", location="https://meet.test/abc",
        url="https://meet.test/abc", is_tentative=True, is_free=True, priority=1,
        organizer=Person("ada@a.test", "Ada"),
        attendees=(Person("bob@b.test", "Baker, Bob", "declined"), Person("c@c.test")),
    )  # fmt: skip


async def test_a_template_says_what_others_leave_unsaid_and_takes_no_place(parser: Parser) -> None:
    template = ical(f"{TEMPLATE}:1\r\nDTSTART:20260301T090000Z\r\nSUMMARY:Standing\r\nATTENDEE:mailto:b@b.test")
    plain = ical("RECURRENCE-ID:20260302T090000Z\r\nDTSTART:20260302T090000Z")
    own = ical("RECURRENCE-ID:20260303T090000Z\r\nDTSTART:20260303T090000Z\r\nSUMMARY:Its own")
    [found] = await work_out(parser, [Series((template, plain, own), "UTC")], since=SINCE, until=UNTIL)
    assert [(each.title, len(each.attendees)) for each in found.occurrences] == [("Standing", 1), ("Its own", 1)]


HOSTILE = {
    "every second": "DTSTART:20260101T000000Z\r\nRRULE:FREQ=SECONDLY",
    "never": "DTSTART:20260101T000000Z\r\nRRULE:FREQ=SECONDLY;BYMONTH=2;BYMONTHDAY=30",
    "nonsense": "DTSTART:20260101T000000Z\r\nRRULE:FREQ=NONSENSE",
    "no beginning": "SUMMARY:Nothing",
    "no date": "DTSTART:tomorrow",
    "too many": "DTSTART:20260101T000000Z\r\nRRULE:FREQ=MINUTELY;INTERVAL=10",
}


@pytest.mark.parametrize("event", HOSTILE.values(), ids=HOSTILE)
async def test_what_can_not_be_worked_out_is_said_and_ends_in_time(parser: Parser, event: str) -> None:
    began = datetime.now(UTC)
    bad, good = await work_out(
        parser,
        [Series((ical(event),), "UTC"), Series((ical("DTSTART:20260302T090000Z"),), "UTC")],
        since=SINCE,
        until=UNTIL,
    )
    assert bad.problem
    assert len(bad.occurrences) <= MOST
    assert [each.starts_at.day for each in good.occurrences] == [2]
    assert (datetime.now(UTC) - began).total_seconds() < 30


async def test_no_stream_of_bytes_ends_it(parser: Parser) -> None:
    bad = ["", "garbage", "BEGIN:VCALENDAR", "END:VEVENT\r\n" * 50, "BEGIN:VEVENT\r\n" * 2_000, "\x00\xff" * 100]
    found = await work_out(parser, [Series((each,), "UTC") for each in bad], since=SINCE, until=UNTIL)
    assert [each.occurrences for each in found] == [[]] * len(bad)
