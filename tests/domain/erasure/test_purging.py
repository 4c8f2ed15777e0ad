"""Erasing an account for good: a canary in every table, and nothing of it afterwards."""

import asyncio
import contextlib
from datetime import timedelta

import pytest
from sqlalchemy import func, select, text, update
from sqlalchemy.exc import DBAPIError

from outrider.core.db import Scope, as_asyncpg
from outrider.core.embedded import DATABASE, EmbeddedServer
from outrider.core.ids import new_id
from outrider.domain.accounts import leaving
from outrider.domain.accounts.models import Erasure
from outrider.domain.erasure import purging
from outrider.domain.erasure.jobs import purge_due
from outrider.domain.erasure.registry import PERSONAL
from outrider.runtime import Addresses, Runtime
from tests.factories.accounts import Someone, make_user, retire
from tests.factories.canary import furnish, where_it_is
from tests.factories.mailboxes import make_mailbox, make_message


def word() -> str:
    return f"canary{new_id().hex}"


def admin(server: EmbeddedServer) -> object:
    return as_asyncpg(server.admin_url).set(database=DATABASE)


async def delete(runtime: Runtime, someone: Someone, *, grace: timedelta = timedelta()) -> Erasure:
    async with runtime.db.begin(someone.scope) as db:
        return await leaving.delete_account(db, someone.actor, grace=grace)


async def test_after_the_purge_nothing_is_left_in_any_table(
    runtime: Runtime, database: Addresses, server: EmbeddedServer
) -> None:
    mine, theirs = word(), word()
    ada, eve = await furnish(runtime, mine), await furnish(runtime, theirs)
    before = await where_it_is(database, admin(server), mine)
    # These hold no text of their own.
    wordless = {"sessions", "members", "data_keys", "contact_tags", "judgement_corrections"}
    assert {each.table for each in PERSONAL} - before.keys() <= wordless
    of_others = await where_it_is(database, admin(server), theirs)
    erasure = await delete(runtime, ada)
    await purge_due(runtime)
    after = await where_it_is(database, admin(server), mine)
    ids = [await where_it_is(database, admin(server), str(each)) for each in (ada.user.id, ada.workspace_id)]
    print(
        f"\na canary in {len(before)} tables, {sum(before.values())} rows; after the purge: {after or 0}, by its ids: {ids}"
    )
    assert after == {}
    assert ids == [{}, {}]
    assert await where_it_is(database, admin(server), theirs) == of_others
    async with runtime.db.begin() as db:
        done = await db.get_one(Erasure, erasure.id)
    assert done.finished_at is not None
    assert done.user_id is done.workspace_ids is None
    assert done.proof["erased"]["messages"] == 1
    assert not any(done.proof["left"].values())
    await delete(runtime, eve)
    await purge_due(runtime)
    assert await where_it_is(database, admin(server), theirs) == {}


async def test_within_the_grace_period_nothing_is_erased(
    runtime: Runtime, database: Addresses, server: EmbeddedServer
) -> None:
    mine = word()
    ada = await furnish(runtime, mine)
    erasure = await delete(runtime, ada, grace=timedelta(days=30))
    await purge_due(runtime)
    assert "messages" in await where_it_is(database, admin(server), mine)
    async with runtime.db.begin(Scope()) as db:
        await db.execute(
            update(Erasure).where(Erasure.id == erasure.id).values(due_at=func.clock_timestamp() - timedelta(seconds=1))
        )
    await purge_due(runtime)
    assert await where_it_is(database, admin(server), mine) == {}


async def test_in_a_workspace_of_others_only_what_is_personal_goes(
    runtime: Runtime, database: Addresses, server: EmbeddedServer
) -> None:
    stays, goes = word(), word()
    owner = await furnish(runtime, stays)
    member = await furnish_member(runtime, goes, owner)
    of_owner = await where_it_is(database, admin(server), stays)
    await delete(runtime, member)
    await purge_due(runtime)
    left = await where_it_is(database, admin(server), goes)
    assert not {"users", "messages", "mailboxes", "sends", "grants", "access_keys", "audit_entries"} & left.keys()
    assert await where_it_is(database, admin(server), stays) == of_owner
    await delete(runtime, owner)
    await purge_due(runtime)
    assert await where_it_is(database, admin(server), stays) == {}


async def furnish_member(runtime: Runtime, name: str, owner: Someone) -> Someone:
    member = await make_user(runtime, email=f"{name}@a.test", name=name, workspace_id=owner.workspace_id)
    await make_message(runtime, await make_mailbox(runtime, member), subject=name, text=name)
    return member


async def test_a_purge_that_was_cut_off_is_gone_on_with(
    runtime: Runtime, database: Addresses, server: EmbeddedServer
) -> None:
    mine = word()
    ada = await furnish(runtime, mine)
    erasure = await delete(runtime, ada)
    async with runtime.db.begin() as db:
        claimed = await purging.claim(db)
    assert claimed is not None
    cut = 0
    for milliseconds in (5, 20, 40, 60, 80):
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(milliseconds / 1000):
                await purging.purge(runtime.db, claimed)
                break
        cut += 1
    async with runtime.db.begin() as db:
        assert await purging.claim(db) is None, "its lease still runs"
        if await db.scalar(select(Erasure.finished_at).where(Erasure.id == erasure.id)) is None:
            await db.execute(update(Erasure).where(Erasure.id == erasure.id).values(due_at=func.clock_timestamp()))
    await purge_due(runtime)
    print(f"\ncut off {cut} times")
    assert await where_it_is(database, admin(server), mine) == {}


async def test_the_audit_trail_is_erased_for_nobody_else(runtime: Runtime) -> None:
    """The function that erases entries refuses whatever is no erasure under way."""
    mine = await furnish(runtime, word())
    erasure = await delete(runtime, mine, grace=timedelta(days=30))
    for values in ((erasure.id, mine.workspace_id), (new_id(), mine.workspace_id), (erasure.id, None)):
        with pytest.raises(DBAPIError, match="no such erasure"):
            async with runtime.db.begin(mine.scope) as db:
                await db.execute(text("select erase_audit(:id, :ws, 10)"), {"id": values[0], "ws": values[1]})
    await retire(runtime, mine)
