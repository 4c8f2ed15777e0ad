"""Taking due rows for sending, one for each of several mailboxes. The claim is committed before the first byte leaves,
and it refuses a row that somebody answered, whatever else has been noticed by then.
"""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import ARRAY, Uuid, any_, bindparam, func, or_, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from outrider.core import windows
from outrider.core.events import emit
from outrider.domain.mailboxes.models import Mailbox, Message
from outrider.domain.sending import pacing
from outrider.domain.sending.events import SendStopped, facts_of
from outrider.domain.sending.models import Claim, Hold, MailboxPace, Send, State, Waiting
from outrider.domain.sending.pacing import DAY, Cap, Pace
from outrider.domain.suppressions import queries as suppressions
from outrider.domain.suppressions.queries import NOT_SUPPRESSED

# Looks at the queue of a mailbox in one claim; rows that may not leave yet are put off and the next ones looked at.
ROUNDS, LOOK_AHEAD = 6, 50
URGENT = 100  # a person pressed the button: no gap holds it
LOCK = text("select pg_advisory_xact_lock(hashtextextended('sending:' || cast(:workspace as text), 0))")
FLYING = text(
    "select mailbox_id, recipient_domain, recipient_company from sends"
    " where workspace_id = :workspace and state in ('sending', 'unknown')"
)
SENT_TO = text("""
    select 'domain' as kind, d.name, s.sent, s.oldest
    from unnest(cast(:domains as text[])) as d(name) cross join lateral (
        select count(*) as sent, min(sent_at) as oldest from sends
        where workspace_id = :workspace and recipient_domain = d.name and sent_at > :since
    ) s
    union all
    select 'company', c.name, s.sent, s.oldest
    from unnest(cast(:companies as text[])) as c(name) cross join lateral (
        select count(*) as sent, min(sent_at) as oldest from sends
        where workspace_id = :workspace and recipient_company = c.name and sent_at > :since
    ) s
""")
NEXT = (
    select(Send)
    .execution_options(populate_existing=True)
    .from_statement(
        text("""
    select s.* from unnest(cast(:mailboxes as uuid[])) as m(id) cross join lateral (
        select * from sends
        where workspace_id = :workspace and mailbox_id = m.id and state = 'queued' and due_at <= :now
            and priority >= :priority
        order by priority desc, due_at, id limit :ahead for update skip locked
    ) s
""")
    )
)
# Counted once for all of them: where the planner knows nothing of a young table yet, it may read all that the workspace
# sent, which must not happen for each mailbox.
RECENT = (
    select(Send.mailbox_id, func.count().label("sent"), func.min(Send.sent_at).label("oldest"))
    .where(
        Send.workspace_id == bindparam("workspace"),
        Send.mailbox_id == any_(bindparam("mailboxes", type_=ARRAY(Uuid))),
        Send.sent_at > bindparam("since"),
    )
    .group_by(Send.mailbox_id)
    .cte("recent")
    .prefix_with("materialized")
)
LINES = (
    select(Mailbox, MailboxPace, func.coalesce(RECENT.c.sent, 0), RECENT.c.oldest)
    .outerjoin(
        MailboxPace,
        (MailboxPace.workspace_id == Mailbox.workspace_id) & (MailboxPace.mailbox_id == Mailbox.id),
    )
    .outerjoin(RECENT, RECENT.c.mailbox_id == Mailbox.id)
    .where(
        Mailbox.workspace_id == bindparam("workspace"), Mailbox.id == any_(bindparam("mailboxes", type_=ARRAY(Uuid)))
    )
    .execution_options(populate_existing=True)
)
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

Place = tuple[UUID, UUID]


@dataclass(slots=True)
class Line:
    """A mailbox as far as pacing goes. `room` is how many more mails its last 24 hours have room for."""

    mailbox: Mailbox
    cap: Cap
    room: int
    oldest: datetime | None
    is_held: bool

    @property
    def place(self) -> Place:
        return self.mailbox.workspace_id, self.mailbox.id


@dataclass(slots=True)
class Traffic:
    """What is under way in a workspace, and what was sent to each domain and company in the last 24 hours."""

    flying: Counter[tuple[str, Any]]
    sent: dict[tuple[str, str], tuple[int, datetime | None]] = field(default_factory=dict)

    def toward(self, kind: str, name: str) -> tuple[int, datetime | None]:
        sent, oldest = self.sent.get((kind, name), (0, None))
        return sent + self.flying[kind, name], oldest

    def add(self, send: Send) -> None:
        self.flying["domain", send.recipient_domain] += 1
        self.flying["company", send.recipient_company] += 1


