"""One mailbox on a server that says a byte in ten seconds: the others hardly notice, reading and sending."""

import asyncio
import statistics
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from sqlalchemy import Select, func, select

from outrider.core.embedded import EmbeddedServer
from outrider.domain.mailboxes.models import Mailbox, Message
from outrider.domain.sending.models import Send, State
from outrider.runtime import Runtime
from outrider.settings import Settings
from tests.factories.accounts import Someone, make_user, retire
from tests.factories.bulk import make_due_enrollments
from tests.faults import crowd
from tests.faults.test_kills import mailbox_at, sink
from tests.faults.test_many_mailboxes import new_addresses, of_a_worker
from tests.real.mail_servers import MailServers

pytestmark = pytest.mark.real

OTHERS = 10
PATIENCE = 60.0


@pytest.mark.parametrize(
    ("rounds", "mails", "share"), [(1, 40, 0.1), pytest.param(3, 150, 0.9, marks=pytest.mark.faults)]
)
async def test_one_tarpit_slows_no_other_mailbox(
    runtime: Runtime, settings: Settings, server: EmbeddedServer, mail: MailServers, tmp_path: Path,
    rounds: int, mails: int, share: float,
) -> None:  # fmt: skip
    """Rounds with and without the tarpit take turns, so that a busy machine slows both alike."""
    given = of_a_worker(settings, server, mail, OUTRIDER_UNENCRYPTED_MAIL_HOSTS="127.0.0.1")
    with crowd.worker(given, tmp_path), sink(mail, tmp_path) as (port, _):
        async with somebody(runtime) as ada:
            mailboxes = [await mailbox_at(runtime, ada, mail, port, number) for number in range(OTHERS)]
            await reading(runtime, mail, mails=40, is_held=False)  # what only a first time costs
            await sending(runtime, ada, mail, mailboxes, mails=40, is_held=False)
            read = [
                [await reading(runtime, mail, mails=mails, is_held=each) for each in (False, True)]
                for _ in range(rounds)
            ]
            sent = [
                [await sending(runtime, ada, mail, mailboxes, mails=mails, is_held=each) for each in (False, True)]
                for _ in range(rounds)
            ]
    told = []
    for what, found in (("read", read), ("sent", sent)):
        free, held = (statistics.median(each[number] for each in found) for number in (0, 1))
        told.append((what, free, held, held / free))
    print(
        f"\n{OTHERS} mailboxes beside one on a tarpit, medians of {rounds}: "
        + "; ".join(
            f"{what} {held:.0f} of {free:.0f} mails a second, {part:.0%} of their rate"
            for what, free, held, part in told
        )
    )
    assert all(part >= share for *_, part in told)


async def reading(runtime: Runtime, mail: MailServers, *, mails: int, is_held: bool) -> float:
    """Mails a second at which fresh mailboxes are read."""
    addresses = new_addresses(OTHERS)
    await asyncio.to_thread(crowd.fill, mail, addresses, mails=mails)
    async with somebody(runtime) as ada:
        with crowd.tarpit() as pit:
            if is_held:
                await crowd.connect_all(runtime, mail, ada, new_addresses(1), port=pit)
                await asyncio.sleep(2)  # by now it is being read from
            await crowd.connect_all(runtime, mail, ada, addresses)
            return await rate(runtime, ada, select(func.count()).select_from(Message), OTHERS * mails)


async def sending(
    runtime: Runtime, ada: Someone, mail: MailServers, mailboxes: list[Mailbox], *, mails: int, is_held: bool
) -> float:
    """Mails a second at which due follow-ups leave."""
    sent = select(func.count()).where(Send.state == State.SENT)
    async with somebody(runtime) as held:
        with crowd.tarpit() as pit:
            if is_held:
                stuck = await mailbox_at(runtime, held, mail, pit, OTHERS)
                await make_due_enrollments(runtime, held, [stuck], 5)
                await asyncio.sleep(2)  # by now it is being sent from
            before = await counted(runtime, ada, sent)
            await make_due_enrollments(runtime, ada, mailboxes, OTHERS * mails)
            return await rate(runtime, ada, sent, OTHERS * mails, before=before)


@asynccontextmanager
async def somebody(runtime: Runtime) -> AsyncIterator[Someone]:
    """A workspace that leaves the worker nothing to do."""
    ada = await make_user(runtime)
    try:
        yield ada
    finally:
        await retire(runtime, ada)


async def rate(runtime: Runtime, ada: Someone, counting: Select[tuple[int]], count: int, *, before: int = 0) -> float:
    """So many more than before, in how many seconds."""
    began = time.monotonic()
    while True:
        found = await counted(runtime, ada, counting) - before
        if found >= count:
            return count / (time.monotonic() - began)
        assert time.monotonic() - began < PATIENCE, f"{found} of {count} after {PATIENCE:.0f} s"
        await asyncio.sleep(0.05)


async def counted(runtime: Runtime, ada: Someone, counting: Select[tuple[int]]) -> int:
    async with runtime.db.begin(ada.scope) as db:
        return await db.scalar(counting) or 0
