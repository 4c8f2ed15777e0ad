"""Hours in which mail may leave, in the recipient's time zone, across daylight saving time.

Everything goes in and out in UTC; wall-clock thinking happens in between.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from outrider.core.errors import Invalid

DAYS = {name: number for number, name in enumerate(("mon", "tue", "wed", "thu", "fri", "sat", "sun"), start=1)}
END_OF_DAY = "24:00"


class WindowInvalid(Invalid):
    code = "send_window_invalid"


@dataclass(frozen=True, slots=True)
class SendWindow:
    """`days` are ISO weekdays (Monday is 1); `end` None means the end of the day."""

    days: frozenset[int]
    start: time
    end: time | None


def parse(wire: dict[str, Any]) -> SendWindow:
    """Reads `{days: ["mon", …], start: "09:00", end: "17:00"}`; the end may be 24:00. Raises WindowInvalid."""
    days = frozenset(_day(each) for each in wire.get("days", DAYS))
    if not days:
        raise WindowInvalid("A send window needs at least one day.", field="sendWindow.days")
    start = _time(wire.get("start") or "00:00")
    end = None if (wire.get("end") or END_OF_DAY) == END_OF_DAY else _time(wire["end"])
    if end is not None and end <= start:
        raise WindowInvalid("A send window must end after it starts, on the same day.", field="sendWindow.end")
    return SendWindow(days, start, end)


def is_open(at: datetime, window: SendWindow | None, zone: ZoneInfo) -> bool:
    """Asks the clock on the wall there: an hour that comes twice is open twice, one that is skipped never."""
    if window is None:
        return True
    local = at.astimezone(zone)
    wall = local.time()
    return local.isoweekday() in window.days and window.start <= wall and (window.end is None or wall < window.end)


def next_open(at: datetime, window: SendWindow | None, zone: ZoneInfo) -> datetime:
    """Returns `at` if the window is open then, else the moment it opens next."""
    if window is None or is_open(at, window, zone):
        return at
    today = at.astimezone(zone).date()
    for ahead in range(-1, 15):  # past a week: a zone may leave a day out, a change may swallow a short window
        day = today + timedelta(days=ahead)
        for opening in sorted(_openings(day, window, zone)):
            if opening > at and is_open(opening, window, zone):
                return opening
    raise WindowInvalid("This send window never opens.", field="sendWindow")


def delayed(last: datetime, *, delay_days: int, delay_hours: int, zone: ZoneInfo) -> datetime:
    local = last.astimezone(zone)
    same_time = _instant(local.date() + timedelta(days=delay_days), local.time(), zone, fold=local.fold)
    return (same_time if delay_days else last) + timedelta(hours=delay_hours)


def resume_on(day: date, zone: ZoneInfo) -> datetime:
    """Returns the start of a day in a zone: when somebody who is back that day can be written to again."""
    return _instant(day, time(0), zone)


def _openings(day: date, window: SendWindow, zone: ZoneInfo) -> set[datetime]:
    """When the wall clock can enter the window: by reaching its start, on either pass, or by jumping into it."""
    local = datetime.combine(day, window.start, zone)
    openings = {local.replace(fold=fold).astimezone(UTC) for fold in (0, 1)}
    noon = datetime.combine(day, time(12), zone).astimezone(UTC)
    before, after = (noon + timedelta(hours=side * 15) for side in (-1, 1))
    if before.astimezone(zone).utcoffset() != after.astimezone(zone).utcoffset():
        openings.add(_change_between(before, after, zone))
    return {each for each in openings if each.astimezone(zone).date() == day}


def _instant(day: date, wall: time, zone: ZoneInfo, *, fold: int = 0) -> datetime:
    """Turns a wall time into UTC; one that a spring change skips becomes the moment after the gap."""
    local = datetime.combine(day, wall.replace(fold=fold, tzinfo=None), zone)
    before, after = local.replace(fold=0).astimezone(UTC), local.replace(fold=1).astimezone(UTC)
    if after < before:  # in the gap the two readings change places
        return _change_between(after - timedelta(minutes=1), before, zone)
    return local.astimezone(UTC)


def _change_between(low: datetime, high: datetime, zone: ZoneInfo) -> datetime:
    """Finds, to the second, when the zone's offset changes to what it is at `high`."""
    target = high.astimezone(zone).utcoffset()
    while high - low > timedelta(milliseconds=500):
        middle = low + (high - low) / 2
        if middle.astimezone(zone).utcoffset() == target:
            high = middle
        else:
            low = middle
    return high.replace(microsecond=0)


def _day(name: Any) -> int:
    number = DAYS.get(str(name).strip().lower())
    if number is None:
        raise WindowInvalid(
            f"{name!r} is not a day: write mon, tue, wed, thu, fri, sat or sun.", field="sendWindow.days"
        )
    return number


def _time(text: str) -> time:
    try:
        wall = time.fromisoformat(text)
    except (TypeError, ValueError):
        wall = None
    if wall is None or wall.tzinfo is not None:
        raise WindowInvalid(f"{text!r} is not a time: write it like 09:00.", field="sendWindow")
    return wall
