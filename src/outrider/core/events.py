"""Facts: one row each, written with the change that made them true. Whoever cares reads them from there.

A subscriber is a job queued in the same transaction, so a fact that was committed reaches everybody it concerns,
also after a crash, and subscribers must be safe to repeat. Where thousands of facts a minute move rows of the same
database, a follower takes them together inside the transaction that made them true.
"""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, TypeVar
from uuid import UUID

from pydantic import TypeAdapter
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from outrider.core import jobs
from outrider.core.encoding import encode
from outrider.core.ids import new_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Base of every fact. `name` is its public name, as webhooks will spell it."""

    name: ClassVar[str]
    workspace_id: UUID


E = TypeVar("E", bound=Event)
Subscriber = Callable[[Any, E], Awaitable[None]]

Follower = Callable[[AsyncSession, Sequence[E]], Awaitable[None]]

_subscribers: dict[type[Event], list[str]] = {}
_followers: dict[type[Event], list[Follower[Any]]] = {}
INSERT = text(
    "insert into events (workspace_id, id, name, payload) values (:workspace_id, :id, :name, cast(:payload as jsonb))"
)


def on(event_type: type[E], job_name: str) -> Callable[[Subscriber[E]], Subscriber[E]]:
    """Subscribes a function to a fact; it runs as the job `job_name`."""

    def register(subscriber: Subscriber[E]) -> Subscriber[E]:
        adapter = TypeAdapter(event_type)

        async def deliver(app: Any, *, event: dict[str, Any]) -> None:
            await subscriber(app, adapter.validate_python(event))

        jobs.job(job_name)(deliver)
        _subscribers.setdefault(event_type, []).append(job_name)
        return subscriber

    return register


def during(event_type: type[E]) -> Callable[[Follower[E]], Follower[E]]:
    """Subscribes a function that runs in the emitting transaction, with all facts of one `emit`. Database only."""

    def register(follower: Follower[E]) -> Follower[E]:
        _followers.setdefault(event_type, []).append(follower)
        return follower

    return register


async def emit(db: AsyncSession, *events: Event) -> None:
    """Records facts and queues their subscribers, in the caller's transaction."""
    if not events:
        return
    await db.execute(INSERT, [_row(event) for event in events])
    by_type: defaultdict[type[Event], list[Event]] = defaultdict(list)
    for event in events:
        by_type[type(event)].append(event)
    for event_type, same in by_type.items():
        for follower in _followers.get(event_type, ()):
            await follower(db, same)
        for job_name in _subscribers.get(event_type, ()):
            await jobs.enqueue_many(db, job_name, [{"event": asdict(event)} for event in same])


def _row(event: Event) -> dict[str, Any]:
    payload = encode(asdict(event)).decode()
    return {"workspace_id": event.workspace_id, "id": new_id(), "name": event.name, "payload": payload}
