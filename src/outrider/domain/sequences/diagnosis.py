"""Why a whole sequence is not sending, in the words the field uses for campaigns."""

from collections.abc import Sequence as Many
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from outrider.domain.sending import diagnosis
from outrider.domain.sending.models import Waiting
from outrider.domain.sequences import schedules
from outrider.domain.sequences.models import OPEN, Enrollment, Sequence, SequenceStatus


@dataclass(frozen=True, slots=True)
class Group:
    """How many of a sequence's follow-ups wait for the same thing, and when the first of them is tried next."""

    reason: Waiting
    code: str
    message: str
    count: int
    until: datetime | None


@dataclass(frozen=True, slots=True)
class SequenceDiagnosis:
    """`code` is `healthy` while something may leave; else what ends soonest, or what the sequence itself lacks."""

    code: str
    message: str
    until: datetime | None
    waiting: Many[Group]


OWN = {
    SequenceStatus.DRAFT: ("campaign_draft", "The sequence is a draft. Set its status to active."),
    SequenceStatus.ARCHIVED: ("campaign_paused", "The sequence is archived: nobody new can be enrolled."),
}
# Nothing but a person's act ends these.
NEEDS_A_PERSON = {Waiting.PAUSED: "campaign_paused", Waiting.MAILBOX_DISCONNECTED: "all_accounts_unhealthy"}


async def of_sequence(db: AsyncSession, workspace_id: UUID, user_id: UUID, sequence: Sequence) -> SequenceDiagnosis:
    groups = [
        Group(reason, *diagnosis.CODES[reason], count=count, until=until)
        for reason, count, until in await schedules.waiting_in(db, workspace_id, user_id, sequence.id)
    ]
    if groups:
        return _of_groups(groups)
    if sequence.status in OWN:
        return SequenceDiagnosis(*OWN[sequence.status], until=None, waiting=[])
    enrolled, still_open = await _enrolled(db, workspace_id, sequence.id)
    if not enrolled:
        return SequenceDiagnosis("waiting_for_leads", "Nobody has been enrolled yet.", None, [])
    if not still_open:
        return SequenceDiagnosis("campaign_completed", "Every enrollment has ended.", None, [])
    return SequenceDiagnosis("healthy", "What is due is being sent.", None, [])


def _of_groups(groups: Many[Group]) -> SequenceDiagnosis:
    going = next((each for each in groups if each.reason is Waiting.QUEUED), None)
    if going is not None:
        return SequenceDiagnosis(going.code, going.message, going.until, groups)
    timed = [(each.until, each) for each in groups if each.until is not None]
    if timed:
        _, first = min(timed, key=lambda pair: pair[0])
        return SequenceDiagnosis(first.code, first.message, first.until, groups)
    most = max(groups, key=lambda each: each.count)
    return SequenceDiagnosis(NEEDS_A_PERSON.get(most.reason, most.code), most.message, None, groups)


async def _enrolled(db: AsyncSession, workspace_id: UUID, sequence_id: UUID) -> tuple[int, int]:
    row = await db.execute(
        select(func.count(), func.count().filter(Enrollment.status.in_(OPEN))).where(
            Enrollment.workspace_id == workspace_id,
            Enrollment.sequence_id == sequence_id,
            Enrollment.deleted_at.is_(None),
        )
    )
    every, still_open = row.one()
    return every, still_open
