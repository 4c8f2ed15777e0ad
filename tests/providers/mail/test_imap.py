"""Reading real mailboxes on Dovecot, and servers that misbehave."""

import asyncio
import re
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from outrider.core.egress import Egress
from outrider.providers.mail import imap_fetch
from outrider.providers.mail.connecting import Network
from outrider.providers.mail.imap import ImapReader, ImapTimeouts
from outrider.providers.mail.imap_smtp import ImapSmtp
from outrider.providers.mail.interface import (
    Changes,
    ConnectFailed,
    Cursor,
    Fetched,
    Folder,
    ReadFailed,
    Role,
    Security,
    Server,
    ServerAccount,
    Step,
)
from tests.providers.mail.payloads import INJECTIONS
from tests.providers.mail.scripted import SILENCE, Heard, eavesdropper, line_server
from tests.real.mail_servers import MailServers

real = pytest.mark.real


def numbered(number: int) -> bytes:
    return b"Message-ID: <%d@elsewhere.test>\r\nSubject: %d\r\n\r\nHello\r\n" % (number, number)


def number_of(message: Fetched) -> int:
    found = re.search(rb"^Subject: (\d+)", message.header, re.MULTILINE)
    assert found
    return int(found[1])


async def changes(
    reader: ImapReader,
    cursor: Cursor | None = None,
    *,
    folder: str = "INBOX",
    batch: int = 100,
    since: datetime | None = None,
    at_most: int = 5_000,
) -> Changes:
    return await reader.changes(folder, cursor, batch=batch, since=since, at_most=at_most)


@pytest.fixture
async def inbox(provider: ImapSmtp, alice: ServerAccount) -> AsyncIterator[ImapReader]:
    async with provider.open(alice) as reader:
        yield reader


@real
async def test_a_message_is_read_as_the_server_holds_it(inbox: ImapReader, mail: MailServers) -> None:
    mail.append("alice@a.test", "INBOX", numbered(1))
    (message,) = (await changes(inbox)).messages
    assert message.raw == numbered(1)
    assert message.header == numbered(1).removesuffix(b"Hello\r\n")
    assert message.size == len(numbered(1))
    assert abs(datetime.now(UTC) - message.received_at) < timedelta(minutes=1)


@real
async def test_reading_leaves_a_message_unread(inbox: ImapReader, mail: MailServers) -> None:
    mail.append("alice@a.test", "INBOX", numbered(1))
    await changes(inbox)
    with mail.imap("alice@a.test") as imap:
        imap.select("INBOX")
        assert imap.search(None, "UNSEEN")[1] == [b"1"]


@real
async def test_a_first_sync_of_1000_messages_resumed_at_each_cursor_gives_each_once(
    provider: ImapSmtp, alice: ServerAccount, mail: MailServers
) -> None:
    mail.append("alice@a.test", "INBOX", *(numbered(number) for number in range(1_000)))
    seen: list[int] = []
    cursor, remaining = None, []
    while True:
        async with provider.open(alice) as reader:  # as after a crash: nothing is left but the cursor
            batch = await changes(reader, cursor, batch=130)
        seen = [*map(number_of, batch.messages), *seen]
        cursor = batch.cursor
        remaining.append(batch.remaining)
        assert not batch.reset
        if not batch.more:
            break
    assert seen == list(range(1_000)), "each batch is older than the one before it"
    assert remaining == [870, 740, 610, 480, 350, 220, 90, 0]


@real
async def test_a_first_sync_starts_at_the_newest_of_many(inbox: ImapReader, mail: MailServers) -> None:
    mail.append("alice@a.test", "INBOX", *(numbered(number) for number in range(20)))
    first = await changes(inbox, batch=2, at_most=5)
    assert [number_of(message) for message in first.messages] == [18, 19]
    second = await changes(inbox, first.cursor, at_most=5)
    assert [number_of(message) for message in second.messages] == [15, 16, 17]
    assert not second.more


