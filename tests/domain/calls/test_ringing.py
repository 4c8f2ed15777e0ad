"""Calls at the console: taken by one window, declined, ended, and their keys."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from outrider.core.clock import now
from outrider.domain.calls import jobs, ringing
from outrider.domain.calls.models import Carrier, State, Status, Waiting
from outrider.runtime import Runtime
from tests.factories.accounts import Someone, make_user
from tests.factories.calls import found, make_call, make_callee, retire_calls


@pytest.fixture
async def ada(runtime: Runtime) -> AsyncIterator[Someone]:
    owner = await make_callee(runtime, number=None, quiet_from="00:00", quiet_until="00:00")
    yield owner
    await retire_calls(runtime, owner)


async def test_it_rings_is_answered_and_ends(runtime: Runtime, ada: Someone) -> None:
    call = await make_call(runtime, ada)
    await jobs.pump(runtime)
    _, (attempt,) = await found(runtime, ada)
    assert (attempt.carrier, attempt.state) == (Carrier.CONSOLE, State.RINGING)
    at = now()
    async with runtime.db.begin(ada.scope) as db:
        await ringing.answer(db, ada.workspace_id, ada.user.id, call.id, at=at)
    async with runtime.db.begin(ada.scope) as db:
        await ringing.press(db, ada.workspace_id, ada.user.id, call.id, "3", at=at)
        await ringing.hang_up(db, ada.workspace_id, ada.user.id, call.id, at=at + timedelta(seconds=12))
    kept, _ = await found(runtime, ada)
    assert (kept.status, kept.duration_seconds, kept.done_at) == (Status.COMPLETED, 12, at)


async def test_of_two_windows_one_takes_the_call(runtime: Runtime, ada: Someone) -> None:
    call = await make_call(runtime, ada)
    await jobs.pump(runtime)

    async def take() -> bool:
        try:
            async with runtime.db.begin(ada.scope) as db:
                await ringing.answer(db, ada.workspace_id, ada.user.id, call.id, at=now())
        except ringing.NotRinging:
            return False
        return True

    assert sorted(await asyncio.gather(take(), take())) == [False, True]


async def test_a_declined_call_comes_again_later(runtime: Runtime, ada: Someone) -> None:
    call = await make_call(runtime, ada)
    await jobs.pump(runtime)
    async with runtime.db.begin(ada.scope) as db:
        await ringing.decline(db, ada.workspace_id, ada.user.id, call.id, at=now())
    kept, (attempt,) = await found(runtime, ada)
    assert (kept.waiting_for, attempt.state) == (Waiting.RETRY, State.DECLINED)
    with pytest.raises(ringing.NotRinging):
        async with runtime.db.begin(ada.scope) as db:
            await ringing.answer(db, ada.workspace_id, ada.user.id, call.id, at=now())


async def test_nobody_takes_the_call_of_another(runtime: Runtime, ada: Someone) -> None:
    call = await make_call(runtime, ada)
    await jobs.pump(runtime)
    eve = await make_user(runtime, workspace_id=ada.workspace_id)
    with pytest.raises(Exception, match="no such call"):
        async with runtime.db.begin(eve.scope) as db:
            await ringing.answer(db, ada.workspace_id, eve.user.id, call.id, at=now())
