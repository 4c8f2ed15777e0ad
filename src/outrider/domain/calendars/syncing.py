"""Reading a connection's calendars up to date: what changed is fetched and worked out, then written in one transaction."""

import asyncio
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from outrider.core.clock import database_now
from outrider.core.db import Scope
from outrider.domain.calendars import connections, queries, recording
from outrider.domain.calendars.models import Calendar, CalendarConnection, State
from outrider.providers.calendar.interface import Account, CalendarFailed, CalendarProvider
from outrider.providers.calendar.occurrences import Series, work_out
from outrider.runtime import Runtime

CLAIM = timedelta(minutes=5)
AT_ONCE = 4  # calendars of one connection
# How far ahead events are worked out, and how near the end of that may come before it is done again.
HORIZON, RENEW = timedelta(days=120), timedelta(days=92)
PAST = timedelta(days=1)
HOME = "UTC"  # of whom nobody knows where they live


async def claim(db: AsyncSession, workspace_id: UUID, connection_id: UUID) -> CalendarConnection | None:
    """Takes a due connection by moving its due time past this run; None if another worker has it."""
    connection: CalendarConnection | None = await db.scalar(
        select(CalendarConnection)
        .where(
            CalendarConnection.workspace_id == workspace_id,
            CalendarConnection.id == connection_id,
            CalendarConnection.state != State.REAUTH_REQUIRED,
            CalendarConnection.sync_due_at <= func.clock_timestamp(),
        )
        .with_for_update(skip_locked=True)
    )
    if connection is None:
        return None
    connection.sync_due_at = await database_now(db) + CLAIM
    await db.flush()
    return connection


async def sync(app: Runtime, connection: CalendarConnection) -> CalendarFailed | None:
    """Reads every calendar of a claimed connection; returns what went wrong, and notes it with the connection."""
    scope = Scope(connection.workspace_id, connection.user_id, actor="calendar")
    failure = await _read(app, connection, scope)
    async with app.db.begin(scope) as db:
        current = await db.get(
            CalendarConnection, (connection.workspace_id, connection.id), with_for_update=True, populate_existing=True
        )
        # Gone or connected anew meanwhile, it is not for this run to judge.
        if current is None or current.secret != connection.secret or current.grant_id != connection.grant_id:
            return failure
        at = await database_now(db)
        if failure is None:
            current.mark_reached(at, again_in=app.settings.calendar_sync_every)
        else:
            reason = f"{failure.message} {failure.hint}".strip()[:500]
            current.mark_failed(at, reason, is_terminal=failure.is_terminal)
    return failure


async def _read(app: Runtime, connection: CalendarConnection, scope: Scope) -> CalendarFailed | None:
    provider = app.calendars[connection.provider]
    try:
        account = await connections.account_of(app, connection)
        listed = await provider.calendars(account) if provider.can_change else None
    except CalendarFailed as failure:
        return failure
    async with app.db.begin(scope) as db:
        if listed is not None:
            calendars = await connections.keep_calendars(db, connection, listed)
        else:
            calendars = await queries.calendars_of(db, connection.workspace_id, connection.id)
        set_home = await queries.home_of(db, connection.workspace_id, connection.user_id)
        at = await app.clock.due_now(db)
    room = asyncio.Semaphore(AT_ONCE)

    async def read_one(calendar: Calendar) -> CalendarFailed | None:
        async with room:
            try:
                await _read_calendar(app, provider, account, calendar, set_home or calendar.zone or HOME, scope, at)
            except CalendarFailed as failure:
                return failure
            return None

    # One calendar that can't be read keeps no other from being read.
    failures = await asyncio.gather(*(read_one(each) for each in calendars))
    return next((each for each in failures if each is not None), None)


async def _read_calendar(
    app: Runtime, provider: CalendarProvider[Account], account: Account, calendar: Calendar, home: str, scope: Scope,
    at: datetime,
) -> None:  # fmt: skip
    anew = calendar.known_until is None or calendar.known_until < at + RENEW or calendar.home != home
    until = at + HORIZON
    known_until: datetime = until if anew or calendar.known_until is None else calendar.known_until
    changes = await provider.changes(account, calendar.remote_id, calendar.cursor, since=at - PAST, until=until)
    async with app.db.begin(scope) as db:
        planned = await recording.plan(db, calendar, changes, anew=anew)
    series = [Series(tuple(icals), home) for icals in planned.series.values()]
    worked = await work_out(app.parser, series, since=at - PAST, until=known_until)
    async with app.db.begin(scope) as db:
        await recording.record(db, calendar, changes, planned, worked, home=home, known_until=known_until)
