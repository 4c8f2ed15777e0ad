"""Reminders: whom a meeting is with, and a year of them over two changes of the clocks in four zones."""

from collections import Counter
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from outrider.core.ids import new_id
from outrider.domain.calendars.models import Occurrence
from outrider.domain.calendars.rules import (
    Own,
    is_wanted,
    meeting_of,
    once,
    remind_at,
)
from outrider.domain.preferences.models import Frequency, Timing
from outrider.providers.calendar.occurrences import Series, work_out
from outrider.providers.mail.sandbox import Parser

OWN = Own.of(["ada@lovelace.test", "ada.private@gmail.com"])
MORNING = time(8, 30)


def occurrence(
    *people: str, title: str = "Talk", response: str = "accepted", starts_at: datetime | None = None, **more: object
) -> Occurrence:
    at = starts_at or datetime(2026, 11, 23, 9, tzinfo=UTC)
    attendees = [{"address": each, "name": "", "response": response} for each in people]
    fields = {
        "title": title, "starts_at": at, "ends_at": at, "attendees": attendees, "organizer": None, "priority": 0,
        "is_free": False, "starts_on": None, "uid": "one", **more,
    }  # fmt: skip
    return Occurrence(id=new_id(), **fields)


@pytest.mark.parametrize(
    ("people", "is_external"),
    [
        (["bob@b.test"], True),
        (["grace@lovelace.test"], False),
        (["grace@mail.lovelace.test"], False),
        (["ada@lovelace.test"], False),
        (["stranger@gmail.com"], True),
        (["ada.private@gmail.com"], False),
        (["room@resource.calendar.google.com", "c_1@group.calendar.google.com"], False),
        ([], False),
    ],
    ids=["another firm", "own firm", "own firm's other host", "oneself", "public mail", "own public", "rooms", "alone"],
)
def test_who_is_from_outside(people: list[str], *, is_external: bool) -> None:
    assert meeting_of(occurrence(*people), OWN).is_external == is_external


def test_an_organizer_from_outside_counts() -> None:
    other = {"address": "eve@b.test", "name": "", "response": "accepted"}
    assert meeting_of(occurrence("ada@lovelace.test", organizer=other), OWN).is_external


@pytest.mark.parametrize(
    ("title", "people", "is_investor"),
    [
        ("Pitch", ["bob@fund.test"], True),
        ("Series B term sheet", ["bob@fund.test"], True),
        ("Gespräch mit Investoren", ["bob@fund.test"], True),
        ("Coffee", ["gp@sequoia.test"], True),
        ("Coffee", ["partner@known.test"], True),
        ("Pitch practice", [], False),
        ("Coffee", ["bob@b.test"], False),
        ("Pitcher", ["bob@b.test"], False),
    ],
    ids=["pitch", "terms", "German", "domain", "address", "alone", "coffee", "inside a word"],
)
def test_who_is_an_investor(title: str, people: list[str], *, is_investor: bool) -> None:
    judged = meeting_of(occurrence(*people, title=title), OWN, investors={"sequoia.test", "partner@known.test"})
    assert judged.is_investor == is_investor
    assert judged.is_important >= is_investor


def test_whoever_may_call_is_important() -> None:
    one = occurrence("bob@b.test")
    assert meeting_of(one, OWN, callers={"bob@b.test"}).is_important
    assert not meeting_of(one, OWN, callers={"eve@b.test"}).is_important


def test_each_wish_is_heard() -> None:
    plain, outside = occurrence("grace@lovelace.test"), occurrence("bob@b.test")
    urgent, money = occurrence(title="Urgent: servers"), occurrence("bob@b.test", title="Investor update")
    wanted = {
        each: [is_wanted(meeting_of(it, OWN), it, each) for it in (plain, outside, urgent, money)] for each in Frequency
    }
    assert wanted == {
        Frequency.ALL: [True, True, True, True],
        Frequency.IMPORTANT: [False, False, True, True],
        Frequency.EXTERNAL: [False, True, False, True],
        Frequency.INVESTORS: [False, False, False, True],
    }


def test_nobody_is_reminded_of_what_they_declined_or_what_leaves_them_free() -> None:
    declined, free = occurrence("ada@lovelace.test", response="declined"), occurrence(is_free=True)
    assert not [it for it in (declined, free) if is_wanted(meeting_of(it, OWN), it, Frequency.ALL)]


def test_an_event_in_several_calendars_counts_once() -> None:
    one, same, later = occurrence(), occurrence(), occurrence(starts_at=datetime(2026, 11, 30, 9, tzinfo=UTC))
    assert once([one, same, later]) == [one, later]


def test_whole_days_are_told_in_the_morning() -> None:
    day = occurrence(starts_on=date(2026, 3, 29))
    berlin = ZoneInfo("Europe/Berlin")
    assert remind_at(day, Timing.HOUR, berlin, morning=MORNING) == datetime(2026, 3, 29, 6, 30, tzinfo=UTC)
    assert remind_at(day, Timing.DAY, berlin, morning=MORNING) == datetime(2026, 3, 28, 7, 30, tzinfo=UTC)


