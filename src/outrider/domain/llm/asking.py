"""Asking a language model about somebody's text: only where the workspace agrees, once for the same words, and written
down with what it cost.
"""

import hashlib
from typing import Any, TypeVar
from uuid import UUID

import structlog
from pydantic import BaseModel
from sqlalchemy.dialects.postgresql import insert

from outrider.core.db import Scope
from outrider.core.ids import new_id
from outrider.domain.llm import consent, queries
from outrider.domain.llm.models import ModelQuestion, Purpose
from outrider.providers.llm.interface import AskFailed, LanguageModel, Question, Usage
from outrider.runtime import Runtime

log = structlog.get_logger()

T = TypeVar("T", bound=BaseModel)


async def ask(
    app: Runtime, workspace_id: UUID, user_id: UUID, purpose: Purpose, question: Question, wanted: type[T]
) -> T | None:
    """Returns None where no model is set up or the workspace did not agree: then nothing has left this machine. Raises
    AskFailed. Holds no transaction while it waits.
    """
    model = app.language_model
    if model is None:
        return None
    digest = digest_of(model, question, wanted)
    async with app.db.begin(Scope(workspace_id, user_id, actor="llm")) as db:
        if not await consent.stands(db, workspace_id, model):
            return None
        kept = await queries.kept_answer(db, workspace_id, user_id, digest)
    if kept is not None:
        return wanted.model_validate(kept)
    row: dict[str, Any] = {
        "workspace_id": workspace_id, "user_id": user_id, "purpose": purpose, "model": model.name, "host": model.host,
        "digest": digest, "characters": len(question.material),
    }  # fmt: skip
    try:
        answered = await model.ask(question, wanted)
    except AskFailed as failure:
        log.warning("llm.no_answer", purpose=purpose.value, model=model.name, reason=failure.message)
        await _record(app, row, failure.usage, error=failure.message[:500])
        raise
    await _record(app, row, answered.usage, answer=answered.value.model_dump(mode="json"))
    return answered.value


def digest_of(model: LanguageModel, question: Question, wanted: type[BaseModel]) -> bytes:
    said = (model.host, model.name, wanted.__name__, question.instructions, question.material)
    return hashlib.sha256("\0".join(said).encode("utf-8", "surrogatepass")).digest()


async def _record(app: Runtime, row: dict[str, Any], usage: Usage, **outcome: Any) -> None:
    cost = None if usage.cost is None else round(usage.cost * 1_000_000)
    made = insert(ModelQuestion).values(
        **row, **outcome, id=new_id(), input_tokens=usage.input_tokens, output_tokens=usage.output_tokens,
        cost_micros=cost,
    )  # fmt: skip
    async with app.db.begin(Scope(row["workspace_id"], row["user_id"], actor="llm")) as db:
        # Two at once may ask the same: the first answer is the one that is kept.
        await db.execute(made.on_conflict_do_nothing())
