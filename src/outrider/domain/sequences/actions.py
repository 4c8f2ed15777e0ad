"""Writes of sequences and enrolments by their owner."""

from collections.abc import Sequence as Many
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from outrider.core import windows
from outrider.core.clock import now
from outrider.core.crypto import Keyring
from outrider.core.errors import Conflict, Invalid
from outrider.core.events import emit
from outrider.core.ids import new_id
from outrider.core.jobs import enqueue
from outrider.domain.accounts.actions import check_timezone, normalise_email
from outrider.domain.accounts.permissions import Actor
from outrider.domain.mailboxes import queries as mailboxes
from outrider.domain.mailboxes.models import Mailbox, Message
from outrider.domain.sending import actions as sending
from outrider.domain.sending import queries as sends
from outrider.domain.sequences import queries, rules, scheduling
from outrider.domain.sequences.events import Enrolled, EnrollmentEnded
from outrider.domain.sequences.models import (
    Enrollment,
    EnrollmentClosed,
    EnrollmentStatus,
    Sequence,
    SequenceStatus,
    SequenceStep,
)
from outrider.domain.suppressions import actions as suppressions
from outrider.domain.templates import rendering

MOST_STEPS = 50


class SequenceInUse(Conflict):
    code = "sequence_in_use"


class SequenceNotActive(Conflict):
    code = "sequence_not_active"


class AlreadyEnrolled(Conflict):
    code = "already_enrolled"


class AlreadyAnswered(Conflict):
    code = "already_answered"


class NotARecipient(Conflict):
    code = "not_a_recipient"


class AlreadySent(Conflict):
    code = "already_sent"


class NothingToSend(Conflict):
    code = "nothing_to_send"


@dataclass(frozen=True, slots=True)
class StepDraft:
    """A step as its owner wrote it; `id` keeps an existing one's identity."""

    delay_days: int
    delay_hours: int
    subject: str
    body: str
    send_window: dict[str, Any] | None
    id: UUID | None = None


@dataclass(frozen=True, slots=True)
class SequenceDraft:
    name: str
    description: str
    steps: Many[StepDraft]
    stop_on_reply: bool
    timezone: str
    send_window: dict[str, Any] | None
    status: SequenceStatus


async def create(db: AsyncSession, draft: SequenceDraft, *, by: Actor) -> Sequence:
    _check(draft)
    sequence = Sequence(workspace_id=by.workspace_id, id=new_id(), user_id=by.user_id, name=draft.name, steps=[])
    _fill(sequence, draft, {})
    db.add(sequence)
    await db.flush()
    return sequence


async def replace(db: AsyncSession, sequence: Sequence, draft: SequenceDraft) -> Sequence:
    """Replaces a sequence whole. What is in the outbox already leaves as it was written."""
    _check(draft)
    _fill(sequence, draft, {step.id: step for step in sequence.steps})
    sequence.updated_at = now()
    await db.flush()
    return sequence


async def delete(db: AsyncSession, sequence: Sequence) -> None:
    """Deletes a sequence that nobody is walking through; its finished enrolments stay readable."""
    if count := await queries.count_open(db, sequence.workspace_id, sequence.id):
        raise SequenceInUse(
            f"{count} enrollments still use this sequence. Delete them first, or archive the sequence.", open=count
        )
    sequence.deleted_at = now()
    await db.flush()