# 2026: when the clocks change in each zone, and what an offset is before, between and after (minutes east of UTC).
# From the tz database's own source lines (europe, northamerica, australasia, southamerica), written down by hand.
CLOCKS = {
    "Europe/Berlin": (60, (date(2026, 3, 29), 120), (date(2026, 10, 25), 60)),
    "America/New_York": (-300, (date(2026, 3, 8), -240), (date(2026, 11, 1), -300)),
    "Australia/Lord_Howe": (660, (date(2026, 4, 5), 630), (date(2026, 10, 4), 660)),
    "America/Santiago": (-180, (date(2026, 4, 5), -240), (date(2026, 9, 6), -180)),
}
FIRST, WEEKS = date(2026, 1, 5), 52
MOVED, LEFT_OUT, CANCELLED = date(2026, 3, 30), date(2026, 6, 1), date(2026, 10, 26)


def moment(day: date, hour: int, zone: str) -> datetime:
    """A time of day, by the table above and no library."""
    offset, *changes = CLOCKS[zone]
    for since, then in changes:
        offset = then if day >= since else offset
    return datetime(day.year, day.month, day.day, hour, tzinfo=UTC) - timedelta(minutes=offset)


def weekly(zone: str) -> str:
    return (
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\nUID:w\r\n"
        f"DTSTART;TZID={zone}:{FIRST:%Y%m%d}T090000\r\nDURATION:PT1H\r\nRRULE:FREQ=WEEKLY;COUNT={WEEKS}\r\n"
        f"EXDATE;TZID={zone}:{LEFT_OUT:%Y%m%d}T090000\r\nSUMMARY:Weekly\r\nEND:VEVENT\r\n"
        f"BEGIN:VEVENT\r\nUID:w\r\nRECURRENCE-ID;TZID={zone}:{MOVED:%Y%m%d}T090000\r\n"
        f"DTSTART;TZID={zone}:{MOVED:%Y%m%d}T160000\r\nDURATION:PT1H\r\nSUMMARY:Moved\r\nEND:VEVENT\r\n"
        f"BEGIN:VEVENT\r\nUID:w\r\nRECURRENCE-ID;TZID={zone}:{CANCELLED:%Y%m%d}T090000\r\n"
        f"DTSTART;TZID={zone}:{CANCELLED:%Y%m%d}T090000\r\nSTATUS:CANCELLED\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
    )


@pytest.mark.parametrize("zone", CLOCKS)
async def test_a_year_of_meetings_is_reminded_of_once_and_on_time(zone: str) -> None:
    """Worked out as it is in a life: from month to month, each window overlapping the last."""
    home = ZoneInfo(zone)
    days = [FIRST + timedelta(weeks=week) for week in range(WEEKS)]
    held = {day: 16 if day == MOVED else 9 for day in days if day not in {LEFT_OUT, CANCELLED}}
    ahead = {Timing.QUARTER_HOUR: 15, Timing.HALF_HOUR: 30, Timing.HOUR: 60, Timing.TWO_HOURS: 120}
    expected = Counter(
        (each, moment(day, hour, zone) - timedelta(minutes=ahead[each])) for day, hour in held.items() for each in ahead
    ) + Counter((Timing.DAY, moment(day - timedelta(days=1), hour, zone)) for day, hour in held.items())
    reminded: Counter[tuple[Timing, datetime]] = Counter()
    known: set[str] = set()
    async with Parser() as parser:
        for month in range(13):
            since = datetime(2025, 12, 31, tzinfo=UTC) + timedelta(days=30 * month)
            series = [Series((weekly(zone),), zone)]
            [worked] = await work_out(parser, series, since=since, until=since + timedelta(days=120))
            for each in worked.occurrences:
                if each.instance not in known:
                    known.add(each.instance)
                    for timing in Timing:
                        it = occurrence(starts_at=each.starts_at)
                        reminded[timing, remind_at(it, timing, home, morning=MORNING)] += 1
    wrong = (reminded - expected) + (expected - reminded)
    print(f"\nreminders in {zone}: {reminded.total()}, missed, doubled or at a wrong time: {wrong.total()}")
    assert reminded.total() == 5 * (WEEKS - 2)
    assert wrong.total() == 0


def test_a_day_before_a_time_that_the_clocks_skip_or_repeat() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    after_skip = occurrence(starts_at=datetime(2026, 3, 30, 0, 30, tzinfo=UTC))  # 02:30, as on no 29th of March
    assert remind_at(after_skip, Timing.DAY, berlin, morning=MORNING) == datetime(2026, 3, 29, 1, 30, tzinfo=UTC)
    after_repeat = occurrence(starts_at=datetime(2026, 10, 26, 1, 30, tzinfo=UTC))  # 02:30, twice on the 25th
    assert remind_at(after_repeat, Timing.DAY, berlin, morning=MORNING) == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
