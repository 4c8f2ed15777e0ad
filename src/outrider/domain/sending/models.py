"""The outbox: one row for each recipient and step, with everything needed to send it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import ARRAY, ForeignKey, Index, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from outrider.core.db import Model
from outrider.domain.tables import Stamped, Tenant, within_workspace


class State(StrEnum):
    """queued -> sending -> sent | failed, with honest ends for what can't be known.

    `unknown` left our hands and may have arrived: it is looked up before anything else happens to it.
    `unconfirmed` stayed unknown where nothing can be looked up: never sent again by itself.
    """

    QUEUED = "queued"
    SENDING = "sending"
    UNKNOWN = "unknown"
    SENT = "sent"
    FAILED = "failed"
    UNCONFIRMED = "unconfirmed"
    PAUSED = "paused"
    SKIPPED = "skipped"
    CANCELLED = "cancelled"


WAITING = (State.QUEUED, State.PAUSED)
UNFINISHED = (State.QUEUED, State.PAUSED, State.SENDING, State.UNKNOWN)


class Waiting(StrEnum):
    """Why a row has not been sent yet."""

    DELAY = "delay"
    WINDOW = "window"
    MAILBOX_DAILY_LIMIT = "mailbox_daily_limit"
    DOMAIN_LIMIT = "domain_limit"
    PAUSED = "paused"
    MAILBOX_DISCONNECTED = "mailbox_disconnected"
    RETRY = "retry"
    CONFIRMING = "confirming"


class Send(Tenant, Stamped, Model):
    """`origin_id` and `step` name the intent; the unique key over them is what makes it one mail."""

    __tablename__ = "sends"

    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    mailbox_id: Mapped[UUID]
    thread_id: Mapped[UUID]
    origin: Mapped[str] = mapped_column(Text)
    origin_id: Mapped[UUID]
    step: Mapped[int]
    recipient: Mapped[str] = mapped_column(Text)
    recipient_name: Mapped[str] = mapped_column(Text, default="")
    recipient_domain: Mapped[str] = mapped_column(Text)
    subject: Mapped[str] = mapped_column(Text)
    body: Mapped[str] = mapped_column(Text)
    in_reply_to: Mapped[str | None] = mapped_column(Text)
    references: Mapped[list[str]] = mapped_column("refs", ARRAY(Text), default=list)
    message_id: Mapped[str] = mapped_column(Text)  # minted with the intent, the same on every attempt
    answered_after: Mapped[datetime | None]  # a person's mail in the thread after this moment stops the send
    state: Mapped[State] = mapped_column(Text, default=State.QUEUED)
    priority: Mapped[int] = mapped_column(default=0)
    due_at: Mapped[datetime]
    waiting_for: Mapped[Waiting | None] = mapped_column(Text)
    attempts: Mapped[int] = mapped_column(default=0)
    worker: Mapped[str | None] = mapped_column(Text)
    lease_until: Mapped[datetime | None]
    look_at: Mapped[datetime | None]  # when an unknown row is looked up next
    unknown_since: Mapped[datetime | None]
    sent_at: Mapped[datetime | None]
    last_error: Mapped[str | None] = mapped_column(Text)
    error_code: Mapped[str | None] = mapped_column(Text)

    __table_args__ = (
        within_workspace("mailbox_id", "mailboxes"),
        within_workspace("thread_id", "threads"),
        UniqueConstraint("workspace_id", "origin_id", "step"),
        UniqueConstraint("workspace_id", "message_id"),
        Index("ix_sends_due", "workspace_id", "mailbox_id", "due_at", postgresql_where="state = 'queued'"),
        Index("ix_sends_leased", "lease_until", postgresql_where="state = 'sending'"),
        Index("ix_sends_look", "look_at", postgresql_where="state = 'unknown'"),
        Index("ix_sends_mailbox_sent", "workspace_id", "mailbox_id", "sent_at", postgresql_where="sent_at is not null"),
        Index(
            "ix_sends_domain_sent",
            "workspace_id",
            "recipient_domain",
            "sent_at",
            postgresql_where="sent_at is not null",
        ),
        Index(None, "workspace_id", "user_id", "due_at", "id"),
        Index(None, "workspace_id", "thread_id"),
    )


@dataclass(frozen=True, slots=True)
class Claim:
    """A row taken for sending: a value, so that no transaction is open while the network is used.

    `lease_seconds` is real time from the moment of the claim.
    """

    workspace_id: UUID
    send_id: UUID
    user_id: UUID
    mailbox_id: UUID
    attempt: int
    sender: str
    sender_name: str
    recipient: str
    recipient_name: str
    subject: str
    body: str
    in_reply_to: str | None
    references: tuple[str, ...]
    message_id: str
    lease_seconds: float