async def enroll(
    db: AsyncSession,
    email: Message,
    sequence: Sequence,
    *,
    by: Actor,
    keyring: Keyring,
    due_now: datetime,
    start_at: datetime | None = None,
    timezone: str | None = None,
    variables: dict[str, Any] | None = None,
    recipient: str | None = None,
) -> Enrollment:
    """Enrols a sent mail's thread: its recipient is followed up until they answer."""
    if sequence.status != SequenceStatus.ACTIVE:
        raise SequenceNotActive(f"The sequence is {sequence.status}. Set its status to active first.")
    if sequence.stop_on_reply and await mailboxes.first_human_after(
        db, by.workspace_id, email.thread_id, email.sent_at
    ):
        raise AlreadyAnswered("This email has been answered, so there is nothing to follow up.", emailId=str(email.id))
    zone = timezone or sequence.timezone
    check_timezone(zone)
    address, name = _recipient(email, recipient)
    await suppressions.require_reachable(db, keyring, by.workspace_id, address, origin=scheduling.ORIGIN)
    enrollment = Enrollment(
        workspace_id=by.workspace_id,
        id=new_id(),
        user_id=by.user_id,
        sequence_id=sequence.id,
        mailbox_id=email.mailbox_id,
        email_id=email.id,
        thread_id=email.thread_id,
        recipient=address,
        recipient_name=name,
        current_step=0,
        total_steps=len(sequence.steps),
        timezone=zone,
        variables=variables or {},
    )
    plan_next(enrollment, sequence, last=max(start_at or due_now, due_now))
    try:
        async with db.begin_nested():
            db.add(enrollment)
    except IntegrityError as error:
        if "uq_enrollments_open_thread" not in str(error.orig):
            raise
        other = await queries.open_of_thread(db, by.workspace_id, email.thread_id)
        raise AlreadyEnrolled(
            "This thread is being followed up already.", enrollmentId=str(other.id) if other else None
        ) from None
    await emit(db, Enrolled(workspace_id=by.workspace_id, enrollment_id=enrollment.id, sequence_id=sequence.id))
    return enrollment


async def change(
    db: AsyncSession,
    enrollment: Enrollment,
    *,
    next_at: datetime | None,
    variables: dict[str, Any] | None,
    sequence: Sequence | None,
    due_now: datetime,
) -> Enrollment:
    """Changes an open enrolment. Another sequence is possible only before its first follow-up has left."""
    if not enrollment.is_open:
        raise EnrollmentClosed(f"This enrollment has ended ({enrollment.status}).", status=enrollment.status)
    if sequence is not None and sequence.id != enrollment.sequence_id:
        if enrollment.current_step or await sends.latest_of(db, enrollment.workspace_id, enrollment.id):
            raise AlreadySent("A follow-up has left already; the sequence can't be exchanged any more.")
        enrollment.sequence_id, enrollment.total_steps = sequence.id, len(sequence.steps)
        plan_next(enrollment, sequence, last=due_now)
    if variables is not None:
        enrollment.variables = variables
    if next_at is not None:
        waiting = await sends.unfinished_of(db, enrollment.workspace_id, [enrollment.id])
        if waiting:
            raise AlreadySent("The next follow-up is in the outbox already. Pause it, or let it leave.")
        enrollment.next_step_at, enrollment.waiting_for = max(next_at, due_now), "delay"
    enrollment.updated_at = now()
    await db.flush()
    return enrollment


async def pause(db: AsyncSession, enrollment: Enrollment) -> Enrollment:
    enrollment.pause()
    await sending.pause_many(db, enrollment.workspace_id, [enrollment.id])
    await db.flush()
    return enrollment


async def pause_all(db: AsyncSession, mailbox: Mailbox, *, reason: str) -> int:
    """Pauses every enrolment that sends from a mailbox; returns how many."""
    paused = await db.scalars(
        update(Enrollment)
        .where(
            Enrollment.workspace_id == mailbox.workspace_id,
            Enrollment.mailbox_id == mailbox.id,
            Enrollment.status == EnrollmentStatus.ACTIVE,
        )
        .values(status=EnrollmentStatus.PAUSED, stop_reason=reason, updated_at=now())
        .returning(Enrollment.id)
        .execution_options(synchronize_session=False)
    )
    ids = list(paused)
    await sending.pause_many(db, mailbox.workspace_id, ids)
    return len(ids)


async def resume(db: AsyncSession, enrollment: Enrollment, *, due_now: datetime) -> Enrollment:
    """Goes on where it stopped; a step that came due meanwhile leaves next, inside its window."""
    enrollment.resume()
    await sending.resume(db, enrollment.workspace_id, enrollment.id)
    waiting = await sends.unfinished_of(db, enrollment.workspace_id, [enrollment.id])
    if not waiting and enrollment.next_step_at is None:
        enrollment.next_step_at, enrollment.waiting_for = due_now, "delay"
    await db.flush()
    return enrollment


async def remove(db: AsyncSession, enrollment: Enrollment) -> None:
    """Deletes an enrolment; what it has in the outbox is taken back."""
    await end(db, enrollment, EnrollmentStatus.CANCELLED, "Deleted by its owner.")
    enrollment.deleted_at = now()
    await db.flush()


