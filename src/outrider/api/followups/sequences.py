"""Sequences of follow-ups."""

from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import Depends
from pydantic import ConfigDict, Field, JsonValue

from outrider.api.bodies import WHOLE, Flag, Timezone
from outrider.api.contract import CONFLICT
from outrider.api.deps import Caller, Db
from outrider.api.followups.contract import In, contract, paging
from outrider.api.followups.shapes import SequenceOut
from outrider.core.pages import Page, PageRequest
from outrider.domain.accounts.permissions import Permission
from outrider.domain.sequences import actions, diagnosis, queries
from outrider.domain.sequences.actions import SequenceDraft, SequenceInUse, StepDraft
from outrider.domain.sequences.models import SequenceStatus
from outrider.domain.sequences.queries import SequenceNotFound
from outrider.domain.templates.rendering import TemplateInvalid

router = contract.router("/sequences", tag="sequences")

NOT_FOUND = SequenceNotFound("There is no such sequence.")
IN_USE = SequenceInUse("3 enrollments still use this sequence. Delete them first, or archive the sequence.", open=3)
TEMPLATE = TemplateInvalid(
    "The template names recipient.fistName, which does not exist: did you mean recipient.firstName? (line 1, column 7)",
    field="steps.0.body",
    line=1,
    column=7,
)
Clock = Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$|^24:00$")]


class WindowIn(In):
    days: Annotated[
        list[Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]], Field(min_length=1, max_length=7)
    ] = Field(default=["mon", "tue", "wed", "thu", "fri"])
    start: Clock = "09:00"
    end: Clock = "17:00"


class StepIn(In):
    """`subject` empty answers in the thread; both texts are Liquid over recipient, sender, email, step, variables."""

    id: UUID | None = None
    order: Annotated[int, Field(ge=0, le=1000, strict=True), WHOLE] | None = None
    delay_days: Annotated[int, Field(ge=0, le=365, strict=True), WHOLE] = 0
    delay_hours: Annotated[int, Field(ge=0, le=8760, strict=True), WHOLE] = 0
    subject: Annotated[str, Field(max_length=998, json_schema_extra={"format": "liquid"})] = ""
    body: Annotated[str, Field(min_length=1, max_length=50_000, json_schema_extra={"format": "liquid"})]
    send_window: WindowIn | None = None


AN_ACTIVE_ONE_HAS_STEPS: dict[str, JsonValue] = {
    "if": {"properties": {"status": {"enum": ["draft", "archived"]}}, "required": ["status"]},
    "else": {"properties": {"steps": {"minItems": 1}}, "required": ["steps"]},
}


class SequenceIn(In):
    """An active sequence has at least one step; a draft may still be empty."""

    model_config = ConfigDict(json_schema_extra=AN_ACTIVE_ONE_HAS_STEPS)

    name: Annotated[str, Field(min_length=1, max_length=200)]
    description: Annotated[str, Field(max_length=2000)] = ""
    steps: Annotated[list[StepIn], Field(max_length=actions.MOST_STEPS)] = Field(default=[])
    stop_on_reply: Flag = True
    timezone: Timezone = "UTC"
    send_window: WindowIn | None = None
    status: Literal["draft", "active", "archived"] = "active"

    def draft(self) -> SequenceDraft:
        numbered = enumerate(self.steps, start=1)
        ordered = [step for _, step in sorted(numbered, key=lambda pair: (pair[1].order or pair[0], pair[0]))]
        return SequenceDraft(
            name=self.name,
            description=self.description,
            steps=[
                StepDraft(
                    delay_days=step.delay_days,
                    delay_hours=step.delay_hours,
                    subject=step.subject,
                    body=step.body,
                    send_window=_plain(step.send_window),
                    id=step.id,
                )
                for step in ordered
            ],
            stop_on_reply=self.stop_on_reply,
            timezone=self.timezone,
            send_window=_plain(self.send_window),
            status=SequenceStatus(self.status),
        )


@router.get("", needs=Permission.SEQUENCES_READ, model=Page[SequenceOut])
async def list_sequences(
    db: Db,
    actor: Caller,
    page: Annotated[PageRequest, Depends(paging)],
    status: Literal["draft", "active", "archived"] | None = None,
) -> Page[SequenceOut]:
    """Returns the caller's sequences, newest first."""
    found = await queries.search(db, actor.workspace_id, actor.user_id, page, status=status)
    return found.map(SequenceOut.of)


@router.post("", needs=Permission.SEQUENCES_WRITE, model=SequenceOut, status_code=201, errors=[TEMPLATE, CONFLICT])
async def create_sequence(db: Db, actor: Caller, body: SequenceIn) -> SequenceOut:
    """Creates a sequence. Templates are checked: an error says which line and column."""
    return SequenceOut.of(await actions.create(db, body.draft(), by=actor))


@router.get("/{sequenceId}", needs=Permission.SEQUENCES_READ, model=SequenceOut, errors=[NOT_FOUND])
async def get_sequence(db: Db, actor: Caller, sequenceId: UUID) -> SequenceOut:  # noqa: N803
    """Returns one sequence, with why it sends or does not."""
    sequence = await queries.get(db, actor.workspace_id, actor.user_id, sequenceId)
    found = await diagnosis.of_sequence(db, actor.workspace_id, actor.user_id, sequence)
    return SequenceOut.of(sequence, found)


@router.put("/{sequenceId}", needs=Permission.SEQUENCES_WRITE, model=SequenceOut, errors=[NOT_FOUND, TEMPLATE])
async def replace_sequence(db: Db, actor: Caller, sequenceId: UUID, body: SequenceIn) -> SequenceOut:  # noqa: N803
    """Replaces a sequence. A step sent with its `id` keeps it; what is in the outbox leaves as it was written."""
    sequence = await queries.get(db, actor.workspace_id, actor.user_id, sequenceId, lock=True)
    return SequenceOut.of(await actions.replace(db, sequence, body.draft()))


@router.delete("/{sequenceId}", needs=Permission.SEQUENCES_WRITE, model=None, errors=[NOT_FOUND, IN_USE])
async def delete_sequence(db: Db, actor: Caller, sequenceId: UUID) -> None:  # noqa: N803
    """Deletes a sequence that no open enrollment uses."""
    sequence = await queries.get(db, actor.workspace_id, actor.user_id, sequenceId, lock=True)
    await actions.delete(db, sequence)


def _plain(window: WindowIn | None) -> dict[str, Any] | None:
    return window.model_dump() if window else None
