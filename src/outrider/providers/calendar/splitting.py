"""Taking an iCalendar stream (RFC 5545) apart into its events by lines alone, in one pass, however large it is."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from outrider.providers.calendar.interface import LONGEST_SOURCE, Source

_FOLDED = re.compile(r"\r?\n[ \t]")
_LINE_END = re.compile(r"\r\n?|\n")  # and no other: a summary may hold what Unicode calls a line's end
_TZID = re.compile(r";TZID=(?:\"([^\"]*)\"|([^;:]*))", re.IGNORECASE)
_DAY = re.compile(r"\d{8}")
# Says when a copy was made: it differs each time, and nothing else does.
_OF_THE_COPY = ("DTSTAMP",)
_REPEATS = frozenset({"RRULE", "RDATE", "EXRULE", "RECURRENCE-ID"})
_LASTING = frozenset({"DURATION"})


@dataclass(slots=True)
class Stream:
    """What a stream holds: its own name and zone, its zones' definitions, and its events' components by UID."""

    name: str = ""
    zone: str | None = None
    zones: dict[str, str] = field(default_factory=dict)
    events: dict[str, list[str]] = field(default_factory=dict)

    def sources(self, since: datetime | None = None) -> Iterator[Source]:
        """Returns one source an event, without those that were certainly over before `since`."""
        oldest = (since - timedelta(days=2)).strftime("%Y%m%d") if since else ""
        for uid, components in self.events.items():
            if oldest and all(_is_over(each, oldest) for each in components):
                continue
            ical = wrapped(components, self._zones_of(components))
            if len(ical) <= LONGEST_SOURCE:
                yield Source(uid, uid, ical)

    def _zones_of(self, components: Iterable[str]) -> list[str]:
        names = dict.fromkeys(found[0] or found[1] for each in components for found in _TZID.findall(each))
        return [self.zones[name] for name in names if name in self.zones]


def wrapped(components: Iterable[str], zones: Iterable[str] = ()) -> str:
    """An iCalendar object around components; a calendar's own method and version say nothing about its events."""
    return "\r\n".join(
        ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Outrider//EN", *zones, *components, "END:VCALENDAR", ""]
    )


def split(text: str) -> Stream:
    """Reads a stream. What is no event and no time zone is left out, and so is an event without a UID."""
    stream = Stream()
    for name, lines in _components(text, stream):
        component = "\r\n".join(lines)
        if name == "VTIMEZONE":
            stream.zones.setdefault(_value(lines, "TZID"), component)
        elif uid := _value(lines, "UID"):
            stream.events.setdefault(uid[:1_000], []).append(component)
    return stream


def _components(text: str, stream: Stream) -> Iterator[tuple[str, list[str]]]:
    """Yields the top components that matter, each with its lines, and notes what the calendar says of itself."""
    inside: list[str] = []
    lines: list[str] = []
    for line in _LINE_END.split(_FOLDED.sub("", text).replace("\0", "")):
        name, _, value = line.partition(":")
        name = name.partition(";")[0].upper()
        if name == "BEGIN":
            inside.append(value.strip().upper())
        if len(inside) > 1 and name not in _OF_THE_COPY and "VALARM" not in inside:
            lines.append(line)
        elif len(inside) == 1:
            _note(stream, name, value.strip())
        if name == "END" and inside:
            ended = inside.pop()
            if len(inside) == 1:
                if ended in {"VEVENT", "VTIMEZONE"}:
                    yield ended, lines
                lines = []


def _note(stream: Stream, name: str, value: str) -> None:
    if name == "X-WR-TIMEZONE":
        stream.zone = value
    elif name in {"X-WR-CALNAME", "NAME"}:
        stream.name = stream.name or value[:200]


def _value(lines: Iterable[str], name: str) -> str:
    for line in lines:
        found, _, value = line.partition(":")
        if found.partition(";")[0].upper() == name:
            return value.strip()
    return ""


def _is_over(component: str, oldest: str) -> bool:
    """Whether an event ended before a day (YYYYMMDD); of what repeats or has only a length that is not known here."""
    begins = ends = ""
    for line in component.split("\r\n"):
        found, _, value = line.partition(":")
        name = found.partition(";")[0].upper()
        if name in _REPEATS or name in _LASTING:
            return False
        if name == "DTSTART":
            begins = value
        elif name == "DTEND":
            ends = value
    day = _DAY.match((ends or begins).strip())
    return day is not None and day[0] < oldest
