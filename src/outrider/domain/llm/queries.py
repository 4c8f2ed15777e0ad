"""Reads of what a language model was asked, and what it cost."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from outrider.domain.llm.models import ModelQuestion, Purpose


@dataclass(frozen=True, slots=True)
class Used:
    """What one purpose took. `cost_micros` are millionths of a US dollar, of the questions whose price is known."""

    purpose: Purpose
    questions: int
    failures: int
    characters: int
    input_tokens: int
    output_tokens: int
    cost_micros: int


async def kept_answer(db: AsyncSession, workspace_id: UUID, user_id: UUID, digest: bytes) -> dict[str, Any] | None:
    query = select(ModelQuestion.answer).where(
        ModelQuestion.workspace_id == workspace_id,
        ModelQuestion.user_id == user_id,
        ModelQuestion.digest == digest,
        ModelQuestion.answer.is_not(None),
    )
    found: dict[str, Any] | None = await db.scalar(query)
    return found


async def used(db: AsyncSession, workspace_id: UUID, since: datetime) -> Sequence[Used]:
    """Returns what the whole workspace asked since a moment, purpose by purpose."""
    query = (
        select(
            ModelQuestion.purpose,
            func.count().label("questions"),
            func.count(ModelQuestion.error).label("failures"),
            *(
                func.coalesce(func.sum(column), 0).label(column.key)
                for column in (
                    ModelQuestion.characters,
                    ModelQuestion.input_tokens,
                    ModelQuestion.output_tokens,
                    ModelQuestion.cost_micros,
                )
            ),
        )
        .where(ModelQuestion.workspace_id == workspace_id, ModelQuestion.asked_at >= since)
        .group_by(ModelQuestion.purpose)
        .order_by(ModelQuestion.purpose)
    )
    return [
        Used(
            row.purpose, row.questions, row.failures,
            *(int(each) for each in (row.characters, row.input_tokens, row.output_tokens, row.cost_micros)),
        )
        for row in await db.execute(query)
    ]  # fmt: skip
