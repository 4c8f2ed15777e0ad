"""Mailboxes, the folders we have read, and the messages and threads found in them."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, ForeignKey, Index, Text, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from outrider.core.clock import now
from outrider.core.db import Model
from outrider.domain.mailboxes.sender_types import SenderType
from outrider.domain.mailboxes.verdict import Kind
from outrider.domain.tables import Polled, Stamped, Tenant, within_workspace
from outrider.providers.mail.interface import Role as FolderRole


class State(StrEnum):
    CONNECTED = "connected"
    UNREACHABLE = "unreachable"  # failing for now; tried again by itself
    REAUTH_REQUIRED = "reauth_required"  # the server refuses the credentials; a person must act
    DISCONNECTED = "disconnected"


class Direction(StrEnum):
    """A draft is a mail of our own that lies in the outbox: nobody sees it, but answers to it find its thread."""

    IN = "in"
    OUT = "out"
    DRAFT = "draft"


def smtp_host_of(provider: str, servers: Mapping[str, Any]) -> str:
    host: str = servers.get("smtp", {}).get("host", "")
    return host or f"{provider}.com"


class Mailbox(Tenant, Stamped, Polled, Model):
    """One connection to a mailbox: by servers and a sealed `secret`, or by its owner's grant."""

    FIRST_WAIT, LONGEST_WAIT = timedelta(seconds=10), timedelta(minutes=15)

    __tablename__ = "mailboxes"

    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    provider: Mapped[str] = mapped_column(Text)
    address: Mapped[str] = mapped_column(Text)
    name: Mapped[str] = mapped_column(Text, default="")
    state: Mapped[State] = mapped_column(default=State.CONNECTED)
    servers: Mapped[dict[str, Any]]  # hosts, ports and the username; empty with a grant
    auth: Mapped[str] = mapped_column(Text)
    secret: Mapped[bytes | None]
    grant_id: Mapped[UUID | None]
    saves_sent: Mapped[bool | None]  # whether the server keeps a copy of what it sends; None: not learned yet
    daily_limit: Mapped[int]
    connected_at: Mapped[datetime] = mapped_column(default=now)
    watcher: Mapped[str | None] = mapped_column(Text)
    watched_until: Mapped[datetime | None]
    subscribe_at: Mapped[datetime | None]  # when the provider is asked to call us again; None: it never does
    noticed: Mapped[int] = mapped_column(default=0)  # the latest place in the provider's history that a call told of

    __table_args__ = (
        within_workspace("grant_id", "grants", ondelete="NO ACTION"),
        UniqueConstraint("workspace_id", "user_id", "address"),
        Index("ix_mailboxes_address", "address"),
        Index("ix_mailboxes_sync_due", "sync_due_at", postgresql_where="state in ('connected', 'unreachable')"),
    )

    @property
    def is_usable(self) -> bool:
        return self.state in {State.CONNECTED, State.UNREACHABLE}

    @property
    def is_disconnected(self) -> bool:
        return self.state is State.DISCONNECTED

    @property
    def smtp_host(self) -> str:
        """Who hands its mail on: the SMTP server's name, else the provider's own."""
        return smtp_host_of(self.provider, self.servers)

    def mark_reached(self, at: datetime) -> None:
        self.state, self.state_reason, self.sync_failures, self.synced_at = State.CONNECTED, None, 0, at

    def mark_failed(self, at: datetime, reason: str, *, is_terminal: bool) -> None:
        """A refused login waits for a person; anything else is tried again, ever more rarely."""
        self.state = State.REAUTH_REQUIRED if is_terminal else State.UNREACHABLE
        self.put_off(at, reason, is_terminal=is_terminal)

    def disconnect(self, at: datetime) -> None:
        self.state, self.state_reason = State.DISCONNECTED, "Disconnected by its owner."
        self.secret, self.grant_id, self.subscribe_at = None, None, None
        self.sync_due_at, self.watcher, self.watched_until, self.updated_at = None, None, None, at


class Folder(Tenant, Model):
    """How far a folder has been read. The cursor is committed with the messages it covers, never before."""

    __tablename__ = "folders"

    mailbox_id: Mapped[UUID]
    name: Mapped[str] = mapped_column(Text)
    role: Mapped[FolderRole | None] = mapped_column()
    cursor: Mapped[str | None] = mapped_column(Text)  # the provider's own words
    remaining: Mapped[int] = mapped_column(default=0)
    is_complete: Mapped[bool] = mapped_column(default=False)
    is_read_anew: Mapped[bool] = mapped_column(
        default=False
    )  # it became another one, and has not been read to its end since
    synced_at: Mapped[datetime | None]

    __table_args__ = (
        within_workspace("mailbox_id", "mailboxes"),
        UniqueConstraint("workspace_id", "mailbox_id", "name"),
    )

    def advance(self, cursor: str, *, remaining: int, more: bool, at: datetime) -> None:
        self.cursor = cursor
        self.remaining, self.is_complete, self.synced_at = remaining, not more, at


