"""Outrider on a PostgreSQL that somebody else runs: roles, several workers, a pooler in between."""

import asyncio
import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from outrider.core.db import Database, Scope, as_asyncpg
from outrider.core.ids import new_id
from outrider.core.migrations import derived_password
from outrider.domain.accounts.models import Workspace
from outrider.settings import new_secrets
from tests.real import postgres
from tests.real.daemons import free_ports
from tests.real.postgres import Cluster

pytestmark = pytest.mark.real
OUTRIDER = str(Path(sys.executable).parent / "outrider")
SECRETS = new_secrets()
ROLE = "outrider_app"


@pytest.fixture(scope="module")
def outside() -> Iterator[Cluster]:
    if (reason := postgres.available()) is not None:
        pytest.skip(reason)
    with postgres.cluster() as cluster:
        yield cluster


def environment(cluster: Cluster, **extra: str) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "PYTHONUNBUFFERED": "1", "DATABASE_URL": cluster.owner, **SECRETS, **extra}


def run(cluster: Cluster, folder: Path, *arguments: str, typed: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [OUTRIDER, *arguments], env=environment(cluster), cwd=folder, input=typed,
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def application(cluster: Cluster, port: int | None = None) -> str:
    secret = derived_password(SECRETS["OUTRIDER_ENCRYPTION_KEYS"], ROLE)
    return f"postgresql://{ROLE}:{secret}@127.0.0.1:{port or cluster.port}/outrider"


def test_unmigrated_it_says_what_to_run(outside: Cluster, tmp_path: Path) -> None:
    refused = run(outside, tmp_path, "serve")
    assert refused.returncode == 1
    assert "outrider migrate" in refused.stderr


def test_migrated_it_serves_beside_two_workers(outside: Cluster, tmp_path: Path) -> None:
    migrated = run(outside, tmp_path, "migrate")
    assert migrated.returncode == 0, migrated.stderr
    assert "0001" in migrated.stdout
    assert "up to date" in run(outside, tmp_path, "migrate").stdout
    made = run(outside, tmp_path, "user", "create", "ada@lovelace.example", typed="an apple falls far away\n")
    assert made.returncode == 0, made.stderr
    [port] = free_ports(1)
    given = environment(outside, OUTRIDER_PORT=str(port))
    processes = [
        subprocess.Popen([OUTRIDER, *command], env=given, cwd=tmp_path, stdout=subprocess.PIPE, text=True)
        for command in (["serve", "--no-worker"], ["worker"], ["worker"])
    ]
    try:
        assert processes[0].stdout is not None
        assert any("ready" in line for line in processes[0].stdout)
        for _ in range(100):
            figures = httpx2.get(f"http://127.0.0.1:{port}/health", timeout=10).json()
            if figures["worker"] == "ok":
                break
        examined = run(outside, tmp_path, "doctor")
    finally:
        for process in processes:
            process.send_signal(signal.SIGTERM)
        codes = [process.wait(40) for process in processes]
    assert codes == [0, 0, 0]
    assert examined.returncode == 0, examined.stdout
    assert "2 at work" in examined.stdout
    assert "PostgreSQL 15" in examined.stdout or "PostgreSQL 1" in examined.stdout


async def test_the_application_is_neither_owner_nor_superuser(outside: Cluster, tmp_path: Path) -> None:
    run(outside, tmp_path, "migrate")
    database = Database(application(outside), pool_size=1)
    async with database.begin() as db:
        row = (
            await db.execute(
                text("select rolsuper, rolbypassrls, rolcreaterole from pg_roles where rolname = current_user")
            )
        ).one()
    await database.aclose()
    assert tuple(row) == (False, False, False)


async def test_through_a_pooler_no_workspace_sees_anothers_rows(outside: Cluster, tmp_path: Path) -> None:
    if not Path("/usr/sbin/pgbouncer").exists():
        pytest.skip("no PgBouncer (apt-get install pgbouncer)")
    run(outside, tmp_path, "migrate")
    workspaces = [new_id() for _ in range(4)]
    chance = random.Random(7)
    seen: list[bool] = []
    cut_short = 0
    with postgres.pooler(outside) as port:
        database = Database(as_asyncpg(application(outside, port)), pool_size=10, through_pooler=True)
        for workspace in workspaces:
            async with database.begin(Scope(workspace)) as db:
                db.add(Workspace(id=workspace, name="x"))

        async def work(workspace: object) -> None:
            nonlocal cut_short
            for _ in range(50):
                try:
                    async with (
                        asyncio.timeout(chance.choice([0.001, 5, 5, 5, 5])),
                        database.begin(Scope(workspace)) as db,  # type: ignore[arg-type]
                    ):
                        seen.extend(each == workspace for each in await db.scalars(text("select id from workspaces")))
                        if chance.random() < 0.05:
                            await db.execute(text("select 1 / 0"))
                except (TimeoutError, DBAPIError):
                    cut_short += 1

        await asyncio.gather(*(work(workspaces[number % 4]) for number in range(200)))
        left = 0
        for _ in range(1000):
            async with database.begin() as db:
                left += bool(await db.scalar(text("select nullif(current_setting('app.ws', true), '')")))
        await database.aclose()
    print(
        f"\n10,000 transactions through PgBouncer, {cut_short} cut short: {seen.count(False)} foreign rows of {len(seen)}"
    )
    assert len(seen) > 5000
    assert cut_short > 100, "the drill did not fire"
    assert all(seen)
    assert left == 0
