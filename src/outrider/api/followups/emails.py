"""The sent mail that can be followed up, and looking for new mail now."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import Depends, Query
from pydantic import AfterValidator, Field

from outrider.api.bodies import without_nul
from outrider.api.contract import CONFLICT
from outrider.api.deps import Caller, Db
from outrider.api.followups.contract import In, Out, contract, paging
from outrider.api.followups.shapes import EmailOut, EmailWithBody
from outrider.api.moments import Moment
from outrider.core.pages import Page, PageRequest
from outrider.domain.accounts.permissions import Permission
from outrider.domain.mailboxes import queries as mailboxes
from outrider.domain.mailboxes import syncing
from outrider.domain.mailboxes.queries import EmailNotFound
from outrider.domain.operations.models import Operation
from outrider.domain.sequences import queries as sequences

router = contract.router("/emails", tag="emails")

NOT_FOUND = EmailNotFound("There is no such sent email.")


class JobOut(Out):
    """A sync under way; ask GET /auth/status how far it is."""

    id: UUID
    mailbox_id: UUID
    status: Literal["queued", "running", "succeeded", "failed", "cancelled"]
    total: int
    processed: int
    progress: Annotated[int, Field(ge=0, le=100)]

    @classmethod
    def of(cls, operation: Operation) -> "JobOut":
        return cls(
            id=operation.id,
            mailbox_id=operation.subject_id,
            status=operation.status.value,
            total=operation.total,
            processed=operation.processed,
            progress=operation.progress,
        )


class SyncOut(Out):
    jobs: list[JobOut]


class CheckReplies(In):
    email_ids: Annotated[list[UUID], Field(min_length=1, max_length=100)]


class ReplyState(Out):
    email_id: UUID
    has_reply: bool
    replied_at: Moment | None


class RepliesOut(Out):
    """What is known now. `pending` are still being looked up: ask again in a few seconds."""

    results: list[ReplyState]
    pending: list[UUID]
    not_found: list[UUID]


@router.get("/sent", needs=Permission.MAILBOXES_READ, model=Page[EmailOut])
async def list_sent(
    db: Db,
    actor: Caller,
    page: Annotated[PageRequest, Depends(paging)],
    search: Annotated[
        str | None, AfterValidator(without_nul), Query(max_length=200, description="Words of the subject.")
    ] = None,
    has_reply: Annotated[bool | None, Query(alias="hasReply")] = None,
) -> Page[EmailOut]:
    """Returns the caller's sent emails, newest first."""
    found = await mailboxes.sent(db, actor.workspace_id, actor.user_id, page, search=search, has_reply=has_reply)
    enrolled = await sequences.enrollments_of_emails(db, actor.workspace_id, [each.id for each in found.items])
    return found.map(lambda each: EmailOut.of(each, enrolled.get(each.id)))


@router.post("/sync", needs=Permission.MAILBOXES_WRITE, model=SyncOut, status_code=202, errors=[CONFLICT])
async def sync_emails(db: Db, actor: Caller) -> SyncOut:
    """Looks for new mail in every connected mailbox now; a sync under way stands for a new one."""
    connected = await mailboxes.of_user(db, actor.workspace_id, actor.user_id)
    jobs = [await syncing.request(db, mailbox) for mailbox in connected if mailbox.is_usable]
    return SyncOut(jobs=[JobOut.of(job) for job in jobs])


@router.get("/sent/{emailId}", needs=Permission.MAILBOXES_READ, model=EmailWithBody, errors=[NOT_FOUND])
async def get_sent(db: Db, actor: Caller, emailId: UUID) -> EmailWithBody:  # noqa: N803
    """Returns one sent email with its body."""
    found = await mailboxes.get_sent(db, actor.workspace_id, actor.user_id, emailId)
    enrolled = await sequences.enrollments_of_emails(db, actor.workspace_id, [found.id])
    return EmailWithBody.of(found, enrolled.get(found.id))


@router.post("/check-replies", needs=Permission.MAILBOXES_WRITE, model=RepliesOut, errors=[CONFLICT])
async def check_replies(db: Db, actor: Caller, body: CheckReplies) -> RepliesOut:
    """Answers at once with what is known and starts looking for the rest."""
    found = await mailboxes.sent_by_ids(db, actor.workspace_id, actor.user_id, body.email_ids)
    unanswered = [each for each in found if each.replied_at is None]
    waiting = {each.mailbox_id for each in unanswered}
    for mailbox in await mailboxes.of_user(db, actor.workspace_id, actor.user_id):
        if mailbox.id in waiting and mailbox.is_usable:
            await syncing.request(db, mailbox)
    known = {each.id for each in found}
    return RepliesOut(
        results=[
            ReplyState(email_id=each.id, has_reply=each.replied_at is not None, replied_at=each.replied_at)
            for each in found
        ],
        pending=[each.id for each in unanswered],
        not_found=[email_id for email_id in body.email_ids if email_id not in known],
    )
