"""The first sync of a mailbox, from a real Dovecot to committed rows, against a bare FETCH of the same bytes."""

import asyncio
import imaplib
import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from pathlib import Path

import asyncpg
from sqlalchemy import func, select
from tests.factories.accounts import Someone, make_user
from tests.factories.mailboxes import make_mailbox
from tests.real.mail_servers import MailServers, available

from bench import mails
from bench.figures import Figure
from outrider import worker
from outrider.core import statistics
from outrider.core.ids import new_id
from outrider.domain.mailboxes import connections, syncing
from outrider.domain.mailboxes.models import Folder, FolderRole, Mailbox, Message
from outrider.runtime import Addresses, Runtime

MAILS = 10_000
ADDRESS = "bench@a.test"
STEP = 100  # messages that the bare FETCH asks for at a time


async def compare(runtime: Runtime, addresses: Addresses, servers: MailServers, folder: Path | None) -> list[Figure]:
    """All sides read the same mailbox in turn, from files that are warm in memory; the best of two rounds counts."""
    size = await asyncio.to_thread(fill, servers, mails.read(folder, MAILS))
    bare, single, client, raw, plain, ours = [], [], [], [], [], []
    for _ in range(2):
        bare.append(await asyncio.to_thread(fetch_all, servers, STEP))
        single.append(await asyncio.to_thread(fetch_all, servers, 1))
        client.append(await fetch_by_reader(runtime, servers))
        raw.append(await fetch_copy(addresses, servers))
        ours.append(await first_sync(runtime, servers))
    plain.append(await fetch_parse_store(addresses, servers))
    source = "made-up mails" if folder is None else f"mails of {folder.name}"
    what = f"first sync of {MAILS:,} {source}, {size / 2**20:.0f} MiB"
    return [
        _figure(what, ours, "bare FETCH of the same bytes, 100 at a time", bare, "0.5"),
        _figure(what, ours, "bare FETCH of the same bytes, one at a time", single, ""),
        _figure(what, ours, "FETCH by our own reader, nothing parsed", client, ""),
        _figure(what, ours, "FETCH, COPY of the raw bytes, nothing parsed", raw, ""),
        _figure(what, ours, "FETCH, the standard library's parser, INSERT", plain, "1"),
    ]


def _figure(what: str, ours: list[float], peer: str, peers: list[float], goal: str) -> Figure:
    own, other = min(ours), min(peers)
    return Figure(
        what, f"{own:.1f} s, {MAILS / own:.0f}/s", peer, f"{other:.1f} s, {MAILS / other:.0f}/s", other / own, goal
    )


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


def fill(servers: MailServers, raws: list[bytes], *, apart: int = 1) -> int:
    """Puts the mails into an inbox's folder on disk, so many seconds apart. Returns how many bytes they are."""
    servers.add_user(ADDRESS)
    inbox = servers.folder / "dovecot/mail/a.test/bench/Maildir/cur"
    inbox.mkdir(parents=True, exist_ok=True)
    began = int(time.time()) - len(raws) * apart
    for number, raw in enumerate(raws):
        at = began + number * apart
        file = inbox / f"{at}.{number:06}.bench,S={len(raw)},W={len(raw)}:2,S"
        file.write_bytes(raw)
        os.utime(file, (at, at))  # which is when it arrived
    owner = (servers.folder / "dovecot/mail").owner()
    subprocess.run(["chown", "-R", f"{owner}:", inbox.parent], check=True)
    return sum(map(len, raws))


def fetch_all(servers: MailServers, step: int) -> float:
    """The same bytes over the same kind of connection with the standard library alone, read and thrown away."""
    began = time.perf_counter()
    taken = sum(len(batch) for batch in batches(servers, step))
    assert taken == MAILS, f"the bare FETCH brought {taken} mails"
    return time.perf_counter() - began


