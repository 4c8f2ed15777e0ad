"""The first sync of a mailbox, from a real Dovecot to committed rows, against a bare FETCH of the same bytes."""

import asyncio
import imaplib
import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import func, select
from tests.factories.accounts import Someone, make_user
from tests.factories.mailboxes import make_mailbox
from tests.real.mail_servers import MailServers, available

from bench import mails
from bench.figures import Figure
from outrider.core.ids import new_id
from outrider.domain.mailboxes import syncing
from outrider.domain.mailboxes.models import Folder, FolderRole, Mailbox, Message
from outrider.runtime import Runtime

MAILS = 10_000
ADDRESS = "bench@a.test"
STEP = 100  # messages that the bare FETCH asks for at a time


async def compare(runtime: Runtime, servers: MailServers, folder: Path | None) -> list[Figure]:
    """Each side reads the mailbox in turn, both from files that are warm in memory; the better of two rounds counts."""
    size = await asyncio.to_thread(fill, servers, mails.read(folder, MAILS))
    bare, ours = [], []
    for _ in range(2):
        bare.append(await asyncio.to_thread(fetch_all, servers))
        ours.append(await first_sync(runtime, servers))
    fastest, own = min(bare), min(ours)
    source = "made-up mails" if folder is None else f"mails of {folder.name}"
    return [
        Figure(
            f"first sync of {MAILS:,} {source}, {size / 2**20:.0f} MiB",
            f"{own:.1f} s, {MAILS / own:.0f}/s",
            "bare FETCH of the same bytes",
            f"{fastest:.1f} s, {MAILS / fastest:.0f}/s",
            fastest / own,
            "0.5",
        )
    ]


@contextmanager
def serving() -> Iterator[MailServers]:
    if (reason := available()) is not None:
        raise SystemExit(f"The bench of syncing can't run here: {reason}.")
    servers = MailServers()
    try:
        servers.start()
        yield servers
    finally:
        servers.stop()


def fill(servers: MailServers, raws: list[bytes]) -> int:
    """Puts the mails into an inbox's folder on disk. Returns how many bytes they are."""
    servers.add_user(ADDRESS)
    inbox = servers.folder / "dovecot/mail/a.test/bench/Maildir/cur"
    inbox.mkdir(parents=True, exist_ok=True)
    began = int(time.time()) - len(raws)
    for number, raw in enumerate(raws):
        file = inbox / f"{began + number}.{number:06}.bench,S={len(raw)},W={len(raw)}:2,S"
        file.write_bytes(raw)
        os.utime(file, (began + number, began + number))  # which is when they arrived
    owner = (servers.folder / "dovecot/mail").owner()
    subprocess.run(["chown", "-R", f"{owner}:", inbox.parent], check=True)
    return sum(map(len, raws))


def fetch_all(servers: MailServers) -> float:
    """The same bytes over the same kind of connection with the standard library alone, read and thrown away."""
    imap = imaplib.IMAP4_SSL(servers.host, servers.ports["imaps"], ssl_context=servers.trusting_context())
    imap.login(ADDRESS, servers.password(ADDRESS))
    began = time.perf_counter()
    imap.select("INBOX", readonly=True)
    taken = 0
    for start in range(1, MAILS + 1, STEP):
        _, answers = imap.fetch(f"{start}:{start + STEP - 1}", "(UID INTERNALDATE RFC822.SIZE BODY.PEEK[])")
        taken += sum(isinstance(each, tuple) for each in answers)
    seconds = time.perf_counter() - began
    imap.logout()
    assert taken == MAILS, f"the bare FETCH brought {taken} mails"
    return seconds


async def first_sync(runtime: Runtime, servers: MailServers) -> float:
    """A mailbox that was never read, in a workspace of its own; ends when all is committed."""
    owner = await make_user(runtime)
    mailbox = await connected(runtime, servers, owner)
    began = time.perf_counter()
    result = await syncing.sync(runtime, runtime.parser, mailbox)
    seconds = time.perf_counter() - began
    assert result.failure is None, result.failure
    async with runtime.db.begin(owner.scope) as db:
        stored = await db.scalar(select(func.count()).select_from(Message))
    assert stored == result.new, f"{stored} of {result.new} mails were stored"
    assert stored > MAILS * 0.95, f"{stored} mails were stored"  # a folder of real mails may hold some twice
    return seconds


async def connected(runtime: Runtime, servers: MailServers, owner: Someone) -> Mailbox:
    mailbox = await make_mailbox(runtime, owner, address=ADDRESS, password=servers.password(ADDRESS))
    async with runtime.db.begin(owner.scope) as db:
        stored = await db.get_one(Mailbox, (mailbox.workspace_id, mailbox.id))
        stored.servers = {
            "username": ADDRESS,
            "imap": {"host": servers.host, "port": servers.ports["imaps"], "security": "tls"},
            "smtp": {"host": servers.host, "port": servers.ports["smtps"], "security": "tls"},
        }
        db.add(
            Folder(
                workspace_id=mailbox.workspace_id,
                id=new_id(),
                mailbox_id=mailbox.id,
                name="INBOX",
                role=FolderRole.INBOX,
            )
        )
    return stored
