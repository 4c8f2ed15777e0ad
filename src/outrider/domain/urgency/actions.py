"""Writing judgements down, taking the user's word on them, and keeping what is learnt."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from outrider.core import jobs
from outrider.core.clock import now
from outrider.core.events import emit
from outrider.core.ids import new_id
from outrider.domain.preferences import actions as preferences
from outrider.domain.senders import queries as senders
from outrider.domain.senders.models import Category
from outrider.domain.urgency import learning, queries, rules
from outrider.domain.urgency.events import JudgementCorrected, MessageJudgedUrgent
from outrider.domain.urgency.judging import MOST_REASONS, Judgement, Reason
from outrider.domain.urgency.learning import Learnt
from outrider.domain.urgency.models import JudgementCorrection, MessageJudgement, Outcome, UrgencyModel
from outrider.domain.urgency.queries import Candidate
from outrider.domain.urgency.rules import Decision
from outrider.domain.urgency.topics import Topic

LEARN = "urgency.learn"
TOO_LATE = "it came in too long ago to ring"


async def record(
    db: AsyncSession,
    workspace_id: UUID,
    user_id: UUID,
    judged: Sequence[tuple[Candidate, Judgement]],
    at: datetime,
) -> int:
    """Writes judgements down, each once, with what becomes of the mail; tells of those that deserve a call. Returns how
    many these are.
    """
    if not judged:
        return 0
    wanted = await preferences.of_user(db, workspace_id, user_id)
    learnt = await queries.learnt(db, workspace_id, user_id)
    emails = {candidate.mail.from_address.lower() for candidate, _ in judged}
    categories = await senders.categories_of(db, workspace_id, user_id, emails)
    facts: dict[UUID, MessageJudgedUrgent] = {}
    rows = []
    for candidate, found in judged:
        own = learning.apply(found, learnt)
        category = categories.get(candidate.mail.from_address.lower(), Category.UNASSIGNED)
        decision = rules.decide(own.topic, category, wanted, candidate.mail.kind, is_urgent=own.is_urgent)
        if decision.outcome is Outcome.CALL and not rules.may_ring(candidate.received_at, candidate.connected_at, at):
            decision = Decision(Outcome.DIGEST, TOO_LATE)
        if decision.outcome is Outcome.CALL:
            facts[candidate.message_id] = MessageJudgedUrgent(
                workspace_id=workspace_id, user_id=user_id, message_id=candidate.message_id, topic=own.topic,
                is_pressing=decision.is_pressing,
            )  # fmt: skip
        rows.append(
            {
                "workspace_id": workspace_id, "id": new_id(), "user_id": user_id, "message_id": candidate.message_id,
                "topic": own.topic, "is_urgent": own.is_urgent, "score": own.score, "outcome": decision.outcome,
                "decided_by": decision.by, "sentence": own.sentence,
                "reasons": [asdict(each) for each in _telling(own)], "received_at": candidate.received_at,
                "judged_at": now(),
            }
        )  # fmt: skip
    added = insert(MessageJudgement).on_conflict_do_nothing(index_elements=["workspace_id", "message_id"])
    written = set(await db.scalars(added.returning(MessageJudgement.message_id), rows))
    told = [fact for message_id, fact in facts.items() if message_id in written]
    await emit(db, *told)
    return len(told)


async def correct(
    db: AsyncSession, workspace_id: UUID, user_id: UUID, message_id: UUID, *, is_urgent: bool, topic: Topic | None
) -> None:
    """Takes the user's word on a mail; later mail like it is judged by that. Raises JudgementNotFound."""
    await queries.get(db, workspace_id, user_id, message_id)
    at = now()
    added = insert(JudgementCorrection).values(
        workspace_id=workspace_id, id=new_id(), user_id=user_id, message_id=message_id, is_urgent=is_urgent, topic=topic,
        created_at=at, updated_at=at,
    )  # fmt: skip
    await db.execute(
        added.on_conflict_do_update(
            index_elements=["workspace_id", "message_id"],
            set_={"is_urgent": is_urgent, "topic": topic, "updated_at": at},
        )
    )
    fact = JudgementCorrected(workspace_id=workspace_id, user_id=user_id, message_id=message_id, is_urgent=is_urgent)
    await emit(db, fact)
    await learn_again(db, workspace_id, user_id)


async def learn_again(db: AsyncSession, workspace_id: UUID, user_id: UUID) -> None:
    await jobs.enqueue(db, LEARN, dedupe=f"{workspace_id}:{user_id}", workspace_id=workspace_id, user_id=user_id)


async def keep(db: AsyncSession, workspace_id: UUID, user_id: UUID, learnt: Learnt, *, examples: int) -> None:
    values = {"learnt": queries.LEARNT.dump_python(learnt, mode="json"), "examples": examples, "trained_at": now()}
    made = insert(UrgencyModel).values(workspace_id=workspace_id, id=new_id(), user_id=user_id, **values)
    await db.execute(made.on_conflict_do_update(index_elements=["workspace_id", "user_id"], set_=values))


def _telling(judgement: Judgement) -> list[Reason]:
    """The strongest reasons, and what was learnt whatever its strength."""
    own = [each for each in judgement.reasons if each.sign == "learnt"]
    return [*[each for each in judgement.reasons if each.sign != "learnt"][:MOST_REASONS], *own]
