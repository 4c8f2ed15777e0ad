"""Workers killed at random while they send: nothing is lost, nothing is sent twice."""

import asyncio
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy import func, select
from sqlalchemy.engine import URL, make_url

from outrider import starting
from outrider.core.embedded import OWNER, EmbeddedServer
from outrider.core.ids import new_id
from outrider.domain.mailboxes.models import Mailbox
from outrider.domain.sending.models import Send, State
from outrider.runtime import Runtime, addresses, open_runtime
from outrider.settings import Settings
from tests.factories.accounts import Someone, make_user, retire
from tests.factories.bulk import make_due_enrollments
from tests.factories.mailboxes import make_mailbox
from tests.real import postgres
from tests.real.daemons import free_ports
from tests.real.mail_servers import MailServers

MAILBOXES = 8
PATIENCE = 150
LEASE = 5


@dataclass
class Workers:
    """Real worker processes; `kill` ends one without a warning and starts another."""

    environment: dict[str, str]
    running: list[subprocess.Popen[bytes]]
    kills: int = 0

    def start(self) -> None:
        command = [str(Path(sys.executable).parent / "outrider"), "worker"]
        self.running.append(
            subprocess.Popen(command, env=self.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        )

    def kill(self, chance: random.Random) -> None:
        victim = self.running.pop(chance.randrange(len(self.running)))
        victim.send_signal(signal.SIGKILL)
        victim.wait()
        self.kills += 1
        self.start()

    async def pause(self, chance: random.Random, seconds: float) -> None:
        """Stops one for a while in the middle of whatever it does, as a machine that swaps or moves does."""
        victim = chance.choice(self.running)
        victim.send_signal(signal.SIGSTOP)
        await asyncio.sleep(seconds)
        victim.send_signal(signal.SIGCONT)
        self.kills += 1

    def stop(self) -> None:
        for each in self.running:
            each.kill()
            each.wait()


@pytest.mark.real
async def test_three_kills_lose_and_double_nothing_of_300(
    runtime: Runtime, server: EmbeddedServer, mail: MailServers, tmp_path: Path
) -> None:
    await drill(runtime, embedded(runtime, server, mail), mail, tmp_path, count=300, kills=3)


@pytest.mark.faults
@pytest.mark.real
async def test_ten_kills_lose_and_double_nothing_of_2000(
    runtime: Runtime, server: EmbeddedServer, mail: MailServers, tmp_path: Path
) -> None:
    await drill(runtime, embedded(runtime, server, mail), mail, tmp_path, count=2000, kills=10)


@pytest.mark.faults
@pytest.mark.real
async def test_twelve_pauses_longer_than_the_lease_double_nothing_of_3000(
    runtime: Runtime, server: EmbeddedServer, mail: MailServers, tmp_path: Path
) -> None:
    await drill(runtime, embedded(runtime, server, mail), mail, tmp_path, count=3000, kills=12, pauses=LEASE + 1.5)


@pytest.mark.faults
@pytest.mark.real
async def test_twenty_kills_and_three_of_postgresql_lose_and_double_nothing_of_10000(
    settings: Settings, mail: MailServers, tmp_path: Path
) -> None:
    if (reason := postgres.available()) is not None:
        pytest.skip(reason)
    with postgres.cluster() as cluster:
        own = settings.model_copy(update={"database_url": SecretStr(cluster.owner), "ca_file": mail.ca_file})
        found = addresses(own, None)
        await starting.prepare(own, found)
        async with open_runtime(own, found.app, name="drill") as runtime:
            given = environment(runtime, cluster.owner, found.app.set(drivername="postgresql"), mail)
            await drill(runtime, given, mail, tmp_path, count=10_000, kills=20, crash=cluster.crash)


async def drill(
    runtime: Runtime,
    given: dict[str, str],
    mail: MailServers,
    folder: Path,
    *,
    count: int,
    kills: int,
    pauses: float = 0,
    crash: Callable[[], None] | None = None,
) -> None:
    """`crash` ends and restarts PostgreSQL itself, three times, between the kills of workers."""
    seed = int(os.environ.get("OUTRIDER_SEED", random.randrange(10**6)))
    chance = random.Random(seed)
    ada = await make_user(runtime)
    # A pause must not outlast all that is to be sent.
    with sink(mail, folder, "slow" if pauses else "") as (port, log):
        mailboxes = [await mailbox_at(runtime, ada, mail, port, number) for number in range(MAILBOXES)]
        await make_due_enrollments(runtime, ada, mailboxes, count)
        workers = Workers(given, [])
        began = time.monotonic()
        try:
            workers.start()
            workers.start()
            unknown = await watch(
                runtime, ada, workers, chance, log, count=count, kills=kills, pauses=pauses, crash=crash
            )
        finally:
            workers.stop()
        seconds = time.monotonic() - began
    await retire(runtime, ada)
    taken = Counter(line.split()[0] for line in log.read_text().splitlines())
    doubled = {each: times for each, times in taken.items() if times > 1}
    print(
        f"\nseed {seed}: {count} follow-ups, {workers.kills} {'pauses' if pauses else 'kills'}, {unknown} became unknown,"
        f" {count - len(taken)} lost, {len(doubled)} doubled, {seconds:.0f} s"
    )
    assert workers.kills == kills, "the drill did not fire"
    assert len(taken) == count
    assert doubled == {}


async def watch(
    runtime: Runtime,
    ada: Someone,
    workers: Workers,
    chance: random.Random,
    log: Path,
    *,
    count: int,
    kills: int,
    pauses: float,
    crash: Callable[[], None] | None,
) -> int:
    """Kills workers while the sink fills, then waits until every row has ended. Returns how many became unknown."""
    deadline = time.monotonic() + PATIENCE
    crashes = [count * quarter // 4 for quarter in (1, 2, 3)] if crash else []
    # While one worker pauses the other sends on: pauses begin early, so that there is something left at the last.
    last = count // 3 if pauses else count * 9 // 10
    thresholds = sorted(chance.randrange(count // 20, last) for _ in range(kills))
    unknown: set[object] = set()
    states: dict[State, int] = {}
    while time.monotonic() < deadline:
        taken = log.read_text().count("\n")
        if thresholds and taken >= thresholds[0]:
            thresholds.pop(0)
            if pauses:
                await workers.pause(chance, pauses)
            else:
                workers.kill(chance)
        if crash and crashes and taken >= crashes[0]:
            crashes.pop(0)
            await asyncio.to_thread(crash)
            await runtime.db.engine.dispose()
        async with runtime.db.begin(ada.scope) as db:
            unknown |= set(await db.scalars(select(Send.id).where(Send.state == State.UNKNOWN)))
            if taken >= count:
                rows = await db.execute(select(Send.state, func.count()).group_by(Send.state))
                states = {row[0]: row[1] for row in rows}
        if states.get(State.SENT) == count:
            assert crashes == [], "the drill did not fire"
            return len(unknown)
        await asyncio.sleep(0.05)
    raise AssertionError(f"not finished after {PATIENCE} s: {states}, the sink has {taken}")


@contextmanager
def sink(mail: MailServers, folder: Path, breaks: str = "") -> Iterator[tuple[int, Path]]:
    [port] = free_ports(1)
    log = folder / "taken"
    log.touch()
    place = str(mail.folder / "dovecot/mail")
    command = [sys.executable, "-m", "tests.faults.sink", str(port), place, str(log), breaks]
    process = subprocess.Popen(command)
    try:
        time.sleep(0.5)
        yield port, log
    finally:
        process.kill()
        process.wait()


async def mailbox_at(runtime: Runtime, ada: Someone, mail: MailServers, port: int, number: int) -> Mailbox:
    address = f"sender{number}-{new_id().hex[-8:]}@a.test"
    mail.add_user(address)
    mail.messages(address, "Sent")  # the first sign-in makes the folders
    mailbox = await make_mailbox(runtime, ada, address=address, password=mail.password(address))
    async with runtime.db.begin(ada.scope) as db:
        stored = await db.get_one(Mailbox, (mailbox.workspace_id, mailbox.id))
        stored.servers = {
            "username": address,
            "imap": {"host": mail.host, "port": mail.ports["imaps"], "security": "tls"},
            "smtp": {"host": "127.0.0.1", "port": port, "security": "none"},
        }
    return mailbox


def embedded(runtime: Runtime, server: EmbeddedServer, mail: MailServers) -> dict[str, str]:
    application = server.url(runtime.settings.database_app_role)
    return environment(runtime, server.url(OWNER), make_url(application), mail)


def environment(runtime: Runtime, owner: str, application: URL, mail: MailServers) -> dict[str, str]:
    secrets = runtime.settings
    assert secrets.jwt_secret is not None
    assert secrets.encryption_keys is not None
    return {
        "PATH": os.environ["PATH"],
        "DATABASE_URL": owner,
        "DATABASE_APP_URL": application.render_as_string(hide_password=False),
        "JWT_SECRET": secrets.jwt_secret.get_secret_value(),
        "OUTRIDER_ENCRYPTION_KEYS": secrets.encryption_keys.get_secret_value(),
        "OUTRIDER_EGRESS_ALLOW": "127.0.0.1,localhost",
        "OUTRIDER_UNENCRYPTED_MAIL_HOSTS": "127.0.0.1",
        "OUTRIDER_CA_FILE": str(mail.ca_file),
        "OUTRIDER_SEND_LEASE": f"{LEASE}s",
        "OUTRIDER_UNKNOWN_FIRST_LOOK": "1s",
        "OUTRIDER_UNKNOWN_LAST_LOOK": "3s",
        "OUTRIDER_DOMAIN_DAILY_LIMIT": "100000",
        "OUTRIDER_COMPANY_DAILY_LIMIT": "100000",
        "OUTRIDER_RAMP_START": "100000",
        "OUTRIDER_SEND_GAP_MIN": "0s",
        "OUTRIDER_SEND_GAP_MAX": "0s",
        "OUTRIDER_LOG_LEVEL": "WARNING",
    }
