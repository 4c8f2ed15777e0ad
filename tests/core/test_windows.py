import random
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from outrider.core.windows import SendWindow, WindowInvalid, delayed, next_open, parse, resume_on

# Zones with both changes: whole hours north and south, half an hour (Lord Howe), at midnight (Havana, Beirut),
# offsets of half an hour (St John's) and 45 minutes (Chatham), backwards in winter (Dublin).
ZONES = (
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "America/Havana",
    "Asia/Beirut",
    "America/St_Johns",
    "Pacific/Chatham",
    "Europe/Dublin",
)
BERLIN = ZoneInfo("Europe/Berlin")
EVERY_DAY = frozenset(range(1, 8))
MINUTE = timedelta(minutes=1)
THREE_YEARS = st.integers(1_735_689_600, 1_830_297_599).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def changes(zone: ZoneInfo, year: int = 2026) -> list[datetime]:
    """The moments of a year at which the zone's offset changes, to the minute."""
    found = []
    hour = datetime(year, 1, 1, tzinfo=UTC)
    while hour.year == year:
        after = hour + timedelta(hours=1)
        if hour.astimezone(zone).utcoffset() != after.astimezone(zone).utcoffset():
            found.append(
                next(
                    hour + n * MINUTE
                    for n in range(1, 61)
                    if (hour + n * MINUTE).astimezone(zone).utcoffset() != hour.astimezone(zone).utcoffset()
                )
            )
        hour = after
    return found


def is_inside(at: datetime, window: SendWindow, zone: ZoneInfo) -> bool:
    """What a person with a clock on the wall would say."""
    local = at.astimezone(zone)
    wall = local.time()
    return local.isoweekday() in window.days and window.start <= wall and (window.end is None or wall < window.end)


def first_inside(at: datetime, window: SendWindow, zone: ZoneInfo) -> datetime:
    """By trying every minute; `at` is a whole minute."""
    return next(at + n * MINUTE for n in range(8 * 24 * 60) if is_inside(at + n * MINUTE, window, zone))


