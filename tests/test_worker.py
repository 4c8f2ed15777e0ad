"""The worker as a process: it drains when asked to stop, and is made up for when killed."""

import asyncio
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from sqlalchemy import func, select

from outrider.core.embedded import EmbeddedServer
from outrider.domain.sending.models import Send, State
from outrider.runtime import Runtime
from outrider.settings import Settings
from tests.factories.accounts import Someone, make_user, retire
from tests.factories.bulk import make_due_enrollments
from tests.faults.test_kills import mailbox_at, sink
from tests.live import environment
from tests.real.mail_servers import MailServers

pytestmark = pytest.mark.real

LEASE = 4


def start(settings: Settings, server: EmbeddedServer, mail: MailServers, folder: Path) -> "subprocess.Popen[bytes]":
    given = environment(
        settings, server, OUTRIDER_CA_FILE=str(mail.ca_file), OUTRIDER_UNENCRYPTED_MAIL_HOSTS="127.0.0.1",
        OUTRIDER_LOG_LEVEL="ERROR", OUTRIDER_SEND_LEASE=f"{LEASE}s", OUTRIDER_UNKNOWN_FIRST_LOOK="1s",
        OUTRIDER_UNKNOWN_LAST_LOOK="2s",
    )  # fmt: skip
    return subprocess.Popen([str(Path(sys.executable).parent / "outrider"), "worker"], env=given, cwd=folder)


async def states(runtime: Runtime, ada: Someone) -> dict[State, int]:
    async with runtime.db.begin(ada.scope) as db:
        rows = await db.execute(select(Send.state, func.count()).group_by(Send.state))
        return {row[0]: row[1] for row in rows}


async def until_sent(runtime: Runtime, ada: Someone, least: int) -> None:
    async with asyncio.timeout(30):
        while (await states(runtime, ada)).get(State.SENT, 0) < least:
            await asyncio.sleep(0.02)


async def test_asked_to_stop_it_finishes_what_it_has_in_hand(
    runtime: Runtime, settings: Settings, server: EmbeddedServer, mail: MailServers, tmp_path: Path
) -> None:
    ada = await make_user(runtime)
    with sink(mail, tmp_path) as (port, log):
        mailboxes = [await mailbox_at(runtime, ada, mail, port, number) for number in range(4)]
        await make_due_enrollments(runtime, ada, mailboxes, 2000)
        worker = start(settings, server, mail, tmp_path)
        await until_sent(runtime, ada, 100)
        began = time.monotonic()
        worker.send_signal(signal.SIGTERM)
        code = await asyncio.to_thread(worker.wait, 40)
        seconds = time.monotonic() - began
        found = await states(runtime, ada)
        taken = log.read_text().count("\n")
    await retire(runtime, ada)
    print(f"\nstopped after {seconds:.1f} s in the middle of 2,000: {taken} taken by the server, {found}")
    assert code == 0
    assert seconds < 30
    assert found.get(State.SENDING, 0) == found.get(State.UNKNOWN, 0) == 0
    assert found[State.SENT] == taken
    assert taken < 2000, "the drill did not fire"


async def test_killed_it_is_made_up_for_within_its_lease_and_a_minute(
    runtime: Runtime, settings: Settings, server: EmbeddedServer, mail: MailServers, tmp_path: Path
) -> None:
    ada = await make_user(runtime)
    with sink(mail, tmp_path) as (port, log):
        mailboxes = [await mailbox_at(runtime, ada, mail, port, number) for number in range(4)]
        await make_due_enrollments(runtime, ada, mailboxes, 400)
        victim = start(settings, server, mail, tmp_path)
        await until_sent(runtime, ada, 100)
        victim.kill()
        victim.wait()
        left = (await states(runtime, ada)).get(State.SENDING, 0)
        other = start(settings, server, mail, tmp_path)
        began = time.monotonic()
        try:
            await until_sent(runtime, ada, 400)
        finally:
            other.terminate()
            other.wait(40)
        seconds = time.monotonic() - began
        lines = log.read_text().splitlines()
    await retire(runtime, ada)
    print(f"\n{left} rows in a dead worker's hands were settled and all sent after {seconds:.1f} s")
    assert seconds < LEASE + 60
    assert len(lines) == len(set(lines)) == 400
