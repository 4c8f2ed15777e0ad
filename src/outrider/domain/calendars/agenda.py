"""What lies ahead of somebody: their meetings, what these are to them, and when they want to be reminded."""

from dataclasses import dataclass
from datetime import datetime, time
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncSession

from outrider.domain.accounts import queries as accounts
from outrider.domain.calendars import queries, rules
from outrider.domain.calendars.models import Calendar, Occurrence
from outrider.domain.calendars.rules import Meeting
from outrider.domain.preferences import actions as preferences


@dataclass(frozen=True, slots=True)
class Entry:
    """An occurrence in its calendar. `remind_at` is None where its owner does not want to be reminded of it."""

    occurrence: Occurrence
    calendar: Calendar
    provider: str
    meeting: Meeting
    remind_at: datetime | None


async def ahead(db: AsyncSession, workspace_id: UUID, user_id: UUID, since: datetime, until: datetime) -> list[Entry]:
    """Returns what takes place between two moments, the soonest first."""
    found = await queries.upcoming(db, workspace_id, user_id, since, until)
    if not found:
        return []
    calendars = await queries.calendars_of_user(db, workspace_id, user_id)
    own = await queries.own_people(db, workspace_id, user_id)
    callers = await queries.callers(db, workspace_id, user_id)
    wanted = await preferences.of_user(db, workspace_id, user_id)
    home = ZoneInfo((await accounts.get_user(db, user_id)).timezone)
    morning = time.fromisoformat(wanted.preferred_call_time)
    entries = []
    for each in found:
        meeting = rules.meeting_of(each, own, callers=callers)
        is_wanted = rules.is_wanted(meeting, each, wanted.meeting_reminder_frequency)
        at = rules.remind_at(each, wanted.meeting_reminder_timing, home, morning=morning) if is_wanted else None
        calendar, provider = calendars[each.calendar_id]
        entries.append(Entry(each, calendar, provider, meeting, at))
    return entries
