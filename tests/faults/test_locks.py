"""A database that is busy, locked or out of connections: every request is answered in time, and a migration waits
without making everybody else wait behind it.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import asyncpg
import pytest
from alembic import command
from sqlalchemy import Connection, text

from outrider.core import migrations
from outrider.core.db import Database, as_asyncpg
from outrider.core.embedded import OWNER, EmbeddedServer
from outrider.main import create_app
from outrider.runtime import Addresses, Runtime, open_runtime
from outrider.settings import Settings
from tests.client import Client
from tests.factories.accounts import make_user

AT_ONCE = 30
LONGEST = 15.0


@pytest.fixture
async def owner(database: Addresses) -> "AsyncIterator[asyncpg.Connection[asyncpg.Record]]":
    """Somebody at the database's own console."""
    connection = await asyncpg.connect(plain(database.owner.render_as_string(hide_password=False)))
    yield connection
    await connection.close()


async def test_when_every_connection_is_taken_each_request_is_answered_in_time(
    settings: Settings, database: Addresses
) -> None:
    own = settings.model_copy(update={"database_pool": 2})
    async with open_runtime(own, database.app, name="locks") as runtime, AsyncExitStack() as held:
        client = Client(create_app(runtime)).signed_in((await make_user(runtime)).access_token)
        for _ in range(2):
            db = await held.enter_async_context(runtime.db.begin())
            await db.execute(text("select 1"))
        statuses, slowest = await ask(client)
    print(f"\nevery connection taken: {AT_ONCE} requests answered {statuses}, the slowest after {slowest:.1f} s")
    assert statuses == {503}


async def test_behind_a_locked_table_each_request_is_answered_in_time(
    runtime: Runtime, owner: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    client = Client(create_app(runtime)).signed_in((await make_user(runtime)).access_token)
    async with owner.transaction():
        await owner.execute("lock table sequences in access exclusive mode")
        statuses, slowest = await ask(client)
    after = (await client.get("/sequences")).status_code
    print(f"\na locked table: {AT_ONCE} requests answered {statuses}, the slowest after {slowest:.1f} s; then {after}")
    assert (statuses, after) == ({503}, 200)


async def test_a_migration_that_waits_for_a_table_lets_the_others_through(
    settings: Settings, server: EmbeddedServer
) -> None:
    """Somebody reads the table for a long time; the migration wants it alone; everybody else wants it too."""
    admin = await asyncpg.connect(server.admin_url)
    await admin.execute("drop database if exists locks")
    await admin.execute(f"create database locks owner {OWNER}")
    url = server.url(OWNER, "locks")
    await migrations._as_owner(url, lambda connection: up_to(connection, "0005", settings.database_app_role))
    reader = await asyncpg.connect(url)
    pool = Database(as_asyncpg(url), pool_size=3)
    try:
        reading = reader.transaction()
        await reading.start()
        await reader.execute("select count(*) from folders")
        migrating = asyncio.create_task(migrations.upgrade(url, app_role=settings.database_app_role))
        waits = []
        for _ in range(12):
            began = time.monotonic()
            async with pool.begin() as db:
                await db.execute(text("select count(*) from folders"))
            waits.append(time.monotonic() - began)
            await asyncio.sleep(0.5)
        assert not migrating.done(), "the drill did not fire"
        await reading.rollback()
        applied = await asyncio.wait_for(migrating, 20)
    finally:
        await pool.aclose()
        await reader.close()
        await admin.execute("drop database locks with (force)")
        await admin.close()
    print(f"\na migration behind a long reading: others waited {max(waits):.1f} s at most; then {applied} came")
    assert applied
    assert max(waits) < migrations.LOCK_SECONDS + 1


async def ask(client: Client) -> tuple[set[int], float]:
    """The statuses of many requests at once, and how long the slowest took."""

    async def once() -> tuple[int, float]:
        began = time.monotonic()
        answer = await asyncio.wait_for(client.get("/sequences"), LONGEST)
        return answer.status_code, time.monotonic() - began

    answers = await asyncio.gather(*(once() for _ in range(AT_ONCE)))
    return {status for status, _ in answers}, max(seconds for _, seconds in answers)


def up_to(connection: Connection, revision: str, app_role: str) -> None:
    config = migrations._config()
    config.attributes.update(connection=connection, app_role=app_role)
    command.upgrade(config, revision)


def plain(url: str) -> str:
    return url.replace("+asyncpg", "")
