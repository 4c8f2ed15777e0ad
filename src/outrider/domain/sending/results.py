"""What became of claimed mails: taken, refused, unknown; and settling what is unknown."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import func, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from outrider.core.events import emit
from outrider.domain.mailboxes import connections, drafts
from outrider.domain.mailboxes.models import Mailbox
from outrider.domain.sending import holding, replies, rules
from outrider.domain.sending.events import SendRefused, SendUnconfirmed, Sent, facts_of
from outrider.domain.sending.models import Claim, Hold, Send, State, Waiting
from outrider.domain.sending.replies import ReplyClass
from outrider.providers.mail.interface import ConnectFailed, Outcome, Receipt, SendFailed, Step

# A slow worker may report after its lease: what it knows is better than `unknown`.
OURS = (State.SENDING, State.UNKNOWN)
UNCONFIRMED = (
    "The connection ended while the mail was handed over, and no copy was found. It may or may not have arrived; "
    "trigger the step to send it again."
)
FOUND = "A copy was found in the Sent folder."
MARK_SENT = text("""
    update sends s set state = 'sent', sent_at = :at, proof = taken.proof, lease_until = null, waiting_for = null, last_error = null,
        error_code = null, look_at = null, updated_at = clock_timestamp()
    from unnest(cast(:ids as uuid[]), cast(:attempts as bigint[]), cast(:proofs as text[])) as taken(id, attempt, proof)
    where s.workspace_id = :workspace and s.id = taken.id and s.attempts = taken.attempt
        and s.state in ('sending', 'unknown')
    returning s.workspace_id, s.id, s.mailbox_id, s.origin, s.origin_id, s.step, s.message_id, s.recipient