async def claim(
    db: AsyncSession, workspace_id: UUID, mailbox_ids: Sequence[UUID], *, now: datetime, pace: Pace
) -> dict[UUID, Claim]:
    """Takes the next due row of each mailbox that may send now. What may not leave yet says why and until when."""
    # Counting against the limits and claiming must be one step for the whole workspace.
    await db.execute(LOCK, {"workspace": str(workspace_id)})
    traffic = await _traffic(db, workspace_id)
    lines = await _lines(db, workspace_id, mailbox_ids, traffic, now=now, pace=pace)
    await _hold_full(db, lines, now=now)
    claims: dict[UUID, Claim] = {}
    for is_held in (False, True):
        asking = {each.mailbox.id: each for each in lines if each.is_held is is_held and each.room > 0}
        claims |= await _serve(db, workspace_id, asking, traffic, now=now, pace=pace, least=URGENT if is_held else 0)
    await _hold_gaps(db, [line for line in lines if line.mailbox.id in claims], now=now, pace=pace)
    return claims


async def _traffic(db: AsyncSession, workspace_id: UUID) -> Traffic:
    flying: Counter[tuple[str, Any]] = Counter()
    for row in await db.execute(FLYING, {"workspace": workspace_id}):
        flying.update(
            [("mailbox", row.mailbox_id), ("domain", row.recipient_domain), ("company", row.recipient_company)]
        )
    return Traffic(flying)


async def _lines(
    db: AsyncSession,
    workspace_id: UUID,
    mailbox_ids: Sequence[UUID],
    traffic: Traffic,
    *,
    now: datetime,
    pace: Pace,
) -> list[Line]:
    values = {"workspace": workspace_id, "mailboxes": list(mailbox_ids), "since": now - DAY}
    lines = []
    for mailbox, kept, sent, oldest in await db.execute(LINES, values):
        if not mailbox.is_usable:
            continue
        held = kept or await _first_pace(db, mailbox)
        cap = pacing.cap_of(mailbox.smtp_host, mailbox.address)
        allowed = pacing.allowance(mailbox.daily_limit, cap, held.ramp_from, now, pace)
        is_held = held.held_until is not None and held.held_until > now
        if is_held and held.held_for is not Hold.GAP:
            continue
        lines.append(Line(mailbox, cap, allowed - sent - traffic.flying["mailbox", mailbox.id], oldest, is_held))
    return lines


async def _first_pace(db: AsyncSession, mailbox: Mailbox) -> MailboxPace:
    """A mailbox's first mail: one that has been used elsewhere already needs no ramp."""
    history = (
        select(Message.id)
        .where(
            Message.workspace_id == mailbox.workspace_id,
            Message.mailbox_id == mailbox.id,
            Message.direction == "out",
            Message.sent_at > mailbox.connected_at - 30 * DAY,
        )
        .limit(pacing.ESTABLISHED)
    )
    used = await db.scalar(select(func.count()).select_from(history.subquery())) or 0
    first = MailboxPace(
        workspace_id=mailbox.workspace_id,
        mailbox_id=mailbox.id,
        ramp_from=None if used >= pacing.ESTABLISHED else mailbox.connected_at,
    )
    db.add(first)
    await db.flush()
    return first


async def _serve(
    db: AsyncSession,
    workspace_id: UUID,
    asking: dict[UUID, Line],
    traffic: Traffic,
    *,
    now: datetime,
    pace: Pace,
    least: int,
) -> dict[UUID, Claim]:
    claims: dict[UUID, Claim] = {}
    for turn in range(ROUNDS):
        waiting = [mailbox_id for mailbox_id in asking if mailbox_id not in claims]
        if not waiting:
            break
        # Mostly the first row may leave; only where it may not are more of them looked at.
        ahead = LOOK_AHEAD if turn else 1
        candidates = await _candidates(db, workspace_id, waiting, now=now, least=least, ahead=ahead)
        if not candidates:
            break
        await _count_sent(db, workspace_id, candidates, traffic, now=now)
        chosen = _choose(candidates, traffic, now=now, pace=pace)
        await db.flush()
        claims |= await _take(db, workspace_id, chosen, now=now, pace=pace)
    return claims


async def _candidates(
    db: AsyncSession, workspace_id: UUID, mailbox_ids: Sequence[UUID], *, now: datetime, least: int, ahead: int
) -> list[Send]:
    values = {"workspace": workspace_id, "mailboxes": list(mailbox_ids), "now": now, "priority": least, "ahead": ahead}
    return list(await db.scalars(NEXT, values))


async def _count_sent(
    db: AsyncSession, workspace_id: UUID, candidates: Sequence[Send], traffic: Traffic, *, now: datetime
) -> None:
    domains = {each.recipient_domain for each in candidates if ("domain", each.recipient_domain) not in traffic.sent}
    companies = {
        each.recipient_company
        for each in candidates
        if each.recipient_company and ("company", each.recipient_company) not in traffic.sent
    }
    if domains or companies:
        values = {
            "workspace": workspace_id,
            "domains": list(domains),
            "companies": list(companies),
            "since": now - DAY,
        }
        for row in await db.execute(SENT_TO, values):
            traffic.sent[row.kind, row.name] = row.sent, row.oldest


