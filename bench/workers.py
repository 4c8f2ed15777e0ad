"""Sending by one worker process and by two, beside each other, on the same outbox and server."""

import asyncio
import time
from contextlib import ExitStack
from pathlib import Path

from tests.factories.accounts import make_user
from tests.factories.mailboxes import make_mailbox
from tests.faults import crowd

from bench import sending
from bench.figures import Figure
from bench.processes import environment
from outrider.runtime import Addresses, Runtime

ROUNDS = 2
STARTING = 4.0  # seconds until a worker is at work; the mails are queued then


async def compare(runtime: Runtime, addresses: Addresses, folder: Path) -> list[Figure]:
    with sending.sink(folder) as port:
        rounds = [[await by(runtime, addresses, folder, port, workers) for workers in (1, 2)] for _ in range(ROUNDS)]
    one, two = (min(each[number] for each in rounds) for number in (0, 1))
    return [
        Figure(
            f"sending {sending.MAILS:,} mails, 2 workers",
            f"{sending.MAILS / two:.0f}/s",
            "1 worker",
            f"{sending.MAILS / one:.0f}/s",
            one / two,
            "1",
        )
    ]


async def by(runtime: Runtime, addresses: Addresses, folder: Path, port: int, workers: int) -> float:
    """Seconds from queued rows to recorded results."""
    owner = await make_user(runtime)
    mailboxes = [
        await make_mailbox(runtime, owner, address=f"w{number}@a.test", smtp_port=port, security="none")
        for number in range(sending.CONNECTIONS)
    ]
    with ExitStack() as stack:
        for _ in range(workers):
            stack.enter_context(crowd.worker(environment(runtime, addresses), folder))
        await asyncio.sleep(STARTING)
        await sending.queue(runtime, owner, mailboxes)
        began = time.perf_counter()
        while await sending.count_sent(runtime, owner) < sending.MAILS:
            await asyncio.sleep(0.05)
        return time.perf_counter() - began