def random_window(chance: random.Random) -> SendWindow:
    days = frozenset(chance.sample(range(1, 8), chance.randint(1, 7)))
    start, end = sorted(chance.sample(range(0, 24 * 60 + 1, 15), 2))
    return SendWindow(days, time(start // 60, start % 60), None if end == 24 * 60 else time(end // 60, end % 60))


@pytest.mark.parametrize("name", ZONES)
def test_around_both_clock_changes_a_thousand_sends_leave_inside_their_window_none_skipped_none_twice(name):
    zone, chance = ZoneInfo(name), random.Random(name)
    both = changes(zone)
    assert len(both) == 2
    outside = skipped = twice = early = 0
    for change in both:
        for _ in range(500):
            window = random_window(chance)
            asked = change + timedelta(minutes=chance.randint(-4320, 2880))
            sent = next_open(asked, window, zone)
            outside += not is_inside(sent, window, zone)
            early += sent < asked
            twice += next_open(sent, window, zone) != sent
            skipped += sent != first_inside(asked, window, zone)
    print(f"{name}: 1000 sends, {outside} outside, {skipped} skipped, {twice} twice, {early} early")
    assert (outside, skipped, twice, early) == (0, 0, 0, 0)


@given(
    st.sampled_from(ZONES),
    THREE_YEARS,
    st.integers(0, 10_000_000),
    st.sets(st.integers(1, 7), min_size=1),
    st.tuples(st.integers(0, 1439), st.integers(1, 1440)).filter(lambda pair: pair[0] + 60 < pair[1]),
)
@settings(max_examples=500, deadline=None)
def test_opening_is_never_early_never_moves_twice_and_keeps_order(name, asked, later, days, minutes):
    start, end = minutes
    zone = ZoneInfo(name)
    window = SendWindow(
        frozenset(days), time(start // 60, start % 60), None if end == 1440 else time(end // 60, end % 60)
    )
    sent = next_open(asked, window, zone)
    assert sent.tzinfo is UTC
    assert sent >= asked
    assert next_open(sent, window, zone) == sent
    assert is_inside(sent, window, zone)
    assert next_open(asked + timedelta(seconds=later), window, zone) >= sent


@given(
    st.sampled_from(ZONES),
    THREE_YEARS,
    st.integers(0, 90),
    st.integers(0, 100),
)
@settings(max_examples=500, deadline=None)
def test_days_keep_the_wall_clock_and_hours_are_elapsed_time(name, last, days, hours):
    zone = ZoneInfo(name)
    due = delayed(last, delay_days=days, delay_hours=hours, zone=zone)
    before, after = last.astimezone(zone), (due - timedelta(hours=hours)).astimezone(zone)
    assert due - timedelta(hours=hours) >= last
    if days == 0:
        assert due - last == timedelta(hours=hours)
    elif after.time() != before.time():  # the wall time is skipped that day: the first that exists
        jump = after.astimezone(UTC)
        assert (jump - MINUTE).astimezone(zone).utcoffset() != after.utcoffset()
        assert (jump - MINUTE).astimezone(zone).replace(tzinfo=None) < datetime.combine(
            before.date() + timedelta(days=days), before.time()
        )
    else:
        assert after.date() == before.date() + timedelta(days=days)


@pytest.mark.parametrize(
    ("asked", "opens"),
    [
        ("2026-03-27T16:30", "2026-03-27T16:30"),  # Friday 17:30, still open
        ("2026-03-27T17:00", "2026-03-30T07:00"),  # 18:00 is shut; Monday is in summer time
        ("2026-10-23T16:00", "2026-10-26T08:00"),  # the other way
        ("2026-03-30T06:59:59.999999", "2026-03-30T07:00"),
    ],
)
def test_working_hours_follow_the_clock_on_the_wall(asked, opens):
    window = parse({"days": ["mon", "tue", "wed", "thu", "fri"], "start": "09:00", "end": "18:00"})
    assert next_open(utc(asked), window, BERLIN) == utc(opens)


def test_a_window_that_starts_in_the_skipped_hour_opens_after_it():
    window = SendWindow(EVERY_DAY, time(2, 30), time(5))
    assert next_open(utc("2026-03-29T00:00"), window, BERLIN) == utc("2026-03-29T01:00")


def test_a_window_that_lies_in_the_skipped_hour_waits_for_the_next_day():
    window = SendWindow(EVERY_DAY, time(2, 10), time(2, 50))
    assert next_open(utc("2026-03-29T00:00"), window, BERLIN) == utc("2026-03-30T00:10")


def test_a_day_that_a_zone_left_out_has_no_opening():
    samoa = ZoneInfo("Pacific/Apia")  # crossed the date line: there was no Friday 30 December 2011
    friday = SendWindow(frozenset({5}), time(9), time(17))
    assert next_open(utc("2011-12-30T00:00"), friday, samoa).astimezone(samoa).date() == date(2012, 1, 6)


def test_a_zone_of_half_hours_opens_at_the_half_hour():
    window = SendWindow(EVERY_DAY, time(9), time(17))
    assert next_open(utc("2026-01-05T00:00"), window, ZoneInfo("Asia/Kolkata")) == utc("2026-01-05T03:30")


def test_a_repeated_hour_is_open_twice_and_shut_in_between():
    window = SendWindow(EVERY_DAY, time(2, 10), time(2, 50))
    assert next_open(utc("2026-10-25T00:20"), window, BERLIN) == utc("2026-10-25T00:20")
    assert next_open(utc("2026-10-25T00:55"), window, BERLIN) == utc("2026-10-25T01:10")
    assert next_open(utc("2026-10-25T01:50"), window, BERLIN) == utc("2026-10-26T01:10")


def test_without_a_window_it_is_always_open():
    at = utc("2026-01-04T03:00")
    assert next_open(at, None, BERLIN) == at


def test_a_step_is_due_after_its_days_its_hours_and_the_window():
    window = parse({"days": ["mon", "tue", "wed", "thu", "fri"], "start": "09:00", "end": "17:00"})
    friday = utc("2026-03-27T09:00")  # 10:00 in Berlin
    tomorrow, monday, elapsed = (
        delayed(friday, delay_days=days, delay_hours=hours, zone=BERLIN) for days, hours in ((1, 0), (3, 0), (0, 48))
    )
    assert next_open(tomorrow, None, BERLIN) == utc("2026-03-28T09:00")
    assert next_open(monday, window, BERLIN) == utc("2026-03-30T08:00")
    assert next_open(elapsed, window, BERLIN) == utc("2026-03-30T07:00")


def test_a_wall_time_that_does_not_exist_moves_forward():
    assert delayed(utc("2026-03-28T01:30"), delay_days=1, delay_hours=0, zone=BERLIN) == utc("2026-03-29T01:00")


def test_somebody_who_is_back_on_a_day_can_be_written_to_when_it_begins_there():
    assert resume_on(date(2026, 3, 30), BERLIN) == utc("2026-03-29T22:00")
    # Cuba's clocks skip midnight: the day begins at one o'clock.
    assert resume_on(date(2026, 3, 8), ZoneInfo("America/Havana")) == utc("2026-03-08T05:00")


@pytest.mark.parametrize(
    "wire",
    [
        {"days": ["mon"], "start": "17:00", "end": "09:00"},
        {"days": ["mon"], "start": "09:00", "end": "09:00"},
        {"days": ["someday"], "start": "09:00", "end": "17:00"},
        {"days": ["monkey"], "start": "09:00", "end": "17:00"},
        {"days": [3], "start": "09:00", "end": "17:00"},
        {"days": ["mon"], "start": "25:00", "end": "26:00"},
        {"days": ["mon"], "start": "nine", "end": "17:00"},
        {"days": ["mon"], "start": 9, "end": 17},
        {"days": ["mon"], "start": "09:00", "end": "24:01"},
        {"days": ["mon"], "start": "09:00+02:00", "end": "17:00"},
        {"days": [], "start": "09:00", "end": "17:00"},
    ],
)
def test_what_is_no_window_is_refused(wire):
    with pytest.raises(WindowInvalid):
        parse(wire)


def test_a_window_is_read_from_its_wire_form():
    assert parse({"days": ["mon", "Sun"], "start": "09:00", "end": "17:30"}) == SendWindow(
        frozenset({1, 7}), time(9), time(17, 30)
    )
    assert parse({"days": ["sat"], "start": "00:00", "end": "24:00"}) == SendWindow(frozenset({6}), time(0), None)
    assert parse({"start": "09:00", "end": "17:00"}).days == EVERY_DAY
