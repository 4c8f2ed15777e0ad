"""Connections that break around the final dot: what may have arrived is looked up, what can't have is sent again."""

import asyncio
import time
from collections import Counter
from pathlib import Path

import pytest
from sqlalchemy import func, select

from outrider.core.embedded import EmbeddedServer
from outrider.domain.sending.models import Send, State
from outrider.runtime import Runtime
from tests.factories.accounts import make_user, retire
from tests.factories.bulk import make_due_enrollments
from tests.faults.test_kills import MAILBOXES, Workers, embedded, mailbox_at, sink
from tests.real.mail_servers import MailServers

pytestmark = pytest.mark.real

# Due time runs fast: the first retry is five minutes after a failure.
HURRY = {"OUTRIDER_CLOCK_RATE": "150"}


@pytest.mark.parametrize("breaks", ["after", "before"])
@pytest.mark.parametrize("count", [60, pytest.param(1000, marks=pytest.mark.faults)])
async def test_a_connection_that_breaks_loses_and_doubles_nothing(
    runtime: Runtime, server: EmbeddedServer, mail: MailServers, tmp_path: Path,
    breaks: str, count: int,
) -> None:  # fmt: skip
    ada = await make_user(runtime)
    with sink(mail, tmp_path, breaks) as (port, log):
        mailboxes = [await mailbox_at(runtime, ada, mail, port, number) for number in range(MAILBOXES)]
        await make_due_enrollments(runtime, ada, mailboxes, count)
        workers = Workers({**embedded(runtime, server, mail), **HURRY}, [])
        began = time.monotonic()
        try:
            workers.start()
            workers.start()
            states: dict[State, int] = {}
            while states.get(State.SENT, 0) < count:
                assert time.monotonic() - began < 60 + count / 4, states
                await asyncio.sleep(0.2)
                async with runtime.db.begin(ada.scope) as db:
                    rows = await db.execute(select(Send.state, func.count()).group_by(Send.state))
                    states = {row[0]: row[1] for row in rows}
        finally:
            workers.stop()
        async with runtime.db.begin(ada.scope) as db:
            attempts = await db.scalar(select(func.sum(Send.attempts)))
    await retire(runtime, ada)
    taken = Counter(line.split()[0] for line in log.read_text().splitlines())
    doubled = sum(times > 1 for times in taken.values())
    print(
        f"\n{count} connections broken {breaks} the final dot: {count - len(taken)} lost, {doubled} doubled,"
        f" {attempts} attempts, {time.monotonic() - began:.0f} s"
    )
    assert (len(taken), doubled) == (count, 0)
    assert attempts == (count if breaks == "after" else 2 * count), "the drill did not fire"
