"""Facts: one row each, written with the change that made them true. Whoever cares reads them from there.

A subscriber is a job queued in the same transaction, so a fact that was committed reaches everybody it concerns,
also after a crash, and subscribers must be safe to repeat.
"""

from collections.abc import Awaitable, Callable
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

_subscribers: dict[type[Event], list[str]] = {}


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


async def emit(db: AsyncSession, event: Event) -> None:
    """Records a fact and queues its subscribers, in the caller's transaction."""
    payload = encode(asdict(event)).decode()
    await db.execute(
        text(
            "insert into events (workspace_id, id, name, payload)"
            " values (:workspace_id, :id, :name, cast(:payload as jsonb))"
        ),
        {"workspace_id": event.workspace_id, "id": new_id(), "name": event.name, "payload": payload},
    )
    for job_name in _subscribers.get(type(event), ()):
        await jobs.enqueue(db, job_name, event=asdict(event))
