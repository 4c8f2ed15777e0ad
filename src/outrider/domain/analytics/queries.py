"""Figures over sends and enrolments, counted from the rows themselves."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from sqlalchemy import Date, cast, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from outrider.domain.sending.models import Send
from outrider.domain.sequences.models import Enrollment, EnrollmentStatus
from outrider.domain.tracking import queries as tracking
from outrider.domain.tracking.queries import HitFigures

MOST_DAYS = 366


@dataclass(frozen=True, slots=True)
class DaySends:
    day: date
    sent: int
    failed: int


@dataclass(frozen=True, slots=True)
class SendFigures:
    since: datetime
    until: datetime
    by_status: dict[str, int]
    days: list[DaySends]
    hits: HitFigures


@dataclass(frozen=True, slots=True)
class EnrollmentFigures:
    since: datetime
    until: datetime
    total: int
    by_status: dict[str, int]
    replied: int
    reply_rate: float
    bounce_rate: float
    median_hours_to_reply: float | None


async def sends(
    db: AsyncSession, workspace_id: UUID, user_id: UUID, *, since: datetime, until: datetime, sequence_id: UUID | None
) -> SendFigures:
    """Counts sends whose last change lies between the two moments, in total and a day (UTC)."""
    at = func.coalesce(Send.sent_at, Send.updated_at)
    where = [Send.workspace_id == workspace_id, Send.user_id == user_id, at >= since, at < until]
    if sequence_id:
        own = select(Enrollment.id).where(
            Enrollment.workspace_id == workspace_id, Enrollment.sequence_id == sequence_id
        )
        where.append(Send.origin_id.in_(own))
    day = cast(func.timezone("UTC", at), Date)
    rows = await db.execute(
        select(day.label("day"), Send.state, func.count().label("number")).where(*where).group_by(day, Send.state)
    )
    by_status: dict[str, int] = {}
    days: dict[date, dict[str, int]] = {}
    for row in rows:
        by_status[row.state] = by_status.get(row.state, 0) + row.number
        days.setdefault(row.day, {})[row.state] = row.number
    counted = [
        DaySends(day, states.get("sent", 0), states.get("failed", 0) + states.get("unconfirmed", 0))
        for day, states in sorted(days.items())
    ]
    hits = await tracking.of_sends(db, workspace_id, select(Send.id).where(*where))
    return SendFigures(since, until, by_status, counted, hits)


async def enrollments(
    db: AsyncSession, workspace_id: UUID, user_id: UUID, *, since: datetime, until: datetime, sequence_id: UUID | None
) -> EnrollmentFigures:
    """Counts enrolments created between the two moments; rates are shares of all of them, from 0 to 1."""
    where = [
        Enrollment.workspace_id == workspace_id,
        Enrollment.user_id == user_id,
        Enrollment.created_at >= since,
        Enrollment.created_at < until,
        Enrollment.deleted_at.is_(None),
    ]
    if sequence_id:
        where.append(Enrollment.sequence_id == sequence_id)
    hours = func.greatest(func.extract("epoch", Enrollment.replied_at - Enrollment.created_at), 0) / 3600.0
    rows = await db.execute(
        select(Enrollment.status, func.count().label("number")).where(*where).group_by(Enrollment.status)
    )
    by_status = {row.status: row.number for row in rows}
    summary = (
        await db.execute(
            select(
                func.count().filter(Enrollment.replied_at.is_not(None)),
                func.percentile_cont(0.5).within_group(hours).filter(Enrollment.replied_at.is_not(None)),
            ).where(*where)
        )
    ).one()
    total = sum(by_status.values())
    return EnrollmentFigures(
        since=since,
        until=until,
        total=total,
        by_status=by_status,
        replied=summary[0],
        reply_rate=_share(summary[0], total),
        bounce_rate=_share(by_status.get(EnrollmentStatus.BOUNCED, 0), total),
        median_hours_to_reply=round(float(summary[1]), 2) if summary[1] is not None else None,
    )


def span(since: datetime | None, until: datetime | None, *, now: datetime) -> tuple[datetime, datetime]:
    """Completes a span: the last 30 days by default, a year at most."""
    end = until or now
    begin = since or end - timedelta(days=30)
    return max(begin, end - timedelta(days=MOST_DAYS)), end


def _share(part: int, whole: int) -> float:
    return round(part / whole, 4) if whole else 0.0
