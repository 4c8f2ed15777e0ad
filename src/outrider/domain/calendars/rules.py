"""Which meetings somebody wants to be reminded of, and when: calculations only.

The words are those of the concierge's preferences.
"""

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from outrider.domain.calendars.models import Occurrence
from outrider.domain.preferences.models import Frequency, Timing
from outrider.domain.sending.pacing import company_of

AHEAD = {
    Timing.QUARTER_HOUR: timedelta(minutes=15),
    Timing.HALF_HOUR: timedelta(minutes=30),
    Timing.HOUR: timedelta(hours=1),
    Timing.TWO_HOURS: timedelta(hours=2),
}
HIGHEST = 4  # RFC 5545 3.8.1.9: 1 to 4 is high
_INVESTORS = re.compile(
    r"\b(?:investors?|investment|venture capital|vcs?|angels?|term sheet|due diligence|cap table|fund ?raising|fundraise"
    r"|series [a-d]|seed round|pitch|board meeting|limited partners?|investoren|investitionsrunde|beirat"
    r"|investisseurs?|levée de fonds|inversor(?:es|as?)?|ronda de inversión|investitor[ie]|investidor(?:es)?)\b",
    re.IGNORECASE,
)
_IMPORTANT = re.compile(
    r"\b(?:important|urgent|critical|board|interview|deadline|contract|wichtig|dringend|importante?|urgente?)\b|!!",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Own:
    """Who belongs to a workspace: its people's addresses, and the companies' domains these are at."""

    addresses: frozenset[str]
    companies: frozenset[str]

    @classmethod
    def of(cls, addresses: Iterable[str]) -> "Own":
        known = frozenset(each.lower() for each in addresses if "@" in each)
        companies = (company_of(each.rpartition("@")[2]) for each in known)
        return cls(known, frozenset(each for each in companies if each))

    def knows(self, address: str) -> bool:
        """Whether somebody is of the workspace. At a public mail provider a shared domain says nothing."""
        return address in self.addresses or company_of(address.rpartition("@")[2]) in self.companies


@dataclass(frozen=True, slots=True)
class Meeting:
    """What an occurrence is to its owner."""

    is_external: bool
    is_important: bool
    is_investor: bool
    is_declined: bool
    has_others: bool


def meeting_of(
    occurrence: Occurrence, own: Own, *, investors: Collection[str] = (), callers: Collection[str] = ()
) -> Meeting:
    """Judges an occurrence. `investors` are addresses and domains known to be such, `callers` the addresses of whom its
    owner wants to be called for.
    """
    people = [*occurrence.attendees, *([occurrence.organizer] if occurrence.organizer else [])]
    others = {each["address"] for each in people if each["address"] not in own.addresses}
    is_investor = any(each in investors or each.rpartition("@")[2] in investors for each in others) or bool(
        others and _INVESTORS.search(occurrence.title)
    )
    is_urgent = 0 < occurrence.priority <= HIGHEST or bool(_IMPORTANT.search(occurrence.title))
    return Meeting(
        is_external=any(not own.knows(each) for each in others if not is_a_room(each)),
        is_important=is_urgent or is_investor or any(each in callers for each in others),
        is_investor=is_investor,
        is_declined=any(
            each["address"] in own.addresses and each["response"] == "declined" for each in occurrence.attendees
        ),
        has_others=bool(others),
    )


def is_a_room(address: str) -> bool:
    """Rooms and calendars are invited as if they were people; Google's have addresses of their own."""
    return address.endswith((".calendar.google.com", "@resource.calendar.google.com"))


def is_wanted(meeting: Meeting, occurrence: Occurrence, frequency: Frequency) -> bool:
    """Whether its owner wants to be reminded; never of what they declined or what leaves them free."""
    if meeting.is_declined or occurrence.is_free:
        return False
    return {
        Frequency.ALL: True,
        Frequency.IMPORTANT: meeting.is_important,
        Frequency.EXTERNAL: meeting.is_external,
        Frequency.INVESTORS: meeting.is_investor,
    }[frequency]


def remind_at(occurrence: Occurrence, timing: Timing, home: ZoneInfo, *, morning: time) -> datetime:
    """When to remind of an occurrence. Hours are hours; a day is the same time on the day before, also across a change
    of the clocks (RFC 5545 3.3.6). Of whole days one is reminded at `morning`, on the first or on the day before it.
    """
    if occurrence.starts_on is not None:
        day = occurrence.starts_on - timedelta(days=1) if timing is Timing.DAY else occurrence.starts_on
        return _moment(datetime.combine(day, morning), home)
    if timing is Timing.DAY:
        local = occurrence.starts_at.astimezone(home).replace(tzinfo=None)
        return _moment(local - timedelta(days=1), home)
    return occurrence.starts_at - AHEAD[timing]


def _moment(local: datetime, home: ZoneInfo) -> datetime:
    # A time that the clocks skip is read as before the change, one that comes twice as its first (RFC 5545 3.3.5).
    return local.replace(tzinfo=home).astimezone(ZoneInfo("UTC"))


def once(occurrences: Iterable[Occurrence]) -> list[Occurrence]:
    """Of one event that lies in several calendars only the first is kept."""
    kept: dict[tuple[str, datetime], Occurrence] = {}
    for each in occurrences:
        kept.setdefault((each.uid or str(each.id), each.starts_at), each)
    return list(kept.values())
