"""Workers killed in the middle of a batch of mail: every mail once, counters right."""

import asyncio
import os
import random
import time

import pytest
from sqlalchemy import func, select

from outrider.core.embedded import EmbeddedServer
from outrider.domain.harvest.models import Item, Outcome
from outrider.domain.operations.models import Operation
from outrider.domain.people import queries as people
from outrider.runtime import Runtime
from tests.factories.accounts import make_user
from tests.factories.harvest import letter, start, state
from tests.faults.test_import_kills import environment
from tests.faults.test_kills import Workers

PATIENCE = 240


async def test_two_kills_lose_and_double_nothing_of_200_mails(runtime: Runtime, server: EmbeddedServer) -> None:
    await drill(runtime, server, count=200, kills=2)


@pytest.mark.faults
async def test_ten_kills_lose_and_double_nothing_of_1000_mails(runtime: Runtime, server: EmbeddedServer) -> None:
    await drill(runtime, server, count=1000, kills=10)


async def drill(runtime: Runtime, server: EmbeddedServer, *, count: int, kills: int) -> None:
    chance = random.Random(int(os.environ.get("OUTRIDER_SEED", "7")))
    ada = await make_user(runtime)
    batch_id = await start(runtime, ada, [letter(number) for number in range(count)])
    thresholds = sorted(chance.randrange(1, count * 8 // 10) for _ in range(kills))
    workers = Workers(environment(runtime, server), [])
    began = time.monotonic()
    try:
        workers.start()
        while (operation := (await state(runtime, ada, batch_id))[1]).is_open:
            assert time.monotonic() - began < PATIENCE, f"not finished: {_told(operation)}"
            if thresholds and operation.processed >= thresholds[0]:
                thresholds.pop(0)
                await asyncio.sleep(chance.random() / 4)  # into the middle of a step
                workers.kill(chance)
            await asyncio.sleep(0.02)
    finally:
        workers.stop()
    async with runtime.db.begin(ada.scope) as db:
        kept = await people.count(db, ada.workspace_id)
        created = await db.scalar(
            select(func.count()).where(Item.batch_id == batch_id, Item.outcome == Outcome.CREATED, Item.attempts == 1)
        )
    print(f"\n{count} mails, {workers.kills} kills, {kept} contacts, {time.monotonic() - began:.0f} s")
    assert workers.kills == kills, "the drill did not fire"
    assert _told(operation) == (count, count, count, 0, 0)
    assert kept == created == count


def _told(operation: Operation) -> tuple[int, ...]:
    return operation.total, operation.processed, operation.succeeded, operation.skipped, operation.failed
