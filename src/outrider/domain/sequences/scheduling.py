"""From a due enrolment to a row in the outbox. Any number of schedulers may run: each step becomes one row."""

from collections.abc import Sequence as Many
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import selectinload

from outrider.core.errors import Invalid
from outrider.core.events import emit
from outrider.core.ids import new_id
from outrider.domain.mailboxes.models import Direction, Mailbox, Message
from outrider.domain.sending import actions as sending
from outrider.domain.sending.actions import Intent
from outrider.domain.sequences import rules
from outrider.domain.sequences.events import EnrollmentEnded
from outrider.domain.sequences.models import Enrollment, EnrollmentStatus, Sequence, SequenceStep
from outrider.domain.templates.rendering import render

ORIGIN = "sequence"
BATCH = 200
MOST_CHAIN = 5000


@dataclass(frozen=True, slots=True)
class Due:
    """An enrolment whose next step has come, with what its mail is made of."""

    enrollment: Enrollment
    sequence: Sequence
    mailbox: Mailbox
    original: Message
    chain: Many[str]


async def schedule_due(db: AsyncSession, workspace_id: UUID, *, now: datetime, at_most: int = BATCH) -> int:
    """Moves due steps into the outbox; returns how many rows it wrote. Enrolments another scheduler has are skipped."""
    due = await _load(
        db,
        select(Enrollment)
        .where(
            Enrollment.workspace_id == workspace_id,
            Enrollment.status == EnrollmentStatus.ACTIVE,
            Enrollment.next_step_at <= now,
        )
        .order_by(Enrollment.next_step_at, Enrollment.id)
        .limit(at_most)
        .with_for_update(skip_locked=True),
    )
    return await _write(db, due, now=now)


async def schedule_now(db: AsyncSession, enrollment: Enrollment, *, now: datetime) -> int:
    """Moves one enrolment's next step into the outbox at once, whatever its delay and window."""
    due = await _load(
        db,
        select(Enrollment).where(Enrollment.workspace_id == enrollment.workspace_id, Enrollment.id == enrollment.id),
    )
    return await _write(db, due, now=now, is_manual=True)


async def _load(db: AsyncSession, query: Select[Enrollment]) -> list[Due]:
    """Five queries, however many enrolments."""
    enrollments = list(await db.scalars(query))
    if not enrollments:
        return []
    workspace_id = enrollments[0].workspace_id
    sequences = await db.scalars(
        select(Sequence)
        .options(selectinload(Sequence.steps))
        .where(Sequence.workspace_id == workspace_id, Sequence.id.in_({each.sequence_id for each in enrollments}))
    )
    mailboxes = await db.scalars(
        select(Mailbox).where(
            Mailbox.workspace_id == workspace_id, Mailbox.id.in_({each.mailbox_id for each in enrollments})
        )
    )
    originals = await db.scalars(
        select(Message).where(
            Message.workspace_id == workspace_id, Message.id.in_({each.email_id for each in enrollments})
        )
    )
    chains: dict[UUID, list[str]] = {}
    rows = await db.execute(
        select(Message.thread_id, Message.message_id)
        .where(
            Message.workspace_id == workspace_id,
            Message.thread_id.in_({each.thread_id for each in enrollments}),
            Message.message_id.is_not(None),
            Message.direction != Direction.DRAFT,  # nobody can refer to what never left
        )
        .order_by(Message.sent_at.desc())
        .limit(MOST_CHAIN)
    )
    for row in rows:
        chains.setdefault(row.thread_id, []).insert(0, row.message_id)
    by_sequence = {each.id: each for each in sequences}
    by_mailbox = {each.id: each for each in mailboxes}
    by_email = {each.id: each for each in originals}
    return [
        Due(
            each,
            by_sequence[each.sequence_id],
            by_mailbox[each.mailbox_id],
            by_email[each.email_id],
            chains.get(each.thread_id, ()),
        )
        for each in enrollments
    ]


async def _write(db: AsyncSession, due: Many[Due], *, now: datetime, is_manual: bool = False) -> int:
    intents = []
    for each in due:
        step = next((one for one in each.sequence.steps if one.position > each.enrollment.current_step), None)
        if step is None:
            await complete(db, [each.enrollment])
            continue
        try:
            intents.append(_intent(each, step, now=now, is_manual=is_manual))
        except Invalid as error:
            # The mail would have a hole or can't be rendered: it waits for its owner and says why.
            each.enrollment.hold_reason, each.enrollment.next_step_at = error.message, None
            each.enrollment.status, each.enrollment.stop_reason = EnrollmentStatus.PAUSED, error.message
            continue
        each.enrollment.next_step_at, each.enrollment.hold_reason = None, None
    await db.flush()
    return len(await sending.queue(db, intents))


def _intent(due: Due, step: SequenceStep, *, now: datetime, is_manual: bool) -> Intent:
    enrollment, original = due.enrollment, due.original
    data = rules.merge_data(
        enrollment,
        rules.Original(original.subject, original.snippet, original.sent_at, due.mailbox.address, due.mailbox.name),
        step=step.position,
    )
    subject = render(step.subject, data).strip() if step.subject.strip() else _reply_subject(original.subject)
    return Intent(
        id=enrollment.next_send_id or new_id(),
        workspace_id=enrollment.workspace_id,
        user_id=enrollment.user_id,
        mailbox_id=enrollment.mailbox_id,
        thread_id=enrollment.thread_id,
        origin=ORIGIN,
        origin_id=enrollment.id,
        step=step.position,
        sender=due.mailbox.address,
        sender_name=due.mailbox.name,
        recipient=enrollment.recipient,
        recipient_name=enrollment.recipient_name,
        subject=subject,
        body=render(step.body, data),
        in_reply_to=due.chain[-1] if due.chain else original.message_id,
        references=due.chain,
        answered_after=original.sent_at if due.sequence.stop_on_reply else None,
        due_at=now,
        window=None if is_manual else rules.window_of(due.sequence, step),
        timezone=enrollment.timezone,
        priority=100 if is_manual else 0,
    )


def _reply_subject(subject: str) -> str:
    return subject if subject.lower().startswith("re:") else f"Re: {subject}"


async def complete(db: AsyncSession, enrollments: Many[Enrollment]) -> None:
    for enrollment in enrollments:
        enrollment.end(EnrollmentStatus.COMPLETED, "Every step was sent.")
    await db.flush()
    await emit(db, *(_completed(each) for each in enrollments))


def _completed(enrollment: Enrollment) -> EnrollmentEnded:
    return EnrollmentEnded(
        workspace_id=enrollment.workspace_id,
        enrollment_id=enrollment.id,
        sequence_id=enrollment.sequence_id,
        status=enrollment.status.value,
        reason=enrollment.stop_reason or "",
        proof={},
    )
