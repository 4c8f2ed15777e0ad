"""Calls to a user, every try to place one, and what the user allows: the outbox of the telephone."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import ARRAY, ForeignKey, Index, LargeBinary, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from outrider.core.clock import now
from outrider.core.db import Model
from outrider.domain.tables import Stamped, Tenant, within_workspace


class CallType(StrEnum):
    URGENT = "urgent"
    DIGEST = "digest"
    REMINDER = "meeting-reminder"


class Status(StrEnum):
    SCHEDULED = "scheduled"
    IN_PROGRESS = "in-progress"
    COMPLETED = "completed"
    FAILED = "failed"


class Priority(StrEnum):
    HIGH = "high"
    MEDIUM = "medium"


class Waiting(StrEnum):
    """Why a call has not been placed yet."""

    QUIET_HOURS = "quiet_hours"
    TELEPHONE_HOURS = "telephone_hours"
    DAILY_BUDGET = "daily_budget"
    LINE_BUSY = "line_busy"  # another call rings there
    RETRY = "retry"
    SNOOZED = "snoozed"
    CONFIRMING = "confirming"  # it may have been placed
    WORDING = "wording"  # a language model is asked for its words, for a moment


class Carrier(StrEnum):
    TELEPHONE = "telephone"
    CONSOLE = "console"


class State(StrEnum):
    """placing -> ringing -> in-progress -> an end. `unknown` may have been placed: it is looked up before anything else
    happens to it. `lost` was never placed, as the carrier's own list says.
    """

    PLACING = "placing"
    UNKNOWN = "unknown"
    RINGING = "ringing"
    IN_PROGRESS = "in-progress"
    COMPLETED = "completed"
    BUSY = "busy"
    NO_ANSWER = "no-answer"
    DECLINED = "declined"
    VOICEMAIL = "voicemail"
    FAILED = "failed"
    LOST = "lost"

    @property
    def is_final(self) -> bool:
        return self not in OPEN


OPEN = (State.PLACING, State.UNKNOWN, State.RINGING, State.IN_PROGRESS)
_OPEN = "state in ('placing', 'unknown', 'ringing', 'in-progress')"


class Call(Tenant, Stamped, Model):
    """What is to be said to a user, once. `origin` names what it is for: there is one call for each.

    `due_at` is when it is placed next, `scheduled_at` when it was meant to be.
    """

    __tablename__ = "calls"

    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    call_type: Mapped[CallType] = mapped_column()
    status: Mapped[Status] = mapped_column(default=Status.SCHEDULED)
    priority: Mapped[Priority] = mapped_column(default=Priority.MEDIUM)
    origin: Mapped[str] = mapped_column(Text)
    message_id: Mapped[UUID | None]  # the mail that it is about
    content: Mapped[str] = mapped_column(Text)
    content_summary: Mapped[str] = mapped_column(Text)
    worded_by: Mapped[str | None] = mapped_column(Text)  # the language model whose words these are
    language: Mapped[str] = mapped_column(Text, default="en")
    voice: Mapped[str] = mapped_column(Text, default="alloy")
    speech_id: Mapped[UUID | None]
    scheduled_at: Mapped[datetime]
    due_at: Mapped[datetime]
    give_up_at: Mapped[datetime]
    waiting_for: Mapped[Waiting | None] = mapped_column()
    attempts: Mapped[int] = mapped_column(default=0)
    most_attempts: Mapped[int]
    completed_at: Mapped[datetime | None]
    duration_seconds: Mapped[int | None]
    done_at: Mapped[datetime | None]  # the user marked the matter as done
    reply_wanted_at: Mapped[datetime | None]  # the user asked for a draft of an answer
    last_error: Mapped[str | None] = mapped_column(Text)

    __table_args__ = (
        UniqueConstraint("workspace_id", "user_id", "origin"),
        Index("ix_calls_due", "due_at", postgresql_where="status = 'scheduled'"),
        Index(None, "workspace_id", "user_id", "scheduled_at", "id"),
    )

    @property
    def is_over(self) -> bool:
        return self.status in {Status.COMPLETED, Status.FAILED}

    def put_off(self, until: datetime, why: Waiting) -> None:
        self.status, self.due_at, self.waiting_for = Status.SCHEDULED, until, why

    def complete(self, at: datetime, seconds: int | None) -> None:
        self.status, self.completed_at, self.waiting_for = Status.COMPLETED, at, None
        self.duration_seconds = seconds

    def fail(self, reason: str) -> None:
        self.status, self.waiting_for, self.last_error = Status.FAILED, None, reason


class CallAttempt(Tenant, Stamped, Model):
    """One try to place a call. Its id is fixed before the carrier hears of it and stands in every address that the carrier
    is given. A `line` rings for one call at a time: then what the carrier lists for it can't be mistaken.
    """

    __tablename__ = "call_attempts"

    call_id: Mapped[UUID]
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    number: Mapped[int]
    carrier: Mapped[Carrier] = mapped_column()
    line: Mapped[str] = mapped_column(Text)  # a number in E.164, or whose console
    sender: Mapped[str] = mapped_column(Text, default="")
    consent_id: Mapped[UUID | None]  # what allowed an artificial voice to speak there
    state: Mapped[State] = mapped_column()
    carrier_id: Mapped[str | None] = mapped_column(Text)
    told: Mapped[list[str]] = mapped_column(ARRAY(Text), default=list)  # updates that were taken in
    last_sequence: Mapped[int] = mapped_column(default=-1)
    keys: Mapped[str] = mapped_column(Text, default="")
    worker: Mapped[str | None] = mapped_column(Text)
    lease_until: Mapped[datetime | None]
    look_at: Mapped[datetime | None]  # when it is looked at next, should nothing be heard of it
    looks: Mapped[int] = mapped_column(default=0)
    placed_at: Mapped[datetime]
    answered_at: Mapped[datetime | None]
    asked_at: Mapped[datetime | None]  # when the carrier first asked what to say
    ended_at: Mapped[datetime | None]
    duration_seconds: Mapped[int | None]
    error: Mapped[str | None] = mapped_column(Text)

    __table_args__ = (
        within_workspace("call_id", "calls"),
        UniqueConstraint("workspace_id", "call_id", "number"),
        Index("ix_call_attempts_line", "line", unique=True, postgresql_where=_OPEN),
        Index("ix_call_attempts_look", "look_at", postgresql_where=_OPEN),
        Index("ix_call_attempts_carrier_id", "carrier_id", postgresql_where="carrier_id is not null"),
        Index(None, "workspace_id", "user_id", "placed_at"),
    )

    def end(self, state: State, at: datetime, *, error: str | None = None) -> None:
        self.state, self.ended_at, self.look_at, self.lease_until, self.error = state, at, None, None, error


class CallSettings(Tenant, Stamped, Model):
    """Where and when a user can be reached. Hours are HH:MM in the user's zone; a night that begins and ends at the same
    time has no length.
    """

    __tablename__ = "call_settings"

    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    phone_number: Mapped[str | None] = mapped_column(Text)
    language: Mapped[str] = mapped_column(Text, default="en")
    quiet_from: Mapped[str] = mapped_column(Text, default="21:00")
    quiet_until: Mapped[str] = mapped_column(Text, default="07:00")
    daily_budget: Mapped[int] = mapped_column(default=12)
    wants_digest: Mapped[bool] = mapped_column(default=True)
    allows_outside_voice: Mapped[bool] = mapped_column(default=False)  # texts may leave to be spoken elsewhere
    planned_until: Mapped[datetime | None]

    __table_args__ = (UniqueConstraint("workspace_id", "user_id"),)


class CallConsent(Tenant, Model):
    """That an artificial voice may call a number: who said so, when, and in which words. Never changed but withdrawn."""

    __tablename__ = "call_consents"

    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    phone_number: Mapped[str] = mapped_column(Text)
    wording: Mapped[str] = mapped_column(Text)
    given_at: Mapped[datetime] = mapped_column(default=now)
    withdrawn_at: Mapped[datetime | None]

    __table_args__ = (
        Index(
            "ix_call_consents_given",
            "workspace_id",
            "user_id",
            "phone_number",
            unique=True,
            postgresql_where="withdrawn_at is null",
        ),
    )


class DoNotCall(Tenant, Model):
    """A number at which somebody asked not to be called."""

    __tablename__ = "do_not_call"

    phone_number: Mapped[str] = mapped_column(Text)
    reason: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(default=now)

    __table_args__ = (UniqueConstraint("workspace_id", "phone_number"),)


class CallNotice(Tenant, Model):
    """What a user could not be told by a call."""

    __tablename__ = "call_notices"

    call_id: Mapped[UUID]
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    title: Mapped[str] = mapped_column(Text)
    text: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(default=now)
    read_at: Mapped[datetime | None]

    __table_args__ = (
        within_workspace("call_id", "calls"),
        UniqueConstraint("workspace_id", "call_id"),
        Index(None, "workspace_id", "user_id", "created_at"),
    )


class Speech(Tenant, Model):
    """A spoken text: the same words in the same voice are spoken once."""

    __tablename__ = "call_speeches"

    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    digest: Mapped[bytes]
    media_type: Mapped[str] = mapped_column(Text)
    seconds: Mapped[float]
    audio: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)
    created_at: Mapped[datetime] = mapped_column(default=now)

    __table_args__ = (UniqueConstraint("workspace_id", "user_id", "digest"),)


@dataclass(frozen=True, slots=True)
class Claim:
    """An attempt that is to be placed by telephone: a value, so that no transaction is open while the network is used."""

    workspace_id: UUID
    attempt_id: UUID
    call_id: UUID
    line: str
    sender: str
    token: str = field(repr=False)
    lease_seconds: float
