"""Reads of drafts. They are personal: every read names its user."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, func, literal, select
from sqlalchemy.ext.asyncio import AsyncSession

from outrider.core.errors import NotFound
from outrider.core.pages import Page, PageRequest
from outrider.domain.drafts.models import ReplyDraft, State
from outrider.domain.mailboxes.models import Direction, Message
from outrider.domain.sending import diagnosis
from outrider.domain.sending.diagnosis import Diagnosis
from outrider.domain.sending.models import ANSWER, Send, Waiting

MOST_APPROVED = 1_000


class DraftNotFound(NotFound):
    code = "draft_not_found"


async def page(
    db: AsyncSession, workspace_id: UUID, user_id: UUID, paging: PageRequest, *, state: State | None = None
) -> Page[ReplyDraft]:
    """Returns a user's drafts, the latest first."""
    query = select(ReplyDraft).where(ReplyDraft.workspace_id == workspace_id, ReplyDraft.user_id == user_id)
    if state is not None:
        query = query.where(ReplyDraft.state == state)
    total = await db.scalar(select(func.count()).select_from(query.subquery())) or 0
    rows = await db.scalars(
        query.order_by(ReplyDraft.created_at.desc(), ReplyDraft.id.desc()).offset(paging.offset).limit(paging.size)
    )
    return Page(list(rows), total, paging.number, paging.size)


async def counts(db: AsyncSession, workspace_id: UUID, user_id: UUID) -> Counter[State]:
    rows = await db.execute(
        select(ReplyDraft.state, func.count().label("count"))
        .where(ReplyDraft.workspace_id == workspace_id, ReplyDraft.user_id == user_id)
        .group_by(ReplyDraft.state)
    )
    return Counter({row.state: row.count for row in rows})


async def get(db: AsyncSession, workspace_id: UUID, user_id: UUID, draft_id: UUID, *, lock: bool = False) -> ReplyDraft:
    query = select(ReplyDraft).where(
        ReplyDraft.workspace_id == workspace_id, ReplyDraft.user_id == user_id, ReplyDraft.id == draft_id
    )
    found: ReplyDraft | None = await db.scalar(query.with_for_update() if lock else query)
    if found is None:
        raise DraftNotFound("There is no such draft.")
    return found


async def find(db: AsyncSession, workspace_id: UUID, draft_id: UUID, *, lock: bool = False) -> ReplyDraft | None:
    """For jobs, which act for whoever the draft is of."""
    query = select(ReplyDraft).where(ReplyDraft.workspace_id == workspace_id, ReplyDraft.id == draft_id)
    found: ReplyDraft | None = await db.scalar(query.with_for_update() if lock else query)
    return found


async def many(db: AsyncSession, workspace_id: UUID, draft_ids: Sequence[UUID]) -> list[ReplyDraft]:
    """Locks several drafts, for jobs."""
    query = select(ReplyDraft).where(ReplyDraft.workspace_id == workspace_id, ReplyDraft.id.in_(draft_ids))
    return list(await db.scalars(query.order_by(ReplyDraft.id).with_for_update()))


async def waiting(
    db: AsyncSession, workspace_id: UUID, drafts: Sequence[ReplyDraft], due_now: datetime
) -> dict[UUID, Diagnosis]:
    """Says of those that are approved why they have not left yet, and when that is tried next."""
    approvals = {each.id: each.approvals for each in drafts if each.state is State.APPROVED}
    if not approvals:
        return {}
    at = literal(due_now)
    told: tuple[ColumnElement[Any], ...] = (diagnosis.reason_of(at), diagnosis.until_of(at), diagnosis.detail_of(at))
    columns = [each.label(name) for each, name in zip(told, ("reason", "until", "detail"), strict=True)]
    query = diagnosis.with_mailbox(select(Send.origin_id, Send.step, *columns)).where(
        Send.workspace_id == workspace_id, Send.origin == ANSWER, Send.origin_id.in_(approvals)
    )
    return {
        row.origin_id: diagnosis.describe(Waiting(row.reason), row.until, detail=row.detail)
        for row in await db.execute(query)
        if row.reason is not None and row.step == approvals[row.origin_id]
    }


async def approved(db: AsyncSession, workspace_id: UUID, user_id: UUID) -> list[ReplyDraft]:
    """Returns what lies in the outbox."""
    query = select(ReplyDraft).where(
        ReplyDraft.workspace_id == workspace_id, ReplyDraft.user_id == user_id, ReplyDraft.state == State.APPROVED
    )
    return list(await db.scalars(query.limit(MOST_APPROVED)))


async def answered(db: AsyncSession, workspace_id: UUID, message_ids: Sequence[UUID]) -> dict[UUID, Message]:
    """Returns the mails that drafts answer."""
    query = select(Message).where(Message.workspace_id == workspace_id, Message.id.in_(message_ids))
    return {each.id: each for each in await db.scalars(query)}


async def latest_incoming(db: AsyncSession, workspace_id: UUID, thread_id: UUID) -> datetime | None:
    """Returns when somebody last wrote in a thread, as far as is known."""
    query = select(func.max(Message.received_at)).where(
        Message.workspace_id == workspace_id, Message.thread_id == thread_id, Message.direction == Direction.IN
    )
    found: datetime | None = await db.scalar(query)
    return found
