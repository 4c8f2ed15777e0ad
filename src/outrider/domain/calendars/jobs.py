"""Keeps people's calendars up to date, by asking for what changed every few minutes."""

import asyncio
from functools import partial
from uuid import UUID

import structlog

from outrider.core import jobs
from outrider.core.db import Scope
from outrider.domain.calendars import queries, syncing
from outrider.runtime import Runtime

log = structlog.get_logger()

AT_ONCE = 10
_reading: dict[UUID, asyncio.Task[None]] = {}


@jobs.periodic("calendars.sync_due", every=2.0)
async def sync_due(app: Runtime) -> None:
    """Starts reading the calendars whose time has come, a few at once; a slow provider keeps nobody else waiting."""
    room = AT_ONCE - len(_reading)
    if room <= 0:
        return
    async with app.db.begin() as db:
        due = await queries.due(db, AT_ONCE)
    for workspace_id, connection_id in due[:room]:
        if connection_id not in _reading:
            task = _reading[connection_id] = asyncio.create_task(sync_one(app, workspace_id, connection_id))
            task.add_done_callback(partial(_finished, connection_id))


async def sync_one(app: Runtime, workspace_id: UUID, connection_id: UUID) -> None:
    async with app.db.begin(Scope(workspace_id, actor="calendar")) as db:
        connection = await syncing.claim(db, workspace_id, connection_id)
    if connection is not None:
        failure = await syncing.sync(app, connection)
        log.info("calendar.read", connection_id=str(connection_id), failed=failure is not None)


async def stop_reading() -> None:
    """Ends every read of this process, at shutdown; what a calendar told is written whole or not at all."""
    tasks = list(_reading.values())
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _finished(connection_id: UUID, task: "asyncio.Task[None]") -> None:
    _reading.pop(connection_id, None)
    if not task.cancelled() and (error := task.exception()) is not None:
        log.warning("calendar.failed", connection_id=str(connection_id), error=repr(error))
