"""Reads of sequences and enrolments; both are their user's own."""

from collections.abc import Collection
from collections.abc import Sequence as Many
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, func, or_, select, text, true
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import selectinload

from outrider.core.errors import NotFound
from outrider.core.pages import Page, PageRequest
from outrider.domain.sequences.models import OPEN, Enrollment, EnrollmentStatus, Sequence

WORKSPACES_DUE = text("select workspaces_with_due_steps(:at)")


class SequenceNotFound(NotFound):
    code = "sequence_not_found"


class EnrollmentNotFound(NotFound):
    code = "enrollment_not_found"


async def workspaces_with_due_steps(db: AsyncSession, at: datetime) -> list[UUID]:
    """Works without a scope; gives away only identifiers."""
    return list(await db.scalars(WORKSPACES_DUE, {"at": at}))


async def get(
    db: AsyncSession, workspace_id: UUID, user_id: UUID, sequence_id: UUID, *, lock: bool = False
) -> Sequence:
    query = (
        select(Sequence)
        .options(selectinload(Sequence.steps))
        .where(
            Sequence.workspace_id == workspace_id,
            Sequence.user_id == user_id,
            Sequence.id == sequence_id,
            Sequence.deleted_at.is_(None),
        )
    )
    found: Sequence | None = await db.scalar(query.with_for_update() if lock else query)
    if found is None:
        raise SequenceNotFound("There is no such sequence.")
    return found


async def get_any(db: AsyncSession, workspace_id: UUID, sequence_id: UUID) -> Sequence | None:
    """For jobs; finds deleted ones too, whose enrolments must still end."""
    query = (
        select(Sequence)
        .options(selectinload(Sequence.steps))
        .where(Sequence.workspace_id == workspace_id, Sequence.id == sequence_id)
    )
    found: Sequence | None = await db.scalar(query)
    return found


async def get_many(db: AsyncSession, workspace_id: UUID, sequence_ids: Collection[UUID]) -> dict[UUID, Sequence]:
    """For jobs; finds deleted ones too."""
    query = (
        select(Sequence)
        .options(selectinload(Sequence.steps))
        .where(Sequence.workspace_id == workspace_id, Sequence.id.in_(sequence_ids))
    )
    return {each.id: each for each in await db.scalars(query)}


async def search(
    db: AsyncSession, workspace_id: UUID, user_id: UUID, page: PageRequest, *, status: str | None = None
) -> Page[Sequence]:
    where = [Sequence.workspace_id == workspace_id, Sequence.user_id == user_id, Sequence.deleted_at.is_(None)]
    if status:
        where.append(Sequence.status == status)
    total = await db.scalar(select(func.count()).select_from(Sequence).where(*where)) or 0
    rows = await db.scalars(
        select(Sequence)
        .options(selectinload(Sequence.steps))
        .where(*where)
        .order_by(Sequence.created_at.desc(), Sequence.id.desc())
        .offset(page.offset)
        .limit(page.size)
    )
    return Page(list(rows), total, page.number, page.size)


async def search_enrollments(
    db: AsyncSession,
    workspace_id: UUID,
    user_id: UUID,
    page: PageRequest,
    *,
    status: str | None = None,
    sequence_id: UUID | None = None,
    total: int | None = None,
) -> Page[Enrollment]:
    """Returns a user's enrolments, newest first: ids grow with time. `total` saves counting what the caller has counted."""
    where = [Enrollment.workspace_id == workspace_id, Enrollment.user_id == user_id, Enrollment.deleted_at.is_(None)]
    if status:
        where.append(Enrollment.status == status)
    if sequence_id:
        where.append(Enrollment.sequence_id == sequence_id)
    if total is None:
        total = await db.scalar(select(func.count()).select_from(Enrollment).where(*where)) or 0
    # The page is found in the index alone; only its rows are read.
    ids = select(Enrollment.id).where(*where).order_by(Enrollment.id.desc()).offset(page.offset).limit(page.size)
    rows = await db.scalars(
        select(Enrollment)
        .where(Enrollment.workspace_id == workspace_id, Enrollment.id.in_(ids.scalar_subquery()))
        .order_by(Enrollment.id.desc())
    )
    return Page(list(rows), total, page.number, page.size)


async def count_by_status(db: AsyncSession, workspace_id: UUID, user_id: UUID) -> dict[EnrollmentStatus, int]:
    """Returns how many of a user's enrolments there are of each status that occurs."""
    rows = await db.execute(
        select(Enrollment.status, func.count())
        .where(Enrollment.workspace_id == workspace_id, Enrollment.user_id == user_id, Enrollment.deleted_at.is_(None))
        .group_by(Enrollment.status)
    )
    return {row.status: row[1] for row in rows}


async def get_enrollment(
    db: AsyncSession, workspace_id: UUID, user_id: UUID, enrollment_id: UUID, *, lock: bool = False
) -> Enrollment:
    query = select(Enrollment).where(
        Enrollment.workspace_id == workspace_id,
        Enrollment.user_id == user_id,
        Enrollment.id == enrollment_id,
        Enrollment.deleted_at.is_(None),
    )
    found: Enrollment | None = await db.scalar(query.with_for_update() if lock else query)
    if found is None:
        raise EnrollmentNotFound("There is no such enrollment.")
    return found


