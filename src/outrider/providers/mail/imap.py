"""Reading a mailbox by IMAP (RFC 3501, 9051). The library blocks, so it runs in threads; waiting for mail does not."""

import asyncio
import imaplib
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import Executor
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import TypeVar

from imapclient import SEEN
from imapclient.exceptions import CapabilityError

from outrider.providers.mail import imap_fetch
from outrider.providers.mail.connecting import (
    Network,
    cannot_login,
    check_credentials,
    connect_failed,
    dial,
    has_control,
    login_failed,
    no_starttls,
    tls_failed,
    words,
)
from outrider.providers.mail.folders import assign_roles
from outrider.providers.mail.imap_wire import Connection
from outrider.providers.mail.interface import (
    Changes,
    ConnectFailed,
    Cursor,
    Fetched,
    Folder,
    ReadFailed,
    Role,
    Security,
    ServerAccount,
    Step,
)

MAX_IDLE_SECONDS = 25 * 60  # servers may hang up after 30 minutes (RFC 2177)
_ANSWER = 16 * 2**20  # bytes that any command but a fetch may bring

_T = TypeVar("_T")
# What imaplib and IMAPClient raise over an answer they can't read.
_GARBLED = (ValueError, LookupError, TypeError, AttributeError)


@dataclass(frozen=True, slots=True)
class ImapTimeouts:
    """Seconds."""

    connect: float = 30
    command: float = 60
    transfer: float = 300  # a batch of messages, or one appended
    close: float = 5


@asynccontextmanager
async def open_imap(
    network: Network, account: ServerAccount, *, threads: Executor, timeouts: ImapTimeouts
) -> AsyncIterator["ImapReader"]:
    """Connects and logs in. Raises ConnectFailed."""
    check_credentials("imap", account)
    sock = await dial(network, "imap", account.imap, seconds=timeouts.connect)
    try:
        connection = await _in_thread(threads, lambda: _greet(network, sock, account, timeouts.command))
    except BaseException:
        _hang_up(sock)
        raise
    try:
        await _in_thread(threads, lambda: _log_in(connection, account, timeouts.command))
        reader = ImapReader(connection, threads, timeouts)
        yield reader
        await reader.log_out()
    finally:
        _hang_up(connection.wire.sock)