class Thread(Tenant, Model):
    """A conversation in one mailbox. `subject` is stripped of reply marks, for joining mail without references;
    `remote_id` is the provider's own of it, where it keeps conversations.
    """

    __tablename__ = "threads"

    mailbox_id: Mapped[UUID]
    subject: Mapped[str] = mapped_column(Text)
    remote_id: Mapped[str | None] = mapped_column(Text)
    last_at: Mapped[datetime]

    __table_args__ = (
        within_workspace("mailbox_id", "mailboxes"),
        Index(None, "workspace_id", "mailbox_id", "subject", "last_at"),
        Index("ix_threads_remote", "workspace_id", "mailbox_id", "remote_id", postgresql_where="remote_id is not null"),
    )


class Mention(Model):
    """What mail of a thread mentions, or the provider calls it besides its `remote_id`: what comes under that name later
    belongs to it, and what else mentions it.
    """

    __tablename__ = "mentions"

    workspace_id: Mapped[UUID] = mapped_column(ForeignKey("workspaces.id", ondelete="CASCADE"), primary_key=True)
    mailbox_id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(Text, primary_key=True)
    thread_id: Mapped[UUID]

    __table_args__ = (
        within_workspace("mailbox_id", "mailboxes"),
        within_workspace("thread_id", "threads"),
        Index(None, "workspace_id", "thread_id"),
    )


class Message(Tenant, Model):
    """One mail, stored once however many folders hold it. `identity` tells copies of one mail from another mail."""

    __tablename__ = "messages"

    mailbox_id: Mapped[UUID]
    user_id: Mapped[UUID]
    thread_id: Mapped[UUID]
    identity: Mapped[bytes]
    message_id: Mapped[str | None] = mapped_column(Text)
    in_reply_to: Mapped[list[str]] = mapped_column(ARRAY(Text), default=list)
    references: Mapped[list[str]] = mapped_column("refs", ARRAY(Text), default=list)
    direction: Mapped[Direction] = mapped_column()
    kind: Mapped[Kind] = mapped_column()
    evidence: Mapped[str] = mapped_column(Text, default="")
    bounced: Mapped[list[str]] = mapped_column(ARRAY(Text), default=list)  # whom a delivery report is about
    refusals: Mapped[list[dict[str, Any]]] = mapped_column(
        JSONB, default=list
    )  # of a bounce, as Refusal.told() says them
    returns_on: Mapped[date | None]
    successor: Mapped[str | None] = mapped_column(Text)  # whom to write to instead of one who is gone or away
    sender_type: Mapped[SenderType | None] = mapped_column()  # of incoming mail; None: stored before it was asked
    sender_reasons: Mapped[list[str]] = mapped_column(ARRAY(Text), default=list)
    from_address: Mapped[str] = mapped_column(Text, default="")
    from_name: Mapped[str] = mapped_column(Text, default="")
    to: Mapped[list[dict[str, str]]] = mapped_column("recipients", default=list)
    cc: Mapped[list[dict[str, str]]] = mapped_column(default=list)
    subject: Mapped[str] = mapped_column(Text, default="")
    snippet: Mapped[str] = mapped_column(Text, default="")
    text: Mapped[str] = mapped_column(Text, default="")
    html: Mapped[str] = mapped_column(Text, default="")
    raw: Mapped[bytes | None]  # only of mail that could not be read
    poison: Mapped[str | None] = mapped_column(Text)
    size: Mapped[int] = mapped_column(default=0)
    sent_at: Mapped[datetime]
    received_at: Mapped[datetime]
    updated_at: Mapped[datetime] = mapped_column(default=now, onupdate=now)
    replied_at: Mapped[datetime | None]  # of a sent mail: when a person first answered in its thread

    __table_args__ = (
        within_workspace("mailbox_id", "mailboxes"),
        within_workspace("thread_id", "threads"),
        UniqueConstraint("workspace_id", "mailbox_id", "identity"),
        Index(None, "workspace_id", "mailbox_id", "message_id"),
        Index(None, "workspace_id", "thread_id", "received_at"),
        Index(None, "workspace_id", "mailbox_id", "received_at"),
        Index(
            "ix_messages_unsorted", "workspace_id", "user_id", "id",
            postgresql_where="direction = 'in' and sender_type is null",
        ),
        Index("ix_messages_sent", "workspace_id", "user_id", "sent_at", "id", postgresql_where="direction = 'out'"),
        Index(None, "workspace_id", "user_id", "updated_at"),
    )  # fmt: skip


class Place(Model):
    """Where a message lies on the server, by the server's own id of it. Void once the folder is another one."""

    __tablename__ = "places"

    workspace_id: Mapped[UUID] = mapped_column(ForeignKey("workspaces.id", ondelete="CASCADE"), primary_key=True)
    folder_id: Mapped[UUID] = mapped_column(primary_key=True)
    remote_id: Mapped[str] = mapped_column(Text, primary_key=True)
    message_id: Mapped[UUID]

    __table_args__ = (
        within_workspace("folder_id", "folders"),
        within_workspace("message_id", "messages"),
        Index(None, "workspace_id", "message_id"),
    )
