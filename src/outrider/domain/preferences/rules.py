"""Preferences that suit a user, from their own mail: each comes with what it is based on."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from outrider.domain.mailboxes.sender_types import SenderType
from outrider.domain.preferences.evidence import SIGNS, Agenda, Basis
from outrider.domain.preferences.models import Frequency, Method, Timing

ENOUGH_DAYS = 5  # before the hours of a day are a habit
MANY_MEETINGS = 3  # a week
BEFORE = timedelta(minutes=30)  # the call comes before the day begins
EARLIEST, LATEST = 6 * 60, 12 * 60  # minutes of the day
USUAL_TIME = "08:00"


@dataclass(frozen=True, slots=True)
class Mail:
    """What of a mail counts here."""

    is_own: bool
    address: str
    subject: str
    sender_type: SenderType | None
    at: datetime


def suggest(mails: Sequence[Mail], own: str, zone: ZoneInfo, *, days: int, agenda: Agenda | None = None) -> list[Basis]:
    """`own` is the domain of the user's address; `days` is how far back the mail goes. Where no calendar is read,
    meetings are counted by their mail.
    """
    incoming = [each for each in mails if not each.is_own]
    return [
        *_triggers(incoming, own, days),
        *_meetings(agenda, incoming, own, days),
        _call_time([each.at for each in mails if each.is_own], zone, days),
    ]


def _triggers(incoming: Sequence[Mail], own: str, days: int) -> list[Basis]:
    told = []
    for setting, sign in SIGNS.items():
        # An advertiser's invoice is no invoice; launches are told by periodicals.
        heard = [
            each
            for each in incoming
            if each.sender_type is not SenderType.PROMOTIONAL
            and (setting == "product_launches" or each.sender_type is not SenderType.NEWSLETTER)
        ]
        count = sum(sign.search(each.subject) is not None for each in heard)
        told.append(Basis(setting, bool(count), f"{count} of {len(heard)} mails of {days} days speak of it."))
    team = sum(each.address.endswith(f"@{own}") and each.sender_type is SenderType.PERSONAL for each in incoming)
    return [*told, Basis("team_urgent", bool(team), f"{team} mails of people at {own}.")]


def _meetings(agenda: Agenda | None, incoming: Sequence[Mail], own: str, days: int) -> list[Basis]:
    if agenda is not None:
        count, outside, days = agenda.meetings, agenda.outside, agenda.days
        seen = (
            f"{count} meetings in the next {days} days of your calendars, {outside} of them with people from outside."
        )
    else:
        told = [each for each in incoming if each.sender_type is SenderType.MEETING]
        count, outside = len(told), sum(not each.address.endswith(f"@{own}") for each in told)
        seen = f"{count} mails about meetings in {days} days, {outside} of them from outside {own}."
    busy = count * 7 / days >= MANY_MEETINGS
    frequency = Frequency.ALL if not busy else Frequency.EXTERNAL if outside else Frequency.IMPORTANT
    return [
        Basis("meeting_reminder_frequency", frequency, seen),
        Basis("meeting_reminder_timing", Timing.QUARTER_HOUR if busy else Timing.HALF_HOUR, seen),
        Basis("meeting_reminder_method", Method.BOTH if count else Method.DIGEST, seen),
    ]


def _call_time(sent: Sequence[datetime], zone: ZoneInfo, days: int) -> Basis:
    first: dict[Any, int] = {}
    for at in sent:
        local = at.astimezone(zone)
        minutes = local.hour * 60 + local.minute
        first[local.date()] = min(minutes, first.get(local.date(), minutes))
    if len(first) < ENOUGH_DAYS:
        reason = f"You sent mail on {len(first)} days of {days}: too few to know when your day begins."
        return Basis("preferred_call_time", USUAL_TIME, reason)
    begins = statistics.median(first.values())
    wanted = min(max(int(begins - BEFORE.total_seconds() / 60), EARLIEST), LATEST) // 15 * 15
    shown = f"{int(begins) // 60:02}:{int(begins) % 60:02}"
    reason = f"On {len(first)} days of {days} your first mail left at {shown} in the median ({zone.key})."
    return Basis("preferred_call_time", f"{wanted // 60:02}:{wanted % 60:02}", reason)
