"""A worker whose clock is wrong beside one whose clock is right: nothing leaves early, nothing twice."""

import asyncio
import time
from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select, update

from outrider.core.clock import now
from outrider.core.embedded import EmbeddedServer
from outrider.domain.mailboxes.models import Mailbox
from outrider.domain.sending.models import Send, State
from outrider.domain.sequences.models import Enrollment
from outrider.runtime import Runtime
from tests.factories.accounts import Someone, make_user, retire
from tests.factories.bulk import make_due_enrollments
from tests.faults.test_kills import Workers, embedded, mailbox_at, sink
from tests.real.mail_servers import MailServers

pytestmark = pytest.mark.real

SENDERS = 4
LIBRARIES = sorted(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))


@pytest.mark.parametrize(
    ("off", "count"),
    [
        ("+40d", 40),
        pytest.param("+40d", 300, marks=pytest.mark.faults),
        pytest.param("+1h", 300, marks=pytest.mark.faults),
        pytest.param("-1h", 300, marks=pytest.mark.faults),
    ],
)
async def test_a_worker_with_a_wrong_clock_sends_nothing_early_or_twice(
    runtime: Runtime, server: EmbeddedServer, mail: MailServers, tmp_path: Path, off: str, count: int
) -> None:
    """Every mail's connection breaks once after the final dot, so that each is also looked up by a wrong clock."""
    if not LIBRARIES:
        pytest.skip("libfaketime is not installed: see scripts/install-mail-servers")
    ada = await make_user(runtime)
    with sink(mail, tmp_path, "after") as (port, log):
        mailboxes = [await mailbox_at(runtime, ada, mail, port, number) for number in range(SENDERS)]
        later = await due_later(runtime, ada, mailboxes)
        await make_due_enrollments(runtime, ada, mailboxes, count)
        async with runtime.db.begin(ada.scope) as db:
            await db.execute(update(Mailbox).values(sync_due_at=now()))  # read by either
        given = {**embedded(runtime, server, mail), "OUTRIDER_SEND_LEASE": "60s"}
        wrong = {"LD_PRELOAD": str(LIBRARIES[0]), "FAKETIME": off, "DONT_FAKE_MONOTONIC": "1"}
        crew = [
            Workers({**given, "OUTRIDER_WORKER_NAME": "right"}, []),
            Workers({**given, **wrong, "OUTRIDER_WORKER_NAME": "wrong"}, []),
        ]
        began = time.monotonic()
        try:
            for each in crew:
                each.start()
            while (sent := await in_state(runtime, ada, State.SENT)) < count:
                assert time.monotonic() - began < 60 + count / 4, f"{sent} of {count}"
                await asyncio.sleep(0.2)
            await asyncio.sleep(3)  # for what would leave early
        finally:
            for each in crew:
                each.stop()
    async with runtime.db.begin(ada.scope) as db:
        by = {row[0]: row[1] for row in await db.execute(select(Send.worker, func.count()).group_by(Send.worker))}
        read_again = await db.scalar(select(func.max(Mailbox.sync_due_at)))
        early = await db.scalar(select(func.count()).select_from(Send)) or 0
    await retire(runtime, ada)
    taken = Counter(line.split()[0] for line in log.read_text().splitlines())
    doubled = sum(times > 1 for times in taken.values())
    print(
        f"\nclock off by {off}: {count} due, {by.get('wrong', 0)} of them sent by the wrong clock; {early - count} of"
        f" {later} early, {count - len(taken)} lost, {doubled} doubled, {time.monotonic() - began:.0f} s"
    )
    assert by.get("wrong", 0) > 0, "the drill did not fire"
    assert read_again is not None
    assert timedelta(0) < read_again - now() < runtime.settings.sync_every
    assert (early, len(taken), doubled) == (count, count, 0)


async def due_later(runtime: Runtime, ada: Someone, mailboxes: list[Mailbox]) -> int:
    """Follow-ups due from ten minutes to 39 days ahead. Returns how many."""
    count = 60
    await make_due_enrollments(runtime, ada, mailboxes, count)
    async with runtime.db.begin(ada.scope) as db:
        ids = list(await db.scalars(select(Enrollment.id)))
        for number, each in enumerate(ids):
            ahead = timedelta(minutes=10) + timedelta(days=39) * number / count
            await db.execute(update(Enrollment).where(Enrollment.id == each).values(next_step_at=now() + ahead))
    return count


async def in_state(runtime: Runtime, ada: Someone, state: State) -> int:
    async with runtime.db.begin(ada.scope) as db:
        return await db.scalar(select(func.count()).where(Send.state == state)) or 0
