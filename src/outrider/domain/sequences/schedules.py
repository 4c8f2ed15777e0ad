"""Schedules: one list of what is planned (an enrolment's next step) and what is in the outbox or has left it."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Row,
    Select,
    Text,
    and_,
    case,
    cast,
    func,
    literal,
    literal_column,
    null,
    or_,
    select,
    union_all,
)
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncSession

from outrider.core.pages import Page, PageRequest
from outrider.domain.sending import diagnosis
from outrider.domain.sending.diagnosis import Diagnosis
from outrider.domain.sending.models import UNFINISHED, Send, State, Waiting
from outrider.domain.sequences.models import OPEN, Enrollment, EnrollmentStatus
from outrider.domain.sequences.scheduling import ORIGIN


@dataclass(frozen=True, slots=True)
class Schedule:
    """`status` in the wire's words; `waiting_until` is when it is tried next, unknown while it waits for a person."""

    id: UUID
    user_id: UUID
    enrollment_id: UUID
    sequence_id: UUID
    step: int
    scheduled_for: datetime
    status: str
    attempts: int
    sent_at: datetime | None
    delivered_at: datetime | None
    message_id: str | None
    last_error: str | None
    proof: str | None
    waiting_reason: str | None
    waiting_until: datetime | None
    detail: str | None

    @property
    def diagnosis(self) -> Diagnosis | None:
        if self.waiting_reason is None:
            return None
        return diagnosis.describe(Waiting(self.waiting_reason), self.waiting_until, detail=self.detail)


STATUS = case(
    (Send.state.in_((State.SENDING, State.UNKNOWN)), "sending"),
    (Send.state == State.UNCONFIRMED, "failed"),
    (Send.state == State.PAUSED, "scheduled"),
    (and_(Send.state == State.QUEUED, Send.due_at > func.clock_timestamp()), "scheduled"),
    (Send.state == State.QUEUED, "due"),
    else_=cast(Send.state, Text),
)


async def search(
    db: AsyncSession,
    workspace_id: UUID,
    user_id: UUID,
    page: PageRequest,
    *,
    status: str | None = None,
    enrollment_id: UUID | None = None,
) -> Page[Schedule]:
    """Returns a user's schedules, the soonest first."""
    both = union_all(
        _planned(Enrollment.workspace_id == workspace_id, Enrollment.user_id == user_id),
        _queued(Send.workspace_id == workspace_id, Send.user_id == user_id),
    ).subquery()
    where = []
    if status:
        where.append(both.c.status == status)
    if enrollment_id:
        where.append(both.c.enrollment_id == enrollment_id)
    total = await db.scalar(select(func.count()).select_from(both).where(*where)) or 0
    rows = await db.execute(
        select(both).where(*where).order_by(both.c.scheduled_for, both.c.id).offset(page.offset).limit(page.size)
    )
    return Page([_schedule(row) for row in rows], total, page.number, page.size)


async def next_of(db: AsyncSession, workspace_id: UUID, user_id: UUID, enrollment_id: UUID) -> Schedule | None:
    """Returns an enrolment's furthest schedule: what is planned or in the outbox, else what left last."""
    both = union_all(
        _planned(
            Enrollment.workspace_id == workspace_id, Enrollment.user_id == user_id, Enrollment.id == enrollment_id
        ),
        _queued(Send.workspace_id == workspace_id, Send.user_id == user_id, Send.origin_id == enrollment_id),
    ).subquery()
    row = (await db.execute(select(both).order_by(both.c.step.desc()).limit(1))).one_or_none()
    return _schedule(row) if row else None


async def next_of_each(
    db: AsyncSession, workspace_id: UUID, user_id: UUID, enrollment_ids: Collection[UUID]
) -> dict[UUID, Schedule]:
    """Returns the furthest schedule of each of these enrolments that has one."""
    both = union_all(
        _planned(
            Enrollment.workspace_id == workspace_id, Enrollment.user_id == user_id, Enrollment.id.in_(enrollment_ids)
        ),
        _queued(Send.workspace_id == workspace_id, Send.user_id == user_id, Send.origin_id.in_(enrollment_ids)),
    ).subquery()
    furthest = select(both).ext(distinct_on(both.c.enrollment_id)).order_by(both.c.enrollment_id, both.c.step.desc())
    found = [_schedule(row) for row in await db.execute(furthest)]
    return {each.enrollment_id: each for each in found}


async def find(db: AsyncSession, workspace_id: UUID, user_id: UUID, sought: UUID) -> Schedule | None:
    """Returns a schedule by its own id, or the furthest one of the enrolment with that id."""
    own = _queued(Send.workspace_id == workspace_id, Send.user_id == user_id, Send.id == sought)
    row = (await db.execute(own)).one_or_none()
    return _schedule(row) if row else await next_of(db, workspace_id, user_id, sought)


