"""What callers do with the outbox: queue mails, hold them back, hurry them, take them back."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from outrider.core.events import emit
from outrider.domain.mailboxes import drafts
from outrider.domain.mailboxes import queries as mailboxes
from outrider.domain.mailboxes.drafts import Draft
from outrider.domain.mailboxes.models import Mailbox
from outrider.domain.sending import pacing, rules
from outrider.domain.sending.events import SendStopped, facts_of
from outrider.domain.sending.letterhead import Letterhead
from outrider.domain.sending.models import Send, State, Waiting

NOT_STORED = frozenset({"sender", "sender_name"})


@dataclass(frozen=True, slots=True)
class Intent:
    """A mail that is to leave, complete. `answered_after`: a person's mail in the thread later than this stops it."""

    id: UUID
    workspace_id: UUID
    user_id: UUID
    mailbox_id: UUID
    thread_id: UUID
    origin: str
    origin_id: UUID
    step: int
    sender: str
    sender_name: str
    recipient: str
    recipient_name: str
    subject: str
    body: str
    in_reply_to: str | None
    references: Sequence[str]
    answered_after: datetime | None
    due_at: datetime
    window: dict[str, Any] | None = None
    timezone: str = "UTC"
    priority: int = 0


async def queue(db: AsyncSession, intents: Sequence[Intent]) -> set[tuple[UUID, int]]:
    """Writes intents; returns the (origin, step) of those that are new. One that exists stays as it is."""
    if not intents:
        return set()
    known = await mailboxes.remote_threads(db, intents[0].workspace_id, {each.thread_id for each in intents})
    written = await db.execute(
        insert(Send)
        .on_conflict_do_nothing(index_elements=["workspace_id", "origin_id", "step"])
        .returning(Send.origin_id, Send.step),
        [_row(intent, known.get(intent.thread_id)) for intent in intents],
    )
    new = {(row.origin_id, row.step) for row in written}
    written_down = [_draft(intent) for intent in intents if (intent.origin_id, intent.step) in new]
    await drafts.record(db, intents[0].workspace_id, written_down)
    return new


def _row(intent: Intent, remote_thread: str | None) -> dict[str, Any]:
    row = {field.name: getattr(intent, field.name) for field in fields(intent) if field.name not in NOT_STORED}
    row["references"] = rules.references_of(intent.in_reply_to, intent.references)
    domain = rules.domain_of(intent.recipient)
    return {
        **row,
        "remote_thread": remote_thread,
        "recipient_domain": domain,
        "recipient_company": pacing.company_of(domain),
        "message_id": rules.mint_message_id(intent.id, intent.sender),
        "give_up_at": intent.due_at + rules.GIVE_UP_AFTER,
    }


def _draft(intent: Intent) -> Draft:
    return Draft(
        mailbox_id=intent.mailbox_id,
        user_id=intent.user_id,
        thread_id=intent.thread_id,
        message_id=rules.mint_message_id(intent.id, intent.sender),
        in_reply_to=intent.in_reply_to,
        references=rules.references_of(intent.in_reply_to, intent.references),
        sender=intent.sender,
        sender_name=intent.sender_name,
        recipient=intent.recipient,
        recipient_name=intent.recipient_name,
        subject=intent.subject,
        text=intent.body,
        at=intent.due_at,
    )


async def pause_many(db: AsyncSession, workspace_id: UUID, origin_ids: Sequence[UUID]) -> None:
    await _move(db, workspace_id, origin_ids, [State.QUEUED], state=State.PAUSED, waiting_for=Waiting.PAUSED)


async def resume(db: AsyncSession, workspace_id: UUID, origin_id: UUID) -> None:
    await _move(db, workspace_id, [origin_id], [State.PAUSED], state=State.QUEUED, waiting_for=None)


async def cancel(db: AsyncSession, workspace_id: UUID, origin_id: UUID, *, reason: str) -> None:
    """Takes back what has not left yet. A row being sent right now runs to its end."""
    taken_back = await _move(
        db,
        workspace_id,
        [origin_id],
        [State.QUEUED, State.PAUSED],
        state=State.CANCELLED,
        waiting_for=None,
        last_error=reason,
    )
    await emit(db, *(SendStopped(reason=reason, **facts_of(send)) for send in taken_back))


async def postpone(db: AsyncSession, workspace_id: UUID, origin_id: UUID, *, until: datetime) -> bool:
    """Keeps a row that has not left back until a moment; False if there is none."""
    moved = await _move(
        db,
        workspace_id,
        [origin_id],
        [State.QUEUED, State.PAUSED],
        due_at=func.greatest(Send.due_at, until),
        give_up_at=func.greatest(Send.give_up_at, until + rules.GIVE_UP_AFTER),
        waiting_for=Waiting.DELAY,
    )
    return bool(moved)


async def hasten(db: AsyncSession, workspace_id: UUID, origin_id: UUID, *, now: datetime) -> bool:
    """Makes an unsent (or unconfirmed, or failed) row due now, ahead of others and regardless of its window."""
    moved = await _move(
        db,
        workspace_id,
        [origin_id],
        [State.QUEUED, State.PAUSED, State.UNCONFIRMED, State.FAILED],
        state=State.QUEUED,
        due_at=now,
        priority=100,
        window=None,
        waiting_for=None,
        give_up_at=now + rules.GIVE_UP_AFTER,
    )
    return bool(moved)


def copy_of(send: Send, mailbox: Mailbox, letterhead: Letterhead) -> bytes:
    """The mail as it left, for the Sent folder."""
    return rules.compose(mailbox, send, letterhead, at=send.sent_at or send.due_at)


async def mark_copied(db: AsyncSession, send: Send, *, at: datetime) -> None:
    await db.execute(
        update(Send)
        .where(Send.workspace_id == send.workspace_id, Send.id == send.id)
        .values(copied_at=at)
        .execution_options(synchronize_session=False)
    )


async def _move(
    db: AsyncSession, workspace_id: UUID, origin_ids: Sequence[UUID], states: list[State], **values: Any
) -> Sequence[Send]:
    moved = await db.scalars(
        update(Send)
        .where(Send.workspace_id == workspace_id, Send.origin_id.in_(origin_ids), Send.state.in_(states))
        .values(**values)
        .returning(Send)
        .execution_options(synchronize_session="fetch")
    )
    return moved.all()
