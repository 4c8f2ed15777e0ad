"""The listener of open pages."""

import asyncio
from uuid import UUID

from sqlalchemy import text

from outrider.console.live import Changes, Hub
from outrider.core.clock import now
from outrider.core.ids import new_id
from outrider.domain.operations import actions as operations
from outrider.runtime import Runtime
from tests.factories.accounts import Someone, make_user


async def work(runtime: Runtime, owner: Someone) -> UUID:
    async with runtime.db.begin(owner.scope) as db:
        made = await operations.start(
            db, workspace_id=owner.workspace_id, user_id=owner.user.id, type="test", subject_id=new_id()
        )
        for _ in range(3):
            made.advance(now(), done=1, failed=0, remaining=1)
            await db.flush()
    return made.id


async def told(changes: Changes) -> set[str]:
    async with asyncio.timeout(5):
        return await changes.wait()


async def test_whose_work_moves_on_is_told_of_it_and_nobody_else(runtime: Runtime) -> None:
    ada, eve = await make_user(runtime), await make_user(runtime)
    hub = Hub(runtime.db, can_listen=True)
    async with hub.following(ada.user.id) as hers, hub.following(eve.user.id) as others:
        await work(runtime, ada)
        assert await told(hers) == {"operations"}
        await work(runtime, eve)
        assert await told(others) == {"operations"}, "the first thing that she hears of is her own"
    await hub.aclose()


async def test_a_lost_connection_ends_the_streams_and_the_next_one_listens_again(runtime: Runtime) -> None:
    ada = await make_user(runtime)
    hub = Hub(runtime.db, can_listen=True)
    async with hub.following(ada.user.id) as changes:
        async with runtime.db.begin() as db:
            await db.execute(text("select pg_terminate_backend(pid) from pg_stat_activity where query ilike 'listen%'"))
        await told(changes)
        assert changes.is_over
    async with hub.following(ada.user.id) as changes:
        await work(runtime, ada)
        assert await told(changes) == {"operations"}
    await hub.aclose()


async def test_behind_a_pooler_pages_ask_from_time_to_time(runtime: Runtime, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr("outrider.console.live.POLL", 0.01)
    hub = Hub(runtime.db, can_listen=False)
    async with hub.following(new_id()) as changes:
        assert await told(changes) >= {"operations"}


async def test_a_hub_that_closes_lets_its_streams_go(runtime: Runtime) -> None:
    hub = Hub(runtime.db, can_listen=True)
    async with hub.following(new_id()) as changes:
        await hub.aclose()
        await told(changes)
        assert changes.is_over
