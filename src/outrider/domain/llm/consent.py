"""The workspace's word on whether mail content may go to a language model. Without it nothing does."""

from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from outrider.core.clock import now
from outrider.core.errors import Conflict
from outrider.core.ids import new_id
from outrider.domain.llm.models import ModelConsent
from outrider.providers.llm.interface import LanguageModel


class NoLanguageModel(Conflict):
    code = "no_language_model"


def wording(host: str) -> str:
    return (
        f"We agree that the content of our mail is sent to the language model at {host}, to word calls and to draft"
        " answers. Whoever runs it reads what it is sent; nothing is sent to train it."
    )


async def find(db: AsyncSession, workspace_id: UUID) -> ModelConsent | None:
    """Returns the consent that stands."""
    query = select(ModelConsent).where(ModelConsent.workspace_id == workspace_id, ModelConsent.withdrawn_at.is_(None))
    found: ModelConsent | None = await db.scalar(query)
    return found


async def stands(db: AsyncSession, workspace_id: UUID, model: LanguageModel) -> bool:
    """Whether content may go to where this model is."""
    found = await find(db, workspace_id)
    return found is not None and found.host == model.host


async def give(db: AsyncSession, workspace_id: UUID, user_id: UUID, model: LanguageModel | None) -> ModelConsent:
    """Raises NoLanguageModel where there is none: nobody can agree to an unknown place."""
    if model is None:
        raise NoLanguageModel("No language model is set up on this server, so there is nothing to agree to.")
    current = await find(db, workspace_id)
    if current is not None and current.host != model.host:
        await withdraw(db, workspace_id, user_id)
    made = insert(ModelConsent).values(
        workspace_id=workspace_id, id=new_id(), user_id=user_id, wording=wording(model.host), host=model.host
    )
    await db.execute(made.on_conflict_do_nothing())
    found = await find(db, workspace_id)
    assert found is not None  # noqa: S101  # it stood before, or was written
    return found


async def withdraw(db: AsyncSession, workspace_id: UUID, user_id: UUID) -> None:
    await db.execute(
        update(ModelConsent)
        .where(ModelConsent.workspace_id == workspace_id, ModelConsent.withdrawn_at.is_(None))
        .values(withdrawn_at=now(), withdrawn_by=user_id)
        .execution_options(synchronize_session=False)
    )
