"""Drafts of answers: asked for, read, changed, and sent once they are approved. Beside the contract."""

from collections.abc import Sequence
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Query
from pydantic import Field

from outrider.api.concierge.contract import contract
from outrider.api.contract import NOT_FOUND
from outrider.api.deps import App, Caller, Db
from outrider.api.enveloped import In, Out, paging
from outrider.api.moments import Moment
from outrider.core.pages import Page, PageRequest
from outrider.domain.accounts.permissions import Permission
from outrider.domain.drafts import actions, queries
from outrider.domain.drafts.actions import MailboxNotConnected
from outrider.domain.drafts.models import DraftNotWaiting, ReplyDraft, State, Writer
from outrider.domain.mailboxes.models import Message
from outrider.domain.sending.diagnosis import Diagnosis
from outrider.domain.sending.models import Waiting
from outrider.runtime import Runtime

router = contract.router("/drafts", tag="drafts")

LONGEST_SUBJECT, LONGEST_BODY = 500, 50_000
NOT_WAITING = DraftNotWaiting("The draft is sent: it can't be changed any more.", state="sent")
NO_MAILBOX = MailboxNotConnected(
    "The mailbox ada@lovelace.example is not connected any more: connect it and try again."
)
WORKED_OUT = frozenset({"status", "answers", "waiting_for", "next_attempt_at"})
Paging = Annotated[PageRequest, Depends(paging)]


class AnsweredOut(Out):
    """The mail that is answered."""

    message_id: UUID
    sender: str
    sender_name: str
    subject: str
    snippet: str
    received_at: Moment


class DraftOut(Out):
    """`note` says why it is as it is: why a template wrote it, or why it did not leave. Of an approved one that has not left
    yet, `waiting_for` and `next_attempt_at` say why and until when.
    """

    id: UUID
    status: State
    answers: AnsweredOut
    call_id: UUID | None
    mailbox_id: UUID
    recipient: str
    recipient_name: str
    subject: str
    body: str
    language: str
    written_by: Writer
    model: str | None
    note: str | None
    waiting_for: Waiting | None
    next_attempt_at: Moment | None
    created_at: Moment
    updated_at: Moment
    decided_at: Moment | None
    sent_at: Moment | None


class DraftHeld(Out):
    draft: DraftOut


class DraftNew(In):
    message_id: UUID = Field(description="The incoming mail that is to be answered.")


class DraftEdit(In):
    """What is left out, or null, stays as it is. The recipient is whoever wrote the mail."""

    subject: Annotated[str, Field(min_length=1, max_length=LONGEST_SUBJECT, pattern=r"^[^\r\n]*$")] | None = None
    body: Annotated[str, Field(min_length=1, max_length=LONGEST_BODY)] | None = Field(None, description="Plain text.")


@router.get("", needs=Permission.DRAFTS_READ, model=Page[DraftOut])
async def list_drafts(
    app: App,
    db: Db,
    actor: Caller,
    page: Paging,
    status: Annotated[State | None, Query(description="Only drafts in this state.")] = None,
) -> Page[DraftOut]:
    """Returns the caller's drafts, the latest first."""
    found = await queries.page(db, actor.workspace_id, actor.user_id, page, state=status)
    return Page(await _shown(app, db, actor.workspace_id, found.items), found.total, found.number, found.size)


@router.post("", needs=Permission.DRAFTS_WRITE, model=DraftHeld, status_code=201, errors=[NOT_FOUND])
async def ask_for_draft(app: App, db: Db, actor: Caller, body: DraftNew) -> DraftHeld:
    """Has an answer to a mail drafted, as key 4 does on a call: by a language model where one may, else by a template.
    It is written within moments, and waits then for its approval.
    """
    draft = await actions.ask_for(db, actor.workspace_id, actor.user_id, body.message_id)
    return await _held(app, db, draft)


@router.get("/{draft_id}", needs=Permission.DRAFTS_READ, model=DraftHeld, errors=[NOT_FOUND])
async def get_draft(app: App, db: Db, actor: Caller, draft_id: UUID) -> DraftHeld:
    return await _held(app, db, await queries.get(db, actor.workspace_id, actor.user_id, draft_id))


@router.put("/{draft_id}", needs=Permission.DRAFTS_WRITE, model=DraftHeld, errors=[NOT_FOUND, NOT_WAITING])
async def edit_draft(app: App, db: Db, actor: Caller, draft_id: UUID, body: DraftEdit) -> DraftHeld:
    """Changes what is given of a draft that waits. Whoever gives a body before it is written writes it themselves."""
    draft = await actions.edit(db, actor.workspace_id, actor.user_id, draft_id, subject=body.subject, body=body.body)
    return await _held(app, db, draft)


@router.post("/{draft_id}/decline", needs=Permission.DRAFTS_WRITE, model=DraftHeld, errors=[NOT_FOUND, NOT_WAITING])
async def decline_draft(app: App, db: Db, actor: Caller, draft_id: UUID) -> DraftHeld:
    """Lays a draft aside: it is never sent."""
    return await _held(app, db, await actions.decline(db, actor.workspace_id, actor.user_id, draft_id))


@router.post(
    "/{draft_id}/approve",
    needs=Permission.DRAFTS_WRITE,
    model=DraftHeld,
    errors=[NOT_FOUND, NOT_WAITING, NO_MAILBOX],
)
async def approve_draft(app: App, db: Db, actor: Caller, draft_id: UUID) -> DraftHeld:
    """Sends a draft, once, in the thread of the mail that it answers. Should somebody write there before it leaves, it
    waits again.
    """
    due_at = await app.clock.due_now(db)
    return await _held(app, db, await actions.approve(db, actor.workspace_id, actor.user_id, draft_id, due_at=due_at))


async def _held(app: Runtime, db: Db, draft: ReplyDraft) -> DraftHeld:
    (shown,) = await _shown(app, db, draft.workspace_id, [draft])
    return DraftHeld(draft=shown)


async def _shown(app: Runtime, db: Db, workspace_id: UUID, drafts: Sequence[ReplyDraft]) -> list[DraftOut]:
    await db.flush()
    waiting = await queries.waiting(db, workspace_id, drafts, await app.clock.due_now(db))
    mails = await queries.answered(db, workspace_id, [each.message_id for each in drafts])
    return [_draft(each, mails[each.message_id], waiting.get(each.id)) for each in drafts]


def _draft(draft: ReplyDraft, mail: Message, waiting: Diagnosis | None) -> DraftOut:
    own = {
        name: getattr(draft, name) for name in DraftOut.model_fields if name not in WORKED_OUT
    }  # named as in the table
    answers = AnsweredOut(
        message_id=mail.id,
        sender=mail.from_address,
        sender_name=mail.from_name,
        subject=mail.subject,
        snippet=mail.snippet,
        received_at=mail.received_at,
    )
    return DraftOut(
        **own,
        status=draft.state,
        answers=answers,
        waiting_for=waiting.reason if waiting else None,
        next_attempt_at=waiting.until if waiting else None,
    )
