"""Events that a provider tells in its own words, written as iCalendar (RFC 5545)."""

import re
from collections.abc import Iterable
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_RULE = re.compile(r"(?:RRULE|EXRULE|RDATE|EXDATE)[;:][\x20-\x7e]{1,10000}")


def text(name: str, value: object) -> str:
    """A property with text, "" where there is none."""
    words = _CONTROL.sub("", str(value)) if value else ""
    for plain, escaped in (("\\", "\\\\"), (";", "\\;"), (",", "\\,"), ("\n", "\\n")):
        words = words.replace(plain, escaped)
    return f"{name}:{words}" if words else ""


def moment(name: str, at: date, zone: str | None = None) -> str:
    """A property with a time, in its own zone where it has one that we know; or with a day."""
    if not isinstance(at, datetime):
        return f"{name};VALUE=DATE:{at:%Y%m%d}"
    if zone not in {None, "UTC"} and (known := _known(str(zone))):
        return f"{name};TZID={known.key}:{at.astimezone(known):%Y%m%dT%H%M%S}"
    return f"{name}:{at.astimezone(UTC):%Y%m%dT%H%M%SZ}"


def person(name: str, address: object, called: object = "", response: str = "") -> str:
    """An organizer or attendee, "" without an address."""
    if not isinstance(address, str) or "@" not in address:
        return ""
    words = _CONTROL.sub("", str(called or "")).replace('"', "'").replace("\n", " ")
    common = f';CN="{words}"' if words else ""
    status = f";PARTSTAT={response}" if response else ""
    return f"{name}{common}{status}:mailto:{re.sub(r'[^!-~]', '', address)}"


def rules(lines: object) -> list[str]:
    """Rules as a provider gives them, without what is none."""
    given = lines if isinstance(lines, list) else []
    return [each for each in given if isinstance(each, str) and _RULE.fullmatch(each)]


def event(lines: Iterable[str]) -> str:
    return "\r\n".join(["BEGIN:VEVENT", *(each for each in lines if each), "END:VEVENT"])


def _known(zone: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None
