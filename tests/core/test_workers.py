"""Who is at work."""

from sqlalchemy import text

from outrider.core import workers
from outrider.core.ids import new_id
from outrider.runtime import Runtime


async def test_a_worker_counts_while_it_signs_in_and_not_after_it_left(runtime: Runtime) -> None:
    worker_id = new_id()
    async with runtime.db.begin() as db:
        await db.execute(text("delete from workers"))
        await workers.sign(db, worker_id, "one")
        await workers.sign(db, worker_id, "one")
        assert (await workers.alive(db)).count == 1
        await workers.leave(db, worker_id)
        assert (await workers.alive(db)).count == 0


async def test_one_that_was_silent_for_a_minute_is_missing(runtime: Runtime) -> None:
    worker_id = new_id()
    async with runtime.db.begin() as db:
        await db.execute(text("delete from workers"))
        await workers.sign(db, worker_id, "silent")
        await db.execute(text("update workers set seen_at = clock_timestamp() - interval '61 seconds'"))
        alive = await workers.alive(db)
        assert alive.count == 0
        assert alive.last_seen_at is not None
        await workers.leave(db, worker_id)
