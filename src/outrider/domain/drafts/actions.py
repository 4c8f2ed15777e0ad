"""What a user does with drafts: asks for one, changes it, approves or declines it. Nothing else sends one."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from outrider.core import jobs
from outrider.core.clock import now
from outrider.core.errors import Conflict, Invalid
from outrider.core.events import emit
from outrider.core.ids import new_id
from outrider.domain.drafts import queries
from outrider.domain.drafts.events import DraftApproved, DraftDeclined
from outrider.domain.drafts.models import ReplyDraft, State
from outrider.domain.mailboxes import queries as mailboxes
from outrider.domain.mailboxes.models import Direction, Message
from outrider.domain.mailboxes.queries import EmailNotFound
from outrider.domain.sending import actions as sending
from outrider.domain.sending.actions import Intent
from outrider.domain.sending.models import ANSWER

WRITE = "drafts.write"
AHEAD = 100  # of what nobody waits for
OPEN = (State.WRITING, State.WAITING, State.APPROVED)


class MailboxNotConnected(Conflict):
    code = "mailbox_not_connected"


async def ask_for(
    db: AsyncSession, workspace_id: UUID, user_id: UUID, message_id: UUID, *, call_id: UUID | None = None
) -> ReplyDraft:
    """Has an answer to a mail drafted. Where one is under way already, that one is returned. Raises EmailNotFound, Invalid."""
    message = await _message(db, workspace_id, user_id, message_id)
    mailbox = await mailboxes.get(db, workspace_id, user_id, message.mailbox_id)
    if message.direction is not Direction.IN or message.from_address.lower() in {"", mailbox.address.lower()}:
        raise Invalid("There is nobody to answer: the mail is no incoming one with a sender.", field="message_id")
    draft_id = new_id()
    made = insert(ReplyDraft).values(
        workspace_id=workspace_id, id=draft_id, user_id=user_id, mailbox_id=mailbox.id, thread_id=message.thread_id,
        message_id=message.id, call_id=call_id, recipient=message.from_address, recipient_name=message.from_name,
        subject=reply_subject(message.subject),
    )  # fmt: skip
    await db.execute(made.on_conflict_do_nothing())
    draft = await _open_draft(db, workspace_id, message.id)
    if draft.id == draft_id:
        await jobs.enqueue(db, WRITE, workspace_id=workspace_id, draft_id=draft_id)
    return draft


async def edit(
    db: AsyncSession, workspace_id: UUID, user_id: UUID, draft_id: UUID, *, subject: str | None, body: str | None
) -> ReplyDraft:
    """Changes what is given. Raises DraftNotFound, DraftNotWaiting."""
    draft = await queries.get(db, workspace_id, user_id, draft_id, lock=True)
    draft.edit(now(), subject=subject, body=body)
    return draft


async def approve(
    db: AsyncSession, workspace_id: UUID, user_id: UUID, draft_id: UUID, *, due_at: datetime
) -> ReplyDraft:
    """Puts a draft into the outbox, once. Should somebody write in the thread before it leaves, it waits for its user again.
    Raises DraftNotFound, DraftNotWaiting, MailboxNotConnected, Invalid.
    """
    draft = await queries.get(db, workspace_id, user_id, draft_id, lock=True)
    draft.approve(now())
    if not draft.body.strip():
        raise Invalid("The draft is empty: write something first.", field="body")
    mailbox = await mailboxes.get(db, workspace_id, user_id, draft.mailbox_id)
    if mailbox.is_disconnected:
        raise MailboxNotConnected(f"The mailbox {mailbox.address} is not connected any more: connect it and try again.")
    message = await _message(db, workspace_id, user_id, draft.message_id)
    known = await queries.latest_incoming(db, workspace_id, draft.thread_id)
    intent = Intent(
        id=new_id(), workspace_id=workspace_id, user_id=user_id, mailbox_id=mailbox.id, thread_id=draft.thread_id,
        origin=ANSWER, origin_id=draft.id, step=draft.approvals, sender=mailbox.address, sender_name=mailbox.name,
        recipient=draft.recipient, recipient_name=draft.recipient_name, subject=draft.subject, body=draft.body,
        in_reply_to=message.message_id, references=message.references, answered_after=known or message.received_at,
        due_at=due_at, priority=AHEAD,
    )  # fmt: skip
    await db.flush()
    await sending.queue(db, [intent])
    await emit(db, DraftApproved(**_facts(draft)))
    return draft


async def decline(db: AsyncSession, workspace_id: UUID, user_id: UUID, draft_id: UUID) -> ReplyDraft:
    """Raises DraftNotFound, DraftNotWaiting."""
    draft = await queries.get(db, workspace_id, user_id, draft_id, lock=True)
    draft.decline(now())
    await emit(db, DraftDeclined(**_facts(draft)))
    return draft


def reply_subject(subject: str) -> str:
    plain = " ".join(subject.split())
    return plain if plain.lower().startswith("re:") else f"Re: {plain}".strip()


async def _message(db: AsyncSession, workspace_id: UUID, user_id: UUID, message_id: UUID) -> Message:
    query = select(Message).where(
        Message.workspace_id == workspace_id, Message.user_id == user_id, Message.id == message_id
    )
    found: Message | None = await db.scalar(query)
    if found is None:
        raise EmailNotFound("There is no such email.")
    return found


async def _open_draft(db: AsyncSession, workspace_id: UUID, message_id: UUID) -> ReplyDraft:
    query = select(ReplyDraft).where(
        ReplyDraft.workspace_id == workspace_id, ReplyDraft.message_id == message_id, ReplyDraft.state.in_(OPEN)
    )
    return (await db.scalars(query)).one()


def _facts(draft: ReplyDraft) -> dict[str, UUID]:
    return {
        "workspace_id": draft.workspace_id,
        "user_id": draft.user_id,
        "draft_id": draft.id,
        "message_id": draft.message_id,
    }
