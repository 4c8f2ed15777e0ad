"""Sending through the state machine, against a bare loop of the same SMTP library over as many connections."""

import asyncio
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from pathlib import Path

import aiosmtplib
from sqlalchemy import func, insert, select
from tests.factories.accounts import Someone, make_user
from tests.factories.mailboxes import make_mailbox, make_message
from tests.real.daemons import free_ports

from bench.figures import Figure
from outrider import worker
from outrider.core.clock import now
from outrider.core.ids import new_id
from outrider.domain.mailboxes.models import Mailbox
from outrider.domain.sending import rules
from outrider.domain.sending.models import Send, State
from outrider.runtime import Runtime

CONNECTIONS = 20
MAILS = 6_000
BODY = "Have you had time to look at what I sent you last week?\n" * 20


async def compare(runtime: Runtime, folder: Path) -> list[Figure]:
    """Mails a second to a server that stores before it answers, from queued rows to recorded results."""
    with sink(folder) as port:
        bare = await bare_loop(port)
        owner = await make_user(runtime)
        mailboxes = [
            await make_mailbox(runtime, owner, address=f"sender{number}@a.test", smtp_port=port, security="none")
            for number in range(CONNECTIONS)
        ]
        await queue(runtime, owner, mailboxes)
        ours = await state_machine(runtime, owner)
    return [
        Figure(
            f"sending {MAILS:,} mails, {CONNECTIONS} mailboxes",
            f"{MAILS / ours:.0f}/s",
            "bare loop, same library and connections",
            f"{MAILS / bare:.0f}/s",
            bare / ours,
            "0.6",
        )
    ]


async def bare_loop(port: int) -> float:
    began = time.perf_counter()
    await asyncio.gather(*(bare_connection(port, number) for number in range(CONNECTIONS)))
    return time.perf_counter() - began


async def bare_connection(port: int, number: int) -> None:
    sender = f"sender{number}@a.test"
    async with aiosmtplib.SMTP(
        hostname="127.0.0.1", port=port, start_tls=False, username=sender, password="secret word"
    ) as smtp:
        for count in range(MAILS // CONNECTIONS):
            mail = EmailMessage()
            mail["From"], mail["To"], mail["Subject"] = sender, f"person{count}@b.test", "Re: A proposal"
            mail["Message-ID"] = f"<{new_id()}@a.test>"
            mail.set_content(BODY)
            await smtp.send_message(mail)


async def queue(runtime: Runtime, owner: Someone, mailboxes: list[Mailbox]) -> None:
    """Writes the outbox's rows as queueing does, in bulk."""
    rows = []
    emails = {mailbox.id: await make_message(runtime, mailbox) for mailbox in mailboxes}
    for number in range(MAILS):
        mailbox = mailboxes[number % CONNECTIONS]
        send_id = new_id()
        recipient = f"person{number}@b{number % 100}.test"
        rows.append(
            {
                "workspace_id": owner.workspace_id,
                "id": send_id,
                "user_id": owner.user.id,
                "mailbox_id": mailbox.id,
                "thread_id": emails[mailbox.id].thread_id,
                "origin": "bench",
                "origin_id": new_id(),
                "step": 1,
                "recipient": recipient,
                "recipient_domain": rules.domain_of(recipient),
                "subject": "Re: A proposal",
                "body": BODY,
                "message_id": rules.mint_message_id(send_id, mailbox.address),
                "in_reply_to": emails[mailbox.id].message_id,
                "due_at": now(),
                "give_up_at": now() + rules.GIVE_UP_AFTER,
            }
        )
    async with runtime.db.begin(owner.scope) as db:
        await db.execute(insert(Send), rows)


async def state_machine(runtime: Runtime, owner: Someone) -> float:
    stop = asyncio.Event()
    working = asyncio.create_task(worker.run(runtime, stop))
    began = time.perf_counter()
    try:
        while await are_unfinished(runtime, owner):
            await asyncio.sleep(0.1)
        took = time.perf_counter() - began
        assert await count_sent(runtime, owner) == MAILS
        return took
    finally:
        stop.set()
        await working


async def are_unfinished(runtime: Runtime, owner: Someone) -> bool:
    # Asked often: it must cost the database next to nothing.
    async with runtime.db.begin(owner.scope) as db:
        waits = select(Send.id).where(Send.state == State.QUEUED).limit(1)
        flies = select(Send.id).where(Send.state.in_((State.SENDING, State.UNKNOWN))).limit(1)
        return await db.scalar(waits) is not None or await db.scalar(flies) is not None


async def count_sent(runtime: Runtime, owner: Someone) -> int:
    async with runtime.db.begin(owner.scope) as db:
        return await db.scalar(select(func.count()).where(Send.state == State.SENT)) or 0


@contextmanager
def sink(folder: Path) -> Iterator[int]:
    [port] = free_ports(1)
    process = subprocess.Popen([sys.executable, "-m", "bench.sink", str(port), str(folder / "taken")])
    try:
        time.sleep(1)
        yield port
    finally:
        process.kill()
        process.wait()
