"""One look at the outbox: what is due in each of several mailboxes, and all that decides whether it may leave."""

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Row, func, select, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncSession

from outrider.domain.mailboxes.models import Message, smtp_host_of
from outrider.domain.sending import pacing
from outrider.domain.sending.models import MailboxPace, Outgoing
from outrider.domain.sending.pacing import DAY, Cap, Pace

URGENT = 100  # a person pressed the button: no gap holds it
# How long a follow-up waits for the latest mail of a mailbox that was connected to be read. The newest is read first.
UNREAD_AT_MOST = timedelta(minutes=15)
COLUMNS = [each.name for each in fields(Outgoing)]
# Each thing is counted once, however many rows it decides about: where the planner knows nothing of a young table yet,
# it may read all that the workspace sent, which must not happen for each mailbox.
LOOK = text(f"""
    with asked as (
        select m.id, m.provider, m.servers, m.address, m.daily_limit, m.connected_at, p.ramp_from,
            m.connected_at > clock_timestamp() - cast(:unread_at_most as interval) and exists (
                select from folders f
                where f.workspace_id = m.workspace_id and f.mailbox_id = m.id and f.role in ('inbox', 'all')
                    and (f.synced_at is null or f.synced_at < m.connected_at)
            ) as is_unread, p.mailbox_id is null as is_new, case when p.held_until > :now then {URGENT} else 0 end as least
        from mailboxes m
        left join mailbox_paces p on p.workspace_id = m.workspace_id and p.mailbox_id = m.id
        where m.workspace_id = :workspace and m.id = any(:mailboxes) and m.state in ('connected', 'unreachable')
            and (p.held_until is null or p.held_until <= :now or p.held_for = 'gap')
    ), due as materialized (
        select s.* from asked cross join lateral (
            select * from sends
            where workspace_id = :workspace and mailbox_id = asked.id and state = 'queued' and due_at <= :now
                and priority >= asked.least
            order by priority desc, due_at, id limit :ahead for update skip locked
        ) s
    ), flying as materialized (
        select mailbox_id, recipient_domain, recipient_company from sends
        where workspace_id = :workspace and state in ('sending', 'unknown')
    ), from_mailboxes as materialized (
        select mailbox_id, count(*) as sent, min(sent_at) as oldest from sends
        where workspace_id = :workspace and mailbox_id = any(:mailboxes) and sent_at > :since
        group by mailbox_id
    ), to_domains as materialized (
        select d.name, recent.sent, recent.oldest,
            (select count(*) from flying where recipient_domain = d.name) as flying
        from (select distinct recipient_domain as name from due) d cross join lateral (
            select count(*) as sent, min(sent_at) as oldest from sends
            where workspace_id = :workspace and recipient_domain = d.name and sent_at > :since
        ) recent
    ), to_companies as materialized (
        select c.name, recent.sent, recent.oldest,
            (select count(*) from flying where recipient_company = c.name) as flying
        from (select distinct recipient_company as name from due where recipient_company is not null) c
        cross join lateral (
            select count(*) as sent, min(sent_at) as oldest from sends
            where workspace_id = :workspace and recipient_company = c.name and sent_at > :since
        ) recent
    )
    select {", ".join(f"due.{name}" for name in COLUMNS)},
        asked.provider, asked.servers, asked.address, asked.daily_limit, asked.connected_at, asked.ramp_from,
        asked.is_new, asked.is_unread, (select count(*) from flying where flying.mailbox_id = asked.id) as flying,
        coalesce(f.sent, 0) as sent, f.oldest,
        d.sent + d.flying as to_domain, d.oldest as domain_oldest,
        c.sent + c.flying as to_company, c.oldest as company_oldest
    from due join asked on asked.id = due.mailbox_id
    left join from_mailboxes f on f.mailbox_id = due.mailbox_id
    left join to_domains d on d.name = due.recipient_domain
    left join to_companies c on c.name = due.recipient_company
    order by due.priority desc, due.due_at, due.id
""").columns(window=JSONB, servers=JSONB)  # a constant of ours and names of columns, no values


@dataclass(slots=True)
class Line:
    """A mailbox and what is due in it, first what leaves first. `room` is how many more mails it may send now."""

    mailbox_id: UUID
    cap: Cap
    room: int
    oldest: datetime | None
    is_unread: bool = False  # its latest mail has not been read since it was connected
    due: list[Outgoing] = field(default_factory=list)


@dataclass(slots=True)
class Traffic:
    """Mails to each domain and company in the last 24 hours, with those under way, and when the oldest was sent."""

    counts: dict[tuple[str, str], int] = field(default_factory=dict)
    oldest: dict[tuple[str, str], datetime | None] = field(default_factory=dict)

    def learn(self, kind: str, name: str, count: int, oldest: datetime | None) -> None:
        self.counts[kind, name], self.oldest[kind, name] = count, oldest

    def add(self, send: Outgoing) -> None:
        self.counts["domain", send.recipient_domain] += 1
        if send.recipient_company is not None:
            self.counts["company", send.recipient_company] += 1


async def look(
    db: AsyncSession, workspace_id: UUID, mailbox_ids: Sequence[UUID], *, ahead: int, now: datetime, pace: Pace
) -> tuple[dict[UUID, Line], Traffic]:
    """Locks the next `ahead` due rows of each mailbox that nothing holds; rows that others hold are passed over.

    A mailbox in its gap has only what is urgent.
    """
    values = {
        "workspace": workspace_id, "mailboxes": list(mailbox_ids), "now": now, "since": now - DAY, "ahead": ahead,
        "unread_at_most": UNREAD_AT_MOST,
    }  # fmt: skip
    lines: dict[UUID, Line] = {}
    traffic = Traffic()
    for row in await db.execute(LOOK, values):
        send = Outgoing(*row[: len(COLUMNS)])
        if (line := lines.get(send.mailbox_id)) is None:
            line = lines[send.mailbox_id] = await _line(db, send, row, now=now, pace=pace)
        line.due.append(send)
        traffic.learn("domain", send.recipient_domain, row.to_domain, row.domain_oldest)
        if send.recipient_company is not None:
            traffic.learn("company", send.recipient_company, row.to_company, row.company_oldest)
    return lines, traffic


async def _line(db: AsyncSession, send: Outgoing, row: Row[Any], *, now: datetime, pace: Pace) -> Line:
    cap = pacing.cap_of(smtp_host_of(row.provider, row.servers), row.address)
    ramp_from = await _first_ramp(db, send, row.connected_at) if row.is_new else row.ramp_from
    allowed = pacing.allowance(row.daily_limit, cap, ramp_from, now, pace)
    return Line(send.mailbox_id, cap, allowed - row.sent - row.flying, row.oldest, row.is_unread)


async def _first_ramp(db: AsyncSession, send: Outgoing, connected_at: datetime) -> datetime | None:
    """A mailbox's first mail: one that has been used elsewhere already needs no ramp."""
    history = (
        select(Message.id)
        .where(
            Message.workspace_id == send.workspace_id,
            Message.mailbox_id == send.mailbox_id,
            Message.direction == "out",
            Message.sent_at > connected_at - 30 * DAY,
        )
        .limit(pacing.ESTABLISHED)
    )
    used = await db.scalar(select(func.count()).select_from(history.subquery())) or 0
    ramp_from = None if used >= pacing.ESTABLISHED else connected_at
    db.add(MailboxPace(workspace_id=send.workspace_id, mailbox_id=send.mailbox_id, ramp_from=ramp_from))
    await db.flush()
    return ramp_from
