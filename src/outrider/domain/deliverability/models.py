"""What came back of sent mail: the ground on which an address is suppressed and a mailbox paused; what the DNS says."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import Index, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from outrider.core.db import Model
from outrider.domain.tables import Tenant, within_workspace


class FeedbackKind(StrEnum):
    REFUSED = "refused"  # the address does not exist: said while the mail was handed over
    GONE = "gone"  # the same, in a report afterwards
    BOUNCED = "bounced"  # came back for another reason; the address may be good
    COMPLAINT = "complaint"


class Feedback(Tenant, Model):
    """One bad answer to one mail; the unique key makes a report that comes twice count once."""

    __tablename__ = "feedback"

    mailbox_id: Mapped[UUID]
    message_id: Mapped[str] = mapped_column(Text)
    recipient: Mapped[str] = mapped_column(Text)
    kind: Mapped[FeedbackKind] = mapped_column()
    reason: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime]

    __table_args__ = (
        within_workspace("mailbox_id", "mailboxes"),
        UniqueConstraint("workspace_id", "message_id", "recipient", "kind"),
        Index(None, "workspace_id", "mailbox_id", "at"),
        Index(None, "workspace_id", "recipient", "at"),
    )


class Preflight(Tenant, Model):
    """What receivers found in the DNS about a mailbox's domain when it was connected: each check as its fields."""

    __tablename__ = "preflights"

    mailbox_id: Mapped[UUID]
    checks: Mapped[list[dict[str, str]]] = mapped_column()
    examined_at: Mapped[datetime]

    __table_args__ = (within_workspace("mailbox_id", "mailboxes"), UniqueConstraint("workspace_id", "mailbox_id"))
