"""Follow-ups: every enrolment with its next step and why it waits."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import Query, Request
from starlette.responses import Response

from outrider.api.deps import App, Caller, Db
from outrider.api.enveloped import LAST_PAGE
from outrider.console.pages import go_back, show
from outrider.console.routing import Router
from outrider.core.pages import PageRequest
from outrider.domain.accounts.permissions import Permission
from outrider.domain.mailboxes import queries as mailboxes
from outrider.domain.sequences import actions, queries, schedules
from outrider.domain.sequences.models import EnrollmentStatus

router = Router()

SIZE = 50


@router.get("/follow-ups", needs=Permission.ENROLLMENTS_READ)
async def list_followups(
    request: Request,
    db: Db,
    actor: Caller,
    page: Annotated[int, Query(ge=1, le=LAST_PAGE)] = 1,
    status: EnrollmentStatus | Literal[""] = "",
) -> Response:
    own = (actor.workspace_id, actor.user_id)
    counts = await queries.count_by_status(db, *own)
    total = counts.get(status, 0) if status else sum(counts.values())
    found = await queries.search_enrollments(db, *own, PageRequest(page, SIZE), status=status or None, total=total)
    ids = [each.id for each in found.items]
    return show(
        request,
        "followups.html",
        page=found,
        chosen=status,
        statuses=[each for each in EnrollmentStatus if counts.get(each)],
        counts=counts,
        total=sum(counts.values()),
        next_of=await schedules.next_of_each(db, *own, ids),
        sequences=await queries.get_many(db, actor.workspace_id, {each.sequence_id for each in found.items}),
        has_mailbox=bool(await mailboxes.of_user(db, *own)),
    )


@router.post("/follow-ups/{enrollment_id}/pause", needs=Permission.ENROLLMENTS_WRITE)
async def pause(request: Request, db: Db, actor: Caller, enrollment_id: UUID) -> Response:
    enrollment = await queries.get_enrollment(db, actor.workspace_id, actor.user_id, enrollment_id, lock=True)
    await actions.pause(db, enrollment)
    return go_back(request, "follow-ups")


@router.post("/follow-ups/{enrollment_id}/resume", needs=Permission.ENROLLMENTS_WRITE)
async def resume(request: Request, db: Db, app: App, actor: Caller, enrollment_id: UUID) -> Response:
    enrollment = await queries.get_enrollment(db, actor.workspace_id, actor.user_id, enrollment_id, lock=True)
    await actions.resume(db, enrollment, due_now=await app.clock.due_now(db))
    return go_back(request, "follow-ups")
