"""Enrolments: sent emails being followed up."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Query
from pydantic import Field

from outrider.api.bodies import Timezone
from outrider.api.deps import App, Caller, Db
from outrider.api.followups.contract import In, contract, paging
from outrider.api.followups.shapes import EnrollmentOut, EnrollmentState
from outrider.api.moments import Moment
from outrider.core.pages import Page, PageRequest
from outrider.domain.accounts.permissions import Permission
from outrider.domain.mailboxes import queries as mailboxes
from outrider.domain.sending import queries as sends
from outrider.domain.sequences import actions, queries
from outrider.domain.sequences.actions import AlreadyAnswered, AlreadyEnrolled, AlreadySent, NotARecipient
from outrider.domain.sequences.models import Enrollment, EnrollmentClosed
from outrider.domain.sequences.queries import EnrollmentNotFound
from outrider.domain.suppressions.actions import RecipientSuppressed

router = contract.router("/enrollments", tag="enrollments")

NOT_FOUND = EnrollmentNotFound("There is no such enrollment.")
ENROLLED = AlreadyEnrolled("This thread is being followed up already.", enrollmentId=str(UUID(int=7)))
ANSWERED = AlreadyAnswered("This email has been answered, so there is nothing to follow up.", emailId=str(UUID(int=7)))
STRANGER = NotARecipient("This email was not sent to that address.", field="recipientEmail")
CLOSED = EnrollmentClosed("This enrollment has ended (replied).", status="replied")
SUPPRESSED = RecipientSuppressed(
    "grace@hopper.example gets no mail: they unsubscribed (2026-11-20). Take it off the suppression list first if they"
    " asked for mail again.",
    reason="unsubscribe",
    scope="address",
    since="2026-11-20T08:12:30+00:00",
)
LEFT = AlreadySent("A follow-up has left already; the sequence can't be exchanged any more.")

Variables = Annotated[
    dict[Annotated[str, Field(max_length=100)], Annotated[str, Field(max_length=5000)] | int | float | bool],
    Field(max_length=100, description="What templates print as variables.NAME."),
]


class EnrollmentIn(In):
    email_id: UUID
    sequence_id: UUID
    start_at: Moment | None = Field(None, description="Delays count from here; default now.")
    timezone: Timezone | None = Field(None, description="The recipient's; default the sequence's.")
    variables: Variables | None = None
    recipient_email: Annotated[str, Field(max_length=320, json_schema_extra={"format": "email"})] | None = Field(
        None, description="Whom to follow up, if the email went to several; default the first."
    )


class EnrollmentEdit(In):
    next_send_date: Moment | None = None
    variables: Variables | None = None
    sequence_id: UUID | None = None


@router.get("", needs=Permission.ENROLLMENTS_READ, model=Page[EnrollmentOut])
async def list_enrollments(
    db: Db,
    actor: Caller,
    page: Annotated[PageRequest, Depends(paging)],
    status: EnrollmentState | None = None,
    sequence_id: Annotated[UUID | None, Query(alias="sequenceId")] = None,
) -> Page[EnrollmentOut]:
    """Returns the caller's enrollments, newest first."""
    found = await queries.search_enrollments(
        db, actor.workspace_id, actor.user_id, page, status=status, sequence_id=sequence_id
    )
    waiting = await sends.unfinished_of(db, actor.workspace_id, [each.id for each in found.items])
    return found.map(lambda each: EnrollmentOut.of(each, waiting.get(each.id)))


@router.post(
    "",
    needs=Permission.ENROLLMENTS_WRITE,
    model=EnrollmentOut,
    status_code=201,
    errors=[NOT_FOUND, ENROLLED, ANSWERED, STRANGER, SUPPRESSED],
)
async def create_enrollment(
    db: Db,
    app: App,
    actor: Caller,
    body: EnrollmentIn,
) -> EnrollmentOut:
    """Enrols a sent email's thread in a sequence; it is followed up until somebody answers."""
    email = await mailboxes.get_sent(db, actor.workspace_id, actor.user_id, body.email_id)
    sequence = await queries.get(db, actor.workspace_id, actor.user_id, body.sequence_id)
    enrollment = await actions.enroll(
        db,
        email,
        sequence,
        by=actor,
        keyring=app.keyring,
        due_now=await app.clock.due_now(db),
        start_at=body.start_at,
        timezone=body.timezone,
        variables=body.variables,
        recipient=body.recipient_email,
    )
    return await _out(db, enrollment)


@router.get("/{enrollmentId}", needs=Permission.ENROLLMENTS_READ, model=EnrollmentOut, errors=[NOT_FOUND])
async def get_enrollment(db: Db, actor: Caller, enrollmentId: UUID) -> EnrollmentOut:  # noqa: N803
    """Returns one enrollment."""
    return await _out(db, await queries.get_enrollment(db, actor.workspace_id, actor.user_id, enrollmentId))


@router.put(
    "/{enrollmentId}", needs=Permission.ENROLLMENTS_WRITE, model=EnrollmentOut, errors=[NOT_FOUND, CLOSED, LEFT]
)
async def change_enrollment(db: Db, app: App, actor: Caller, enrollmentId: UUID, body: EnrollmentEdit) -> EnrollmentOut:  # noqa: N803
    """Changes the next send date or the variables; the sequence too while nothing has been sent."""
    enrollment = await queries.get_enrollment(db, actor.workspace_id, actor.user_id, enrollmentId, lock=True)
    sequence = await queries.get(db, actor.workspace_id, actor.user_id, body.sequence_id) if body.sequence_id else None
    changed = await actions.change(
        db,
        enrollment,
        next_at=body.next_send_date,
        variables=body.variables,
        sequence=sequence,
        due_now=await app.clock.due_now(db),
    )
    return await _out(db, changed)


@router.delete("/{enrollmentId}", needs=Permission.ENROLLMENTS_WRITE, model=None, errors=[NOT_FOUND])
async def delete_enrollment(db: Db, actor: Caller, enrollmentId: UUID) -> None:  # noqa: N803
    """Deletes an enrollment; what has not left yet does not leave."""
    await actions.remove(
        db, await queries.get_enrollment(db, actor.workspace_id, actor.user_id, enrollmentId, lock=True)
    )


@router.post(
    "/{enrollmentId}/pause", needs=Permission.ENROLLMENTS_WRITE, model=EnrollmentOut, errors=[NOT_FOUND, CLOSED]
)
async def pause_enrollment(db: Db, actor: Caller, enrollmentId: UUID) -> EnrollmentOut:  # noqa: N803
    """Holds an active enrollment back until it is resumed."""
    enrollment = await queries.get_enrollment(db, actor.workspace_id, actor.user_id, enrollmentId, lock=True)
    return await _out(db, await actions.pause(db, enrollment))


@router.post(
    "/{enrollmentId}/resume", needs=Permission.ENROLLMENTS_WRITE, model=EnrollmentOut, errors=[NOT_FOUND, CLOSED]
)
async def resume_enrollment(db: Db, app: App, actor: Caller, enrollmentId: UUID) -> EnrollmentOut:  # noqa: N803
    """Goes on with a paused enrollment where it stopped."""
    enrollment = await queries.get_enrollment(db, actor.workspace_id, actor.user_id, enrollmentId, lock=True)
    return await _out(db, await actions.resume(db, enrollment, due_now=await app.clock.due_now(db)))


async def _out(db: Db, enrollment: Enrollment) -> EnrollmentOut:
    waiting = await sends.unfinished_of(db, enrollment.workspace_id, [enrollment.id])
    return EnrollmentOut.of(enrollment, waiting.get(enrollment.id))
