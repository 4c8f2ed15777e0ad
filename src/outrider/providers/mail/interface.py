"""What a mailbox provider can do, in terms no vendor owns. `imap_smtp`, `gmail` and `graph` implement it."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol, TypeVar, runtime_checkable


class Security(StrEnum):
    """How a connection is protected. `NONE` is refused unless the operator allows that host."""

    TLS = "tls"
    STARTTLS = "starttls"
    NONE = "none"


TLS_PORTS = frozenset({993, 465})


def usual_security(port: int) -> Security:
    """What a port speaks by convention (RFC 8314): TLS from the start on 993 and 465, else STARTTLS."""
    return Security.TLS if port in TLS_PORTS else Security.STARTTLS


class Role(StrEnum):
    """A folder's special use (RFC 6154), and the inbox."""

    INBOX = "inbox"
    SENT = "sent"
    DRAFTS = "drafts"
    ARCHIVE = "archive"
    JUNK = "junk"
    TRASH = "trash"
    ALL = "all"


class Step(StrEnum):
    """Where connecting a mailbox can fail, in the order tried."""

    DNS = "dns"
    CONNECT = "connect"
    TLS = "tls"
    LOGIN = "login"
    FOLDER = "folder"
    SEND = "send"


@dataclass(frozen=True, slots=True)
class Server:
    host: str
    port: int
    security: Security


@dataclass(frozen=True, slots=True)
class ServerAccount:
    """A mailbox on servers that its owner named. Exactly one of `password` and `access_token` is set."""

    address: str
    username: str
    imap: Server
    smtp: Server
    password: str | None = field(default=None, repr=False)
    access_token: str | None = field(default=None, repr=False)


class TokenSupplier(Protocol):
    async def __call__(self, *, refused: str | None = None) -> str:
        """Returns an access token that should hold; `refused` is one that the server no longer takes.

        Raises ConnectFailed, terminal where the owner has to grant the access anew.
        """
        ...


@dataclass(frozen=True, slots=True)
class GrantedAccount:
    """A mailbox that its owner let us use by signing in with its provider."""

    address: str
    tokens: TokenSupplier = field(repr=False)


Account = ServerAccount | GrantedAccount


@dataclass(frozen=True, slots=True)
class Folder:
    """Something that is read with a cursor of its own: a folder, or everything where mail lies in none."""

    name: str
    role: Role | None


# How far a folder has been read. Only the provider that wrote it knows what it says; it is text, to be stored as it is.
Cursor = str


@dataclass(frozen=True, slots=True)
class Fetched:
    """One message as the server holds it. `raw` is None where it exceeds the size limit; `header` then stands alone.

    `id` is the server's own, of this message in this folder and never of another one; `thread_id` likewise where the
    server keeps conversations. `roles` are what labels make of the message, beyond its folder's role. `has_lasting_id`:
    the id stays with the message in every folder of the mailbox, however its bytes come out.
    """

    id: str
    received_at: datetime
    size: int
    header: bytes
    raw: bytes | None
    thread_id: str | None = None
    roles: frozenset[Role] = frozenset()
    has_lasting_id: bool = False


@dataclass(frozen=True, slots=True)
class Changes:
    """One batch of messages, oldest first, and the cursor to commit with them. What is new comes before what has lain
    there, and of that the newest batch comes first.

    `reset` says that the folder is another one now: no id of it means anything any more.
    """

    messages: tuple[Fetched, ...]
    cursor: Cursor
    more: bool
    reset: bool
    remaining: int = 0


@dataclass(frozen=True, slots=True)
class Verified:
    """What verification learned of a mailbox. `keeps_copies`: whether it stores what it sends; None: to be seen.

    `address` is the mailbox's own, where its server says it.
    """

    folders: tuple[Folder, ...]
    keeps_copies: bool | None = None
    features: frozenset[str] = frozenset()
    address: str = ""


class ConnectFailed(Exception):
    """Connecting failed at `step` of `server` ("imap", "smtp", "google", "microsoft"); `hint` says what to do about it.

    `is_terminal` is True where trying again can't help before a person acts (a refused login).
    """

    def __init__(self, step: Step, server: str, message: str, hint: str, *, is_terminal: bool = False) -> None:
        super().__init__(message)
        self.step, self.server, self.message, self.hint, self.is_terminal = step, server, message, hint, is_terminal


class ReadFailed(Exception):
    """A call of a Reader failed. With `is_lost` the connection is gone and another has to be opened."""

    def __init__(self, message: str, *, is_lost: bool) -> None:
        super().__init__(message)
        self.message, self.is_lost = message, is_lost


class Outcome(StrEnum):
    """What is known after a send failed."""

    REFUSED = "refused"  # 5xx: the server will not take it
    DEFERRED = "deferred"  # 4xx, or the connection ended before the final dot: not taken, safe to repeat
    OVERDUE = "overdue"  # its deadline passed before the body: nothing was given away
    UNKNOWN = "unknown"  # the connection ended after the final dot: it may have been taken (RFC 5321 4.5.3.2.6)


