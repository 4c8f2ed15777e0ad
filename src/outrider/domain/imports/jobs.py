"""Takes imports in, a part at a time: what a killed worker had committed stays, and the next goes on from there."""

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from outrider.core import jobs
from outrider.core.clock import now
from outrider.core.db import Database, Scope
from outrider.domain.imports import actions, queries
from outrider.domain.imports.models import ImportJob
from outrider.domain.imports.reading import PART, Part, UnreadableFile, read_part
from outrider.runtime import Runtime

ACTOR = "import"


@jobs.job(actions.JOB)
async def take_in(app: Runtime, *, workspace_id: UUID, job_id: UUID) -> None:
    """Takes one part in and queues the next, in the same transaction."""
    try:
        await _take_in(app.db, workspace_id, job_id)
    except UnreadableFile as error:
        async with app.db.begin(Scope(workspace_id, actor=ACTOR)) as db:
            job = await queries.of_worker(db, workspace_id, job_id, lock=True)
            if job is not None and job.is_open:
                job.fail(now(), error.message)


async def _take_in(database: Database, workspace_id: UUID, job_id: UUID) -> None:
    async with database.begin(Scope(workspace_id, actor=ACTOR)) as db:
        job = await queries.of_worker(db, workspace_id, job_id)
        if job is None or not job.is_open:
            return
        part, is_last = (None, False) if job.dry_run else await _read(db, job, job.cursor)
    async with database.begin(Scope(workspace_id, job.user_id, actor=ACTOR)) as db:
        locked = await queries.of_worker(db, workspace_id, job_id, lock=True)
        # Somebody else may have taken the part in, or the user cancelled, since it was read.
        if locked is None or not locked.is_open or locked.cursor != job.cursor:
            return
        if part is None:
            await actions.rehearse(db, locked, _parts(db, locked))
            return
        await actions.take_in(db, locked, part, is_last=is_last)
        if not is_last:
            await actions.queue(db, locked)


async def _parts(db: AsyncSession, job: ImportJob) -> AsyncIterator[Part]:
    cursor, is_last = job.cursor, False
    while not is_last:
        part, is_last = await _read(db, job, cursor)
        cursor += part.size
        yield part


async def _read(db: AsyncSession, job: ImportJob, cursor: int) -> tuple[Part, bool]:
    """Returns the part at a cursor and whether it is the file's last."""
    data, ends_here = await queries.part_of_file(db, job.workspace_id, job.id, cursor, PART)
    # Reading numbers and addresses takes a thousand rows a quarter of a second: not on the event loop.
    part = await asyncio.to_thread(read_part, data, job.options, is_last=ends_here)
    return part, ends_here and part.size == len(data)
