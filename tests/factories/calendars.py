"""Connected calendars, and runtimes that may speak to servers on loopback without TLS."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import text

from outrider.core.clock import now
from outrider.core.db import Scope
from outrider.core.ids import new_id
from outrider.domain.calendars import connections, syncing
from outrider.domain.calendars.models import Calendar, CalendarConnection, CalendarSource, Occurrence
from outrider.providers.calendar.interface import Account, CalendarFailed
from outrider.runtime import Addresses, Runtime, open_runtime
from outrider.settings import Settings
from tests.factories.accounts import Someone


@asynccontextmanager
async def calendar_runtime(settings: Settings, database: Addresses, **changes: Any) -> AsyncIterator[Runtime]:
    known = settings.model_copy(update={"unencrypted_mail_hosts": ("127.0.0.1",), **changes})
    async with open_runtime(known, database.app, name="tests-calendars") as runtime:
        yield runtime


async def connect(
    runtime: Runtime, owner: Someone, provider: str, account: Account, *, token: str | None = None
) -> CalendarConnection:
    """Connects calendars as their owner does; no worker finds them due."""
    listed = await connections.verify(runtime, provider, account)
    async with runtime.db.begin(owner.scope) as db:
        connection = await connections.connect(
            db,
            runtime.keyring,
            workspace_id=owner.workspace_id,
            user_id=owner.user.id,
            provider=provider,
            account=account,
            listed=listed,
            token=token,
        )
        connection.sync_due_at = now() + timedelta(days=1)
    return connection


async def read(runtime: Runtime, connection: CalendarConnection) -> CalendarFailed | None:
    """Reads them as a worker does, now."""
    scope = Scope(connection.workspace_id)
    async with runtime.db.begin(scope) as db:
        await db.execute(
            text("update calendar_connections set sync_due_at = clock_timestamp() where id = :id"),
            {"id": connection.id},
        )
        claimed = await syncing.claim(db, connection.workspace_id, connection.id)
    assert claimed is not None
    failure = await syncing.sync(runtime, claimed)
    async with runtime.db.begin(scope) as db:  # and no worker of another test finds them due
        later = now() + timedelta(days=1)
        await db.execute(
            text("update calendar_connections set sync_due_at = :at where sync_due_at is not null"), {"at": later}
        )
    return failure


async def make_event(
    runtime: Runtime, owner: Someone, *, title: str = "A meeting", day: int = 1, **known: Any
) -> CalendarConnection:
    """An event in a calendar of its own, without a server behind; returns the connection to it."""
    whose = {"workspace_id": owner.workspace_id, "user_id": owner.user.id}
    connection = CalendarConnection(
        **whose, id=new_id(), provider="ics", account=new_id().hex, address="a.test", sync_due_at=None
    )
    calendar = Calendar(**whose, id=new_id(), connection_id=connection.id, remote_id="file", name="Work")
    source = CalendarSource(
        workspace_id=owner.workspace_id, id=new_id(), calendar_id=calendar.id, remote_id="1", series="1", ical=title
    )
    fields = {
        "starts_at": at(day), "ends_at": at(day, 10), "location": "", "url": "", "is_recurring": False,
        "is_tentative": False, "is_free": False, "priority": 0, "organizer": None, "attendees": [], **known,
    }  # fmt: skip
    event = Occurrence(
        **whose, id=new_id(), calendar_id=calendar.id, series="1", instance="", uid=new_id().hex, title=title, **fields
    )
    async with runtime.db.begin(owner.scope) as db:
        for row in (connection, calendar, source, event):
            db.add(row)
            await db.flush()
    return connection


def at(days: int, hour: int = 9) -> datetime:
    """A full hour some days from now."""
    return (datetime.now(UTC) + timedelta(days=days)).replace(hour=hour, minute=0, second=0, microsecond=0)


def stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
