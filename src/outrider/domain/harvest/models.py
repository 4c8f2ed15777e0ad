"""Batches of mail that leads are read out of, and what became of each mail. Their progress is an operation's."""

from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, LargeBinary, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from outrider.core.db import Model
from outrider.domain.tables import Stamped, Tenant, within_workspace

OPERATION = "harvest.batch"


class Source(StrEnum):
    """Where a batch's mails come from."""

    MESSAGES = "messages"  # named by their ids
    SEARCH = "search"  # what a label or a query finds
    EMAILS = "emails"  # sent with the request


class Outcome(StrEnum):
    PENDING = "pending"
    CREATED = "created"
    UPDATED = "updated"
    SKIPPED = "skipped"
    FAILED = "failed"


class Batch(Tenant, Stamped, Model):
    """`step` counts what has been committed of its work: a job that knows another one is stale.

    `page` is where a search goes on; `waiting_for` says what the provider lacks while it is tried again.
    """

    __tablename__ = "harvest_batches"

    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    mailbox_id: Mapped[UUID | None]
    source: Mapped[Source] = mapped_column()
    query: Mapped[str] = mapped_column(Text, default="")
    label: Mapped[str | None] = mapped_column(Text)
    at_most: Mapped[int]
    is_listed: Mapped[bool]
    page: Mapped[str | None] = mapped_column(Text)
    step: Mapped[int] = mapped_column(default=0)
    waiting_for: Mapped[str | None] = mapped_column(Text)
    waits: Mapped[int] = mapped_column(default=0)

    __table_args__ = (within_workspace("mailbox_id", "mailboxes"),)

    def wait(self, reason: str) -> None:
        self.waiting_for, self.waits = reason[:500], self.waits + 1

    def advance(self) -> None:
        self.step, self.waiting_for, self.waits = self.step + 1, None, 0


class Item(Tenant, Stamped, Model):
    """One mail of a batch. `ref` is what the client knows it by; `content` is kept while it is still needed.

    `lead` is what was read out of it, also where that made no lead.
    """

    __tablename__ = "harvest_items"

    batch_id: Mapped[UUID]
    position: Mapped[int]
    ref: Mapped[str] = mapped_column(Text)
    content: Mapped[bytes | None] = mapped_column(LargeBinary)
    outcome: Mapped[Outcome] = mapped_column(default=Outcome.PENDING)
    code: Mapped[str | None] = mapped_column(Text)  # why it was skipped, or failed
    message: Mapped[str | None] = mapped_column(Text)
    attempts: Mapped[int] = mapped_column(default=0)
    contact_id: Mapped[UUID | None]
    lead: Mapped[dict[str, Any] | None] = mapped_column(JSONB)

    __table_args__ = (
        within_workspace("batch_id", "harvest_batches"),
        within_workspace("contact_id", "contacts"),
        Index("uq_harvest_items_position", "workspace_id", "batch_id", "position", unique=True),
        Index("uq_harvest_items_ref", "workspace_id", "batch_id", "ref", unique=True),
        Index(None, "workspace_id", "contact_id"),
    )
