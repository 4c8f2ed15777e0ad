"""Where threads become one: who is followed up in them goes with them."""

from collections.abc import Sequence

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from outrider.core.events import during
from outrider.domain.mailboxes.events import ThreadsJoined

MOVE = text("""
    update enrollments e set thread_id = j.winner
    from unnest(cast(:losers as uuid[]), cast(:winners as uuid[])) as j(loser, winner)
    where e.workspace_id = :workspace and e.thread_id = j.loser
""")


@during(ThreadsJoined)
async def on_threads_joined(db: AsyncSession, facts: Sequence[ThreadsJoined]) -> None:
    """Fails, by which the threads stay apart, where both are being followed up: a thread is followed up once."""
    for fact in facts:
        await db.execute(MOVE, {"workspace": fact.workspace_id, "losers": fact.thread_ids, "winners": fact.into})
