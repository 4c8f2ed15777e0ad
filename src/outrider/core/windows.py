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
    days = frozenset(_day(each) for each in wire.get("days") or DAYS)
    start = _time(wire.get("start") or "00:00")
    end = None if (wire.get("end") or END_OF_DAY) == END_OF_DAY else _time(wire["end"])
    if end is not None and end <= start:
        raise WindowInvalid("A send window must end after it starts, on the same day.", field="sendWindow.end")
    return SendWindow(days, start, end)


def next_open(at: datetime, window: SendWindow | None, zone: ZoneInfo) -> datetime:
    """Returns `at` if the window is open then, else the moment it opens next."""
    if window is None:
        return at
    today = at.astimezone(zone).date()
    for ahead in range(-1, 15):  # from the day before: a day lasts 23 to 25 hours and zones differ
        day = today + timedelta(days=ahead)
        if day.isoweekday() not in window.days:
            continue
        opens, closes = _span(day, window, zone)
        if at < closes and opens < closes:
            return max(at, opens)
    raise WindowInvalid("This send window never opens.", field="sendWindow")


def next_send_at(
    last: datetime, *, delay_days: int, delay_hours: int, window: SendWindow | None, zone: ZoneInfo
) -> datetime:
    """Returns when a step is due: days keep the wall clock in the zone, hours are elapsed time, then the window."""
    return next_open(delayed(last, delay_days=delay_days, delay_hours=delay_hours, zone=zone), window, zone)


def delayed(last: datetime, *, delay_days: int, delay_hours: int, zone: ZoneInfo) -> datetime:
    local = last.astimezone(zone)
    same_time = _instant(local.date() + timedelta(days=delay_days), local.time(), zone, fold=local.fold)
    return (same_time if delay_days else last) + timedelta(hours=delay_hours)


def resume_on(day: date, zone: ZoneInfo) -> datetime:
    """Returns the start of a day in a zone: when somebody who is back that day can be written to again."""
    return _instant(day, time(0), zone)


def _span(day: date, window: SendWindow, zone: ZoneInfo) -> tuple[datetime, datetime]:
    # The later of two equal wall times closes, the earlier opens: a repeated hour belongs to the window.
    opens = _instant(day, window.start, zone)
    closes = (
        _instant(day + timedelta(days=1), time(0), zone)
        if window.end is None
        else _instant(day, window.end, zone, fold=1 if _is_repeated(day, window.end, zone) else 0)
    )
    return opens, closes


def _instant(day: date, wall: time, zone: ZoneInfo, *, fold: int = 0) -> datetime:
    """Turns a wall time into UTC; one that a spring change skips becomes the moment after the gap."""
    local = datetime.combine(day, wall.replace(fold=fold, tzinfo=None), zone)
    before, after = local.replace(fold=0).utcoffset(), local.replace(fold=1).utcoffset()
    assert before is not None  # noqa: S101  # a zone always has an offset
    assert after is not None  # noqa: S101
    if after > before:  # in the gap: the clock jumps at the instant where both readings meet
        jump = datetime.combine(day, wall.replace(tzinfo=None), UTC) - after
        return _end_of_gap(jump, zone)
    return local.astimezone(UTC)


def _end_of_gap(near: datetime, zone: ZoneInfo) -> datetime:
    """Finds, to the minute, the instant at which the zone's offset changes around `near`."""
    low, high = near - timedelta(hours=3), near + timedelta(hours=3)
    target = high.astimezone(zone).utcoffset()
    while high - low > timedelta(seconds=1):
        middle = low + (high - low) / 2
        if middle.astimezone(zone).utcoffset() == target:
            high = middle
        else:
            low = middle
    return high.replace(microsecond=0)


def _is_repeated(day: date, wall: time, zone: ZoneInfo) -> bool:
    local = datetime.combine(day, wall.replace(tzinfo=None), zone)
    first, second = local.replace(fold=0).utcoffset(), local.replace(fold=1).utcoffset()
    return first is not None and second is not None and first > second


def _day(name: Any) -> int:
    number = DAYS.get(str(name).strip().lower()[:3])
    if number is None:
        raise WindowInvalid(
            f"{name!r} is not a day: write mon, tue, wed, thu, fri, sat or sun.", field="sendWindow.days"
        )
    return number


def _time(text: str) -> time:
    try:
        return time.fromisoformat(text)
    except (TypeError, ValueError):
        raise WindowInvalid(f"{text!r} is not a time: write it like 09:00.", field="sendWindow") from None