class ImapReader:
    """A `Reader` and a `Fetcher`, over one connection."""

    def __init__(self, connection: Connection, threads: Executor, timeouts: ImapTimeouts) -> None:
        self._connection, self._threads, self._timeouts = connection, threads, timeouts
        self._selected: str | None = None
        self._sent_name: str | None = None
        self._is_lost = False

    @property
    def capabilities(self) -> frozenset[str]:
        return frozenset(name.decode("ascii", "replace") for name in self._connection.capabilities())

    @property
    def can_push(self) -> bool:
        return bool(self._connection.has_capability("IDLE"))

    async def folders(self) -> tuple[Folder, ...]:
        return assign_roles(await self._run(self._connection.list_with_roles))

    async def changes(
        self, folder: str, cursor: Cursor | None, *, batch: int, since: datetime | None, at_most: int
    ) -> Changes:
        def read() -> Changes:
            selected = self._select(folder)
            return imap_fetch.changes(
                self._connection, selected, cursor, batch=batch, since=since, at_most=max(at_most, 1)
            )

        return await self._run(read, seconds=self._timeouts.transfer, received=imap_fetch.MAX_RECEIVED)

    async def fetch(self, folder: str, ids: Sequence[str]) -> list[Fetched]:
        selected = await self._run(lambda: self._select(folder))
        found: list[Fetched] = []
        for each in ids:  # one command each: together they may be larger than a connection may bring at once
            found += await self._run(
                partial(imap_fetch.one, self._connection, selected, each),
                seconds=self._timeouts.transfer,
                received=imap_fetch.MAX_RECEIVED,
            )
        return found

    async def wait(self, folder: str, *, seconds: float) -> bool:
        if not self.can_push:
            return False
        await self._run(lambda: self._listen(folder))
        return await self._watch(min(seconds, MAX_IDLE_SECONDS))

    async def find(self, message_id: str) -> bool:
        sent = await self._sent()
        return sent is not None and await self.find_in(sent, message_id)

    async def find_in(self, folder: str, message_id: str) -> bool:
        """Whether a message with this Message-ID is in the folder."""
        if has_control(message_id) or not message_id.isascii():
            raise ValueError("a Message-ID is printable ASCII")

        def search() -> bool:
            self._select(folder)
            return bool(self._connection.search(["HEADER", "Message-ID", message_id]))

        return await self._run(search)

    async def keep_copy(self, raw: bytes) -> None:
        sent = await self._sent() or (await self._run(self._create_sent)).name
        await self.append(sent, raw)

    async def append(self, folder: str, raw: bytes) -> None:
        """Stores a copy, marked as read."""
        await self._run(lambda: self._connection.append(folder, raw, [SEEN]), seconds=self._timeouts.transfer)

    async def check_folders(self) -> tuple[Folder, ...]:
        """Makes sure of an inbox that opens and of a Sent folder. Raises ConnectFailed."""
        try:
            folders = await self.folders()
            await self._run(lambda: self._select("INBOX"))
            if not any(folder.role is Role.SENT for folder in folders):
                folders = (*folders, await self._run(self._create_sent))
        except ReadFailed as error:
            hint = "Sign in to the mailbox on the web once and check that it has an inbox and a folder for sent mail."
            raise ConnectFailed(Step.FOLDER, "imap", error.message, hint) from error
        return folders

    async def log_out(self) -> None:
        with suppress(ReadFailed):
            await self._run(self._connection.logout, seconds=self._timeouts.close)

    async def _sent(self) -> str | None:
        """The Sent folder, asked for once a connection."""
        if self._sent_name is None:
            folders = await self.folders()
            self._sent_name = next((folder.name for folder in folders if folder.role is Role.SENT), None)
        return self._sent_name

    def _select(self, folder: str) -> dict[bytes, int]:
        # Read-only, and anew each time: it tells of a renumbered folder and drops what earlier answers left behind.
        self._selected = None
        selected: dict[bytes, int] = self._connection.select_folder(folder, readonly=True)
        self._connection.wire.has_news = False
        self._selected = folder
        return selected

    def _listen(self, folder: str) -> None:
        # A folder that is selected stays so: selecting it again would swallow what came since it was read.
        if self._selected != folder:
            self._select(folder)
        self._connection.wire.start_idle()

    async def _watch(self, seconds: float) -> bool:
        # The connection stays idle afterwards, until the next command: this wait may be cancelled at any time.
        loop, wire = asyncio.get_running_loop(), self._connection.wire
        woken: asyncio.Future[bool] = loop.create_future()

        def hear() -> None:
            try:
                if wire.hear() and not woken.done():
                    woken.set_result(True)
            except (imaplib.IMAP4.abort, OSError) as error:
                if not woken.done():
                    woken.set_exception(error)

        descriptor = wire.sock.fileno()
        loop.add_reader(descriptor, hear)
        try:
            hear()  # news from before IDLE, in one packet with the answer to it, or waiting inside TLS
            await asyncio.wait({woken}, timeout=seconds)
            return woken.done() and woken.result()
        except (imaplib.IMAP4.abort, OSError) as error:
            raise self._lost(error) from error
        finally:
            loop.remove_reader(descriptor)

    def _create_sent(self) -> Folder:
        connection = self._connection
        prefix = ""
        if connection.has_capability("NAMESPACE") and (personal := connection.namespace().personal):
            prefix = personal[0][0]
        name = f"{prefix}Sent"
        connection.create_folder(name)
        connection.subscribe_folder(name)
        return Folder(name, Role.SENT)

    async def _run(self, command: Callable[[], _T], *, seconds: float | None = None, received: int = _ANSWER) -> _T:
        if self._is_lost:
            raise ReadFailed("The connection is closed.", is_lost=True)

        def run() -> _T:
            wire = self._connection.wire
            wire.allow(seconds=seconds or self._timeouts.command, received=received)
            if wire.is_idle:
                wire.stop_idle()
            return command()

        try:
            return await _in_thread(self._threads, run)
        except asyncio.CancelledError:
            # The thread is in the middle of a command; without its connection it ends soon.
            self._is_lost = True
            _hang_up(self._connection.wire.sock)
            raise
        except (imaplib.IMAP4.abort, OSError, *_GARBLED) as error:
            raise self._lost(error) from error
        except imaplib.IMAP4.error as error:
            raise ReadFailed(words(str(error)), is_lost=False) from error

    def _lost(self, error: Exception) -> ReadFailed:
        self._is_lost = True
        return ReadFailed(words(str(error)) or "The connection was lost.", is_lost=True)


