"""Drafts of answers: written for a user, and sent only once they have approved them."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import ForeignKey, Index, Text
from sqlalchemy.orm import Mapped, mapped_column

from outrider.core.db import Model
from outrider.core.errors import Conflict
from outrider.domain.tables import Stamped, Tenant, within_workspace


class State(StrEnum):
    """writing -> waiting -> approved -> sent, or declined. What could not leave is `failed`, or waits again; what may have
    left is `unconfirmed` and leaves never again.
    """

    WRITING = "writing"
    WAITING = "waiting"
    APPROVED = "approved"
    SENT = "sent"
    DECLINED = "declined"
    FAILED = "failed"
    UNCONFIRMED = "unconfirmed"


class Writer(StrEnum):
    TEMPLATE = "template"
    MODEL = "model"
    USER = "user"  # who changed it last


# One at a time for a mail.
_OPEN = "state in ('writing', 'waiting', 'approved')"
EDITABLE = (State.WAITING, State.FAILED)


class DraftNotWaiting(Conflict):
    code = "draft_not_waiting"


class ReplyDraft(Tenant, Stamped, Model):
    """`approvals` counts how often it was approved: each is a mail of its own for the outbox. `note` says why it is as it
    is: why a template wrote it, or why it did not leave.
    """

    __tablename__ = "reply_drafts"

    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    mailbox_id: Mapped[UUID]
    thread_id: Mapped[UUID]
    message_id: Mapped[UUID]  # the mail that it answers
    call_id: Mapped[UUID | None]  # the call on which it was asked for
    state: Mapped[State] = mapped_column(default=State.WRITING)
    recipient: Mapped[str] = mapped_column(Text)
    recipient_name: Mapped[str] = mapped_column(Text, default="")
    subject: Mapped[str] = mapped_column(Text)
    body: Mapped[str] = mapped_column(Text, default="")
    language: Mapped[str] = mapped_column(Text, default="en")
    written_by: Mapped[Writer] = mapped_column(default=Writer.TEMPLATE)
    model: Mapped[str | None] = mapped_column(Text)
    note: Mapped[str | None] = mapped_column(Text)
    tries: Mapped[int] = mapped_column(default=0)
    approvals: Mapped[int] = mapped_column(default=0)
    edited_at: Mapped[datetime | None]
    decided_at: Mapped[datetime | None]
    sent_at: Mapped[datetime | None]

    __table_args__ = (
        within_workspace("mailbox_id", "mailboxes"),
        within_workspace("thread_id", "threads"),
        within_workspace("message_id", "messages"),
        Index("ix_reply_drafts_open", "workspace_id", "message_id", unique=True, postgresql_where=_OPEN),
        Index(None, "workspace_id", "user_id", "created_at", "id"),
    )

    @property
    def is_editable(self) -> bool:
        return self.state in EDITABLE

    def written(self, body: str, by: Writer, *, model: str | None = None, note: str | None = None) -> None:
        self.state, self.body, self.written_by, self.model, self.note = State.WAITING, body, by, model, note

    def edit(self, at: datetime, *, subject: str | None, body: str | None) -> None:
        """One that is being written becomes its user's own."""
        if self.state is not State.WRITING or body is None:
            self._require_editable("changed")
        self.subject = self.subject if subject is None else subject
        self.body = self.body if body is None else body
        self.state, self.written_by, self.edited_at = State.WAITING, Writer.USER, at

    def approve(self, at: datetime) -> None:
        self._require_editable("approved")
        self.state, self.decided_at, self.note = State.APPROVED, at, None
        self.approvals += 1

    def decline(self, at: datetime) -> None:
        if self.state is not State.WRITING:
            self._require_editable("declined")
        self.state, self.decided_at = State.DECLINED, at

    def _require_editable(self, what: str) -> None:
        if not self.is_editable:
            raise DraftNotWaiting(f"The draft is {self.state.value}: it can't be {what} any more.", state=self.state)
