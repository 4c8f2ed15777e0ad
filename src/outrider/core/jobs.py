"""Background jobs on PgQueuer, the only file that knows the engine.

A job is put into the queue by the caller's own transaction, so it exists exactly if its data does. It may run
twice after a crash: every handler is safe to repeat. A job that keeps killing its worker is set aside after
three starts; one that keeps failing, after five.
"""

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar, get_type_hints

import asyncpg
import orjson
import structlog
from pgqueuer.adapters.persistence.queries import Queries
from pgqueuer.core.qm import QueueManager
from pgqueuer.domain.errors import RetryRequested
from pgqueuer.domain.models import Job as Delivery
from pydantic import TypeAdapter
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from outrider.core.db import Database, driver
from outrider.core.encoding import encode

log = structlog.get_logger()

MAX_STARTS = 3
MAX_FAILURES = 5
HEARTBEAT = timedelta(seconds=6)
POLL = timedelta(seconds=2)

Handler = Callable[..., Awaitable[None]]
H = TypeVar("H", bound=Handler)


@dataclass(frozen=True, slots=True)
class Registered:
    name: str
    handler: Handler
    parameters: dict[str, TypeAdapter[Any]]
    required: frozenset[str]
    set_aside: Handler | None


@dataclass(frozen=True, slots=True)
class Periodic:
    """Work looked for again every `every` seconds; all workers do, so it must claim what it takes."""

    name: str
    every: float
    handler: Callable[[Any], Awaitable[None]]


registry: dict[str, Registered] = {}
periodics: dict[str, Periodic] = {}


def job(name: str, *, set_aside: Handler | None = None) -> Callable[[H], H]:
    """Registers a handler: its first parameter is the runtime, the keyword ones are the job's payload.

    `set_aside` is called with the same once the job is given up: whoever waits for it can be told.
    """

    def register(handler: H) -> H:
        if name in registry:
            raise ValueError(f"There is already a job named {name}.")
        hints = get_type_hints(handler)
        given = [each for each in inspect.signature(handler).parameters.values() if each.kind is each.KEYWORD_ONLY]
        required = frozenset(each.name for each in given if each.default is each.empty)
        registry[name] = Registered(
            name, handler, {each.name: TypeAdapter(hints[each.name]) for each in given}, required, set_aside
        )
        return handler

    return register


def periodic(name: str, *, every: float) -> Callable[[H], H]:
    def register(handler: H) -> H:
        periodics[name] = Periodic(name, every, handler)
        return handler

    return register


async def enqueue(db: AsyncSession, name: str, *, dedupe: str | None = None, delay: float = 0, **payload: Any) -> None:
    """Queues a job in the caller's transaction. With `dedupe`, one that is already queued stands for both."""
    if missing := registry[name].required - payload.keys():
        raise TypeError(f"The job {name} needs {', '.join(sorted(missing))}.")
    await Queries.from_asyncpg_connection(await driver(db)).enqueue(
        name,
        encode(payload),
        execute_after=timedelta(seconds=delay) if delay else None,
        dedupe_key=f"{name}:{dedupe}" if dedupe else None,
        on_conflict="skip",
    )


async def enqueue_many(
    db: AsyncSession, name: str, payloads: Sequence[dict[str, Any]], *, dedupe: Sequence[str] = (), delay: float = 0
) -> None:
    """Queues one job for each payload, in one statement. `dedupe` holds a key for each, or nothing."""
    keys: list[str | None] = [f"{name}:{each}" for each in dedupe] or [None] * len(payloads)
    await Queries.from_asyncpg_connection(await driver(db)).enqueue(
        [name] * len(payloads),
        [encode(each) for each in payloads],
        [0] * len(payloads),
        execute_after=[timedelta(seconds=delay) if delay else None] * len(payloads),
        dedupe_key=keys,
        on_conflict="skip",
    )


async def run(app: Any, database: Database, stop: asyncio.Event, *, concurrency: int = 20) -> None:
    """Works off the queue until `stop` is set, outliving every loss of the database."""
    wait = 0.5
    while not stop.is_set():
        try:
            await _run_once(app, database, stop, concurrency)
            wait = 0.5
        except Exception as error:  # noqa: BLE001  # whatever broke, the queue must be worked on again
            log.warning("queue.interrupted", error=repr(error), retry_in=wait)
            await _sleep(stop, wait)
            wait = min(wait * 2, 10)


