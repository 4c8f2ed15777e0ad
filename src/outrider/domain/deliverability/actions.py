"""Taking down what came back, and pausing a mailbox before its provider does."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from uuid import UUID

from sqlalchemy import update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from outrider.core.events import emit
from outrider.core.ids import new_id
from outrider.domain.deliverability import queries
from outrider.domain.deliverability.events import MailboxPaused
from outrider.domain.deliverability.models import Feedback, FeedbackKind, Preflight
from outrider.domain.deliverability.rules import PERIOD, Health
from outrider.domain.sending import holding
from outrider.domain.sending.models import Hold, MailboxPace
from outrider.providers.mail.preflight import Check


async def record(
    db: AsyncSession,
    *,
    workspace_id: UUID,
    mailbox_id: UUID,
    message_id: str,
    recipient: str,
    kind: FeedbackKind,
    reason: str,
    at: datetime,
) -> bool:
    """Takes one bad answer down, and pauses the mailbox if it is one too many; False where it was known."""
    written = await db.execute(
        insert(Feedback)
        .values(
            workspace_id=workspace_id,
            id=new_id(),
            mailbox_id=mailbox_id,
            message_id=message_id,
            recipient=recipient,
            kind=kind,
            reason=reason[:500],
            at=at,
        )
        .on_conflict_do_nothing()
        .returning(Feedback.id)
    )
    if written.first() is None:
        return False
    await _examine(db, workspace_id, mailbox_id, now=at)
    return True


async def record_preflight(
    db: AsyncSession, workspace_id: UUID, mailbox_id: UUID, checks: Sequence[Check], *, at: datetime
) -> None:
    """Takes down what the DNS says now, in place of what it said."""
    described = [asdict(each) for each in checks]
    await db.execute(
        insert(Preflight)
        .values(workspace_id=workspace_id, id=new_id(), mailbox_id=mailbox_id, checks=described, examined_at=at)
        .on_conflict_do_update(
            index_elements=["workspace_id", "mailbox_id"], set_={"checks": described, "examined_at": at}
        )
    )


async def _examine(db: AsyncSession, workspace_id: UUID, mailbox_id: UUID, *, now: datetime) -> None:
    returns = await queries.returns_of(db, workspace_id, mailbox_id, now=now)
    if returns.health is not Health.BURNING:
        return
    pace = await db.get(MailboxPace, (workspace_id, mailbox_id))
    if pace is not None and pace.held_for is Hold.HEALTH and pace.held_until is not None and pace.held_until > now:
        return
    until = now + PERIOD
    reason = f"Paused for its health: {returns}. Look at the list these people came from before it goes on."
    await holding.hold(db, [((workspace_id, mailbox_id), until)], why=Hold.HEALTH, reason=reason)
    await emit(
        db,
        MailboxPaused(
            workspace_id=workspace_id,
            mailbox_id=mailbox_id,
            until=until,
            reason=reason,
            sent=returns.sent,
            bounces=returns.bounces,
            complaints=returns.complaints,
        ),
    )


async def let_go_on(db: AsyncSession, workspace_id: UUID, mailbox_id: UUID, *, now: datetime) -> bool:
    """Ends whatever holds a mailbox back and counts its health anew; False if nothing held it."""
    held = await db.scalar(
        update(MailboxPace)
        .where(
            MailboxPace.workspace_id == workspace_id,
            MailboxPace.mailbox_id == mailbox_id,
            MailboxPace.held_until > now,
        )
        .values(held_until=None, held_for=None, held_reason=None, healthy_from=now)
        .returning(MailboxPace.mailbox_id)
        .execution_options(synchronize_session="fetch")
    )
    return held is not None
