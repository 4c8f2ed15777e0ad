"""What was found of each mail that came in, what its user says of that, and what is learnt from it."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, Text, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from outrider.core.clock import now
from outrider.core.db import Model
from outrider.domain.tables import Stamped, Tenant, within_workspace
from outrider.domain.urgency.topics import Topic


class Outcome(StrEnum):
    """What becomes of a mail."""

    CALL = "call"
    DIGEST = "digest"
    SILENT = "silent"


class MessageJudgement(Tenant, Model):
    """One mail's judgement: `is_urgent` is what its words and what was learnt say, `outcome` what becomes of it, and
    `decided_by` what made it so: a category, a preference, or the judgement itself.
    """

    __tablename__ = "message_judgements"

    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    message_id: Mapped[UUID]
    topic: Mapped[Topic] = mapped_column()
    is_urgent: Mapped[bool]
    score: Mapped[float]
    outcome: Mapped[Outcome] = mapped_column()
    decided_by: Mapped[str] = mapped_column(Text)
    sentence: Mapped[str] = mapped_column(Text, default="")
    reasons: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, default=list)  # as judging.Reason has them
    received_at: Mapped[datetime]
    judged_at: Mapped[datetime] = mapped_column(default=now)

    __table_args__ = (
        within_workspace("message_id", "messages"),
        UniqueConstraint("workspace_id", "message_id"),
        Index(None, "workspace_id", "user_id", "received_at", "id"),
        Index(
            "ix_message_judgements_urgent", "workspace_id", "user_id", "received_at", "id",
            postgresql_where="is_urgent",
        ),
    )  # fmt: skip


class JudgementCorrection(Tenant, Stamped, Model):
    """The user's own word on a mail."""

    __tablename__ = "judgement_corrections"

    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    message_id: Mapped[UUID]
    is_urgent: Mapped[bool]
    topic: Mapped[Topic | None] = mapped_column()

    __table_args__ = (
        within_workspace("message_id", "messages"),
        UniqueConstraint("workspace_id", "message_id"),
        Index(None, "workspace_id", "user_id", "updated_at"),
    )


class UrgencyModel(Tenant, Model):
    """What was learnt from a user's choices: points by feature, topics by sender. Made anew from the choices at any time."""

    __tablename__ = "urgency_models"

    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    learnt: Mapped[dict[str, Any]] = mapped_column(default=dict)
    examples: Mapped[int] = mapped_column(default=0)
    trained_at: Mapped[datetime]

    __table_args__ = (UniqueConstraint("workspace_id", "user_id"),)
