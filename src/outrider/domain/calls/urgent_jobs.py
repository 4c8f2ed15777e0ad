"""Has a user called for mail that can't wait, and not any more once they say that it can."""

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncSession

from outrider.core.db import Scope
from outrider.core.events import during, on
from outrider.domain.calls import queries, scheduling, wording
from outrider.domain.calls.models import Priority
from outrider.domain.urgency import queries as urgency
from outrider.domain.urgency.events import JudgementCorrected, MessageJudgedUrgent
from outrider.runtime import Runtime

NOT_URGENT = "You said that it is not urgent."


@on(MessageJudgedUrgent, "calls.ring_for_mail")
async def on_urgent(app: Runtime, fact: MessageJudgedUrgent) -> None:
    """Of one mail they are called once, however often this runs."""
    async with app.db.begin(Scope(fact.workspace_id, fact.user_id, actor="calls")) as db:
        told = (await urgency.of_messages(db, fact.workspace_id, fact.user_id, [fact.message_id])).get(fact.message_id)
        if told is None or (told.correction is not None and not told.correction.is_urgent):
            return  # it was erased, or the user was faster
        await scheduling.schedule_urgent(
            db, fact.workspace_id, fact.user_id,
            content=wording.mail(told.from_name or told.from_address, told.subject, told.judgement.sentence),
            priority=Priority.HIGH if fact.is_pressing else Priority.MEDIUM,
            at=await app.clock.due_now(db), origin=origin_of(fact), message_id=fact.message_id,
        )  # fmt: skip


@during(JudgementCorrected)
async def on_corrected(db: AsyncSession, facts: Sequence[JudgementCorrected]) -> None:
    """Calls for what is not urgent are not placed any more."""
    for fact in facts:
        if not fact.is_urgent:
            call = await queries.waiting_for(db, fact.workspace_id, fact.user_id, origin_of(fact))
            if call is not None:
                call.fail(NOT_URGENT)


def origin_of(fact: MessageJudgedUrgent | JudgementCorrected) -> str:
    return f"message:{fact.message_id}"