@dataclass(frozen=True, slots=True)
class Receipt:
    """Proof that a message was taken: the server's words, and its own ids where it gives any."""

    proof: str
    id: str | None = None
    thread_id: str | None = None


class SendFailed(Exception):
    """The server did not say that it took the message. `reply` is the server's text, `code`/`enhanced` its numbers where it gave any."""

    def __init__(self, outcome: Outcome, reply: str, *, code: int | None = None, enhanced: str | None = None) -> None:
        super().__init__(reply)
        self.outcome, self.reply, self.code, self.enhanced = outcome, reply, code, enhanced


class Deadline(Protocol):
    def has_passed(self) -> bool:
        """True once too much of the lease is spent to start giving the body away."""
        ...


class Sender(Protocol):
    """An open sending connection; used for one message at a time.

    After DEFERRED or UNKNOWN the connection may be gone; every later send is then DEFERRED: open another.
    """

    async def send(
        self, raw: bytes, *, sender: str, recipient: str, deadline: Deadline, thread_id: str | None = None
    ) -> Receipt:
        """Hands one message over. Raises SendFailed; ConnectFailed where the mailbox can't be used any more.

        `thread_id` is the server's own of the conversation it belongs to. The deadline is checked right before the
        first byte of the message; once passed, nothing is given away and the outcome is OVERDUE.
        """
        ...


class Reader(Protocol):
    """An open reading connection; its calls must not overlap. Each may raise ReadFailed, or ConnectFailed where the
    mailbox can't be used any more.
    """

    @property
    def can_push(self) -> bool: ...

    async def folders(self) -> tuple[Folder, ...]: ...

    async def changes(
        self, folder: str, cursor: Cursor | None, *, batch: int, since: datetime | None, at_most: int
    ) -> Changes:
        """Returns the next batch after `cursor`: at most `batch` messages, and fewer where they are large.

        With no cursor (or a void one) it starts at the newest `at_most` messages received after `since`, or up to
        a day earlier: servers search by their own calendar day.
        """
        ...

    async def wait(self, folder: str, *, seconds: float) -> bool:
        """Waits for new messages in a folder; True as soon as there may be some.

        News is what came after the last `changes` of the same folder, if no other folder was looked at since.
        False after `seconds` or 25 minutes; at once where the server can't push: `can_push` tells, the caller polls.
        """
        ...

    async def find(self, message_id: str) -> bool:
        """Whether the mailbox holds a message that it sent with this Message-ID."""
        ...

    async def keep_copy(self, raw: bytes) -> None:
        """Stores what was sent among the sent messages, marked as read."""
        ...


@dataclass(frozen=True, slots=True)
class Label:
    """What a mailbox's owner, or its server, sorts mail by; `id` is the server's own."""

    id: str
    name: str
    is_system: bool


@dataclass(frozen=True, slots=True)
class Listed:
    """A page of ids, newest first, and where the next begins; `estimate` is of all of them, as far as the server knows."""

    ids: tuple[str, ...]
    next_page: str | None
    estimate: int


@dataclass(frozen=True, slots=True)
class Glimpse:
    """What a list shows of a message: its header block holds at least From, To, Subject and Date."""

    id: str
    thread_id: str
    received_at: datetime
    size: int
    snippet: str
    labels: tuple[str, ...]
    header: bytes


class NotUnderstood(Exception):
    """The server has no such label or page, or can't read the query; nothing but another question helps."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


@runtime_checkable
class Fetcher(Protocol):
    """A Reader that also gives messages by their ids."""

    async def fetch(self, folder: str, ids: Sequence[str]) -> list[Fetched]:
        """Returns what there still is of them, in their order; not what is being written, was thrown away or chatted."""
        ...


@runtime_checkable
class Browser(Fetcher, Protocol):
    """A Reader of a server that lists and searches a mailbox as its owner sees it."""

    async def labels(self) -> tuple[Label, ...]: ...

    async def search(self, *, label: str | None, query: str, page: str | None, size: int) -> Listed:
        """`query` is in the server's own words. Raises NotUnderstood."""
        ...

    async def glimpse(self, ids: Sequence[str]) -> list[Glimpse]: ...


Account_contra = TypeVar("Account_contra", contravariant=True)


class MailProvider(Protocol[Account_contra]):
    """A way to reach mailboxes with one kind of account. Every failure to connect is a ConnectFailed."""

    async def verify(self, account: Account_contra) -> Verified: ...

    def open(self, account: Account_contra) -> AbstractAsyncContextManager[Reader]: ...

    def sender(self, account: Account_contra) -> AbstractAsyncContextManager[Sender]: ...

    async def subscribe(self, account: Account_contra) -> bool:
        """Asks the provider to call us when there is news, for at least two days; False where it can't.

        A call is a hint and may be lost: mailboxes are polled all the same.
        """
        ...


@runtime_checkable
class Browsing(Protocol[Account_contra]):
    """A MailProvider whose servers can be browsed."""

    def browse(self, account: Account_contra) -> AbstractAsyncContextManager[Browser]: ...
