"""Rotating the encryption key while the old one still reads."""

import asyncio
import os
import random
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from pydantic import SecretStr
from sqlalchemy import insert

from outrider import starting
from outrider.core.crypto import Keyring, SecretUnreadableError
from outrider.core.db import Scope
from outrider.core.embedded import EmbeddedServer
from outrider.core.ids import new_id
from outrider.domain.accounts import jobs
from outrider.domain.accounts.models import Workspace
from outrider.domain.accounts.vault import open_vault
from outrider.runtime import Addresses, Runtime
from outrider.settings import Settings, new_secrets
from tests.live import environment

SECRET = "an app password"
READERS = 4
AT_ONCE = 8


def rotated(runtime: Runtime, settings: Settings) -> tuple[Runtime, Runtime, str]:
    """The same installation with a new key before the old one, and with the new one alone."""
    assert settings.encryption_keys is not None
    old, new = settings.encryption_keys.get_secret_value(), new_secrets()["OUTRIDER_ENCRYPTION_KEYS"]
    both = f"{new},{old}"
    return replace(runtime, keyring=Keyring(both)), replace(runtime, keyring=Keyring(new)), both


async def make_secrets(runtime: Runtime, count: int) -> list[tuple[Scope, bytes]]:
    """One sealed value in each of `count` workspaces."""
    room = asyncio.Semaphore(AT_ONCE)

    async def make() -> tuple[Scope, bytes]:
        own = new_id()
        async with room, runtime.db.begin(Scope(own)) as db:
            await db.execute(insert(Workspace).values(id=own, name="Rotating"))
            vault = await open_vault(db, runtime.keyring, own)
        return Scope(own), vault.seal(SECRET, table="mailboxes", column="secret", row_id=own)

    return await asyncio.gather(*(make() for _ in range(count)))


async def all_read(runtime: Runtime, made: list[tuple[Scope, bytes]]) -> bool:
    room = asyncio.Semaphore(AT_ONCE)

    async def is_read(scope: Scope, sealed: bytes) -> bool:
        async with room:
            return await read(runtime, scope, sealed) == SECRET

    return all(await asyncio.gather(*(is_read(*each) for each in made)))


async def read(runtime: Runtime, scope: Scope, sealed: bytes) -> str:
    assert scope.workspace_id is not None
    async with runtime.db.begin(scope) as db:
        vault = await open_vault(db, runtime.keyring, scope.workspace_id)
    return vault.open(sealed, table="mailboxes", column="secret", row_id=scope.workspace_id)


async def put_back(runtime: Runtime, settings: Settings, database: Addresses, both: str) -> None:
    """Leaves the shared database as it was: under the key that other tests read with."""
    new, _, old = both.partition(",")
    await jobs.rewrap(replace(runtime, keyring=Keyring(f"{old},{new}")))
    reverse = settings.model_copy(update={"encryption_keys": SecretStr(f"{old},{new}")})
    await starting.check_keys(reverse, database)


async def rotate(runtime: Runtime, settings: Settings, database: Addresses, *, count: int) -> None:
    made = await make_secrets(runtime, count)
    with_both, with_new, both = rotated(runtime, settings)
    failed, reads, done = 0, 0, asyncio.Event()

    async def reader(chance: random.Random) -> None:
        nonlocal failed, reads
        while not done.is_set():
            scope, sealed = chance.choice(made)
            failed += await read(with_both, scope, sealed) != SECRET
            reads += 1

    readers = [asyncio.create_task(reader(random.Random(number))) for number in range(READERS)]
    try:
        await jobs.rewrap(with_both)
        done.set()
        await asyncio.gather(*readers)
        assert await jobs.not_current(with_both) == []
        assert await all_read(with_new, made)
        print(f"\n{count} data keys brought over under {READERS} readers: {failed} of {reads} reads failed")
        assert failed == 0
        assert reads > READERS
    finally:
        await put_back(runtime, settings, database, both)


async def test_two_hundred_workspaces_change_their_key_under_readers(
    runtime: Runtime, settings: Settings, database: Addresses
) -> None:
    await rotate(runtime, settings, database, count=200)


@pytest.mark.faults
async def test_ten_thousand_workspaces_change_their_key_under_readers(
    runtime: Runtime, settings: Settings, database: Addresses
) -> None:
    await rotate(runtime, settings, database, count=10_000)


async def test_before_the_rotation_the_new_key_alone_reads_nothing(runtime: Runtime, settings: Settings) -> None:
    [(scope, sealed)] = await make_secrets(runtime, 1)
    _, with_new, _ = rotated(runtime, settings)
    with pytest.raises(SecretUnreadableError):
        await read(with_new, scope, sealed)


async def test_five_killed_workers_leave_a_rotation_that_ends(
    runtime: Runtime, settings: Settings, server: EmbeddedServer, database: Addresses, tmp_path: Path
) -> None:
    made = await make_secrets(runtime, 1500)
    with_both, with_new, both = rotated(runtime, settings)
    command = [str(Path(sys.executable).parent / "outrider"), "worker"]
    given = environment(settings, server, OUTRIDER_ENCRYPTION_KEYS=both, OUTRIDER_LOG_LEVEL="ERROR")
    kills, left = 0, len(made)
    try:
        while kills < 5:
            process = subprocess.Popen(command, env=given, cwd=tmp_path, stdout=subprocess.DEVNULL)
            left = await until_fewer(with_both, left, process)
            process.kill()
            process.wait()
            kills += 1
        assert left > 0, "the rotation was over before the last kill"
        await jobs.rewrap(with_both)
        assert await all_read(with_new, made)
        print(f"\n{kills} kills, {left} left for the last worker, {len(made)} of {len(made)} read")
    finally:
        await put_back(runtime, settings, database, both)


async def until_fewer(runtime: Runtime, before: int, process: "subprocess.Popen[bytes]") -> int:
    worker, ends = psutil.Process(process.pid), time.monotonic() + 120
    # Twenty seconds of a processor, however long a busy machine takes to give them.
    while time.monotonic() < ends and sum(worker.cpu_times()[:2]) < 20:
        left = len(await jobs.not_current(runtime, at_most=100_000))
        if left < before - 20:
            return left
        assert process.poll() is None, f"the worker ended by itself: {os.strerror(process.returncode or 0)}"
        await asyncio.sleep(0.02)
    raise AssertionError("no worker brings anything over")