@real
async def test_what_arrives_during_a_first_sync_is_read_before_what_is_left_of_it(
    inbox: ImapReader, mail: MailServers
) -> None:
    mail.append("alice@a.test", "INBOX", *(numbered(number) for number in range(10)))
    first = await changes(inbox, batch=4)
    mail.append("alice@a.test", "INBOX", numbered(10), numbered(11))
    second = await changes(inbox, first.cursor, batch=4)
    assert [number_of(message) for message in second.messages] == [4, 5, 10, 11]
    mail.append("alice@a.test", "INBOX", *(numbered(number) for number in range(12, 20)))
    third = await changes(inbox, second.cursor, batch=4)
    assert ([number_of(message) for message in third.messages], third.remaining) == ([12, 13, 14, 15], 8)
    last = await changes(inbox, third.cursor)
    assert [number_of(message) for message in last.messages] == [0, 1, 2, 3, 16, 17, 18, 19]
    assert (last.more, last.remaining) == (False, 0)


@real
async def test_a_first_sync_goes_on_over_what_was_deleted_meanwhile(inbox: ImapReader, mail: MailServers) -> None:
    mail.append("alice@a.test", "INBOX", *(numbered(number) for number in range(10)))
    first = await changes(inbox, batch=4)
    with mail.imap("alice@a.test") as imap:
        imap.select("INBOX")
        imap.store("1:2,5:7", "+FLAGS", r"(\Deleted)")
        imap.expunge()
    second = await changes(inbox, first.cursor)
    assert [number_of(message) for message in second.messages] == [2, 3]
    assert not second.more


@real
async def test_a_first_sync_leaves_out_what_is_older_than_asked_for(inbox: ImapReader, mail: MailServers) -> None:
    now = datetime.now(UTC)
    with mail.imap("alice@a.test") as imap:
        for days in (30, 5, 1):
            imap.append("INBOX", "", now - timedelta(days=days), numbered(days))
    batch = await changes(inbox, since=now - timedelta(days=7))
    assert [number_of(message) for message in batch.messages] == [5, 1]


@real
async def test_an_empty_folder_gives_a_cursor_from_which_new_mail_is_found(
    inbox: ImapReader, mail: MailServers
) -> None:
    empty = await changes(inbox)
    assert (empty.messages, empty.more) == ((), False)
    mail.deliver("alice@a.test", numbered(7))
    later = await changes(inbox, empty.cursor)
    assert [number_of(message) for message in later.messages] == [7]
    assert (await changes(inbox, later.cursor)).messages == ()
    before, after = (imap_fetch.Position.read(each.cursor).mod_seq for each in (empty, later))
    assert before is not None
    assert after is not None
    assert after > before


@real
async def test_a_deleted_and_recreated_folder_resets(inbox: ImapReader, mail: MailServers) -> None:
    with mail.imap("alice@a.test") as imap:
        imap.create("Deals")
    mail.append("alice@a.test", "Deals", numbered(1), numbered(2))
    before = await changes(inbox, folder="Deals")
    with mail.imap("alice@a.test") as imap:
        imap.delete("Deals")
        await asyncio.sleep(1.1)  # Dovecot counts its validity in seconds
        imap.create("Deals")
    mail.append("alice@a.test", "Deals", numbered(3))
    after = await changes(inbox, before.cursor, folder="Deals")
    assert after.reset
    numbers = {imap_fetch.Position.read(each.cursor).uid_validity for each in (before, after)}
    assert len(numbers) == 2
    assert [number_of(message) for message in after.messages] == [3]
    assert not (await changes(inbox, after.cursor, folder="Deals")).reset


