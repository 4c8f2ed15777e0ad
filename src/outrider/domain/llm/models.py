"""Whether a workspace's mail may go to a language model, and every question that one was asked."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, Text
from sqlalchemy.orm import Mapped, mapped_column

from outrider.core.clock import now
from outrider.core.db import Model
from outrider.domain.tables import Tenant


class Purpose(StrEnum):
    """What a question is for."""

    CALL = "call"  # what a call says
    REPLY = "reply"  # a draft of an answer


class ModelConsent(Tenant, Model):
    """That mail content may go to a language model: who said so, when, and in which words. Never changed but withdrawn."""

    __tablename__ = "model_consents"

    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    wording: Mapped[str] = mapped_column(Text)
    host: Mapped[str] = mapped_column(Text)  # where the content goes: another place needs a consent of its own
    given_at: Mapped[datetime] = mapped_column(default=now)
    withdrawn_at: Mapped[datetime | None]
    withdrawn_by: Mapped[UUID | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))

    __table_args__ = (
        Index("ix_model_consents_given", "workspace_id", unique=True, postgresql_where="withdrawn_at is null"),
    )


class ModelQuestion(Tenant, Model):
    """One question that was asked, for whom and what for. Of the question itself only a digest is kept; its answer is, so
    that it is asked once.
    """

    __tablename__ = "model_questions"

    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    purpose: Mapped[Purpose] = mapped_column()
    model: Mapped[str] = mapped_column(Text)
    host: Mapped[str] = mapped_column(Text)
    digest: Mapped[bytes]
    characters: Mapped[int]  # of somebody's text that left
    answer: Mapped[dict[str, Any] | None]
    error: Mapped[str | None] = mapped_column(Text)
    input_tokens: Mapped[int] = mapped_column(default=0)
    output_tokens: Mapped[int] = mapped_column(default=0)
    cost_micros: Mapped[int | None]  # millionths of a US dollar
    asked_at: Mapped[datetime] = mapped_column(default=now)

    __table_args__ = (
        Index(
            "ix_model_questions_answered", "workspace_id", "user_id", "digest", unique=True,
            postgresql_where="answer is not null",
        ),
        Index(None, "workspace_id", "asked_at"),
    )  # fmt: skip
