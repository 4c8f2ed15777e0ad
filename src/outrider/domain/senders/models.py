"""Who writes to a user: one row a sender, kept up to date as mail comes in."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, ForeignKey, Index, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from outrider.core.db import Model
from outrider.domain.mailboxes.sender_types import SenderType
from outrider.domain.tables import Stamped, Tenant


class Category(StrEnum):
    """What becomes of a sender's mail."""

    CALL_ME = "call-me"
    REMIND_ME = "remind-me"
    KEEP_QUIET = "keep-quiet"
    WHY_DID_I_SIGNUP = "why-did-i-signup"
    DONT_TELL_ANYONE = "dont-tell-anyone"
    UNASSIGNED = "unassigned"


class Sender(Tenant, Stamped, Model):
    """`category` is the user's own choice. Whom the user only wrote to has an `email_count` of 0 and is not listed."""

    __tablename__ = "senders"

    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    email: Mapped[str] = mapped_column(Text)
    domain: Mapped[str] = mapped_column(Text)
    name: Mapped[str] = mapped_column(Text, default="")
    words: Mapped[str] = mapped_column(Text, default="")  # what is searched: address and name in small letters
    category: Mapped[Category] = mapped_column(default=Category.UNASSIGNED)
    chosen_at: Mapped[datetime | None]
    email_count: Mapped[int] = mapped_column(default=0)
    sent_count: Mapped[int] = mapped_column(default=0)
    votes: Mapped[dict[str, Any]] = mapped_column(default=dict)  # mails by the kind of sender that each shows
    sender_type: Mapped[SenderType] = mapped_column(default=SenderType.PERSONAL)
    type_reasons: Mapped[list[str]] = mapped_column(ARRAY(Text), default=list)
    latest_subject: Mapped[str] = mapped_column(Text, default="")
    latest_preview: Mapped[str] = mapped_column(Text, default="")
    latest_date: Mapped[datetime | None]

    __table_args__ = (
        UniqueConstraint("workspace_id", "user_id", "email"),
        Index("ix_senders_latest", "workspace_id", "user_id", "latest_date", "id", postgresql_where=text("email_count > 0")),
        Index("ix_senders_count", "workspace_id", "user_id", "email_count", "id", postgresql_where=text("email_count > 0")),
        Index(
            "ix_senders_category", "workspace_id", "user_id", "category", "latest_date", "id",
            postgresql_where=text("email_count > 0"),
        ),
        Index(
            "ix_senders_type", "workspace_id", "user_id", "sender_type", "latest_date", "id",
            postgresql_where=text("email_count > 0"),
        ),
        Index("ix_senders_domain", "workspace_id", "user_id", "domain"),
        Index("ix_senders_chosen", "workspace_id", "user_id", "chosen_at", postgresql_where=text("chosen_at is not null")),
    )  # fmt: skip

    def choose(self, category: Category, at: datetime) -> None:
        self.category = category
        self.chosen_at = None if category is Category.UNASSIGNED else at
