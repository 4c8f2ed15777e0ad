"""Facts about mailboxes and the mail that comes in."""

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, ClassVar
from uuid import UUID

from outrider.core.events import Event
from outrider.domain.mailboxes.verdict import Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class MailboxConnected(Event):
    name: ClassVar[str] = "mailbox.connected"
    mailbox_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class MailboxNeedsReconnect(Event):
    """The server refuses the credentials: nothing is tried again before the owner acts."""

    name: ClassVar[str] = "mailbox.needs_reconnect"
    mailbox_id: UUID
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MailboxDisconnected(Event):
    name: ClassVar[str] = "mailbox.disconnected"
    mailbox_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class MailStored(Event):
    """A batch of mail was stored for the first time, whoever wrote it and whenever."""

    name: ClassVar[str] = "mail.stored"
    mailbox_id: UUID
    user_id: UUID
    message_ids: list[UUID]


@dataclass(frozen=True, slots=True, kw_only=True)
class ThreadsJoined(Event):
    """A mail showed that threads are one: each of `thread_ids` is part of the one at the same place of `into` now, and
    is no more. What refers to it is to be moved in the same transaction.
    """

    name: ClassVar[str] = "threads.joined"
    mailbox_id: UUID
    thread_ids: list[UUID]
    into: list[UUID]


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageReceived(Event):
    """New mail in a thread we wrote to, or a wish for no more mail in any. `mentions` are the Message-IDs it answers
    or reports on, and `evidence` says what made it of its `kind`. `bounced` are the addresses a bounce names,
    `refusals` says of each why and whether for good; `delivered` are those a report says it reached; `successor` is whom an absent or departed writer names instead.
    """

    name: ClassVar[str] = "message.received"
    message_id: UUID
    mailbox_id: UUID
    thread_id: UUID
    kind: Kind
    evidence: str
    mentions: list[str]
    sender: str
    bounced: list[str]
    delivered: list[str] = field(default_factory=list)
    returns_on: date | None
    received_at: datetime
    refusals: list[dict[str, Any]] = field(default_factory=list)
    successor: str | None = None
