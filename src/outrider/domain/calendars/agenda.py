"""What lies ahead of somebody: their meetings, what these are to them, and when they want to be reminded."""

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncSession

from outrider.domain.accounts import queries as accounts
from outrider.domain.calendars import queries, rules
from outrider.domain.calendars.models import Calendar, Occurrence
from outrider.domain.calendars.rules import Meeting
from outrider.domain.preferences import actions as preferences
from outrider.domain.preferences.evidence import Agenda

OUTLINED = timedelta(days=28)


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


async def outlined(db: AsyncSession, workspace_id: UUID, user_id: UUID, at: datetime) -> Agenda | None:
    """Returns how much lies ahead and with whom, for whoever suggests reminders by it; None where no calendar is known."""
    if not await queries.connections_of(db, workspace_id, user_id):
        return None
    entries = await ahead(db, workspace_id, user_id, at, at + OUTLINED)
    meetings = [each.meeting for each in entries if each.meeting.has_others and not each.meeting.is_declined]
    return Agenda(len(meetings), sum(each.is_external for each in meetings), OUTLINED.days)
