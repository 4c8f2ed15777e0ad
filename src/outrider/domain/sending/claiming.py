"""Taking due rows for sending, one for each of several mailboxes. The claim is committed before the first byte leaves,
and it refuses a row that somebody answered, whatever else has been noticed by then.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from outrider.core import windows
from outrider.core.events import emit
from outrider.domain.sending import holding, pacing
from outrider.domain.sending.events import SendStopped, facts_of
from outrider.domain.sending.looking import Line, Traffic, look
from outrider.domain.sending.models import Claim, Hold, Outgoing, Waiting
from outrider.domain.sending.pacing import DAY, Pace
from outrider.domain.suppressions import queries as suppressions
from outrider.domain.suppressions.queries import NOT_SUPPRESSED

# Looks at the queue of a mailbox in one claim; rows that may not leave yet are put off and the next ones looked at.
ROUNDS, LOOK_AHEAD = 6, 50
LOOK_AGAIN = timedelta(seconds=5)
ANSWERED = "Somebody answered in the thread."
LOCK = text("select pg_advisory_xact_lock(hashtextextended('sending:' || cast(:workspace as text), 0))")
TAKE = text(f"""
    update sends s set state = 'sending', attempts = s.attempts + 1, worker = :worker, waiting_for = null,
        lease_until = clock_timestamp() + cast(:lease as interval), updated_at = clock_timestamp()
    where s.workspace_id = :workspace and s.id = any(:ids) and s.state = 'queued'
        and not exists (
            select 1 from messages m
            where m.workspace_id = s.workspace_id and m.thread_id = s.thread_id and m.direction = 'in'
                and m.received_at > s.answered_after
                and (m.kind in ('human', 'complaint', 'unsubscribe') or (
                    m.kind = 'bounce' and s.recipient = any(m.bounced) and exists (
                        select 1 from messages o
                        where o.workspace_id = s.workspace_id and o.thread_id = s.thread_id and o.direction = 'out'
                            and o.message_id = any(m.in_reply_to)
                    )
                ))
        )
        and {NOT_SUPPRESSED}
    returning s.id, s.attempts
""")  # a constant of ours, no value
PUT_OFF = text("""
    update sends s set waiting_for = later.why, due_at = later.at, updated_at = clock_timestamp()
    from unnest(cast(:ids as uuid[]), cast(:whys as text[]), cast(:ats as timestamptz[])) as later(id, why, at)
    where s.workspace_id = :workspace and s.id = later.id
""")
STOP = text("""
    update sends s set state = 'cancelled', waiting_for = null, last_error = ended.why, updated_at = clock_timestamp()
    from unnest(cast(:ids as uuid[]), cast(:whys as text[])) as ended(id, why)
    where s.workspace_id = :workspace and s.id = ended.id
""")

Later = tuple[UUID, Waiting, datetime]


async def claim(
    db: AsyncSession, workspace_id: UUID, mailbox_ids: Sequence[UUID], *, now: datetime, pace: Pace
) -> dict[UUID, Claim]:
    """Takes the next due row of each mailbox that may send now. What may not leave yet says why and until when."""
    # Counting against the limits and claiming must be one step for the whole workspace.
    await db.execute(LOCK, {"workspace": str(workspace_id)})
    claims: dict[UUID, Claim] = {}
    asking = set(mailbox_ids)
    for turn in range(ROUNDS):
        # Mostly the first row may leave; only where it may not are more of them looked at.
        lines, traffic = await look(db, workspace_id, list(asking), ahead=LOOK_AHEAD if turn else 1, now=now, pace=pace)
        await _hold_full(db, workspace_id, lines.values(), now=now)
        chosen, later = _choose(lines.values(), traffic, now=now, pace=pace)
        await _put_off(db, workspace_id, later)
        taken = await _take(db, workspace_id, chosen, now=now, pace=pace)
        await _hold_gaps(db, workspace_id, [lines[mailbox_id] for mailbox_id in taken], now=now, pace=pace)
        claims |= taken
        asking = {each.mailbox_id for each in lines.values() if each.room > 0} - claims.keys()
        if not asking:
            break
    return claims


def _choose(
    lines: Iterable[Line], traffic: Traffic, *, now: datetime, pace: Pace
) -> tuple[list[Outgoing], list[Later]]:
    """Picks each mailbox's first row that may leave; those before it are put off with a reason."""
    chosen: list[Outgoing] = []
    later: list[Later] = []
    for line in lines:
        if line.room <= 0:
            continue
        for send in line.due:
            if (obstacle := _obstacle(send, line, traffic, now=now, pace=pace)) is None:
                chosen.append(send)
                traffic.add(send)
                break
            later.append((send.id, *obstacle))
    return chosen, later