async def lock_enrollment(db: AsyncSession, workspace_id: UUID, enrollment_id: UUID) -> Enrollment | None:
    """For jobs, which act for whoever owns the enrolment."""
    query = select(Enrollment).where(Enrollment.workspace_id == workspace_id, Enrollment.id == enrollment_id)
    found: Enrollment | None = await db.scalar(query.with_for_update())
    return found


async def lock_enrollments(db: AsyncSession, workspace_id: UUID, enrollment_ids: Many[UUID]) -> list[Enrollment]:
    """For jobs. Locked in the order of their ids, so that two of them can't wait for each other."""
    query = select(Enrollment).where(Enrollment.workspace_id == workspace_id, Enrollment.id.in_(enrollment_ids))
    return list(await db.scalars(query.order_by(Enrollment.id).with_for_update()))


async def recipient_of(db: AsyncSession, workspace_id: UUID, enrollment_id: UUID) -> str | None:
    """For jobs."""
    query = select(Enrollment.recipient).where(Enrollment.workspace_id == workspace_id, Enrollment.id == enrollment_id)
    found: str | None = await db.scalar(query)
    return found


async def in_thread(db: AsyncSession, workspace_id: UUID, thread_id: UUID) -> list[Enrollment]:
    """Returns a thread's enrolments that an answer still means something to, locked."""
    query = (
        select(Enrollment)
        .where(
            Enrollment.workspace_id == workspace_id,
            Enrollment.thread_id == thread_id,
            Enrollment.status.in_((*OPEN, EnrollmentStatus.COMPLETED)),
            Enrollment.deleted_at.is_(None),
        )
        .order_by(Enrollment.id)
        .limit(100)
        .with_for_update()
    )
    return list(await db.scalars(query))


async def open_of_thread(db: AsyncSession, workspace_id: UUID, thread_id: UUID) -> Enrollment | None:
    query = select(Enrollment).where(
        Enrollment.workspace_id == workspace_id,
        Enrollment.thread_id == thread_id,
        Enrollment.status.in_(OPEN),
        Enrollment.deleted_at.is_(None),
    )
    found: Enrollment | None = await db.scalar(query.limit(1))
    return found


async def count_open(db: AsyncSession, workspace_id: UUID, sequence_id: UUID) -> int:
    query = select(func.count()).where(
        Enrollment.workspace_id == workspace_id,
        Enrollment.sequence_id == sequence_id,
        Enrollment.status.in_(OPEN),
        Enrollment.deleted_at.is_(None),
    )
    return await db.scalar(query) or 0


async def enrollments_of_emails(db: AsyncSession, workspace_id: UUID, email_ids: Many[UUID]) -> dict[UUID, UUID]:
    """Returns the latest enrolment of each of these mails."""
    rows = await db.execute(
        select(Enrollment.email_id, Enrollment.id)
        .where(
            Enrollment.workspace_id == workspace_id,
            Enrollment.email_id.in_(email_ids),
            Enrollment.deleted_at.is_(None),
        )
        .order_by(Enrollment.id)
    )
    return {row.email_id: row.id for row in rows}


@dataclass(frozen=True, slots=True)
class Changed:
    """What of a user's sequences and enrolments is new or changed, and what is gone."""

    sequences: list[Sequence]
    enrollments: list[Enrollment]
    deleted_sequences: list[UUID]
    deleted_enrollments: list[UUID]


async def changed_since(
    db: AsyncSession, workspace_id: UUID, user_id: UUID, since: datetime | None, *, at_most: int
) -> Changed:
    sequences = (
        select(Sequence)
        .options(selectinload(Sequence.steps))
        .where(Sequence.workspace_id == workspace_id, Sequence.user_id == user_id)
    )
    enrollments = select(Enrollment).where(Enrollment.workspace_id == workspace_id, Enrollment.user_id == user_id)
    if since is None:
        sequences = sequences.where(Sequence.deleted_at.is_(None))
        enrollments = enrollments.where(Enrollment.deleted_at.is_(None))
    else:
        sequences = sequences.where(Sequence.updated_at > since)
        enrollments = enrollments.where(Enrollment.updated_at > since)
    found_sequences = list(await db.scalars(sequences.order_by(Sequence.id.desc()).limit(at_most)))
    found_enrollments = list(await db.scalars(enrollments.order_by(Enrollment.id.desc()).limit(at_most)))
    return Changed(
        [each for each in found_sequences if each.deleted_at is None],
        [each for each in found_enrollments if each.deleted_at is None],
        [each.id for each in found_sequences if each.deleted_at is not None],
        [each.id for each in found_enrollments if each.deleted_at is not None],
    )


async def open_to(db: AsyncSession, workspace_id: UUID, value: str, *, at_most: int) -> list[Enrollment]:
    """Locks and returns open enrolments of an address, of a domain and those below it, or with `*` of anybody."""
    if value == "*":
        concerns: ColumnElement[bool] = true()
    elif "@" in value:
        concerns = Enrollment.recipient == value
    else:
        concerns = or_(Enrollment.recipient.endswith(f"@{value}", autoescape=True),
                       Enrollment.recipient.endswith(f".{value}", autoescape=True))  # fmt: skip
    rows = await db.scalars(
        select(Enrollment)
        .where(Enrollment.workspace_id == workspace_id, Enrollment.status.in_(OPEN), concerns)
        .order_by(Enrollment.id)
        .limit(at_most)
        .with_for_update()
    )
    return list(rows)