async def trigger(db: AsyncSession, enrollment: Enrollment, *, due_now: datetime) -> None:
    """Sends the next follow-up now: ahead of others, whatever its delay and window say."""
    if enrollment.status == EnrollmentStatus.PAUSED:
        enrollment.resume()
    if not enrollment.is_open:
        raise EnrollmentClosed(f"This enrollment has ended ({enrollment.status}).", status=enrollment.status)
    if not await sending.hasten(db, enrollment.workspace_id, enrollment.id, now=due_now):
        if await sends.unfinished_of(db, enrollment.workspace_id, [enrollment.id]):
            raise NothingToSend("The follow-up is being sent right now.")
        if not await scheduling.schedule_now(db, enrollment, now=due_now):
            raise NothingToSend(enrollment.hold_reason or "Every step of this enrollment has been sent.")
    await enqueue(
        db,
        "sending.pump_mailbox",
        dedupe=str(enrollment.mailbox_id),
        workspace_id=enrollment.workspace_id,
        mailbox_id=enrollment.mailbox_id,
    )


async def end(
    db: AsyncSession,
    enrollment: Enrollment,
    status: EnrollmentStatus,
    reason: str,
    *,
    proof: dict[str, Any] | None = None,
) -> None:
    """Ends an open enrolment and takes back what it has in the outbox."""
    if not enrollment.is_open:
        return
    enrollment.end(status, reason)
    enrollment.stop_proof = proof
    await sending.cancel(db, enrollment.workspace_id, enrollment.id, reason=reason)
    await emit(
        db,
        EnrollmentEnded(
            workspace_id=enrollment.workspace_id,
            enrollment_id=enrollment.id,
            sequence_id=enrollment.sequence_id,
            status=status.value,
            reason=reason,
            proof=proof or {},
        ),
    )
    await db.flush()


def plan_next(enrollment: Enrollment, sequence: Sequence, *, last: datetime) -> bool:
    """Sets when the next step is due; False if there is none."""
    step = next((each for each in sequence.steps if each.position > enrollment.current_step), None)
    if step is None:
        enrollment.next_step_at = None
        return False
    plan = rules.plan(
        step,
        last=last,
        window=rules.window_of(sequence, step),
        zone=enrollment.timezone,
        not_before=enrollment.not_before,
    )
    enrollment.next_step_at, enrollment.waiting_for = plan.at, plan.waiting_for
    enrollment.next_send_id = enrollment.next_send_id or new_id()
    return True


def _recipient(email: Message, chosen: str | None) -> tuple[str, str]:
    people = {person["address"]: person["name"] for person in [*email.to, *email.cc]}
    if chosen is not None:
        address = normalise_email(chosen)
        if address not in people:
            raise NotARecipient("This email was not sent to that address.", field="recipientEmail")
        return address, people[address]
    if not email.to:
        raise Invalid("This email has no recipient to follow up.", field="emailId")
    return email.to[0]["address"], email.to[0]["name"]


def _check(draft: SequenceDraft) -> None:
    check_timezone(draft.timezone)
    if draft.status == SequenceStatus.ACTIVE and not draft.steps:
        raise Invalid("An active sequence needs at least one step.", field="steps")
    if len(draft.steps) > MOST_STEPS:
        raise Invalid(f"A sequence has at most {MOST_STEPS} steps.", field="steps")
    if draft.send_window is not None:
        windows.parse(draft.send_window)
    for number, step in enumerate(draft.steps):
        if step.send_window is not None:
            windows.parse(step.send_window)
        rendering.check(step.body, field=f"steps.{number}.body")
        rendering.check(step.subject, field=f"steps.{number}.subject")


def _fill(sequence: Sequence, draft: SequenceDraft, known: dict[UUID, SequenceStep]) -> None:
    sequence.name, sequence.description, sequence.status = draft.name, draft.description, draft.status
    sequence.stop_on_reply, sequence.timezone, sequence.send_window = (
        draft.stop_on_reply,
        draft.timezone,
        draft.send_window,
    )
    steps = []
    for position, each in enumerate(draft.steps, start=1):
        step = known.pop(each.id, None) if each.id else None
        if step is None:
            step = SequenceStep(workspace_id=sequence.workspace_id, id=new_id(), sequence_id=sequence.id)
        step.position, step.body, step.subject = position, each.body, each.subject
        step.delay_days, step.delay_hours, step.send_window = each.delay_days, each.delay_hours, each.send_window
        steps.append(step)
    sequence.steps = steps
