"""Who is at work: each worker signs in every few seconds, so that a missing one is noticed."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

SIGN = text(
    "insert into workers (id, name) values (:id, :name) on conflict (id) do update set seen_at = clock_timestamp()"
)
LEAVE = text("delete from workers where id = :id or seen_at < clock_timestamp() - interval '1 day'")
ALIVE = text(
    "select count(*) filter (where seen_at > clock_timestamp() - interval '60 seconds') as present,"
    " max(seen_at) as last_seen_at from workers"
)


@dataclass(frozen=True, slots=True)
class Alive:
    """How many workers were seen in the last minute, and when any was last seen."""

    count: int
    last_seen_at: datetime | None


async def sign(db: AsyncSession, worker_id: UUID, name: str) -> None:
    await db.execute(SIGN, {"id": worker_id, "name": name})


async def leave(db: AsyncSession, worker_id: UUID) -> None:
    await db.execute(LEAVE, {"id": worker_id})


async def alive(db: AsyncSession) -> Alive:
    row = (await db.execute(ALIVE)).one()
    return Alive(row.present, row.last_seen_at)
