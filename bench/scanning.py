"""A scan for senders as its user meets it: a mailbox on a real Dovecot that was never read, a worker process that reads it,
progress over HTTP until it is done.
"""

import asyncio
import imaplib
import time
from collections import Counter
from email import message_from_bytes
from email.utils import parseaddr
from pathlib import Path

import httpx2
from sqlalchemy import func, select
from tests.factories.accounts import Someone, make_user
from tests.faults import crowd
from tests.real.mail_servers import MailServers

from bench import mails, syncing
from bench.figures import Figure
from bench.lists import client
from bench.processes import environment
from outrider.domain.mailboxes.models import Message
from outrider.domain.senders.models import Sender
from outrider.main import create_app
from outrider.runtime import Addresses, Runtime

MAILS = 6_000
APART = 1_200  # seconds between two mails: they fill the days that a first sync reads
STEP = 100  # messages that the script asks for at a time
STARTING = 4.0  # seconds until a worker is at work


async def compare(
    runtime: Runtime, addresses: Addresses, servers: MailServers, folder: Path, mail: Path | None
) -> list[Figure]:
    await asyncio.to_thread(syncing.fill, servers, mails.read(mail, MAILS), apart=APART)
    script = await asyncio.to_thread(count_by_script, servers)
    owner = await make_user(runtime)
    ours = client(create_app(runtime), Authorization=f"Bearer {owner.access_token}")
    with crowd.worker(environment(runtime, addresses, OUTRIDER_CA_FILE=str(servers.ca_file)), folder):
        await asyncio.sleep(STARTING)
        await syncing.connected(runtime, servers, owner)
        first, whole, seen = await scan(ours)
    counted = await check(runtime, owner)
    source = "made-up mails" if mail is None else f"mails of {mail.name}"
    return [
        Figure(
            f"scan of {MAILS:,} {source}: {counted:,} senders",
            f"{whole:.1f} s",
            "imaplib and the standard library's parser: who wrote how often",
            f"{script:.1f} s",
            script / whole,
            "",
        ),
        Figure("first progress of the scan", f"{first:.1f} s", "", f"{seen} steps told", None, ""),
    ]


async def scan(ours: httpx2.AsyncClient) -> tuple[float, float, int]:
    """Returns the seconds to the first progress and to the end, and how many steps were told between."""
    began = time.perf_counter()
    job = (await ours.post("/api/senders/scan")).raise_for_status().json()["data"]["job_id"]
    told: list[int] = []
    first = 0.0
    while True:
        answer = await ours.get(f"/api/senders/scan/{job}")
        now = answer.raise_for_status().json()["data"]
        assert not told or now["processed"] >= told[-1], f"progress went back: {told[-1]} to {now['processed']}"
        if now["processed"] and not first:
            first = time.perf_counter() - began
        if not told or now["processed"] > told[-1]:
            told.append(now["processed"])
        if now["status"] != "processing":
            assert now["status"] == "completed", now
            return first, time.perf_counter() - began, len(told)
        await asyncio.sleep(0.1)


async def check(runtime: Runtime, owner: Someone) -> int:
    """Every stored mail that names a sender is counted for them. Returns how many senders there are."""
    async with runtime.db.begin(owner.scope) as db:
        stored = await db.scalar(select(func.count()).select_from(Message)) or 0
        nobodys = await db.scalar(select(func.count()).select_from(Message).where(Message.from_address == "")) or 0
        counted = await db.scalar(select(func.sum(Sender.email_count))) or 0
        senders = await db.scalar(select(func.count()).select_from(Sender)) or 0
    assert stored > MAILS * 0.95, f"{stored} mails were stored"  # a folder of real mails may hold some twice
    assert counted == stored - nobodys, f"{counted} of {stored} mails are counted, {nobodys} name no sender"
    return senders


def count_by_script(servers: MailServers) -> float:
    began = time.perf_counter()
    imap = imaplib.IMAP4_SSL(servers.host, servers.ports["imaps"], ssl_context=servers.trusting_context())
    imap.login(syncing.ADDRESS, servers.password(syncing.ADDRESS))
    imap.select("INBOX", readonly=True)
    found: Counter[str] = Counter()
    for start in range(1, MAILS + 1, STEP):
        _, answers = imap.fetch(f"{start}:{start + STEP - 1}", "(BODY.PEEK[])")
        for each in answers:
            if isinstance(each, tuple):
                found[parseaddr(str(message_from_bytes(each[1])["From"]))[1].lower()] += 1
    imap.logout()
    assert found.total() == MAILS
    return time.perf_counter() - began
