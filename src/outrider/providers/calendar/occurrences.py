"""When the events of a calendar take place: iCalendar (RFC 5545) worked out in a child process, which may die of it.

A rule can be written that never ends or means every second of a century: time, memory and number are bounded.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo

import orjson
import recurring_ical_events
from icalendar import Calendar
from pydantic import TypeAdapter

from outrider.providers.mail.sandbox import Given, Parser, Reading

MOST = 500  # occurrences of one series in one window
MOST_ATTENDEES = 200
LONGEST_TEXT = 1_000
# Marks the one component of a series that takes place at no time itself, but says what the others leave unsaid.
TEMPLATE = "X-OUTRIDER-TEMPLATE"
Event = Any  # a component; the library types each property as any that there is
_INHERITED = ("SUMMARY", "LOCATION", "ORGANIZER", "ATTENDEE", "PRIORITY", "URL", "CLASS", "TRANSP", "STATUS")


@dataclass(frozen=True, slots=True)
class Person:
    """`response` is how far somebody has agreed to come: accepted, declined, tentative or needs-action."""

    address: str
    name: str = ""
    response: str = "needs-action"


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One event at one time. `instance` tells it from others of its series even when it is moved.

    An event that lasts whole days has its first and last day in `starts_on` and `ends_on`; its moments are those days'
    bounds where its owner lives. `priority` runs from 1, the highest, to 9; 0 says nothing (RFC 5545 3.8.1.9).
    """

    instance: str
    uid: str
    starts_at: datetime
    ends_at: datetime
    title: str = ""
    location: str = ""
    url: str = ""
    starts_on: date | None = None
    ends_on: date | None = None
    is_recurring: bool = False
    is_tentative: bool = False
    is_free: bool = False
    priority: int = 0
    organizer: Person | None = None
    attendees: tuple[Person, ...] = ()


@dataclass(frozen=True, slots=True)
class Series:
    """What takes place together, and where its owner lives: whole days and times without a zone are meant there."""

    icals: tuple[str, ...]
    zone: str


@dataclass(frozen=True, slots=True)
class Worked:
    """What came of a series. `problem` says why there may be less of it than there is."""

    occurrences: list[Occurrence] = field(default_factory=list)
    problem: str | None = None


async def work_out(parser: Parser, series: Sequence[Series], *, since: datetime, until: datetime) -> list[Worked]:
    """Returns what takes place between two moments, for each series in order. Raises ParserUnavailable."""
    given = [
        Given(orjson.dumps({"icals": each.icals, "zone": each.zone, "since": since, "until": until})) for each in series
    ]
    return await parser.read_many(READING, given)


