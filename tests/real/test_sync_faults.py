"""Syncing under fault, on a real Dovecot: renumbered folders, killed workers, poison, lost connections."""

import asyncio
import json
import random
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid
from pathlib import Path

import pytest
from sqlalchemy import delete, func, select, update

from outrider.core.clock import now
from outrider.core.db import Scope
from outrider.core.embedded import EmbeddedServer
from outrider.domain.mailboxes import syncing
from outrider.domain.mailboxes.models import Folder, Mailbox, Message, Place, Thread
from outrider.main import create_app
from outrider.runtime import Addresses, Runtime, open_runtime
from outrider.settings import Settings
from tests.client import Client
from tests.factories.accounts import Someone, make_user
from tests.live import environment
from tests.providers.mail.bombs import ALL, SLOW
from tests.real.mail_servers import MailServers
from tests.real.proxy import Proxy
from tests.real.test_main_job import connection

pytestmark = pytest.mark.real


@pytest.fixture
async def trusting(settings: Settings, database: Addresses, mail: MailServers) -> AsyncIterator[Runtime]:
    """A runtime that trusts the mail servers; nobody works beside the test."""
    own = settings.model_copy(update={"ca_file": mail.ca_file})
    async with open_runtime(own, database.app, name="faults") as runtime:
        yield runtime


async def connect(
    runtime: Runtime, mail: MailServers, address: str, *, port: int | None = None
) -> tuple[Someone, Mailbox]:
    ada = await make_user(runtime, email=address)
    body = connection(mail, address, mail.password(address))
    if port is not None:
        body["port"] = port
    client = Client(create_app(runtime)).signed_in(ada.access_token)
    answer = await client.post("/auth/connect", json=body)
    assert answer.status_code == 200, answer.text
    async with runtime.db.begin(ada.scope) as db:
        return ada, await db.get_one(Mailbox, (ada.workspace_id, answer.json()["mailbox"]["id"]))


def new_address(mail: MailServers, name: str) -> str:
    address = f"{name}{time.monotonic_ns()}@a.test"
    mail.add_user(address)
    return address


def mails(count: int, *, to: str = "ada@a.test") -> list[bytes]:
    """Conversations of two: every second mail answers the one before it."""
    made, last = [], ""
    for number in range(count):
        message = EmailMessage()
        message["From"], message["To"] = f"person{number // 2}@b.test", to
        message["Subject"] = f"{'Re: ' if number % 2 else ''}Matter {number // 2}"
        message["Date"], message["Message-ID"] = format_datetime(now()), make_msgid(domain="b.test")
        if number % 2:
            message["In-Reply-To"] = last
        last = str(message["Message-ID"])
        message.set_content(f"This is mail number {number}.")
        made.append(message.as_bytes())
    return made


async def sync(runtime: Runtime, mailbox: Mailbox) -> syncing.Result:
    """Reads a mailbox as a worker does that has claimed it."""
    async with runtime.db.begin(Scope(mailbox.workspace_id)) as db:
        await db.execute(update(Mailbox).where(Mailbox.id == mailbox.id).values(sync_due_at=now() + syncing.CLAIM))
    return await syncing.sync(runtime, runtime.parser, mailbox)


async def counts(runtime: Runtime, ada: Someone) -> tuple[int, int, int]:
    """Returns how many messages, threads and places there are."""
    async with runtime.db.begin(ada.scope) as db:
        return (
            await db.scalar(select(func.count()).select_from(Message)) or 0,
            await db.scalar(select(func.count()).select_from(Thread)) or 0,
            await db.scalar(select(func.count()).select_from(Place)) or 0,
        )


