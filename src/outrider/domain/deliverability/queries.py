"""Reads of what came back of sent mail."""

from collections.abc import Collection
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from outrider.domain.deliverability.models import Feedback, FeedbackKind, Preflight
from outrider.domain.deliverability.rules import PERIOD, RETURNS_WITHIN, Returns
from outrider.domain.mailboxes.models import Direction, Message
from outrider.domain.sending.models import MailboxPace, Send

BOUNCES = (FeedbackKind.REFUSED, FeedbackKind.GONE, FeedbackKind.BOUNCED)
MOST_RETURNS = 100


async def returns_of(db: AsyncSession, workspace_id: UUID, mailbox_id: UUID, *, now: datetime) -> Returns:
    """Returns how a mailbox did in the last seven days, or since its owner let it go on."""
    pace = await db.get(MailboxPace, (workspace_id, mailbox_id))
    since = now - PERIOD
    if pace is not None and pace.healthy_from is not None:
        since = max(since, pace.healthy_from)
    sent = await db.scalar(
        select(func.count())
        .select_from(Send)
        .where(Send.workspace_id == workspace_id, Send.mailbox_id == mailbox_id, Send.sent_at > since)
    )
    feedback = await db.execute(
        select(
            func.count().filter(Feedback.kind.in_(BOUNCES)),
            func.count().filter(Feedback.kind == FeedbackKind.REFUSED),
            func.count().filter(Feedback.kind == FeedbackKind.COMPLAINT),
        ).where(Feedback.workspace_id == workspace_id, Feedback.mailbox_id == mailbox_id, Feedback.at > since)
    )
    bounces, refused, complaints = feedback.one()
    return Returns(sent=(sent or 0) + refused, bounces=bounces, complaints=complaints)


async def preflights_of(db: AsyncSession, workspace_id: UUID, mailbox_ids: Collection[UUID]) -> dict[UUID, Preflight]:
    """Returns what the DNS said of each mailbox that has been examined."""
    if not mailbox_ids:
        return {}
    query = select(Preflight).where(Preflight.workspace_id == workspace_id, Preflight.mailbox_id.in_(mailbox_ids))
    return {each.mailbox_id: each for each in await db.scalars(query)}


async def bounced_at(db: AsyncSession, workspace_id: UUID, recipient: str, *, now: datetime) -> list[datetime]:
    rows = await db.scalars(
        select(Feedback.at)
        .where(
            Feedback.workspace_id == workspace_id,
            Feedback.recipient == recipient,
            Feedback.kind == FeedbackKind.BOUNCED,
            Feedback.at > now - RETURNS_WITHIN,
        )
        .order_by(Feedback.at.desc())
        .limit(MOST_RETURNS)
    )
    return list(rows)


async def is_ours(
    db: AsyncSession, workspace_id: UUID, mailbox_id: UUID, message_ids: list[str], recipient: str
) -> str | None:
    """Returns which of these Message-IDs is a mail of this mailbox to that recipient: a report about another proves
    nothing.
    """
    found: str | None = await db.scalar(
        select(Message.message_id)
        .where(
            Message.workspace_id == workspace_id,
            Message.mailbox_id == mailbox_id,
            Message.message_id.in_(message_ids),
            Message.direction == Direction.OUT,
            or_(
                Message.to.contains([{"address": recipient}]),
                Message.cc.contains([{"address": recipient}]),
            ),
        )
        .limit(1)
    )
    return found


async def recipients_of(
    db: AsyncSession, workspace_id: UUID, mailbox_id: UUID, message_ids: list[str]
) -> list[tuple[str, str]]:
    """Returns (Message-ID, recipient) of those mails that left here; one recipient each, as the outbox writes them."""
    rows = await db.execute(
        select(Send.message_id, Send.recipient).where(
            Send.workspace_id == workspace_id, Send.mailbox_id == mailbox_id, Send.message_id.in_(message_ids)
        )
    )
    return [(row.message_id, row.recipient) for row in rows]


async def sends_to(
    db: AsyncSession, workspace_id: UUID, mailbox_id: UUID, message_ids: list[str], recipient: str
) -> list[Send]:
    rows = await db.scalars(
        select(Send).where(
            Send.workspace_id == workspace_id,
            Send.mailbox_id == mailbox_id,
            Send.message_id.in_(message_ids),
            Send.recipient == recipient,
        )
    )
    return list(rows)


async def was_written_to(
    db: AsyncSession, workspace_id: UUID, recipient: str, *, now: datetime, within: timedelta
) -> bool:
    found = await db.scalar(
        select(Send.id)
        .where(
            Send.workspace_id == workspace_id,
            Send.recipient_domain == recipient.rpartition("@")[2],
            Send.sent_at > now - within,
            Send.recipient == recipient,
        )
        .limit(1)
    )
    return found is not None