async def waiting_in(
    db: AsyncSession, workspace_id: UUID, user_id: UUID, sequence_id: UUID
) -> list[tuple[Waiting, int, datetime | None]]:
    """Returns, for each thing a sequence's follow-ups wait for: how many do, and the first moment it may end."""
    both = union_all(
        _planned(
            Enrollment.workspace_id == workspace_id,
            Enrollment.user_id == user_id,
            Enrollment.sequence_id == sequence_id,
        ),
        _queued(
            Send.workspace_id == workspace_id,
            Send.user_id == user_id,
            Enrollment.sequence_id == sequence_id,
            Send.state.in_(UNFINISHED),
        ),
    ).subquery()
    rows = await db.execute(
        select(both.c.waiting_reason, func.count(), func.min(both.c.waiting_until))
        .where(both.c.waiting_reason.is_not(None))
        .group_by(both.c.waiting_reason)
        .order_by(func.count().desc())
    )
    return [(Waiting(row[0]), row[1], row[2]) for row in rows]


async def changed_since(
    db: AsyncSession, workspace_id: UUID, user_id: UUID, since: datetime | None, *, at_most: int
) -> list[Schedule]:
    planned = [Enrollment.workspace_id == workspace_id, Enrollment.user_id == user_id]
    queued = [Send.workspace_id == workspace_id, Send.user_id == user_id]
    if since is not None:
        planned.append(Enrollment.updated_at > since)
        queued.append(Send.updated_at > since)
    both = union_all(_planned(*planned), _queued(*queued)).subquery()
    rows = await db.execute(select(both).order_by(both.c.scheduled_for.desc(), both.c.id).limit(at_most))
    return [_schedule(row) for row in rows]


@dataclass(frozen=True, slots=True)
class Health:
    """The queue in figures. `lag_seconds` is how late the latest row that could leave is."""

    scheduled: int
    due: int
    sending: int
    confirming: int
    failed_today: int
    sent_today: int
    lag_seconds: int


async def health(db: AsyncSession, workspace_id: UUID, user_id: UUID, *, due_now: datetime) -> Health:
    mine = (Send.workspace_id == workspace_id, Send.user_id == user_id)
    day = func.make_interval(0, 0, 0, 1)

    def count(*conditions: ColumnElement[bool]) -> ColumnElement[int]:
        return func.count().filter(*conditions)

    queued = Send.state == State.QUEUED
    row = (
        await db.execute(
            select(
                count(queued, Send.due_at > due_now),
                count(queued, Send.due_at <= due_now),
                count(Send.state == State.SENDING),
                count(Send.state == State.UNKNOWN),
                count(Send.state.in_((State.FAILED, State.UNCONFIRMED)), Send.updated_at > func.now() - day),
                count(Send.state == State.SENT, Send.sent_at > literal(due_now) - day),
                func.min(Send.due_at).filter(queued, Send.due_at <= due_now),
            ).where(
                *mine,
                # What ended long ago is not looked at, however much there is of it.
                or_(Send.state.in_((State.QUEUED, State.SENDING, State.UNKNOWN)), Send.updated_at > func.now() - day),
            )
        )
    ).one()
    planned = await db.scalar(
        select(func.count()).where(
            Enrollment.workspace_id == workspace_id,
            Enrollment.user_id == user_id,
            Enrollment.status == EnrollmentStatus.ACTIVE,
            Enrollment.next_step_at.is_not(None),
        )
    )
    lag = int((due_now - row[6]).total_seconds()) if row[6] else 0
    return Health(row[0] + (planned or 0), row[1], row[2], row[3], row[4], row[5], lag)


def _schedule(row: Row[Any]) -> Schedule:
    return Schedule(*tuple(row))  # the columns below stand in the fields' order


def _planned(*where: ColumnElement[bool]) -> Select[*tuple[Any, ...]]:
    is_paused = Enrollment.status == EnrollmentStatus.PAUSED
    return select(
        Enrollment.next_send_id.label("id"),
        Enrollment.user_id,
        Enrollment.id.label("enrollment_id"),
        Enrollment.sequence_id,
        (Enrollment.current_step + 1).label("step"),
        Enrollment.next_step_at.label("scheduled_for"),
        literal_column("'scheduled'").label("status"),
        literal_column("0").label("attempts"),
        null().label("sent_at"),
        null().label("delivered_at"),
        null().label("message_id"),
        Enrollment.hold_reason.label("last_error"),
        null().label("proof"),
        case((is_paused, "paused"), else_=Enrollment.waiting_for).label("waiting_reason"),
        case((is_paused, null()), else_=Enrollment.next_step_at).label("waiting_until"),
        Enrollment.hold_reason.label("detail"),
    ).where(
        *where,
        Enrollment.status.in_(OPEN),
        Enrollment.next_step_at.is_not(None),
        Enrollment.next_send_id.is_not(None),
        Enrollment.deleted_at.is_(None),
    )


def _queued(*where: ColumnElement[bool]) -> Select[*tuple[Any, ...]]:
    now = func.clock_timestamp()
    return diagnosis.with_mailbox(
        select(
            Send.id,
            Send.user_id,
            Send.origin_id.label("enrollment_id"),
            Enrollment.sequence_id,
            Send.step,
            Send.due_at.label("scheduled_for"),
            STATUS.label("status"),
            Send.attempts,
            Send.sent_at,
            Send.delivered_at,
            Send.message_id,
            Send.last_error,
            Send.proof,
            diagnosis.reason_of(now).label("waiting_reason"),
            diagnosis.until_of(now).label("waiting_until"),
            diagnosis.detail_of(now).label("detail"),
        )
        .join(Enrollment, and_(Enrollment.workspace_id == Send.workspace_id, Enrollment.id == Send.origin_id))
        .where(*where, Send.origin == ORIGIN)
    )
