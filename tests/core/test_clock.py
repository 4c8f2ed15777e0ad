"""Due time, which all workers share and a demonstration may hurry."""

from datetime import UTC, datetime, timedelta

from outrider.core.clock import Clock, database_now, now
from outrider.runtime import Runtime

START = datetime(2026, 3, 2, 8, tzinfo=UTC)


def test_a_fast_clock_begins_now_and_runs_ahead() -> None:
    clock = Clock(rate=100, origin=START)
    assert clock.at(START) == START
    assert clock.at(START + timedelta(seconds=3)) == START + timedelta(seconds=300)
    assert clock.real_seconds(300) == 3


def test_a_plain_clock_is_real_time() -> None:
    assert Clock().at(START) == START


async def test_due_time_is_the_databases(runtime: Runtime) -> None:
    async with runtime.db.begin() as db:
        assert abs(await Clock().due_now(db) - await database_now(db)) < timedelta(seconds=1)
        assert abs(await database_now(db) - now()) < timedelta(seconds=1)


async def test_a_frozen_clock_stands_still_until_it_is_let_go(runtime: Runtime) -> None:
    clock = Clock()
    clock.freeze(START)
    async with runtime.db.begin() as db:
        assert await clock.due_now(db) == START
        clock.freeze(None)
        assert await clock.due_now(db) > START
