"""Sequences of follow-ups and the enrolments that walk through them."""

from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from outrider.core.db import Model
from outrider.core.errors import Conflict
from outrider.domain.tables import Stamped, Tenant, within_workspace


class SequenceStatus(StrEnum):
    DRAFT = "draft"
    ACTIVE = "active"
    ARCHIVED = "archived"


class EnrollmentStatus(StrEnum):
    ACTIVE = "active"
    PAUSED = "paused"
    COMPLETED = "completed"
    REPLIED = "replied"
    BOUNCED = "bounced"
    UNSUBSCRIBED = "unsubscribed"
    FAILED = "failed"
    CANCELLED = "cancelled"


OPEN = (EnrollmentStatus.ACTIVE, EnrollmentStatus.PAUSED)


class EnrollmentClosed(Conflict):
    code = "enrollment_closed"


class SequenceStep(Tenant, Model):
    """`position` counts from 1. An empty subject means: answer in the thread."""

    __tablename__ = "sequence_steps"

    sequence_id: Mapped[UUID]
    position: Mapped[int]
    delay_days: Mapped[int]
    delay_hours: Mapped[int]
    subject: Mapped[str] = mapped_column(Text, default="")
    body: Mapped[str] = mapped_column(Text)
    send_window: Mapped[dict[str, Any] | None]

    __table_args__ = (
        within_workspace("sequence_id", "sequences"),
        UniqueConstraint("workspace_id", "sequence_id", "position", deferrable=True, initially="DEFERRED"),
    )


class Sequence(Tenant, Stamped, Model):
    __tablename__ = "sequences"

    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(Text)
    description: Mapped[str] = mapped_column(Text, default="")
    stop_on_reply: Mapped[bool] = mapped_column(default=True)
    timezone: Mapped[str] = mapped_column(Text, default="UTC")
    send_window: Mapped[dict[str, Any] | None]
    status: Mapped[SequenceStatus] = mapped_column(default=SequenceStatus.ACTIVE)
    version: Mapped[int] = mapped_column(default=1)
    deleted_at: Mapped[datetime | None]

    steps: Mapped[list[SequenceStep]] = relationship(
        order_by=SequenceStep.position,
        primaryjoin="and_(Sequence.workspace_id == SequenceStep.workspace_id, Sequence.id == SequenceStep.sequence_id)",
        foreign_keys="[SequenceStep.workspace_id, SequenceStep.sequence_id]",
        cascade="all, delete-orphan",
        lazy="raise",
    )

    __table_args__ = (Index(None, "workspace_id", "user_id", "created_at", "id"),)
    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012  # SQLAlchemy's name and type for it


class Enrollment(Tenant, Stamped, Model):
    """A sent mail being followed up. `next_step_at` is when its next follow-up is due, None once it is in the outbox
    or there is none; `current_step` counts the follow-ups that have left.
    """

    __tablename__ = "enrollments"

    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    sequence_id: Mapped[UUID]
    mailbox_id: Mapped[UUID]
    email_id: Mapped[UUID]
    thread_id: Mapped[UUID]
    recipient: Mapped[str] = mapped_column(Text)
    recipient_name: Mapped[str] = mapped_column(Text, default="")
    status: Mapped[EnrollmentStatus] = mapped_column(default=EnrollmentStatus.ACTIVE)
    current_step: Mapped[int] = mapped_column(default=0)
    total_steps: Mapped[int]
    next_step_at: Mapped[datetime | None]
    next_send_id: Mapped[UUID | None]  # the outbox row that the planned step will become
    waiting_for: Mapped[str | None] = mapped_column(Text)  # what set next_step_at: the step's delay or the window
    not_before: Mapped[date | None]  # the day an out-of-office recipient is back
    last_sent_at: Mapped[datetime | None]
    replied_at: Mapped[datetime | None]
    reply: Mapped[dict[str, Any] | None]
    stop_reason: Mapped[str | None] = mapped_column(Text)
    stop_proof: Mapped[dict[str, Any] | None]  # the message, answer or request that ended it
    hold_reason: Mapped[str | None] = mapped_column(Text)  # why a due step could not be put into the outbox
    timezone: Mapped[str] = mapped_column(Text)
    variables: Mapped[dict[str, Any]] = mapped_column(default=dict)
    deleted_at: Mapped[datetime | None]

    __table_args__ = (
        within_workspace("sequence_id", "sequences", ondelete="RESTRICT"),
        within_workspace("mailbox_id", "mailboxes"),
        within_workspace("email_id", "messages", ondelete="RESTRICT"),
        within_workspace("thread_id", "threads", ondelete="RESTRICT"),
        Index(None, "workspace_id", "thread_id"),
        Index("ix_enrollments_due", "workspace_id", "next_step_at", postgresql_where="status = 'active'"),
        Index(
            "uq_enrollments_open_thread",
            "workspace_id",
            "thread_id",
            unique=True,
            postgresql_where="status in ('active', 'paused') and deleted_at is null",
        ),
        Index(
            "ix_enrollments_open_recipient",
            "workspace_id",
            "recipient",
            postgresql_where="status in ('active', 'paused')",
        ),
        Index(None, "workspace_id", "user_id", "id", postgresql_where="deleted_at is null"),
        Index(None, "workspace_id", "user_id", "status", "id", postgresql_where="deleted_at is null"),
        Index(None, "workspace_id", "user_id", "sequence_id", "id", postgresql_where="deleted_at is null"),
        Index(None, "workspace_id", "user_id", "updated_at"),
    )

    @property
    def is_open(self) -> bool:
        return self.status in OPEN

    def pause(self) -> None:
        self._require(EnrollmentStatus.ACTIVE, "paused")
        self.status = EnrollmentStatus.PAUSED

    def resume(self) -> None:
        self._require(EnrollmentStatus.PAUSED, "resumed")
        self.status, self.stop_reason, self.hold_reason = EnrollmentStatus.ACTIVE, None, None

    def end(self, status: EnrollmentStatus, reason: str) -> None:
        """Closes an open enrolment; a closed one keeps its first ending."""
        if self.is_open:
            self.status, self.stop_reason, self.next_step_at = status, reason, None

    def _require(self, status: EnrollmentStatus, verb: str) -> None:
        if self.status != status:
            raise EnrollmentClosed(
                f"Only an enrollment that is {status.value} can be {verb}; this one is {self.status.value}.",
                status=self.status.value,
            )
