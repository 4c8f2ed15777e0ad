"""Taking a due row for sending. The claim is committed before the first byte leaves, and it refuses a row that
somebody answered, whatever else has been noticed by then.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import func, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from outrider.core import windows
from outrider.domain.mailboxes.models import Mailbox, Message
from outrider.domain.sending import rules
from outrider.domain.sending.models import Claim, Send, State, Waiting

DAY = timedelta(days=1)
# Rows put off in one transaction (window closed, limit reached) before it gives the others a chance.
MOST_PUT_OFF = 50
IN_FLIGHT = (State.SENDING, State.UNKNOWN)
LOCK = text("select pg_advisory_xact_lock(hashtextextended('sending:' || cast(:workspace as text), 0))")


@dataclass(frozen=True, slots=True)
class Pace:
    """What bounds a claim besides the row itself."""

    domain_limit: int
    lease: timedelta
    worker: str


async def claim(db: AsyncSession, mailbox: Mailbox, *, now: datetime, pace: Pace) -> Claim | None:
    """Takes the mailbox's next due row, or None if nothing may leave now. Rows passed over say why and until when."""
    # Counting against the limits and claiming must be one step for the whole workspace.
    await db.execute(LOCK, {"workspace": str(mailbox.workspace_id)})
    if await _is_over_daily_limit(db, mailbox, now):
        return None
    for _ in range(MOST_PUT_OFF):
        send = await _next_due(db, mailbox, now)
        if send is None:
            return None
        if (put_off := await _obstacle(db, send, now, pace)) is not None:
            send.waiting_for, send.due_at = put_off
            await db.flush()
            continue
        if (claimed := await _take(db, send, mailbox, now, pace)) is not None:
            return claimed
    return None


async def _next_due(db: AsyncSession, mailbox: Mailbox, now: datetime) -> Send | None:
    query = (
        select(Send)
        .where(
            Send.workspace_id == mailbox.workspace_id,
            Send.mailbox_id == mailbox.id,
            Send.state == State.QUEUED,
            Send.due_at <= now,
        )
        .order_by(Send.priority.desc(), Send.due_at, Send.id)
        .limit(1)
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    )
    found: Send | None = await db.scalar(query)
    return found


async def _obstacle(db: AsyncSession, send: Send, now: datetime, pace: Pace) -> tuple[Waiting, datetime] | None:
    if send.window is not None:
        opens = windows.next_open(now, windows.parse(send.window), ZoneInfo(send.timezone))
        if opens > now:
            return Waiting.WINDOW, opens
    recent = await _recent(
        db, Send.workspace_id == send.workspace_id, Send.recipient_domain == send.recipient_domain, now
    )
    if recent.count >= pace.domain_limit:
        return Waiting.DOMAIN_LIMIT, (recent.oldest or now) + DAY
    return None


async def _take(db: AsyncSession, send: Send, mailbox: Mailbox, now: datetime, pace: Pace) -> Claim | None:
    answered = aliased(Message)
    is_answered = (
        select(answered.id)
        .where(
            answered.workspace_id == Send.workspace_id,
            answered.thread_id == Send.thread_id,
            answered.direction == "in",
            answered.kind.in_(("human", "bounce")),
            answered.received_at > Send.answered_after,
        )
        .exists()
    )
    row = await db.execute(
        update(Send)
        .where(Send.workspace_id == send.workspace_id, Send.id == send.id, Send.state == State.QUEUED, ~is_answered)
        .values(
            state=State.SENDING,
            attempts=Send.attempts + 1,
            worker=pace.worker,
            lease_until=func.clock_timestamp() + pace.lease,
            waiting_for=None,
            updated_at=func.clock_timestamp(),
        )
        .returning(Send.attempts)
        .execution_options(synchronize_session=False)
    )
    attempt = row.scalar_one_or_none()
    if attempt is None:
        await _stop(db, send, "Somebody answered in the thread.")
        return None
    return Claim(
        workspace_id=send.workspace_id,
        send_id=send.id,
        attempt=attempt,
        recipient=send.recipient,
        raw=rules.compose(mailbox, send, at=now),
        lease=pace.lease,
    )


async def _stop(db: AsyncSession, send: Send, reason: str) -> None:
    # The enrolment hears of it from the message itself; here the row only leaves the queue.
    send.state, send.waiting_for, send.last_error = State.CANCELLED, None, reason
    await db.flush()


async def _is_over_daily_limit(db: AsyncSession, mailbox: Mailbox, now: datetime) -> bool:
    recent = await _recent(db, Send.workspace_id == mailbox.workspace_id, Send.mailbox_id == mailbox.id, now)
    if recent.count < mailbox.daily_limit:
        return False
    # Everything due in this mailbox waits for the same moment: when the oldest of the last day leaves the window.
    await db.execute(
        update(Send)
        .where(
            Send.workspace_id == mailbox.workspace_id,
            Send.mailbox_id == mailbox.id,
            Send.state == State.QUEUED,
            Send.due_at <= now,
        )
        .values(waiting_for=Waiting.MAILBOX_DAILY_LIMIT, due_at=(recent.oldest or now) + DAY)
        .execution_options(synchronize_session=False)
    )
    return True


@dataclass(frozen=True, slots=True)
class Recent:
    count: int
    oldest: datetime | None


async def _recent(db: AsyncSession, tenant: Any, subject: Any, now: datetime) -> Recent:
    """Counts what left in the last 24 hours, and what may be leaving right now."""
    row = (
        await db.execute(select(func.count(), func.min(Send.sent_at)).where(tenant, subject, Send.sent_at > now - DAY))
    ).one()
    flying = await db.scalar(select(func.count()).where(tenant, subject, Send.state.in_(IN_FLIGHT)))
    return Recent(row[0] + (flying or 0), row[1])


def deadline(lease: timedelta) -> timedelta:
    """A sender stops giving bodies away once this much of its lease is spent; the rest covers a slow last reply."""
    return lease * 2 / 3