@real
async def test_of_an_oversized_message_only_the_header_is_read(
    inbox: ImapReader, mail: MailServers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imap_fetch, "MAX_RAW", 10_000)
    large = numbered(2) + b"x" * 70 + b"\r\n" + b"a line of text\r\n" * 1_000
    mail.append("alice@a.test", "INBOX", numbered(1), large, numbered(3))
    small, header_only, last = (await changes(inbox)).messages
    assert (small.raw, last.raw) == (numbered(1), numbered(3))
    assert header_only.raw is None
    assert header_only.header == numbered(2).removesuffix(b"Hello\r\n")
    assert header_only.size == len(large)


@real
async def test_a_batch_ends_early_where_its_messages_are_large(
    inbox: ImapReader, mail: MailServers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imap_fetch, "MAX_BATCH_BYTES", 25_000)
    mail.append("alice@a.test", "INBOX", *(numbered(number) + b"a line\r\n" * 1_250 for number in range(5)))
    seen: list[list[int]] = []
    cursor = None
    for _ in range(3):
        batch = await changes(inbox, cursor)
        cursor = batch.cursor
        seen.append([number_of(message) for message in batch.messages])
    assert seen == [[3, 4], [1, 2], [0]]


@real
async def test_news_ends_a_wait_within_two_seconds(inbox: ImapReader, mail: MailServers) -> None:
    batch = await changes(inbox)
    waiting = asyncio.create_task(inbox.wait("INBOX", seconds=30))
    await asyncio.sleep(0.3)
    assert not waiting.done()
    began = time.monotonic()
    await asyncio.to_thread(mail.deliver, "alice@a.test", numbered(1))
    assert await waiting
    assert time.monotonic() - began < 2
    assert [number_of(message) for message in (await changes(inbox, batch.cursor)).messages] == [1]


@real
async def test_news_between_reading_and_waiting_is_not_lost(inbox: ImapReader, mail: MailServers) -> None:
    for number in range(5):
        await changes(inbox)
        await asyncio.to_thread(mail.deliver, "alice@a.test", numbered(number))
        assert await inbox.wait("INBOX", seconds=10)


@real
async def test_a_wait_without_news_ends_in_time_and_can_be_repeated(inbox: ImapReader) -> None:
    await changes(inbox)
    assert not await inbox.wait("INBOX", seconds=0.2)
    assert not await inbox.wait("INBOX", seconds=0.2)
    assert (await changes(inbox)).messages == ()


@real
async def test_a_cancelled_wait_leaves_the_connection_usable(inbox: ImapReader, mail: MailServers) -> None:
    waiting = asyncio.create_task(inbox.wait("INBOX", seconds=30))
    await asyncio.sleep(0.3)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    mail.append("alice@a.test", "INBOX", numbered(1))
    assert len((await changes(inbox)).messages) == 1


@real
async def test_30_idle_mailboxes_share_2_threads(network: Network, alice: ServerAccount, mail: MailServers) -> None:
    provider = ImapSmtp(network, readers=2)
    ready = asyncio.Semaphore(0)

    async def watch() -> bool:
        async with provider.open(alice) as reader:
            await changes(reader)
            waiting = asyncio.create_task(reader.wait("INBOX", seconds=30))
            await asyncio.sleep(0.2)
            ready.release()
            return bool(await waiting)

    watchers = [asyncio.create_task(watch()) for _ in range(30)]
    for _ in watchers:
        await asyncio.wait_for(ready.acquire(), 20)
    await asyncio.to_thread(mail.deliver, "alice@a.test", numbered(1))
    assert all(await asyncio.gather(*watchers))
    provider.close()


@real
async def test_a_copy_is_stored_as_read_and_found_by_its_message_id(inbox: ImapReader, mail: MailServers) -> None:
    await inbox.keep_copy(numbered(1))
    assert await inbox.find("<1@elsewhere.test>")
    assert not await inbox.find("<2@elsewhere.test>")
    assert not await inbox.find_in("INBOX", "<1@elsewhere.test>")
    with mail.imap("alice@a.test") as imap:
        imap.select("Sent")
        assert imap.search(None, "SEEN")[1] == [b"1"]