def read(raw: bytes, _at: datetime, poison: str | None) -> Worked:
    """What the child does with one series."""
    if poison is not None:
        return Worked(problem="The event's rule takes too long to work out.")
    asked = orjson.loads(raw)
    since, until = datetime.fromisoformat(asked["since"]), datetime.fromisoformat(asked["until"])
    try:
        return _occurrences(asked["icals"], ZoneInfo(asked["zone"]), since, until)
    except (ValueError, LookupError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        # The library meets what the standard does not allow in many ways.
        return Worked(problem=f"The event can't be read: {error}"[:LONGEST_TEXT])


READING = Reading(read, TypeAdapter(Worked))


def _occurrences(icals: Iterable[str], home: ZoneInfo, since: datetime, until: datetime) -> Worked:
    calendar = _joined(icals)
    is_recurring = len(calendar.walk("VEVENT")) > 1 or any(
        name in each for each in calendar.walk("VEVENT") for name in ("RRULE", "RDATE", "RECURRENCE-ID")
    )
    found = _between(calendar, home, since, until)
    occurrences = [
        _occurrence(each, home, is_recurring=is_recurring)
        for each in islice((each for each in found if not _is_cancelled(each)), MOST + 1)
    ]
    problem = f"Only the next {MOST} times of the event are known." if len(occurrences) > MOST else None
    return Worked(occurrences[:MOST], problem)


def _joined(icals: Iterable[str]) -> Any:
    """All components in one calendar; a template's words are put where others lack them."""
    calendar: Any = Calendar()
    for ical in icals:
        for component in Calendar.from_ical(ical).subcomponents:
            calendar.add_component(component)
    events = calendar.walk("VEVENT")
    # One event, so one UID: not every provider repeats it with what it says of an exception.
    uid = next((each["UID"] for each in events if "UID" in each), "")
    for event in events:
        event["UID"] = uid
    template = next((each for each in events if TEMPLATE in each), None)
    if template is not None:
        calendar.subcomponents.remove(template)
        for event in calendar.walk("VEVENT"):
            for name in _INHERITED:
                if name not in event and name in template:
                    event[name] = template[name]
    return calendar


def _between(calendar: Calendar, home: ZoneInfo, since: datetime, until: datetime) -> Iterator[Event]:
    # A day more on either side: whole days and times without a zone are not yet where their owner lives.
    day = timedelta(days=1)
    for each in recurring_ical_events.of(calendar).after(since - day):
        starts_at = _moment(each["DTSTART"].dt, home)
        if starts_at >= until + day:
            return
        if starts_at < until and _ends_at(each, home) > since:
            yield each


def _is_cancelled(event: Event) -> bool:
    return str(event.get("STATUS", "")).upper() == "CANCELLED"


def _occurrence(event: Event, home: ZoneInfo, *, is_recurring: bool) -> Occurrence:
    starts: date = event["DTSTART"].dt
    ends_at = _ends_at(event, home)
    is_whole_days = not isinstance(starts, datetime)
    return Occurrence(
        instance=_instance(event["RECURRENCE-ID"].dt, home) if is_recurring else "",
        uid=_text(event, "UID"),
        starts_at=_moment(starts, home),
        ends_at=ends_at,
        title=_text(event, "SUMMARY"),
        location=_text(event, "LOCATION"),
        url=_link(event),
        starts_on=starts if is_whole_days else None,
        ends_on=(ends_at - timedelta(seconds=1)).astimezone(home).date() if is_whole_days else None,
        is_recurring=is_recurring,
        is_tentative=str(event.get("STATUS", "")).upper() == "TENTATIVE",
        is_free=str(event.get("TRANSP", "")).upper() == "TRANSPARENT",
        priority=_priority(event),
        organizer=next(_people(event, "ORGANIZER"), None),
        attendees=tuple(islice(_people(event, "ATTENDEE"), MOST_ATTENDEES)),
    )


def _instance(at: date, home: ZoneInfo) -> str:
    return _moment(at, home).isoformat() if isinstance(at, datetime) else at.isoformat()


def _moment(at: date, home: ZoneInfo) -> datetime:
    """The moment of a time (RFC 5545 3.3.5); a day begins, and one without a zone is meant, where the owner lives."""
    if not isinstance(at, datetime):
        at = datetime.combine(at, time())
    return at.replace(tzinfo=at.tzinfo or home).astimezone(UTC)


def _ends_at(event: Event, home: ZoneInfo) -> datetime:
    starts: date = event["DTSTART"].dt
    ends: date = event["DTEND"].dt if "DTEND" in event else starts
    if not isinstance(starts, datetime) and ends <= starts:
        ends = starts + timedelta(days=1)  # an event without an end lasts for its day (RFC 5545 3.6.1)
    return max(_moment(ends, home), _moment(starts, home))


def _text(event: Event, name: str) -> str:
    return str(event.get(name, "")).replace("\0", "").strip()[:LONGEST_TEXT]


def _link(event: Event) -> str:
    """Where one takes part from afar: what programs write down as such, else a location that is an address."""
    for name in ("X-GOOGLE-CONFERENCE", "X-MICROSOFT-SKYPETEAMSMEETINGURL", "CONFERENCE", "URL", "LOCATION"):
        if (found := _text(event, name)).startswith("https://") and " " not in found:
            return found
    return ""


def _priority(event: Event) -> int:
    with suppress(ValueError):
        if 0 < int(event.get("PRIORITY", 0)) <= 9:  # noqa: PLR2004  # RFC 5545 3.8.1.9
            return int(event["PRIORITY"])
    # What Outlook writes instead: 0 is low, 2 is high (MS-OXCICAL 2.1.3.1.1.20.33).
    return {"2": 1, "0": 9}.get(_text(event, "X-MICROSOFT-CDO-IMPORTANCE"), 0)


def _people(event: Event, name: str) -> Iterator[Person]:
    given: Any = event.get(name, [])
    for each in given if isinstance(given, list) else [given]:
        scheme, _, address = str(each).partition(":")
        if scheme.lower() == "mailto" and "@" in address:
            parameters = getattr(each, "params", {})
            response = str(parameters.get("PARTSTAT", "NEEDS-ACTION")).lower()
            person_name = str(parameters.get("CN", "")).replace("\0", "")[:200]
            yield Person(address.strip().lower().replace("\0", "")[:320], person_name, response[:40])
