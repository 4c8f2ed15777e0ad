"""A database whose disk fills up while mail leaves: sending stops before it claims, and goes on once there is room."""

import asyncio
import subprocess
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy import func, select
from sqlalchemy.exc import DBAPIError

from outrider import starting
from outrider.domain.sending.models import Send, State
from outrider.main import create_app
from outrider.runtime import Runtime, addresses, open_runtime
from outrider.settings import Settings
from tests.client import Client
from tests.factories.accounts import Someone, make_user
from tests.factories.bulk import make_due_enrollments
from tests.faults import crowd
from tests.faults.test_kills import environment, mailbox_at, sink
from tests.real import postgres
from tests.real.mail_servers import MailServers
from tests.real.postgres import Cluster

pytestmark = [pytest.mark.real, pytest.mark.faults]

SENDERS = 4
SIZE = "150m"
LARGE = {"name": "Large", "steps": [{"delayDays": 1, "body": "x" * 9_000}]}


async def test_a_full_disk_stops_the_sending_and_harms_nothing(
    settings: Settings, mail: MailServers, tmp_path: Path
) -> None:
    if (reason := postgres.available()) is not None:
        pytest.skip(reason)
    count = 1_500
    with postgres.cluster(size=SIZE) as cluster, sink(mail, tmp_path) as (port, log):
        own = settings.model_copy(update={"database_url": SecretStr(cluster.owner), "ca_file": mail.ca_file})
        found = addresses(own, None)
        await starting.prepare(own, found)
        async with open_runtime(own, found.app, name="drill") as runtime:
            ada = await make_user(runtime)
            mailboxes = [await mailbox_at(runtime, ada, mail, port, number) for number in range(SENDERS)]
            await make_due_enrollments(runtime, ada, mailboxes, count)
            given = environment(runtime, cluster.owner, found.app.set(drivername="postgresql"), mail)
            with crowd.worker(given, tmp_path) as worker:
                await until(log, count // 5)
                before = lines(log)
                fill(cluster)
                client = Client(create_app(runtime)).signed_in(ada.access_token)
                said = await refusal(client)
                stopped = await standstill(log)
                readable = (await client.get("/sequences")).status_code if cluster.is_running else 0
                was_running = cluster.is_running
                (cluster.folder / "ballast").unlink()
                if not cluster.is_running:  # PostgreSQL itself gives up once it can't write its log
                    await asyncio.to_thread(cluster.start)
                began = time.monotonic()
                await until(log, stopped + 1)
                resumed = time.monotonic() - began
                states = await all_sent(runtime, ada, count)
                told = worker.log.read_text()
        dump = subprocess.run(["pg_dump", "-h", "127.0.0.1", "-p", str(cluster.port), "-U", "postgres", "outrider"],
                              capture_output=True, check=False)  # fmt: skip
    taken = Counter(line.split()[0] for line in log.read_text().splitlines())
    doubled = sum(times > 1 for times in taken.values())
    print(
        f"\nfull after {before} of {count}: stopped at {stopped}, the API said {said!r}, reading answered {readable},"
        f" PostgreSQL {'stayed up' if was_running else 'went down by itself'}; on again {resumed:.1f} s after there was"
        f" room: {count - len(taken)} lost, {doubled} doubled"
    )
    assert stopped < count, "the drill did not fire"
    assert "disk is full" in said or "can't be reached" in said
    assert "Traceback" not in told
    assert states == {State.SENT: count}
    assert (len(taken), doubled) == (count, 0)
    assert dump.returncode == 0, dump.stderr


def fill(cluster: Cluster) -> None:
    """Takes what room the database's disk has left."""
    with (cluster.folder / "ballast").open("wb", buffering=0) as ballast, suppress(OSError):
        for block in (2**20, 2**12):
            with suppress(OSError):
                while ballast.write(b"\0" * block) == block:
                    pass


async def refusal(client: Client) -> str:
    """Stores until that is refused; returns what was said."""
    for _ in range(300):
        began = time.monotonic()
        answer = await client.post("/sequences", json=LARGE)
        assert time.monotonic() - began < 15
        if answer.status_code != 201:
            assert answer.status_code == 503, answer.text
            assert int(answer.headers["retry-after"]) > 0
            return str(answer.json()["error"]["message"])
    raise AssertionError("the disk never became full")


async def standstill(log: Path) -> int:
    """Waits until nothing has left for four seconds; returns how many have."""
    ends, seen, since = time.monotonic() + 60, lines(log), time.monotonic()
    while time.monotonic() - since < 4:
        assert time.monotonic() < ends, "the sending went on"
        await asyncio.sleep(0.1)
        if (now_seen := lines(log)) != seen:
            seen, since = now_seen, time.monotonic()
    return seen


async def until(log: Path, count: int) -> None:
    ends = time.monotonic() + 60
    while lines(log) < count:
        assert time.monotonic() < ends, f"{lines(log)} of {count} left"
        await asyncio.sleep(0.02)


def lines(log: Path) -> int:
    return log.read_text().count("\n")


async def all_sent(runtime: Runtime, ada: Someone, count: int) -> dict[State, int]:
    ends, states = time.monotonic() + 90, {}
    while states.get(State.SENT, 0) < count:
        assert time.monotonic() < ends, states
        await asyncio.sleep(0.3)
        with suppress(DBAPIError, OSError):
            async with runtime.db.begin(ada.scope) as db:
                rows = await db.execute(select(Send.state, func.count()).group_by(Send.state))
                states = {row[0]: row[1] for row in rows}
    return states
