"""Background jobs on the real queue: as certain as the transaction that asked for them."""

import asyncio
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from outrider.core import jobs
from outrider.core.db import Scope
from outrider.core.ids import new_id
from outrider.runtime import Runtime

seen: dict[str, list[Any]] = {}


@jobs.job("tests.note")
async def note(_app: Any, *, key: str, number: int, owner: UUID | None = None) -> None:
    seen.setdefault(key, []).append((number, owner))


@jobs.job("tests.fail_twice")
async def fail_twice(_app: Any, *, key: str) -> None:
    tries = seen.setdefault(key, [])
    tries.append(time.monotonic())
    if len(tries) < 3:
        raise ValueError("not yet")


async def tell(_app: Any, *, key: str) -> None:
    seen[key].append("set aside")


@jobs.job("tests.fail_always", set_aside=tell)
async def fail_always(_app: Any, *, key: str) -> None:
    seen.setdefault(key, []).append("failed")
    raise ValueError("never")


@asynccontextmanager
async def at_work(runtime: Runtime) -> AsyncIterator[None]:
    stop = asyncio.Event()
    task = asyncio.create_task(jobs.run(runtime, runtime.db, stop))
    try:
        yield
    finally:
        stop.set()
        await task


async def until(is_so: Callable[[], bool | Awaitable[bool]], seconds: float = 15) -> None:
    async with asyncio.timeout(seconds):
        while True:
            answer = is_so()
            if await answer if isinstance(answer, Awaitable) else answer:
                return
            await asyncio.sleep(0.02)


async def fails(runtime: Runtime, scope: Scope, work: Callable[[AsyncSession], Awaitable[Any]]) -> None:
    """Does something in a transaction that then comes to nothing."""

    async def doomed() -> None:
        async with runtime.db.begin(scope) as db:
            await work(db)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await doomed()


async def test_a_job_of_a_transaction_that_fails_does_not_exist(runtime: Runtime) -> None:
    lost, kept = str(new_id()), str(new_id())
    await fails(runtime, Scope(), lambda db: jobs.enqueue(db, "tests.note", key=lost, number=1))
    async with runtime.db.begin() as db:
        await jobs.enqueue(db, "tests.note", key=kept, number=1)
    async with at_work(runtime):
        await until(lambda: kept in seen)
    assert lost not in seen


async def test_a_payload_arrives_in_its_types(runtime: Runtime) -> None:
    key, owner = str(new_id()), new_id()
    async with runtime.db.begin() as db:
        await jobs.enqueue(db, "tests.note", key=key, number=7, owner=owner)
    async with at_work(runtime):
        await until(lambda: key in seen)
    assert seen[key] == [(7, owner)]


async def test_a_job_without_all_it_needs_is_refused_where_it_is_asked_for(runtime: Runtime) -> None:
    async with runtime.db.begin() as db:
        with pytest.raises(TypeError, match="number"):
            await jobs.enqueue(db, "tests.note", key="x")


async def test_one_that_is_queued_already_stands_for_both(runtime: Runtime) -> None:
    key = str(new_id())
    for number in (1, 2):
        async with runtime.db.begin() as db:
            await jobs.enqueue(db, "tests.note", dedupe=key, key=key, number=number)
    async with at_work(runtime):
        await until(lambda: key in seen)
        await asyncio.sleep(0.3)
    assert [number for number, _ in seen[key]] == [1]


async def test_many_are_queued_in_one_statement(runtime: Runtime) -> None:
    key = str(new_id())
    async with runtime.db.begin() as db:
        await jobs.enqueue_many(db, "tests.note", [{"key": key, "number": number} for number in range(50)])
    async with at_work(runtime):
        await until(lambda: len(seen.get(key, [])) == 50)
    assert {number for number, _ in seen[key]} == set(range(50))


async def test_of_many_those_already_queued_are_left_out(runtime: Runtime) -> None:
    key = str(new_id())
    async with runtime.db.begin() as db:
        for number in (1, 2):
            payloads = [{"key": key, "number": number}, {"key": key, "number": 10 * number}]
            await jobs.enqueue_many(db, "tests.note", payloads, dedupe=[key, f"{key}{number}"], delay=0.2)
    async with at_work(runtime):
        await until(lambda: len(seen.get(key, [])) == 3)
    assert sorted(number for number, _ in seen[key]) == [1, 10, 20]


async def test_a_delayed_job_waits(runtime: Runtime) -> None:
    key, began = str(new_id()), time.monotonic()
    async with runtime.db.begin() as db:
        await jobs.enqueue(db, "tests.note", delay=1.5, key=key, number=1)
    async with at_work(runtime):
        await until(lambda: key in seen)
    assert time.monotonic() - began > 1.4


async def test_a_failing_job_is_tried_again_ever_later(runtime: Runtime) -> None:
    key = str(new_id())
    async with runtime.db.begin() as db:
        await jobs.enqueue(db, "tests.fail_twice", key=key)
    async with at_work(runtime):
        await until(lambda: len(seen.get(key, [])) == 3)
    first, second, third = seen[key]
    assert second - first > 0.9
    assert third - second > 1.9


async def test_whoever_waits_for_a_job_that_is_given_up_is_told(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "MAX_FAILURES", 2)
    key = str(new_id())
    async with runtime.db.begin() as db:
        await jobs.enqueue(db, "tests.fail_always", key=key)
    async with at_work(runtime):
        await until(lambda: "set aside" in seen.get(key, []))
    assert seen[key] == ["failed", "failed", "set aside"]


async def test_a_failing_round_does_not_end_a_periodic_task(runtime: Runtime) -> None:
    rounds = 0

    async def stumble(_app: Any) -> None:
        nonlocal rounds
        rounds += 1
        raise RuntimeError("stumbled")

    stop = asyncio.Event()
    task = asyncio.create_task(jobs.run_periodic(runtime, jobs.Periodic("tests.stumble", 0.01, stumble), stop))
    await until(lambda: rounds >= 3)
    stop.set()
    await task


@pytest.mark.faults
async def test_a_job_that_kills_its_worker_is_set_aside_after_three_deaths(runtime: Runtime, tmp_path: Path) -> None:
    address = runtime.db.url.render_as_string(hide_password=False)
    said = tmp_path / "said"
    deaths = 0
    # The queue gives a dead worker's job to another once its heartbeat is missed.
    while deaths < 6:
        arguments = [sys.executable, "-m", "tests.core.poisoned", address, *(["first"] if deaths == 0 else [])]
        with said.open("wb") as output:
            process = subprocess.Popen(arguments, stdout=output, stderr=subprocess.STDOUT)
        try:
            code = await asyncio.to_thread(process.wait, 25)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            break
        assert code == -signal.SIGKILL, said.read_text()
        deaths += 1
    async with runtime.db.begin() as db:
        statuses = await db.scalars(text("select status::text from pgqueuer where entrypoint = 'tests.poison'"))
        kept = list(statuses)
    print(f"\n{deaths} deaths by one job, then it was {kept}")
    assert deaths == jobs.MAX_STARTS
    assert kept == ["failed"]
    assert "healthy" in said.read_text(), "others go on behind it"
    assert said.read_text().count("set aside") == 1, "whoever waits for it is told"