@pytest.mark.parametrize("count", [60, pytest.param(1000, marks=pytest.mark.faults)])
async def test_a_folder_made_anew_five_times_leaves_no_ghosts_and_no_doubles(
    trusting: Runtime, mail: MailServers, count: int
) -> None:
    address = new_address(mail, "renumbered")
    sent = mails(count, to=address)
    mail.append(address, "Archive", *sent)
    ada, mailbox = await connect(trusting, mail, address)
    await sync(trusting, mailbox)
    assert await counts(trusting, ada) == (count, count // 2, count)
    numbers = set()
    for _ in range(5):
        with mail.imap(address) as imap:
            imap.delete("Archive")
            imap.create("Archive")
        mail.append(address, "Archive", *sent)
        assert (await sync(trusting, mailbox)).failure is None
        async with trusting.db.begin(ada.scope) as db:
            cursor = await db.scalar(select(Folder.cursor).where(Folder.name == "Archive"))
            numbers.add(json.loads(cursor or "{}")["uid_validity"])
            empty = await db.scalar(select(func.count()).select_from(Message).where(Message.text == ""))
    found = await counts(trusting, ada)
    print(
        f"\n{count} mails, folder made anew {len(numbers)} times: {found[0]} messages, {found[1]} threads, {empty} empty"
    )
    assert len(numbers) == 5, "the drill did not fire"
    assert found == (count, count // 2, count)
    assert empty == 0


@pytest.mark.parametrize("batch", [200, 3])
async def test_what_was_deleted_with_its_folder_keeps_no_body(
    trusting: Runtime, mail: MailServers, monkeypatch: pytest.MonkeyPatch, batch: int
) -> None:
    monkeypatch.setattr(syncing, "BATCH", batch)
    address = new_address(mail, "ghosts")
    mail.append(address, "Archive", *mails(20, to=address))
    ada, mailbox = await connect(trusting, mail, address)
    await sync(trusting, mailbox)
    kept = mails(4, to=address)
    with mail.imap(address) as imap:
        imap.delete("Archive")
        imap.create("Archive")
    mail.append(address, "Archive", *kept)
    await sync(trusting, mailbox)
    async with trusting.db.begin(ada.scope) as db:
        bodies = await db.scalar(select(func.count()).select_from(Message).where(Message.text != ""))
    assert bodies == 4


async def test_a_folder_that_is_read_to_its_end_empties_nothing_of_one_that_is_read_anew(
    trusting: Runtime, mail: MailServers
) -> None:
    address = new_address(mail, "halfway")
    for folder in ("Archive", "Junk"):
        mail.append(address, folder, *mails(10, to=address))
    ada, mailbox = await connect(trusting, mail, address)
    await sync(trusting, mailbox)
    async with trusting.db.begin(ada.scope) as db:  # the junk as after a crash in the middle, the archive to be found
        junk = select(Folder.id).where(Folder.name == "Junk").scalar_subquery()
        await db.execute(delete(Place).where(Place.folder_id == junk))
        for folder in await db.scalars(select(Folder).where(Folder.name.in_(("Archive", "Junk")))):
            position = json.loads(folder.cursor or "{}")
            if folder.name == "Junk":
                folder.cursor, folder.is_read_anew = json.dumps({**position, "last_uid": 0}), True
            else:
                folder.cursor = json.dumps({**position, "uid_validity": position["uid_validity"] - 1})
    await sync(trusting, mailbox)
    async with trusting.db.begin(ada.scope) as db:
        assert await db.scalar(select(func.count()).select_from(Message).where(Message.text != "")) == 20


async def test_few_long_reads_go_on_at_once_and_the_others_take_turns(
    trusting: Runtime, mail: MailServers, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"BATCH": 5, "LONG": 10, "LONG_AT_ONCE": 2}.items():
        monkeypatch.setattr(syncing, name, value)
    given = []
    for number in range(5):
        address = new_address(mail, f"long{number}")
        mail.append(address, "INBOX", *mails(60, to=address))
        ada, mailbox = await connect(trusting, mail, address)
        async with trusting.db.begin(ada.scope) as db:  # as whoever claims it for a sync does
            (await db.get_one(Mailbox, (mailbox.workspace_id, mailbox.id))).sync_due_at = now() + syncing.CLAIM
        given.append((ada, mailbox))
    results = await asyncio.gather(*(sync(trusting, mailbox) for _, mailbox in given))
    read = sorted(result.new for result in results)
    # The newest five of each, which nobody waits for, and a turn of five.
    assert read == [10, 10, 10, 60, 60], read
    for (ada, mailbox), result in zip(given, results, strict=True):
        async with trusting.db.begin(ada.scope) as db:
            current = await db.get_one(Mailbox, (mailbox.workspace_id, mailbox.id))
        assert current.sync_due_at is not None
        assert (current.sync_due_at < now() + syncing.TURN) == (result.new == 10)
        await sync(trusting, current)
        assert await counts(trusting, ada) == (60, 30, 60)


async def test_the_newest_mail_of_every_folder_is_read_before_the_rest_of_any(
    trusting: Runtime, mail: MailServers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(syncing, "BATCH", 5)
    address = new_address(mail, "newest")
    for folder in ("Archive", "INBOX"):
        mail.append(address, folder, *mails(20, to=address))
    ada, mailbox = await connect(trusting, mail, address)
    await sync(trusting, mailbox)
    async with trusting.db.begin(ada.scope) as db:
        rows = await db.execute(
            select(Folder.name, Message.snippet)
            .join(Place, Place.folder_id == Folder.id)
            .join(Message, Message.id == Place.message_id)
            .order_by(Message.id)  # as they were stored
        )
        order = [(row.name, int(row.snippet.split()[-1].rstrip("."))) for row in rows]
    newest = range(15, 20)
    assert order[:10] == [*(("INBOX", each) for each in newest), *(("Archive", each) for each in newest)]
    assert len(order) == 40


@pytest.mark.parametrize("rounds", [4, pytest.param(20, marks=pytest.mark.faults)])
async def test_a_cursor_that_dies_while_mail_arrives_loses_and_doubles_nothing(
    trusting: Runtime, mail: MailServers, rounds: int
) -> None:
    address = new_address(mail, "cursor")
    ada, mailbox = await connect(trusting, mail, address)
    arriving = mails(50, to=address)
    share = len(arriving) // rounds
    for number in range(rounds):
        batch = arriving[number * share : (number + 1) * share if number < rounds - 1 else None]
        async with trusting.db.begin(ada.scope) as db:
            for folder in await db.scalars(select(Folder).where(Folder.cursor.is_not(None))):
                position = json.loads(folder.cursor or "{}")
                folder.cursor = json.dumps({**position, "uid_validity": position["uid_validity"] - 1})
        await asyncio.gather(asyncio.to_thread(mail.append, address, "INBOX", *batch), sync(trusting, mailbox))
    await sync(trusting, mailbox)
    messages, threads, places = await counts(trusting, ada)
    print(f"\n{rounds} dead cursors while 50 mails arrived: {50 - messages} missing, {places - 50} doubled")
    assert (messages, threads, places) == (50, 25, 50)


@pytest.mark.parametrize(("count", "kills"), [(800, 4), pytest.param(5000, 20, marks=pytest.mark.faults)])
async def test_a_first_sync_whose_worker_is_killed_goes_on_where_it_was(
    trusting: Runtime, settings: Settings, server: EmbeddedServer, mail: MailServers, tmp_path: Path, count: int, kills: int
) -> None:  # fmt: skip
    address = new_address(mail, "killed")
    mail.append(address, "INBOX", *mails(count, to=address))
    ada, _ = await connect(trusting, mail, address)
    given = environment(settings, server, OUTRIDER_CA_FILE=str(mail.ca_file), OUTRIDER_LOG_LEVEL="ERROR")
    chance = random.Random(kills)
    marks = sorted(chance.randrange(count // 20, count * 9 // 10) for _ in range(kills))
    began, fired = time.monotonic(), 0

    def start() -> "subprocess.Popen[bytes]":
        return subprocess.Popen([str(Path(sys.executable).parent / "outrider"), "worker"], env=given, cwd=tmp_path)

    process = start()
    try:
        while (stored := (await counts(trusting, ada))[0]) < count:
            assert time.monotonic() - began < 150, f"{stored} of {count} after 150 s"
            if marks and stored >= marks[0]:
                marks.pop(0)
                process.kill()
                process.wait()
                fired += 1
                # Another worker would wait for the claim's five minutes; the drill does not.
                async with trusting.db.begin(ada.scope) as db:
                    await db.execute(update(Mailbox).values(sync_due_at=now()))
                process = start()
            await asyncio.sleep(0.02)
    finally:
        process.kill()
        process.wait()
    messages, threads, places = await counts(trusting, ada)
    print(f"\nfirst sync of {count}, {fired} kills: {messages} messages, {places - messages} doubled")
    assert fired > 0, "the drill did not fire"
    assert (messages, threads, places) == (count, count // 2, count)


@pytest.mark.parametrize("count", [8, pytest.param(30, marks=pytest.mark.faults)])
async def test_poison_among_mail_stops_nothing(trusting: Runtime, mail: MailServers, count: int) -> None:
    address = new_address(mail, "poison")
    made = [bomb() for name, bomb in ALL.items() if count == 30 or name not in SLOW]
    # Dovecot itself refuses NUL and bare line ends outside of its own rules.
    bombs = [each for each in made if 0 < len(each) < 12 * 2**20 and b"\0" not in each][:count]
    good = mails(300 - len(bombs) if count == 30 else 90, to=address)
    for number, bomb in enumerate(bombs):
        good.insert(number * 9, bomb)
    mail.append(address, "INBOX", *good)
    ada, mailbox = await connect(trusting, mail, address)
    result = await sync(trusting, mailbox)
    messages, _, places = await counts(trusting, ada)
    print(f"\n{len(bombs)} bombs among {len(good)} mails: {places} accounted for, as {messages} messages")
    assert result.failure is None
    assert places == len(good)


async def test_a_connection_that_breaks_in_the_middle_is_tried_again(trusting: Runtime, mail: MailServers) -> None:
    address = new_address(mail, "dropped")
    mail.append(address, "INBOX", *mails(400, to=address))
    async with Proxy(mail.host, mail.ports["imaps"]) as proxy:
        ada, mailbox = await connect(trusting, mail, address, port=proxy.port)
        proxy.drop_after(150_000)
        first = await sync(trusting, mailbox)
        assert first.failure is not None, "the drill did not fire"
        partly = (await counts(trusting, ada))[0]
        proxy.drop_after(None)
        async with trusting.db.begin(ada.scope) as db:
            current = await db.get_one(Mailbox, (mailbox.workspace_id, mailbox.id))
        assert current.is_usable
        second = await sync(trusting, current)
    assert second.failure is None
    assert await counts(trusting, ada) == (400, 200, 400)
    print(f"\ndropped after {partly} of 400; the next try brought the rest")
