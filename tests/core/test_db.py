"""Transactions: their scope, their limits, and what a caller sees when the database has no time."""

import asyncio
import time

import pytest
from sqlalchemy import event, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from outrider.core.db import Database, Scope, as_asyncpg, set_scope
from outrider.core.errors import AppError
from outrider.core.ids import new_id
from outrider.runtime import Runtime
from tests.core.test_jobs import fails

DEADLOCK = "40P01"


async def test_an_error_rolls_everything_back(runtime: Runtime) -> None:
    worker_id = new_id()
    insert = text("insert into workers (id, name) values (:id, 'tests')")
    await fails(runtime, Scope(), lambda db: db.execute(insert, {"id": worker_id}))
    async with runtime.db.begin() as db:
        assert await db.scalar(text("select count(*) from workers where id = :id"), {"id": worker_id}) == 0


async def test_a_transaction_keeps_its_workspace(runtime: Runtime) -> None:
    async with runtime.db.begin(Scope(new_id())) as db:
        with pytest.raises(AppError):
            await set_scope(db, Scope(new_id()))


async def test_a_statement_that_takes_too_long_is_cancelled(runtime: Runtime) -> None:
    database = Database(runtime.db.url, pool_size=2, statement_timeout=0.3)
    began = time.monotonic()
    with pytest.raises(DBAPIError) as caught:
        async with database.begin() as db:
            await db.execute(text("select pg_sleep(10)"))
    assert getattr(caught.value.orig, "sqlstate", "") == "57014"
    assert time.monotonic() - began < 2
    await database.aclose()


async def test_the_limits_that_the_server_holds_us_to(runtime: Runtime) -> None:
    async with runtime.db.begin() as db:
        held = {
            name: await db.scalar(text(f"show {name}"))
            for name in ("statement_timeout", "idle_in_transaction_session_timeout", "timezone", "jit")
        }
    assert held == {
        "statement_timeout": "5s",
        "idle_in_transaction_session_timeout": "30s",
        "timezone": "UTC",
        "jit": "off",
    }


async def test_when_every_connection_is_taken_a_caller_is_told_within_seconds(runtime: Runtime) -> None:
    database = Database(runtime.db.url, pool_size=1)
    database.engine.pool._timeout = 0.5  # type: ignore[attr-defined]  # ten seconds are too long for a test
    began = time.monotonic()
    async with database.begin() as held:
        await held.execute(text("select 1"))
        with pytest.raises(PoolTimeout):
            async with database.begin() as db:
                await db.execute(text("select 1"))
    assert time.monotonic() - began < 15
    await database.aclose()


async def test_of_two_that_wait_for_each_other_one_goes_on(runtime: Runtime) -> None:
    first, second = sorted([new_id(), new_id()])
    async with runtime.db.begin() as db:
        await db.execute(text("insert into workers (id, name) values (:a, 'x'), (:b, 'x')"), {"a": first, "b": second})
    touch = text("update workers set name = 'y' where id = :id")

    async def cross(one: object, other: object) -> bool:
        try:
            async with runtime.db.begin() as db:
                await db.execute(touch, {"id": one})
                await asyncio.sleep(0.2)
                await db.execute(touch, {"id": other})
        except DBAPIError as error:
            return getattr(error.orig, "sqlstate", "") != DEADLOCK
        return True

    assert sorted(await asyncio.gather(cross(first, second), cross(second, first))) == [False, True]


async def test_an_error_shows_no_stored_value(runtime: Runtime) -> None:
    with pytest.raises(DBAPIError) as caught:
        async with runtime.db.begin() as db:
            await db.execute(text("select cast(:secret as uuid)"), {"secret": new_id().hex[:5] + "sesame"})
    assert "sesame" not in str(caught.value).partition("[SQL")[2]


@pytest.mark.parametrize("address", ["postgres://u:p@h/d", "postgresql://u:p@h/d", "postgresql+psycopg://u:p@h/d"])
def test_every_spelling_of_an_address_is_understood(address: str) -> None:
    assert as_asyncpg(address).render_as_string(hide_password=False) == "postgresql+asyncpg://u:p@h/d"


def test_another_kind_of_database_is_refused() -> None:
    with pytest.raises(ValueError, match="PostgreSQL"):
        as_asyncpg("mysql://u:p@h/d")


async def test_a_scope_that_is_set_before_anything_is_asked_costs_no_statement(runtime: Runtime) -> None:
    workspace, asked = new_id(), 0

    def count(*_: object) -> None:
        nonlocal asked
        asked += 1

    event.listen(runtime.db.engine.sync_engine, "before_cursor_execute", count)
    try:
        async with runtime.db.begin(Scope(request_id="one")) as db:
            await set_scope(db, Scope(workspace, request_id="one"))
            assert await db.scalar(text("select current_setting('app.ws')")) == str(workspace)
    finally:
        event.remove(runtime.db.engine.sync_engine, "before_cursor_execute", count)
    assert asked == 2