def _choose(candidates: Sequence[Send], traffic: Traffic, *, now: datetime, pace: Pace) -> list[Send]:
    """Picks each mailbox's first row that may leave; those before it are put off with a reason."""
    chosen: dict[UUID, Send] = {}
    for send in candidates:
        if send.mailbox_id in chosen:
            continue
        if (put_off := _obstacle(send, traffic, now=now, pace=pace)) is not None:
            send.waiting_for, send.due_at = put_off
            continue
        chosen[send.mailbox_id] = send
        traffic.add(send)
    return list(chosen.values())


def _obstacle(send: Send, traffic: Traffic, *, now: datetime, pace: Pace) -> tuple[Waiting, datetime] | None:
    if send.window is not None:
        opens = windows.next_open(now, windows.parse(send.window), ZoneInfo(send.timezone))
        if opens > now:
            return Waiting.WINDOW, opens
    count, oldest = traffic.toward("domain", send.recipient_domain)
    if count >= pace.domain_limit:
        return Waiting.DOMAIN_LIMIT, _room_at(oldest, now)
    if send.recipient_company is not None:
        count, oldest = traffic.toward("company", send.recipient_company)
        if count >= pace.company_limit:
            return Waiting.COMPANY_LIMIT, _room_at(oldest, now)
    return None


async def _take(
    db: AsyncSession,
    workspace_id: UUID,
    chosen: Sequence[Send],
    *,
    now: datetime,
    pace: Pace,
) -> dict[UUID, Claim]:
    values = {
        "workspace": workspace_id,
        "ids": [each.id for each in chosen],
        "worker": pace.worker,
        "lease": pace.lease,
    }
    attempts = {row.id: row.attempts for row in await db.execute(TAKE, values)}
    stopped = [send for send in chosen if send.id not in attempts]
    if stopped:
        await _stop(db, workspace_id, stopped)
    return {send.mailbox_id: Claim(send, attempts[send.id], pace.lease, now) for send in chosen if send.id in attempts}


async def _stop(db: AsyncSession, workspace_id: UUID, sends: Sequence[Send]) -> None:
    """Ends rows that were due but may not leave any more. Their owners hear of it from what stopped them."""
    suppressed = await suppressions.among(
        db, workspace_id, [send.recipient for send in sends], origins=[send.origin for send in sends]
    )
    for send in sends:
        why = suppressed.get(send.recipient)
        send.state, send.waiting_for = State.CANCELLED, None
        send.last_error = why.message if why else "Somebody answered in the thread."
    await db.flush()
    await emit(db, *(SendStopped(reason=send.last_error or "", **facts_of(send)) for send in sends))


async def _hold_full(db: AsyncSession, lines: Sequence[Line], *, now: datetime) -> None:
    """Holds mailboxes that sent all they may until the oldest mail of the last 24 hours no longer counts."""
    full = [line for line in lines if line.room <= 0]
    await hold(db, [(line.place, _room_at(line.oldest, now)) for line in full], why=Hold.DAILY_LIMIT)


async def _hold_gaps(db: AsyncSession, lines: Sequence[Line], *, now: datetime, pace: Pace) -> None:
    gaps = [(line.place, now + gap) for line in lines if (gap := pacing.gap(line.cap, pace))]
    await hold(db, gaps, why=Hold.GAP)


async def hold(
    db: AsyncSession, until: Sequence[tuple[Place, datetime]], *, why: Hold, reason: str | None = None
) -> None:
    """Keeps mailboxes, each named by workspace and id, from sending until a moment, and says why."""
    if not until:
        return
    statement = insert(MailboxPace).values(
        workspace_id=bindparam("workspace_id"),
        mailbox_id=bindparam("mailbox_id"),
        held_until=bindparam("held_until"),
        held_for=why,
        held_reason=reason,
    )
    new = statement.excluded
    await db.execute(
        statement.on_conflict_do_update(
            index_elements=["workspace_id", "mailbox_id"],
            set_={"held_until": new.held_until, "held_for": new.held_for, "held_reason": new.held_reason},
            # What holds a mailbox longer stands: a gap must not end a pause.
            where=or_(MailboxPace.held_until.is_(None), MailboxPace.held_until < new.held_until),
        ),
        [
            {"workspace_id": workspace_id, "mailbox_id": mailbox_id, "held_until": at}
            for (workspace_id, mailbox_id), at in until
        ],
    )


async def lift(db: AsyncSession, workspace_id: UUID, mailbox_id: UUID, holds: Collection[Hold]) -> None:
    """Ends these holds of a mailbox; any other stands."""
    await db.execute(
        update(MailboxPace)
        .where(
            MailboxPace.workspace_id == workspace_id,
            MailboxPace.mailbox_id == mailbox_id,
            MailboxPace.held_for.in_(holds),
        )
        .values(held_until=None, held_for=None, held_reason=None)
        .execution_options(synchronize_session=False)
    )


def _room_at(oldest: datetime | None, now: datetime) -> datetime:
    # What is under way counts too; until it is settled nobody knows, so the next look is in a minute.
    return oldest + DAY if oldest is not None else now + timedelta(minutes=1)


def deadline(lease: timedelta) -> timedelta:
    """A sender stops giving bodies away once this much of its lease is spent; the rest covers a slow last reply."""
    return lease * 2 / 3
