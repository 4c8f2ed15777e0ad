"""Reads of the outbox."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from outrider.core.pages import Page, PageRequest
from outrider.domain.sending.models import UNFINISHED, Send, State

MAILBOXES_DUE = text("select workspace_id, mailbox_id from mailboxes_with_due_sends(:at, :at_most)")
WORKSPACES_UNSETTLED = text("select workspaces_with_unsettled_sends()")
MOST_ROWS = 200
MOST_MAILBOXES = 500


async def mailboxes_with_due_sends(db: AsyncSession, at: datetime) -> list[tuple[UUID, UUID]]:
    """Returns (workspace, mailbox) pairs, every workspace's first before any workspace's second.

    Works without a scope; gives away only identifiers.
    """
    rows = await db.execute(MAILBOXES_DUE, {"at": at, "at_most": MOST_MAILBOXES})
    return [(row.workspace_id, row.mailbox_id) for row in rows]


async def workspaces_with_unsettled_sends(db: AsyncSession) -> list[UUID]:
    """Works without a scope; gives away only identifiers."""
    return list(await db.scalars(WORKSPACES_UNSETTLED))


async def uncopied(db: AsyncSession, workspace_id: UUID, mailbox_id: UUID, *, at_most: int = 100) -> list[Send]:
    query = (
        select(Send)
        .where(
            Send.workspace_id == workspace_id,
            Send.mailbox_id == mailbox_id,
            Send.state == State.SENT,
            Send.copied_at.is_(None),
        )
        .order_by(Send.sent_at)
        .limit(at_most)
    )
    return list(await db.scalars(query))


async def unfinished_of(db: AsyncSession, workspace_id: UUID, origin_ids: Sequence[UUID]) -> dict[UUID, Send]:
    """Returns each origin's row that has not ended, if it has one."""
    rows = await db.scalars(
        select(Send).where(
            Send.workspace_id == workspace_id, Send.origin_id.in_(origin_ids), Send.state.in_(UNFINISHED)
        )
    )
    return {row.origin_id: row for row in rows}


async def latest_of(db: AsyncSession, workspace_id: UUID, origin_id: UUID) -> Send | None:
    query = (
        select(Send)
        .where(Send.workspace_id == workspace_id, Send.origin_id == origin_id)
        .order_by(Send.step.desc())
        .limit(1)
    )
    found: Send | None = await db.scalar(query)
    return found


async def message_ids_of(db: AsyncSession, workspace_id: UUID, origin_id: UUID) -> list[str]:
    query = select(Send.message_id).where(Send.workspace_id == workspace_id, Send.origin_id == origin_id)
    return list(await db.scalars(query.order_by(Send.step).limit(MOST_ROWS)))


async def search(
    db: AsyncSession, workspace_id: UUID, user_id: UUID, page: PageRequest, *, states: Sequence[State] = ()
) -> Page[Send]:
    where = [Send.workspace_id == workspace_id, Send.user_id == user_id]
    if states:
        where.append(Send.state.in_(states))
    total = await db.scalar(select(func.count()).select_from(Send).where(*where)) or 0
    rows = await db.scalars(
        select(Send).where(*where).order_by(Send.due_at, Send.id).offset(page.offset).limit(page.size)
    )
    return Page(list(rows), total, page.number, page.size)