@real
async def test_folders_have_their_roles_and_names_in_any_script(inbox: ImapReader, mail: MailServers) -> None:
    await inbox.append("Sent", numbered(1))
    with mail.imap("alice@a.test") as imap:
        imap.create('"Entw&APw-rfe & mehr"')
        imap.create('"&U,BTFw-"')  # 台北
    folders = {folder.name: folder.role for folder in await inbox.folders()}
    assert folders["INBOX"] is Role.INBOX
    assert folders["Sent"] is Role.SENT
    assert folders["Trash"] is Role.TRASH
    assert folders["台北"] is None
    await inbox.append("台北", numbered(2))
    assert len((await changes(inbox, folder="台北")).messages) == 1


@real
async def test_a_missing_folder_is_reported_and_the_connection_lives_on(inbox: ImapReader) -> None:
    with pytest.raises(ReadFailed) as caught:
        await changes(inbox, folder="Nowhere")
    assert not caught.value.is_lost
    assert (await changes(inbox)).messages == ()


@real
async def test_no_folder_or_search_smuggles_in_a_command(
    network: Network, alice: ServerAccount, mail: MailServers
) -> None:
    async with eavesdropper(mail.ports["imap"]) as tapped:
        provider, account = plain_provider(network.egress), plain_account(tapped, alice)
        async with provider.open(account) as reader:
            for payload in INJECTIONS:
                attempts = (
                    changes(reader, folder=payload),
                    reader.append(payload, numbered(1)),
                    reader.find_in("INBOX", payload),
                    reader.find_in("INBOX", f"<{payload}>"),
                )
                for attempt in attempts:
                    ended: object = (await asyncio.gather(attempt, return_exceptions=True))[0]
                    assert ended is False or isinstance(ended, ValueError) or is_refusal(ended)
    literal = set(numbered(1).split(b"\r\n"))
    commands = [line for line in tapped.lines if line not in literal and not re.match(rb"[A-Za-z0-9+/=]+$", line)]
    prefixes = {re.sub(rb"\d+$", b"", line.split(b" ")[0]) for line in commands}
    assert len(prefixes) == 1  # all carry our own tag
    with mail.imap("alice@a.test") as imap:
        assert "hacked" not in str(imap.list())


@pytest.mark.parametrize("payload", ["a\r\nb", "a\x00b", "a\x01auth=Bearer x"])
async def test_a_user_name_with_control_characters_goes_nowhere(egress: Egress, payload: str) -> None:
    async with line_server(GREETING, answer_politely) as server:
        account = plain_account(server, username=payload)
        with pytest.raises(ConnectFailed) as caught:
            async with plain_provider(egress).open(account):
                pass
    assert (caught.value.step, caught.value.is_terminal) == (Step.LOGIN, True)
    assert server.lines == []


async def test_without_sasl_name_and_password_are_quoted(egress: Egress) -> None:
    async with line_server(GREETING, answer_politely) as server:
        account = plain_account(server, username='al"ice x', password="pässword\\")
        async with plain_provider(egress).open(account):
            pass
    assert 'LOGIN "al\\"ice x" "pässword\\\\"' in server.lines[1].decode()


@pytest.mark.parametrize(
    "answer",
    [
        b"* 1 FETCH (BODY[] {900000000000}",  # a literal larger than memory
        b"x" * 9_000_000,  # a line without end
        b"* 1 EXISTS\r\n" * 2_000_000,  # lines without end
        b"+ what?",
        b"* SEARCH one two three",
        SILENCE,
    ],
    ids=["literal", "line", "lines", "continuation", "garbage", "silence"],
)
async def test_a_hostile_server_costs_one_connection_and_little_time(egress: Egress, answer: bytes) -> None:
    def hostile(line: bytes) -> bytes:
        return answer if b" EXAMINE " in line or b" SEARCH " in line else answer_politely(line)

    async with line_server(GREETING, hostile) as server:
        provider = plain_provider(egress, ImapTimeouts(connect=2, command=1, transfer=1, close=0.2))
        async with provider.open(plain_account(server)) as reader:
            with pytest.raises(ReadFailed) as caught:
                await asyncio.wait_for(reader.find_in("INBOX", "<1@a.test>"), 10)
            assert caught.value.is_lost
            with pytest.raises(ReadFailed, match="closed"):
                await reader.folders()


