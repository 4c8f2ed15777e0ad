"""Whether mail content may go to a language model, and what has gone. Beside the contract."""

from datetime import timedelta
from uuid import UUID

from pydantic import Field

from outrider.api.bodies import Flag
from outrider.api.concierge.contract import contract
from outrider.api.deps import App, Caller, Db
from outrider.api.enveloped import In, Out
from outrider.api.moments import Moment
from outrider.core.clock import now
from outrider.domain.accounts.permissions import Permission
from outrider.domain.llm import consent, queries
from outrider.domain.llm.consent import NoLanguageModel
from outrider.domain.llm.models import Purpose
from outrider.runtime import Runtime

router = contract.router("/language-model", tag="language model")

COUNTED = timedelta(days=30)
NONE = NoLanguageModel("No language model is set up on this server, so there is nothing to agree to.")


class UsedOut(Out):
    """What one purpose took in the last 30 days. `cost_usd` is of the questions whose price is known."""

    purpose: Purpose
    questions: int
    failures: int
    characters: int = Field(description="Of mail content that left.")
    input_tokens: int
    output_tokens: int
    cost_usd: float


class ModelOut(Out):
    """`consents` is the workspace's: without it nothing leaves. It holds for `host` alone."""

    consents: bool
    consent_wording: str | None
    consented_by: UUID | None
    consented_at: Moment | None
    is_set_up: bool
    model: str | None
    host: str | None
    used: list[UsedOut]


class ModelHeld(Out):
    language_model: ModelOut


class ModelEdit(In):
    consents: Flag = Field(description="The workspace agrees to `consent_wording`; false withdraws it.")


@router.get("", needs=Permission.WORKSPACE_READ, model=ModelHeld)
async def get_language_model(app: App, db: Db, actor: Caller) -> ModelHeld:
    """Returns which language model there is, whether the workspace agrees to it, and what it was asked."""
    return await _held(app, db, actor.workspace_id)


@router.put("", needs=Permission.WORKSPACE_WRITE, model=ModelHeld, errors=[NONE])
async def edit_language_model(app: App, db: Db, actor: Caller, body: ModelEdit) -> ModelHeld:
    """Gives or withdraws the workspace's consent; only its owner can. Every consent is kept with its wording."""
    if body.consents:
        await consent.give(db, actor.workspace_id, actor.user_id, app.language_model)
    else:
        await consent.withdraw(db, actor.workspace_id, actor.user_id)
    return await _held(app, db, actor.workspace_id)


async def _held(app: Runtime, db: Db, workspace_id: UUID) -> ModelHeld:
    model = app.language_model
    given = await consent.find(db, workspace_id)
    stands = given is not None and model is not None and given.host == model.host
    used = await queries.used(db, workspace_id, now() - COUNTED)
    return ModelHeld(
        language_model=ModelOut(
            consents=stands,
            consent_wording=consent.wording(model.host) if model else None,
            consented_by=given.user_id if given and stands else None,
            consented_at=given.given_at if given and stands else None,
            is_set_up=model is not None,
            model=model.name if model else None,
            host=model.host if model else None,
            used=[
                UsedOut(
                    purpose=each.purpose,
                    questions=each.questions,
                    failures=each.failures,
                    characters=each.characters,
                    input_tokens=each.input_tokens,
                    output_tokens=each.output_tokens,
                    cost_usd=each.cost_micros / 1_000_000,
                )
                for each in used
            ],
        )
    )
