"""What moves enrolments: their time comes, their mail leaves or fails, somebody answers."""

from collections.abc import Sequence
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncSession

from outrider.core import jobs, windows
from outrider.core.db import Scope
from outrider.core.events import during, emit, on
from outrider.domain.accounts.events import AccountDeleted
from outrider.domain.mailboxes import queries as mailboxes
from outrider.domain.mailboxes.events import MessageReceived
from outrider.domain.mailboxes.verdict import Kind
from outrider.domain.sending import actions as sending
from outrider.domain.sending import queries as sends
from outrider.domain.sending.events import SendRefused, SendUnconfirmed, Sent
from outrider.domain.sequences import actions, queries, scheduling
from outrider.domain.sequences.events import Replied
from outrider.domain.sequences.models import Enrollment, EnrollmentStatus
from outrider.domain.sequences.scheduling import ORIGIN
from outrider.domain.suppressions.events import Suppressed
from outrider.domain.suppressions.models import Reason
from outrider.runtime import Runtime

COMPLAINED = "The recipient reported a mail of this thread as unwanted."
UNSUBSCRIBED = "The recipient asked for no more mail."
AT_ONCE = 200
ENDS_AS = {
    Reason.UNSUBSCRIBE: EnrollmentStatus.UNSUBSCRIBED,
    Reason.COMPLAINT: EnrollmentStatus.UNSUBSCRIBED,
    Reason.BOUNCE: EnrollmentStatus.BOUNCED,
    Reason.GONE: EnrollmentStatus.BOUNCED,
    Reason.MANUAL: EnrollmentStatus.CANCELLED,
    Reason.ERASED: EnrollmentStatus.CANCELLED,
}


@jobs.periodic("sequences.schedule_due", every=1.0)
async def schedule_due(app: Runtime) -> None:
    """Puts every due step into the outbox, a batch a workspace and round."""
    async with app.db.begin() as db:
        due_now = await app.clock.due_now(db)
        workspaces = await queries.workspaces_with_due_steps(db, due_now)
    for workspace_id in workspaces:
        async with app.db.begin(Scope(workspace_id, actor="scheduler")) as db:
            await scheduling.schedule_due(db, workspace_id, now=due_now)


@during(AccountDeleted)
async def on_account_deleted(db: AsyncSession, facts: Sequence[AccountDeleted]) -> None:
    """Sends nothing more in their name."""
    for fact in facts:
        for mailbox in await mailboxes.ever_of_user(db, fact.workspace_id, fact.user_id):
            await actions.pause_all(db, mailbox, reason="The account was deleted.")


@during(Sent)
async def on_sent(db: AsyncSession, facts: Sequence[Sent]) -> None:
    """Counts the steps and plans the next ones, or completes the enrolments."""
    ours = {fact.origin_id: fact for fact in facts if fact.origin == ORIGIN}
    if not ours:
        return
    workspace_id = next(iter(ours.values())).workspace_id
    enrollments = await queries.lock_enrollments(db, workspace_id, list(ours))
    sequences = await queries.get_many(db, workspace_id, {each.sequence_id for each in enrollments})
    completed = []
    for enrollment in enrollments:
        fact = ours[enrollment.id]
        if enrollment.current_step >= fact.step:
            continue
        enrollment.current_step, enrollment.last_sent_at = fact.step, fact.at
        enrollment.next_send_id = None
        if not enrollment.is_open:
            continue
        sequence = sequences.get(enrollment.sequence_id)
        if sequence is None or not actions.plan_next(enrollment, sequence, last=fact.at):
            completed.append(enrollment)
    await scheduling.complete(db, completed)


@on(SendRefused, "sequences.on_refused")
async def on_refused(app: Runtime, event: SendRefused) -> None:
    if event.origin != ORIGIN:
        return
    async with app.db.begin(_scope(event.workspace_id)) as db:
        enrollment = await queries.lock_enrollment(db, event.workspace_id, event.origin_id)
        if enrollment is not None:
            status = EnrollmentStatus.BOUNCED if event.is_recipient else EnrollmentStatus.FAILED
            await actions.end(db, enrollment, status, event.reason, proof={"sendId": str(event.send_id)})


@on(SendUnconfirmed, "sequences.on_unconfirmed")
async def on_unconfirmed(app: Runtime, event: SendUnconfirmed) -> None:
    """Waits for its owner: going on could leave out a step, sending again could double it."""
    if event.origin != ORIGIN:
        return
    async with app.db.begin(_scope(event.workspace_id)) as db:
        enrollment = await queries.lock_enrollment(db, event.workspace_id, event.origin_id)
        if enrollment is not None and enrollment.status == EnrollmentStatus.ACTIVE:
            enrollment.pause()
            enrollment.stop_reason = event.reason


