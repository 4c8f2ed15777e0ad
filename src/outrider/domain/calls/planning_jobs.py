"""Makes digests and reminders of meetings due, each once, at the hour at home."""

from datetime import datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncSession

from outrider.core import jobs
from outrider.core.db import Scope
from outrider.domain.accounts import queries as accounts
from outrider.domain.accounts.models import User
from outrider.domain.calendars import agenda
from outrider.domain.calendars.agenda import Entry
from outrider.domain.calls import digest, permitting, queries, rules, scheduling, wording
from outrider.domain.calls.models import CallSettings, CallType, Priority
from outrider.domain.preferences import actions as preferences
from outrider.domain.preferences.models import Method, Preferences
from outrider.runtime import Runtime

AT_MOST = 100
LOOK_AGAIN = timedelta(minutes=2)  # calendars change
# What was due while nothing ran is made up for; after that it is no longer of use.
DIGEST_LATE, REMINDER_LATE = timedelta(hours=4), timedelta(minutes=45)
AHEAD = timedelta(days=1, hours=2)
WHOLE_DAY = timedelta(hours=3)
BEGUN = timedelta(minutes=5)


@jobs.periodic("calls.plan", every=5.0)
async def plan_due(app: Runtime) -> None:
    """Plans the calls of those whose time has come."""
    async with app.db.begin() as db:
        due = await queries.callers_to_plan(db, await app.clock.due_now(db), AT_MOST)
    for workspace_id, user_id in due:
        async with app.db.begin(Scope(workspace_id, user_id, actor="calls")) as db:
            await plan(db, workspace_id, user_id, await app.clock.due_now(db))


async def plan(db: AsyncSession, workspace_id: UUID, user_id: UUID, now: datetime) -> None:
    """Schedules what became due since the last time; says when to look again."""
    settings = await permitting.settings_of(db, workspace_id, user_id, lock=True)
    if settings.planned_until is not None and settings.planned_until > now:
        return  # another worker was faster
    user = await accounts.get_user(db, user_id)
    wanted = await preferences.of_user(db, workspace_id, user_id)
    home = ZoneInfo(user.timezone)
    is_first = settings.planned_until is None
    next_digest = rules.next_digest(now, wanted.preferred_call_time, home)
    settings.planned_until = min(next_digest, now + LOOK_AGAIN)
    if is_first or user.disabled_at is not None:
        return
    if settings.wants_digest:
        await _digest(db, user, settings, wanted, now)
    if wanted.meeting_reminder_method is not Method.DIGEST:
        await _reminders(db, user, settings, home, now)


async def _digest(db: AsyncSession, user: User, settings: CallSettings, wanted: Preferences, now: datetime) -> None:
    home = ZoneInfo(user.timezone)
    today = now.astimezone(home).date()
    at = rules.moment(today, wanted.preferred_call_time, home)
    if not at <= now < at + DIGEST_LATE:
        return
    compiled = await digest.compile_at(db, settings.workspace_id, user, wanted, at)
    if compiled.is_empty:
        return
    await scheduling.schedule(
        db,
        settings.workspace_id,
        user.id,
        CallType.DIGEST,
        origin=f"digest:{today}",
        content=compiled.text,
        summary=compiled.text,
        language=compiled.language,
        at=at,
        give_up_at=at + rules.GIVE_UP_AFTER[CallType.DIGEST],
    )


async def _reminders(db: AsyncSession, user: User, settings: CallSettings, home: ZoneInfo, now: datetime) -> None:
    entries = await agenda.ahead(db, settings.workspace_id, user.id, now, now + AHEAD)
    for entry in entries:
        if entry.remind_at is None or not _is_ahead(entry, now):
            continue
        if entry.remind_at > now:
            settings.planned_until = min(settings.planned_until or entry.remind_at, entry.remind_at)
        elif now - entry.remind_at < REMINDER_LATE:
            await _remind(db, settings, entry, entry.remind_at, home)


async def _remind(db: AsyncSession, settings: CallSettings, entry: Entry, at: datetime, home: ZoneInfo) -> None:
    it = entry.occurrence
    own_day = it.starts_on is not None
    people = [each["name"] for each in it.attendees if each.get("name")] if entry.meeting.has_others else []
    said = wording.reminder(it.title, it.starts_at, home, people=people, place=it.location, language=settings.language)
    await scheduling.schedule(
        db,
        settings.workspace_id,
        settings.user_id,
        CallType.REMINDER,
        origin=f"meeting:{it.uid or it.id}:{it.starts_at:%Y%m%dT%H%M%S}",
        content=said,
        summary=it.title,
        language=settings.language,
        at=at,
        give_up_at=at + WHOLE_DAY if own_day else it.starts_at + BEGUN,
        priority=Priority.MEDIUM,
    )


def _is_ahead(entry: Entry, now: datetime) -> bool:
    return entry.occurrence.starts_on is not None or entry.occurrence.starts_at > now