""")


@dataclass(frozen=True, slots=True)
class Looks:
    """When an unknown row is looked up: first and last, after it became unknown."""

    first: timedelta
    last: timedelta


@dataclass(frozen=True, slots=True)
class Recorded:
    """What a fact about a send tells of it; the columns of MARK_SENT stand in this order."""

    workspace_id: UUID
    id: UUID
    mailbox_id: UUID
    origin: str
    origin_id: UUID
    step: int
    message_id: str
    recipient: str


async def record_sent(db: AsyncSession, taken: Sequence[tuple[Claim, Receipt]], *, at: datetime) -> list[Recorded]:
    """Records that servers took claimed mails of one workspace, with each server's answer as proof.

    Returns the rows; those settled otherwise meanwhile are left as they are.
    """
    if not taken:
        return []
    workspace_id = taken[0][0].send.workspace_id
    values = {
        "workspace": workspace_id,
        "ids": [claim.send.id for claim, _ in taken],
        "attempts": [claim.attempt for claim, _ in taken],
        "proofs": [receipt.proof[:500] for _, receipt in taken],
        "at": at,
    }
    sent = [Recorded(*row) for row in await db.execute(MARK_SENT, values)]
    receipts = {claim.send.id: receipt for claim, receipt in taken}
    proofs = {send_id: receipt.proof for send_id, receipt in receipts.items()}
    await _announce_sent(db, sent, at=at, proofs=proofs)
    by_message_id = {each.message_id: receipts[each.id] for each in sent}
    await drafts.place(db, workspace_id, list({each.mailbox_id for each in sent}), by_message_id)
    return sent


async def record_failure(db: AsyncSession, claim: Claim, failure: SendFailed, *, now: datetime, looks: Looks) -> None:
    """Records how a claimed send failed, and what follows from it."""
    if failure.outcome is Outcome.UNKNOWN:
        await _record_unknown(db, claim, failure, looks=looks)
        return
    if failure.outcome is Outcome.OVERDUE:
        # The machine was too slow; the server said nothing against it.
        await release(db, claim, due_at=now, why=Waiting.QUEUED, reason=failure.reply)
        return
    kind = replies.classify(failure.code, failure.enhanced, failure.reply)
    consequence = replies.CONSEQUENCES[kind]
    reason = f"{failure.reply} {consequence.advice}"[:500]
    if kind is ReplyClass.LOGIN:
        await _record_lost_login(db, claim, failure, now=now, reason=reason)
        return
    if consequence.holds is not None:
        # It is the mailbox that may not send, not the person who can't be reached.
        place = (claim.send.workspace_id, claim.send.mailbox_id)
        await holding.hold(db, [(place, now + consequence.holds)], why=Hold.PROVIDER_LIMIT, reason=reason)
    if consequence.mail_waits and consequence.holds and now + consequence.holds < claim.send.give_up_at:
        await release(db, claim, due_at=now + consequence.holds, why=Waiting.MAILBOX_PAUSED, reason=reason)
    elif failure.outcome is Outcome.DEFERRED:
        await _record_deferral(db, claim, failure, now=now, reason=reason)
    else:
        send = await _finish(
            db, claim, state=State.FAILED, lease_until=None, last_error=reason, error_code=_code(failure)
        )
        if send is not None:
            await _announce_refused(db, send, failure.reply, is_recipient=kind is ReplyClass.RECIPIENT_GONE)


async def _record_unknown(db: AsyncSession, claim: Claim, failure: SendFailed, *, looks: Looks) -> None:
    await _finish(
        db,
        claim,
        state=State.UNKNOWN,
        unknown_since=func.clock_timestamp(),
        look_at=func.clock_timestamp() + looks.first,
        waiting_for=Waiting.CONFIRMING,
        lease_until=None,
        last_error=failure.reply[:500],
        error_code=_code(failure),
    )


async def _record_deferral(db: AsyncSession, claim: Claim, failure: SendFailed, *, now: datetime, reason: str) -> None:
    send = await _finish(
        db,
        claim,
        state=State.QUEUED,
        due_at=rules.retry_at(claim.attempt, now),
        waiting_for=Waiting.RETRY,
        lease_until=None,
        last_error=reason,
        error_code=_code(failure),
    )
    if send is None or send.give_up_at > now:
        return
    send.state, send.waiting_for = State.FAILED, None
    gave_up = f"Gave up after {claim.attempt} attempts: {failure.reply}"
    await _announce_refused(db, send, gave_up, is_recipient=False)


async def _record_lost_login(
    db: AsyncSession, claim: Claim, failure: SendFailed, *, now: datetime, reason: str
) -> None:
    """The mailbox waits for its owner; the mail stays queued and leaves once it is connected again."""
    mailbox = await db.get_one(Mailbox, (claim.send.workspace_id, claim.send.mailbox_id))
    advice = replies.CONSEQUENCES[ReplyClass.LOGIN].advice
    lost = ConnectFailed(Step.LOGIN, "smtp", failure.reply, advice, is_terminal=True)
    await connections.mark_failed(db, mailbox, lost)
    await release(db, claim, due_at=now, why=Waiting.MAILBOX_DISCONNECTED, reason=reason)


def _code(failure: SendFailed) -> str | None:
    return failure.enhanced or str(failure.code or "") or None


async def release(db: AsyncSession, claim: Claim, *, due_at: datetime, why: Waiting, reason: str) -> None:
    """Puts a claimed row back that never left: the mailbox could not be reached. Costs it no attempt."""
    await _finish(
        db,
        claim,
        state=State.QUEUED,
        attempts=claim.attempt - 1,
        due_at=due_at,
        waiting_for=why,
        lease_until=None,
        last_error=reason[:500],
    )


async def expire_leases(db: AsyncSession, workspace_id: UUID, *, looks: Looks) -> int:
    """Turns rows whose worker vanished into unknown ones: the mail may have left."""
    expired = await db.execute(
        update(Send)
        .where(
            Send.workspace_id == workspace_id,
            Send.state == State.SENDING,
            Send.lease_until <= func.clock_timestamp(),
        )
        .values(
            state=State.UNKNOWN,
            unknown_since=func.clock_timestamp(),
            look_at=func.clock_timestamp() + looks.first,
            waiting_for=Waiting.CONFIRMING,
            lease_until=None,
            last_error="The worker stopped while sending.",
        )
        .returning(Send.id)
        .execution_options(synchronize_session=False)
    )
    return len(expired.all())


async def take_unknown(db: AsyncSession, workspace_id: UUID, *, at_most: int = 50) -> list[Send]:
    """Claims unknown rows that are due for a look, for a minute."""
    due = (
        select(Send.id)
        .where(
            Send.workspace_id == workspace_id,
            Send.state == State.UNKNOWN,
            Send.look_at <= func.clock_timestamp(),
        )
        .order_by(Send.look_at)
        .limit(at_most)
        .with_for_update(skip_locked=True)
    )
    taken = await db.scalars(
        update(Send)
        .where(Send.workspace_id == workspace_id, Send.id.in_(due.scalar_subquery()))
        .values(look_at=func.clock_timestamp() + timedelta(minutes=1))
        .returning(Send)
        .execution_options(synchronize_session=False)
    )
    return list(taken)


async def settle(
    db: AsyncSession, send: Send, mailbox: Mailbox, *, was_found: bool, now: datetime, real_now: datetime, looks: Looks
) -> None:
    """Decides an unknown row after a look: sent, looked up once more, sent again, or honestly unconfirmed.

    Not finding a copy proves something only where the server itself keeps one of all it sends.
    """
    row = await db.scalar(
        select(Send)
        .where(Send.workspace_id == send.workspace_id, Send.id == send.id, Send.state == State.UNKNOWN)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if row is None or row.unknown_since is None:
        return
    if was_found:
        row.state, row.sent_at, row.copied_at, row.proof = State.SENT, now, now, FOUND
        row.waiting_for, row.look_at = None, None
        await db.flush()
        await _announce_sent(db, [row], at=now, proofs={row.id: FOUND})
    elif real_now < row.unknown_since + looks.last:
        row.look_at = row.unknown_since + looks.last
    elif mailbox.saves_sent:
        row.state, row.due_at, row.waiting_for = State.QUEUED, now, Waiting.RETRY
        row.look_at, row.unknown_since = None, None
    else:
        row.state, row.waiting_for, row.look_at, row.last_error = State.UNCONFIRMED, None, None, UNCONFIRMED
        await emit(db, SendUnconfirmed(reason=UNCONFIRMED, **facts_of(row)))
    await db.flush()


async def _finish(db: AsyncSession, claim: Claim, **values: Any) -> Send | None:
    """Ends a claim if it is still this one: after the lease another attempt may own the row."""
    row: Send | None = await db.scalar(
        update(Send)
        .where(
            Send.workspace_id == claim.send.workspace_id,
            Send.id == claim.send.id,
            Send.attempts == claim.attempt,
            Send.state.in_(OURS),
        )
        .values(**values)
        .returning(Send)
        .execution_options(synchronize_session=False, populate_existing=True)
    )
    return row


async def _announce_sent(
    db: AsyncSession, sent: Sequence[Send | Recorded], *, at: datetime, proofs: dict[UUID, str]
) -> None:
    if not sent:
        return
    mailboxes, message_ids = {each.mailbox_id for each in sent}, [each.message_id for each in sent]
    await drafts.mark_sent(db, sent[0].workspace_id, list(mailboxes), message_ids, at=at)
    await emit(db, *(Sent(at=at, proof=proofs[each.id][:500], **facts_of(each)) for each in sent))


async def _announce_refused(db: AsyncSession, send: Send, reason: str, *, is_recipient: bool) -> None:
    await emit(db, SendRefused(reason=reason[:500], is_recipient=is_recipient, **facts_of(send)))