def _greet(network: Network, sock: socket.socket, account: ServerAccount, seconds: float) -> Connection:
    """TLS and the server's greeting."""
    server = account.imap
    sock.settimeout(seconds)
    if server.security is Security.TLS:
        try:
            sock = network.tls.wrap_socket(sock, server_hostname=server.host)
        except OSError as error:
            raise tls_failed("imap", server, error) from error
    try:
        connection = Connection(sock, server, seconds=seconds, received=_ANSWER)
    except (imaplib.IMAP4.error, OSError, *_GARBLED) as error:
        sock.close()
        raise connect_failed("imap", f"{server.host} did not greet us: {words(str(error))}") from error
    if server.security is Security.STARTTLS:
        _start_tls(network, connection, account)
    return connection


def _start_tls(network: Network, connection: Connection, account: ServerAccount) -> None:
    try:
        connection.starttls(network.tls)
    except CapabilityError as error:
        connection.wire.shutdown()
        raise no_starttls("imap", account.imap) from error
    except (imaplib.IMAP4.error, OSError, *_GARBLED) as error:
        connection.wire.shutdown()
        raise tls_failed("imap", account.imap, error) from error


def _log_in(connection: Connection, account: ServerAccount, seconds: float) -> None:
    connection.wire.allow(seconds=seconds, received=_ANSWER)
    mechanism = _mechanism(connection, account)
    try:
        connection.sign_in(account, mechanism)
        # What the server offers may only show after the login.
        if connection.has_capability("ENABLE"):
            wanted = [name for name in ("CONDSTORE", "QRESYNC") if connection.has_capability(name)]
            if wanted:
                connection.enable(*wanted)
    except ssl.SSLError as error:
        raise connect_failed("imap", "The connection broke during the login.") from error
    except (imaplib.IMAP4.abort, OSError, *_GARBLED) as error:
        message = words(str(error), account)
        raise connect_failed("imap", f"The connection ended during the login: {message}") from error
    except imaplib.IMAP4.error as error:
        raise login_failed("imap", account, str(error)) from error


def _mechanism(connection: Connection, account: ServerAccount) -> str:
    if account.access_token is not None:
        for mechanism in ("XOAUTH2", "OAUTHBEARER"):
            if connection.has_capability(f"AUTH={mechanism}"):
                return mechanism
        raise cannot_login("imap", "The server takes no sign-in with another provider.", "Use a password instead.")
    if connection.has_capability("AUTH=PLAIN"):
        return "PLAIN"
    if connection.has_capability("LOGINDISABLED"):
        raise cannot_login("imap", "The server takes no passwords on this connection.", "Choose TLS or STARTTLS.")
    return "LOGIN"


async def _in_thread(threads: Executor, work: Callable[[], _T]) -> _T:
    return await asyncio.get_running_loop().run_in_executor(threads, work)


def _hang_up(sock: socket.socket) -> None:
    # Shutting down wakes a thread that still reads; the plain socket's method, since TLS would be torn down under it.
    with suppress(OSError):
        socket.socket.shutdown(sock, socket.SHUT_RDWR)
    sock.close()
