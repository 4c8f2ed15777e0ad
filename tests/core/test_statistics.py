"""Young tables are analyzed as they grow and change."""

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID

import pytest
from sqlalchemy import text

from outrider.core import statistics
from outrider.core.db import Database
from outrider.runtime import Addresses, Runtime
from tests.factories.accounts import Someone, make_user
from tests.factories.mailboxes import make_mailbox

GROW = text(
    "insert into threads (workspace_id, id, mailbox_id, subject, last_at)"
    " select :ws, gen_random_uuid(), :mailbox, 'growing', clock_timestamp() from generate_series(1, :count)"
)
KNOWN = text("select reltuples from pg_class where oid = 'threads'::regclass")


@pytest.fixture
async def own(database: Addresses) -> AsyncIterator[Database]:
    """A connection of its own, so that its counts are reported."""
    pool = Database(database.app, pool_size=1)
    yield pool
    await pool.aclose()


async def test_a_table_that_doubled_is_analyzed_without_owning_it(runtime: Runtime, own: Database) -> None:
    ada = await make_user(runtime)
    mailbox = await make_mailbox(runtime, ada)
    async with own.begin(ada.scope) as db:
        before = max(await db.scalar(KNOWN) or 0, 0)
    count = int(max(500, before * 2)) + 500
    await grow(own, ada, mailbox.id, count)
    known = await learned(own)
    assert known >= count


async def test_a_table_whose_rows_changed_is_analyzed_though_none_were_added(runtime: Runtime, own: Database) -> None:
    ada = await make_user(runtime)
    mailbox = await make_mailbox(runtime, ada)
    async with own.begin(ada.scope) as db:
        before = max(await db.scalar(KNOWN) or 0, 0)
    await grow(own, ada, mailbox.id, int(before) + 1000)
    await learned(own)
    async with own.begin(ada.scope) as db:
        await db.execute(text("update threads set subject = 'changed'"))
        await db.execute(text("select pg_stat_force_next_flush()"))
    async with own.begin() as db:
        assert await statistics.learn(db) >= 1


async def test_a_table_that_stays_as_it_is_is_left_alone(runtime: Runtime, own: Database) -> None:
    async with own.begin() as db:
        await statistics.learn(db)
    await asyncio.sleep(0.1)
    async with own.begin() as db:
        assert await statistics.learn(db) == 0


async def grow(own: Database, owner: Someone, mailbox_id: UUID, count: int) -> None:
    async with own.begin(owner.scope) as db:
        await db.execute(GROW, {"ws": owner.workspace_id, "mailbox": mailbox_id, "count": count})
        await db.execute(text("select pg_stat_force_next_flush()"))


async def learned(own: Database) -> float:
    async with own.begin() as db:
        await statistics.learn(db)
    async with own.begin() as db:
        return await db.scalar(KNOWN) or 0
