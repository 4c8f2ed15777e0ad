"""Workers killed in the middle of an import: every contact once, counters right."""

import asyncio
import os
import random
import time
from uuid import UUID

from sqlalchemy import text

from outrider.core.embedded import OWNER, EmbeddedServer
from outrider.domain.imports.models import ImportJob, Status
from outrider.domain.people import queries as people
from outrider.runtime import Runtime
from tests.factories.accounts import Someone, make_user
from tests.factories.imports import contacts, start, state
from tests.faults.test_kills import Workers

COUNT, KILLS, PATIENCE = 10_000, 2, 90


async def test_two_kills_lose_and_double_nothing_of_10000(runtime: Runtime, server: EmbeddedServer) -> None:
    chance = random.Random(int(os.environ.get("OUTRIDER_SEED", "7")))
    ada = await make_user(runtime)
    job = await start(runtime, ada, contacts(COUNT))
    workers = Workers(environment(runtime, server), [])
    began = time.monotonic()
    try:
        workers.start()
        done = await watch(runtime, ada, job.id, workers, chance)
    finally:
        workers.stop()
    async with runtime.db.begin(ada.scope) as db:
        kept = await people.count(db, ada.workspace_id)
        rows = await db.scalar(text("select count(distinct row) from imported_contacts"))
    print(f"\n{COUNT} rows, {workers.kills} kills, {kept} contacts, {time.monotonic() - began:.0f} s")
    assert workers.kills == KILLS, "the drill did not fire"
    assert (done.processed_contacts, done.imported_contacts, done.skipped_contacts, done.failed_contacts) == (
        COUNT,
        COUNT,
        0,
        0,
    )
    assert kept == rows == COUNT


async def watch(runtime: Runtime, ada: Someone, job_id: UUID, workers: Workers, chance: random.Random) -> ImportJob:
    thresholds = sorted(chance.randrange(1, COUNT * 8 // 10) for _ in range(KILLS))
    deadline = time.monotonic() + PATIENCE
    while (job := await state(runtime, ada, job_id)).status is not Status.COMPLETED:
        assert time.monotonic() < deadline, f"not finished after {PATIENCE} s: {job.status}, {job.processed_contacts}"
        if thresholds and job.processed_contacts >= thresholds[0]:
            thresholds.pop(0)
            await asyncio.sleep(chance.random() / 4)  # into the middle of a part
            workers.kill(chance)
        await asyncio.sleep(0.02)
    return job


def environment(runtime: Runtime, server: EmbeddedServer) -> dict[str, str]:
    secrets = runtime.settings
    assert secrets.jwt_secret is not None
    assert secrets.encryption_keys is not None
    return {
        "PATH": os.environ["PATH"],
        "DATABASE_URL": server.url(OWNER),
        "DATABASE_APP_URL": server.url(secrets.database_app_role),
        "JWT_SECRET": secrets.jwt_secret.get_secret_value(),
        "OUTRIDER_ENCRYPTION_KEYS": secrets.encryption_keys.get_secret_value(),
        "OUTRIDER_LOG_LEVEL": "WARNING",
    }
