"""How the caller's mail was judged, why, and their own word on it."""

from typing import Annotated
from uuid import UUID

from fastapi import Query
from pydantic import Field

from outrider.api.bodies import Flag
from outrider.api.concierge.contract import contract
from outrider.api.deps import Caller, Db
from outrider.api.enveloped import DEFAULT_LIMIT, LAST_PAGE, MOST, In, Out
from outrider.api.moments import Moment
from outrider.core.pages import PageRequest
from outrider.domain.accounts.permissions import Permission
from outrider.domain.urgency import actions, queries
from outrider.domain.urgency.models import Outcome
from outrider.domain.urgency.queries import JudgementNotFound, Told
from outrider.domain.urgency.topics import Topic

router = contract.router("/urgency", tag="urgency")

NOT_FOUND = JudgementNotFound("No judgement of such a mail is there.")


class ReasonOut(Out):
    """A sign that was found, what it counts for or against a call, and the words that show it."""

    sign: str
    points: float
    says: str
    words: str


class CorrectionOut(Out):
    urgent: bool
    topic: Topic | None


class JudgementOut(Out):
    """`urgent` is what the mail itself shows, `outcome` what becomes of it, and `decided_by` what made it so."""

    message_id: UUID
    from_name: str
    from_address: str
    subject: str
    topic: Topic
    urgent: bool
    outcome: Outcome
    decided_by: str
    sentence: str
    reasons: list[ReasonOut]
    received_at: Moment
    correction: CorrectionOut | None

    @classmethod
    def of(cls, told: Told) -> "JudgementOut":
        it, own = told.judgement, told.correction
        return cls(
            message_id=it.message_id,
            from_name=told.from_name,
            from_address=told.from_address,
            subject=told.subject,
            topic=it.topic,
            urgent=it.is_urgent,
            outcome=it.outcome,
            decided_by=it.decided_by,
            sentence=it.sentence,
            reasons=[ReasonOut.model_validate(each) for each in it.reasons],
            received_at=it.received_at,
            correction=CorrectionOut(urgent=own.is_urgent, topic=own.topic) if own else None,
        )


class JudgementsOut(Out):
    judgements: list[JudgementOut]
    total: int
    page: int
    limit: int
    pages: int


class CorrectionIn(In):
    """What the mail was in truth. Later mail like it is judged by that."""

    urgent: Flag = Field(description="Whether it deserved a call.")
    topic: Topic | None = Field(None, description="What it is about, where that was wrong.")


class CorrectedOut(Out):
    judgement: JudgementOut


@router.get("", needs=Permission.CALLS_READ, model=JudgementsOut)
async def list_judgements(
    db: Db,
    actor: Caller,
    urgent: Annotated[bool | None, Query(description="Only mail that was found urgent, or not.")] = None,
    page: Annotated[int, Query(ge=1, le=LAST_PAGE, description="Counts from 1.")] = 1,
    limit: Annotated[int, Query(ge=1, le=MOST, description="Judgements on a page.")] = DEFAULT_LIMIT,
) -> JudgementsOut:
    """Returns how the caller's mail was judged and why, the latest first."""
    found = await queries.search(db, actor.workspace_id, actor.user_id, PageRequest(page, limit), is_urgent=urgent)
    shown = [JudgementOut.of(each) for each in found.items]
    return JudgementsOut(judgements=shown, total=found.total, page=page, limit=limit, pages=found.pages)


@router.put("/{message_id}", needs=Permission.CALLS_WRITE, model=CorrectedOut, errors=[NOT_FOUND])
async def correct_judgement(db: Db, actor: Caller, message_id: UUID, body: CorrectionIn) -> CorrectedOut:
    """Takes the caller's word on a mail. A call for it that has not been placed is called off where it is not urgent."""
    own = (actor.workspace_id, actor.user_id, message_id)
    await actions.correct(db, *own, is_urgent=body.urgent, topic=body.topic)
    return CorrectedOut(judgement=JudgementOut.of(await queries.get(db, *own)))
