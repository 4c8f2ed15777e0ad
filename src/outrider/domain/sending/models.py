"""The outbox: one row for each recipient and step, with everything needed to send it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, ForeignKey, Index, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from outrider.core.db import Model
from outrider.domain.tables import Stamped, Tenant, within_workspace

# The origin of an answer that its user approved: a letter to one person, and no bulk mail.
ANSWER = "answer"


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
    MAILBOX_GAP = "mailbox_gap"
    MAILBOX_PAUSED = "mailbox_paused"
    DOMAIN_LIMIT = "domain_limit"
    COMPANY_LIMIT = "company_limit"
    PAUSED = "paused"
    MAILBOX_DISCONNECTED = "mailbox_disconnected"
    MAILBOX_UNREAD = "mailbox_unread"  # an answer may lie there
    RETRY = "retry"
    CONFIRMING = "confirming"
    QUEUED = "queued"  # nothing holds it; it leaves with the next free connection


class Hold(StrEnum):
    """Why nothing leaves a mailbox for a while."""

    GAP = "gap"
    DAILY_LIMIT = "daily_limit"
    PROVIDER_LIMIT = "provider_limit"
    HEALTH = "health"
    UNREACHABLE = "unreachable"  # its server takes no connections


class MailboxPace(Model):
    """What holds a whole mailbox back; kept apart from it, since it changes with every mail.

    `ramp_from` is when a new mailbox began; None for one that has a history of sending. What came back before
    `healthy_from` no longer counts against it.
    """

    __tablename__ = "mailbox_paces"

    workspace_id: Mapped[UUID] = mapped_column(ForeignKey("workspaces.id", ondelete="CASCADE"), primary_key=True)
    mailbox_id: Mapped[UUID] = mapped_column(primary_key=True)
    held_until: Mapped[datetime | None]
    held_for: Mapped[Hold | None] = mapped_column()
    held_reason: Mapped[str | None] = mapped_column(Text)
    ramp_from: Mapped[datetime | None]
    healthy_from: Mapped[datetime | None]

    __table_args__ = (within_workspace("mailbox_id", "mailboxes"),)


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
    recipient_company: Mapped[str | None] = mapped_column(Text)  # None: an address at a public mail provider
    subject: Mapped[str] = mapped_column(Text)
    body: Mapped[str] = mapped_column(Text)
    remote_thread: Mapped[str | None] = mapped_column(Text)  # what the provider calls the conversation
    in_reply_to: Mapped[str | None] = mapped_column(Text)
    references: Mapped[list[str]] = mapped_column("refs", ARRAY(Text), default=list)
    message_id: Mapped[str] = mapped_column(Text)  # minted with the intent, the same on every attempt
    answered_after: Mapped[datetime | None]  # a person's mail in the thread after this moment stops the send
    state: Mapped[State] = mapped_column(default=State.QUEUED)
    priority: Mapped[int] = mapped_column(default=0)
    due_at: Mapped[datetime]
    waiting_for: Mapped[Waiting | None] = mapped_column()
    window: Mapped[dict[str, Any] | None]  # hours in which it may leave; None: at any time
    timezone: Mapped[str] = mapped_column(Text, default="UTC")
    give_up_at: Mapped[datetime]
    attempts: Mapped[int] = mapped_column(default=0)
    worker: Mapped[str | None] = mapped_column(Text)
    lease_until: Mapped[datetime | None]
    look_at: Mapped[datetime | None]  # when an unknown row is looked up next
    unknown_since: Mapped[datetime | None]
    sent_at: Mapped[datetime | None]
    delivered_at: Mapped[datetime | None]  # when a report said that the recipient's server has it; most send none
    copied_at: Mapped[datetime | None]  # when a copy was known to lie in the Sent folder
    proof: Mapped[str | None] = mapped_column(Text)  # the server's answer to a sent mail, or where its copy was found
    last_error: Mapped[str | None] = mapped_column(Text)
    error_code: Mapped[str | None] = mapped_column(Text)

    __table_args__ = (
        within_workspace("mailbox_id", "mailboxes"),
        within_workspace("thread_id", "threads", ondelete="NO ACTION"),
        UniqueConstraint("workspace_id", "origin_id", "step"),
        UniqueConstraint("workspace_id", "message_id"),
        Index("ix_sends_due", "workspace_id", "mailbox_id", "due_at", postgresql_where="state = 'queued'"),
        Index(
            "ix_sends_next",
            "workspace_id",
            "mailbox_id",
            text("priority desc"),
            "due_at",
            "id",
            postgresql_where="state = 'queued'",
        ),
        Index("ix_sends_flying", "workspace_id", "mailbox_id", postgresql_where="state in ('sending', 'unknown')"),
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
        Index(
            "ix_sends_company_sent",
            "workspace_id",
            "recipient_company",
            "sent_at",
            postgresql_where="sent_at is not null and recipient_company is not null",
        ),
        Index(None, "workspace_id", "user_id", "due_at", "id"),
        Index(None, "workspace_id", "thread_id"),
        Index(
            "ix_sends_uncopied",
            "workspace_id",
            "mailbox_id",
            postgresql_where="state = 'sent' and copied_at is null",
        ),
    )


@dataclass(frozen=True, slots=True)
class Outgoing:
    """What a sender and its limits need of a row, named as there: a value, which costs less to read than a row."""

    workspace_id: UUID
    id: UUID
    user_id: UUID
    mailbox_id: UUID
    thread_id: UUID
    origin: str
    origin_id: UUID
    step: int
    recipient: str
    recipient_name: str
    recipient_domain: str
    recipient_company: str | None
    subject: str
    body: str
    remote_thread: str | None
    in_reply_to: str | None
    refs: list[str]
    message_id: str
    answered_after: datetime | None
    priority: int
    window: dict[str, Any] | None
    timezone: str
    give_up_at: datetime

    @property
    def references(self) -> list[str]:
        return self.refs


@dataclass(frozen=True, slots=True)
class Claim:
    """A row taken for sending: a value, so that no transaction is open while the network is used.

    `lease` is real time from the moment of the claim, `at` the due time of it; `attempt` tells this claim from a later
    one of the same row.
    """

    send: Outgoing
    attempt: int
    lease: timedelta
    at: datetime