def batches(servers: MailServers, step: int) -> Iterator[list[bytes]]:
    imap = imaplib.IMAP4_SSL(servers.host, servers.ports["imaps"], ssl_context=servers.trusting_context())
    imap.login(ADDRESS, servers.password(ADDRESS))
    imap.select("INBOX", readonly=True)
    for start in range(1, MAILS + 1, step):
        _, answers = imap.fetch(f"{start}:{start + step - 1}", "(UID INTERNALDATE RFC822.SIZE BODY.PEEK[])")
        yield [each[1] for each in answers if isinstance(each, tuple)]
    imap.logout()


async def fetch_by_reader(runtime: Runtime, servers: MailServers) -> float:
    """What a first sync fetches, as it fetches it, and thrown away: sizes and dates first, then the bodies."""
    owner = await make_user(runtime)
    account = await connections.account_of(runtime, await connected(runtime, servers, owner))
    began, taken, cursor, more = time.perf_counter(), 0, None, True
    async with runtime.mail["imap"].open(account) as reader:
        while more:
            changes = await reader.changes("INBOX", cursor, batch=syncing.BATCH, since=None, at_most=MAILS)
            taken, cursor, more = taken + len(changes.messages), changes.cursor, changes.more
    assert taken == MAILS, f"the reader brought {taken} mails"
    return time.perf_counter() - began


async def fetch_copy(addresses: Addresses, servers: MailServers) -> float:
    """The least that any sync has to do: the bytes as they came, in one table that knows nothing of them."""
    began = time.perf_counter()
    connection = await asyncpg.connect(
        addresses.owner.set(drivername="postgresql").render_as_string(hide_password=False)
    )
    await connection.execute("create table raw_mails (raw bytea)")
    for batch in batches(servers, STEP):
        await connection.copy_records_to_table("raw_mails", records=[(raw,) for raw in batch])
    seconds = time.perf_counter() - began
    await connection.execute("drop table raw_mails")
    await connection.close()
    return seconds


async def fetch_parse_store(addresses: Addresses, servers: MailServers) -> float:
    """What a script of one page does: no threads, no verdicts, no bounds, one process, one table without a wall."""
    began = time.perf_counter()
    connection = await asyncpg.connect(
        addresses.owner.set(drivername="postgresql").render_as_string(hide_password=False)
    )
    await connection.execute("create temp table plain (subject text, sender text, sent text, body text)")
    for batch in batches(servers, STEP):
        await connection.executemany("insert into plain values ($1, $2, $3, $4)", [row(raw) for raw in batch])
    await connection.close()
    return time.perf_counter() - began


def row(raw: bytes) -> tuple[str, ...]:
    """Header by header and guarded, since the library raises on some real mails."""
    mail = message_from_bytes(raw, policy=policy.default)
    found = []
    for name in ("Subject", "From", "Date"):
        try:
            found.append(clean(str(mail[name] or "")))
        except Exception:  # noqa: BLE001  # the library raises nearly anything on a bad mail
            found.append("")
    try:
        body = mail.get_body(("plain", "html"))
        found.append(clean(body.get_content()) if body is not None else "")
    except Exception:  # noqa: BLE001
        found.append("")
    return tuple(found)


def clean(text: str) -> str:
    return text.replace("\0", "").encode("utf-8", "replace").decode()


async def first_sync(runtime: Runtime, servers: MailServers) -> float:
    """A mailbox that was never read, in a workspace of its own; ends when all is committed."""
    owner = await make_user(runtime)
    mailbox = await connected(runtime, servers, owner)
    learning = asyncio.create_task(learn(runtime))
    began = time.perf_counter()
    result = await syncing.sync(runtime, runtime.parser, mailbox)
    seconds = time.perf_counter() - began
    learning.cancel()
    assert result.failure is None, result.failure
    async with runtime.db.begin(owner.scope) as db:
        stored = await db.scalar(select(func.count()).select_from(Message))
    assert stored == result.new, f"{stored} of {result.new} mails were stored"
    assert stored > MAILS * 0.95, f"{stored} mails were stored"  # a folder of real mails may hold some twice
    return seconds


async def learn(runtime: Runtime) -> None:
    """What a worker does beside it."""
    while True:
        async with runtime.db.begin() as db:
            await statistics.learn(db)
        await asyncio.sleep(worker.LEARN_EVERY)


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
