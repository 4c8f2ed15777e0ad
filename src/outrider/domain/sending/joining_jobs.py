"""Where threads become one: the outbox goes with them."""

from collections.abc import Sequence

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from outrider.core.events import during
from outrider.domain.mailboxes.events import ThreadsJoined

MOVE = text("""
    update sends s set thread_id = j.winner
    from unnest(cast(:losers as uuid[]), cast(:winners as uuid[])) as j(loser, winner)
    where s.workspace_id = :workspace and s.thread_id = j.loser
""")


@during(ThreadsJoined)
async def on_threads_joined(db: AsyncSession, facts: Sequence[ThreadsJoined]) -> None:
    """What has not left yet is stopped by an answer in what its thread is now."""
    for fact in facts:
        await db.execute(MOVE, {"workspace": fact.workspace_id, "losers": fact.thread_ids, "winners": fact.into})