def _obstacle(
    send: Outgoing, line: Line, traffic: Traffic, *, now: datetime, pace: Pace
) -> tuple[Waiting, datetime] | None:
    if line.is_unread and send.answered_after is not None:
        return Waiting.MAILBOX_UNREAD, now + LOOK_AGAIN
    if send.window is not None:
        opens = windows.next_open(now, windows.parse(send.window), ZoneInfo(send.timezone))
        if opens > now:
            return Waiting.WINDOW, opens
    domain = ("domain", send.recipient_domain)
    if traffic.counts[domain] >= pace.domain_limit:
        return Waiting.DOMAIN_LIMIT, _room_at(traffic.oldest[domain], now)
    if send.recipient_company is not None:
        company = ("company", send.recipient_company)
        if traffic.counts[company] >= pace.company_limit:
            return Waiting.COMPANY_LIMIT, _room_at(traffic.oldest[company], now)
    return None


async def _put_off(db: AsyncSession, workspace_id: UUID, later: Sequence[Later]) -> None:
    if later:
        ids, whys, ats = zip(*later, strict=True)
        values = {"workspace": workspace_id, "ids": list(ids), "whys": [why.value for why in whys], "ats": list(ats)}
        await db.execute(PUT_OFF, values)


async def _take(
    db: AsyncSession, workspace_id: UUID, chosen: Sequence[Outgoing], *, now: datetime, pace: Pace
) -> dict[UUID, Claim]:
    if not chosen:
        return {}
    values = {
        "workspace": workspace_id,
        "ids": [each.id for each in chosen],
        "worker": pace.worker,
        "lease": pace.lease,
    }
    attempts = {row.id: row.attempts for row in await db.execute(TAKE, values)}
    await _stop(db, workspace_id, [send for send in chosen if send.id not in attempts])
    return {send.mailbox_id: Claim(send, attempts[send.id], pace.lease, now) for send in chosen if send.id in attempts}


async def _stop(db: AsyncSession, workspace_id: UUID, sends: Sequence[Outgoing]) -> None:
    """Ends rows that were due but may not leave any more. Their owners hear of it from what stopped them."""
    if not sends:
        return
    suppressed = await suppressions.among(
        db, workspace_id, [send.recipient for send in sends], origins=[send.origin for send in sends]
    )
    whys = {send.id: why.message if (why := suppressed.get(send.recipient)) else ANSWERED for send in sends}
    await db.execute(STOP, {"workspace": workspace_id, "ids": list(whys), "whys": list(whys.values())})
    await emit(db, *(SendStopped(reason=whys[send.id], **facts_of(send)) for send in sends))


async def _hold_full(db: AsyncSession, workspace_id: UUID, lines: Iterable[Line], *, now: datetime) -> None:
    """Holds mailboxes that sent all they may until the oldest mail of the last 24 hours no longer counts."""
    full = [((workspace_id, each.mailbox_id), _room_at(each.oldest, now)) for each in lines if each.room <= 0]
    await holding.hold(db, full, why=Hold.DAILY_LIMIT)


async def _hold_gaps(db: AsyncSession, workspace_id: UUID, lines: Iterable[Line], *, now: datetime, pace: Pace) -> None:
    gaps = [((workspace_id, line.mailbox_id), now + gap) for line in lines if (gap := pacing.gap(line.cap, pace))]
    await holding.hold(db, gaps, why=Hold.GAP)


def _room_at(oldest: datetime | None, now: datetime) -> datetime:
    # What is under way counts too; until it is settled nobody knows, so the next look is in a minute.
    return oldest + DAY if oldest is not None else now + timedelta(minutes=1)


def deadline(lease: timedelta) -> timedelta:
    """A sender stops giving bodies away once this much of its lease is spent; the rest covers a slow last reply."""
    return lease * 2 / 3