async def test_a_server_that_drips_is_given_up_in_time(egress: Egress) -> None:
    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(GREETING + b"\r\n* CAPABILITY ")
        for _ in range(200):
            writer.write(b"X")
            await asyncio.sleep(0.05)

    server = await asyncio.start_server(drip, "127.0.0.1", 0)
    account = plain_account(Heard(port=server.sockets[0].getsockname()[1]))
    began = time.monotonic()
    with pytest.raises(ConnectFailed):
        async with plain_provider(egress, ImapTimeouts(command=0.5)).open(account):
            pass
    assert time.monotonic() - began < 3
    server.close()


async def test_a_missing_sent_folder_is_made(egress: Egress) -> None:
    async with (
        line_server(GREETING, answer_politely) as server,
        plain_provider(egress).open(plain_account(server)) as reader,
    ):
        assert await reader.check_folders() == (Folder("INBOX", Role.INBOX), Folder("INBOX.Sent", Role.SENT))
    assert [line.partition(b" ")[2] for line in server.lines if b"Sent" in line] == [
        b'CREATE "INBOX.Sent"',
        b'SUBSCRIBE "INBOX.Sent"',
    ]


async def test_a_server_without_idle_is_polled(egress: Egress) -> None:
    async with (
        line_server(GREETING, answer_politely) as server,
        plain_provider(egress).open(plain_account(server)) as reader,
    ):
        assert not reader.can_push
        assert not await asyncio.wait_for(reader.wait("INBOX", seconds=60), 1)


async def test_news_in_one_packet_with_the_answer_to_idle_is_not_lost(egress: Egress) -> None:
    def answer(line: bytes) -> bytes:
        if b" IDLE" in line:
            return b"+ idling\r\n* 5 EXISTS"
        return answer_politely(line).replace(b"IMAP4rev1", b"IMAP4rev1 IDLE")

    async with (
        line_server(GREETING, answer) as server,
        plain_provider(egress).open(plain_account(server)) as reader,
    ):
        assert await reader.wait("INBOX", seconds=5)


GREETING = b"* OK hello"


def answer_politely(line: bytes) -> bytes:
    tag, _, rest = line.partition(b" ")
    verb = rest.partition(b" ")[0]
    untagged = {
        b"CAPABILITY": b"* CAPABILITY IMAP4rev1 NAMESPACE\r\n",
        b"LIST": b'* LIST () "." INBOX\r\n',
        b"NAMESPACE": b'* NAMESPACE (("INBOX." ".")) NIL NIL\r\n',
        b"EXAMINE": b"* 1 EXISTS\r\n* OK [UIDVALIDITY 1] ok\r\n* OK [UIDNEXT 2] ok\r\n",
        b"LOGOUT": b"* BYE bye\r\n",
    }.get(verb, b"")
    return untagged + tag + b" OK done"


def plain_provider(egress: Egress, timeouts: ImapTimeouts | None = None) -> ImapSmtp:
    return ImapSmtp(Network(egress, unencrypted_hosts=frozenset({"127.0.0.1"})), imap_timeouts=timeouts)


def plain_account(server: Heard, like: ServerAccount | None = None, **fields: str) -> ServerAccount:
    at = Server("127.0.0.1", server.port, Security.NONE)
    address, password = (like.address, like.password) if like else ("alice@a.test", "secret")
    return ServerAccount(
        address, fields.get("username", address), imap=at, smtp=at, password=fields.get("password", password)
    )


def is_refusal(error: object) -> bool:
    return isinstance(error, ReadFailed) and not error.is_lost