async def run_periodic(app: Any, task: Periodic, stop: asyncio.Event) -> None:
    """Calls a periodic task until `stop` is set; a failure is logged and waits longer before the next try."""
    failures = 0
    while not stop.is_set():
        try:
            await task.handler(app)
            failures = 0
        except Exception as error:  # noqa: BLE001  # one bad round must not end the task for good
            failures += 1
            log.warning("periodic.failed", task=task.name, error=repr(error), failures=failures)
        await _sleep(stop, min(task.every * 2**failures, max(task.every, 10)) if failures else task.every)


async def _run_once(app: Any, database: Database, stop: asyncio.Event, concurrency: int) -> None:
    url = database.url.set(drivername="postgresql")
    pool = await asyncpg.create_pool(
        url.render_as_string(hide_password=False), min_size=2, max_size=4, timeout=10, command_timeout=30
    )
    try:
        manager = QueueManager(Queries.from_asyncpg_pool(pool))
        for each in registry.values():
            manager.entrypoint(each.name, on_failure="hold")(_entrypoint(app, database, each))
        ending = asyncio.create_task(_relay(stop, manager.shutdown))
        try:
            await manager.run(
                dequeue_timeout=POLL,
                batch_size=10,
                max_concurrent_tasks=max(concurrency, 20),
                heartbeat_timeout=HEARTBEAT,
                shutdown_on_listener_failure=True,
            )
        finally:
            ending.cancel()
    finally:
        await pool.close()


def _entrypoint(app: Any, database: Database, registered: Registered) -> Callable[[Delivery], Awaitable[None]]:
    async def deliver(delivery: Delivery) -> None:
        if await _count_start(database, delivery) > MAX_STARTS:
            log.error("job.set_aside", job=registered.name, id=int(delivery.id), starts=MAX_STARTS)
            await _tell(app, registered, delivery)
            raise RuntimeError(f"The job ended its worker {MAX_STARTS} times and is set aside.")
        try:
            await registered.handler(app, **_arguments(registered, delivery))
        except Exception as error:  # one bad round must not end the task for good
            await _forget_start(database, delivery)
            if delivery.attempts + 1 >= MAX_FAILURES:
                await _tell(app, registered, delivery)
                raise
            log.warning("job.failed", job=registered.name, id=int(delivery.id), error=repr(error))
            raise RetryRequested(delay=timedelta(seconds=2**delivery.attempts), reason=type(error).__name__) from error
        await _forget_start(database, delivery)

    return deliver


async def _tell(app: Any, registered: Registered, delivery: Delivery) -> None:
    if registered.set_aside is not None:
        await registered.set_aside(app, **_arguments(registered, delivery))


def _arguments(registered: Registered, delivery: Delivery) -> dict[str, Any]:
    payload = orjson.loads(delivery.payload or b"{}")
    # What an earlier release put in and this one no longer takes is left out.
    return {
        name: adapter.validate_python(payload[name])
        for name, adapter in registered.parameters.items()
        if name in payload
    }


async def _count_start(database: Database, delivery: Delivery) -> int:
    # Committed before the work: a handler that takes the whole process down has been counted.
    async with database.begin() as db:
        starts: int = (
            await db.execute(
                text(
                    "insert into job_attempts as a (job_id, name, attempts) values (:id, :name, 1)"
                    " on conflict (job_id) do update set attempts = a.attempts + 1,"
                    " started_at = clock_timestamp() returning attempts"
                ),
                {"id": int(delivery.id), "name": delivery.entrypoint},
            )
        ).scalar_one()
    return starts


async def _forget_start(database: Database, delivery: Delivery) -> None:
    async with database.begin() as db:
        await db.execute(text("delete from job_attempts where job_id = :id"), {"id": int(delivery.id)})


async def _relay(stop: asyncio.Event, shutdown: asyncio.Event) -> None:
    await stop.wait()
    shutdown.set()


async def _sleep(stop: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(stop.wait(), seconds)
    except TimeoutError:
        return
