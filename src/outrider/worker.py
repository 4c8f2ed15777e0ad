"""The worker: works off the queue and runs the periodic jobs until it is told to stop."""

import asyncio

import structlog

from outrider.core import jobs, shared_postgres, statistics, workers
from outrider.core.ids import new_id
from outrider.domain import all_jobs
from outrider.domain.calendars.jobs import stop_reading as stop_reading_calendars
from outrider.domain.harvest.jobs import stop_harvesting
from outrider.domain.mailboxes.jobs import stop_reading
from outrider.domain.sending.jobs import stop_sending
from outrider.runtime import Runtime

log = structlog.get_logger()

SIGN_EVERY = 15.0
LEARN_EVERY = 2.0
FORGET_EVERY = 300.0
# What is being sent may finish: a message is under way for seconds, not minutes.
DRAIN = 25.0


async def run(app: Runtime, stop: asyncio.Event) -> None:
    """Runs until `stop` is set, then lets what is under way finish for up to 25 seconds."""
    all_jobs.load()
    worker_id = new_id()

    async def sign(app: Runtime) -> None:
        async with app.db.begin() as db:
            await workers.sign(db, worker_id, app.settings.worker_name)

    async def learn(app: Runtime) -> None:
        async with app.db.begin() as db:
            await statistics.learn(db)

    async def forget(app: Runtime) -> None:
        async with app.db.begin() as db:
            await shared_postgres.forget(db)

    own = [
        jobs.Periodic("workers.sign", SIGN_EVERY, sign),
        jobs.Periodic("database.learn", LEARN_EVERY, learn),
        jobs.Periodic("limits.forget", FORGET_EVERY, forget),
    ]
    periodics = [*jobs.periodics.values(), *own]
    tasks = [asyncio.create_task(jobs.run_periodic(app, each, stop), name=each.name) for each in periodics]
    tasks.append(asyncio.create_task(jobs.run(app, app.db, stop), name="queue"))
    log.info("worker.started", name=app.settings.worker_name)
    await stop.wait()
    ending = [
        asyncio.create_task(stop_reading()),
        asyncio.create_task(stop_reading_calendars()),
        asyncio.create_task(stop_harvesting()),
        asyncio.create_task(stop_sending(app)),
    ]
    _, unfinished = await asyncio.wait([*tasks, *ending], timeout=DRAIN)
    for task in unfinished:
        task.cancel()
    await asyncio.gather(*unfinished, return_exceptions=True)
    async with app.db.begin() as db:
        await workers.leave(db, worker_id)
    log.info("worker.stopped", cut_short=[task.get_name() for task in unfinished])