@on(MessageReceived, "sequences.on_message")
async def on_message(app: Runtime, event: MessageReceived) -> None:
    """Ends the thread's enrolments at a person's answer or a bounce; waits out an absence."""
    async with app.db.begin(_scope(event.workspace_id)) as db:
        for enrollment in await queries.in_thread(db, event.workspace_id, event.thread_id):
            if event.kind == Kind.HUMAN:
                await _answered(db, enrollment, event)
            elif event.kind == Kind.BOUNCE:
                await _bounced(db, enrollment, event)
            elif event.kind in {Kind.COMPLAINT, Kind.UNSUBSCRIBE}:
                proof = {"messageId": str(event.message_id), "evidence": event.evidence}
                why = COMPLAINED if event.kind == Kind.COMPLAINT else UNSUBSCRIBED
                await actions.end(db, enrollment, EnrollmentStatus.UNSUBSCRIBED, why, proof=proof)
            elif event.kind == Kind.OUT_OF_OFFICE:
                await _away(db, enrollment, event)


@on(Suppressed, "sequences.on_suppressed")
async def on_suppressed(app: Runtime, event: Suppressed) -> None:
    """Ends whatever is under way to whom nothing is sent any more."""
    if event.origin not in {None, ORIGIN}:
        return
    is_all = False
    while not is_all:
        async with app.db.begin(_scope(event.workspace_id)) as db:
            found = await queries.open_to(db, event.workspace_id, event.value, at_most=AT_ONCE)
            for enrollment in found:
                proof = {"suppressionId": str(event.suppression_id), **event.proof}
                await actions.end(db, enrollment, ENDS_AS[event.reason], event.message, proof=proof)
            is_all = len(found) < AT_ONCE


async def _answered(db: AsyncSession, enrollment: Enrollment, event: MessageReceived) -> None:
    if enrollment.replied_at is not None:
        return
    matched_by = "message_id" if await _is_mentioned(db, enrollment, event) else "thread"
    message = await mailboxes.get_message(db, event.workspace_id, event.message_id)
    enrollment.replied_at = event.received_at
    enrollment.reply = {
        "messageId": message.message_id if message else None,
        "snippet": message.snippet if message else "",
        "matchedBy": matched_by,
    }
    proof = {"messageId": str(event.message_id), "matchedBy": matched_by, "evidence": event.evidence}
    fact = Replied(
        workspace_id=event.workspace_id,
        enrollment_id=enrollment.id,
        sequence_id=enrollment.sequence_id,
        at=event.received_at,
        proof=proof,
    )
    await emit(db, fact)
    sequence = await queries.get_any(db, event.workspace_id, enrollment.sequence_id)
    if sequence is not None and not sequence.stop_on_reply:
        return
    if enrollment.status == EnrollmentStatus.COMPLETED:
        enrollment.stop_proof = proof
        enrollment.status, enrollment.stop_reason = EnrollmentStatus.REPLIED, "Answered after the last step."
        return
    await actions.end(db, enrollment, EnrollmentStatus.REPLIED, "Somebody answered in the thread.", proof=proof)


async def _bounced(db: AsyncSession, enrollment: Enrollment, event: MessageReceived) -> None:
    # A report that does not return a mail of ours may be forged; one about another recipient ends nothing here.
    if event.bounced and enrollment.recipient not in event.bounced:
        return
    if await _is_mentioned(db, enrollment, event):
        about = [each for each in event.refusals if each["address"] == enrollment.recipient][:1]
        told = {name: str(each[name]) for each in about for name in ("reason", "status", "isHard")}
        proof = {"messageId": str(event.message_id), "evidence": event.evidence, **told}
        await actions.end(db, enrollment, EnrollmentStatus.BOUNCED, event.evidence, proof=proof)


async def _away(db: AsyncSession, enrollment: Enrollment, event: MessageReceived) -> None:
    if event.returns_on is None or not enrollment.is_open:
        return
    enrollment.not_before = event.returns_on
    back = windows.resume_on(event.returns_on, ZoneInfo(enrollment.timezone))
    if await sending.postpone(db, enrollment.workspace_id, enrollment.id, until=back):
        return
    sequence = await queries.get_any(db, event.workspace_id, enrollment.sequence_id)
    if sequence is not None and enrollment.next_step_at is not None:
        actions.plan_next(enrollment, sequence, last=enrollment.last_sent_at or enrollment.created_at)


async def _is_mentioned(db: AsyncSession, enrollment: Enrollment, event: MessageReceived) -> bool:
    original = await mailboxes.get_message(db, event.workspace_id, enrollment.email_id)
    ours = set(await sends.message_ids_of(db, event.workspace_id, enrollment.id))
    if original is not None and original.message_id:
        ours.add(original.message_id)
    return not ours.isdisjoint(event.mentions)


def _scope(workspace_id: UUID) -> Scope:
    return Scope(workspace_id, actor="sequences")
