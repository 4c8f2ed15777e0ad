"""What is scheduled, what is due, and sending the next follow-up now."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import Depends, Query

from outrider.api.deps import App, Caller, Db
from outrider.api.followups.contract import Out, contract, paging
from outrider.api.followups.shapes import ScheduleOut, ScheduleStatus, WaitingOut
from outrider.api.moments import Moment
from outrider.core import workers
from outrider.core.pages import Page, PageRequest
from outrider.domain.accounts.permissions import Permission
from outrider.domain.sequences import actions, queries, schedules
from outrider.domain.sequences.actions import NothingToSend
from outrider.domain.sequences.models import EnrollmentClosed
from outrider.domain.sequences.queries import EnrollmentNotFound
from outrider.domain.sequences.schedules import Schedule

router = contract.router("/schedules", tag="automation")

NOT_FOUND = EnrollmentNotFound("There is no such enrollment.")
NOTHING = NothingToSend("Every step of this enrollment has been sent.")
CLOSED = EnrollmentClosed("This enrollment has ended (replied).", status="replied")
LATE = 300


class HealthOut(Out):
    """`status` is degraded once no worker has been seen for a minute, or something is five minutes late."""

    status: Literal["ok", "degraded"]
    scheduled: int
    due: int
    sending: int
    confirming: int
    sent_today: int
    failed_today: int
    lag_seconds: int
    workers: int
    last_worker_seen_at: Moment | None


@router.get("", needs=Permission.ENROLLMENTS_READ, model=Page[ScheduleOut])
async def list_schedules(
    db: Db,
    actor: Caller,
    page: Annotated[PageRequest, Depends(paging)],
    status: ScheduleStatus | None = None,
    enrollment_id: Annotated[UUID | None, Query(alias="enrollmentId")] = None,
) -> Page[ScheduleOut]:
    """Returns scheduled, due and past follow-ups, the soonest first, each with what it waits for."""
    found = await schedules.search(
        db, actor.workspace_id, actor.user_id, page, status=status, enrollment_id=enrollment_id
    )
    return found.map(schedule_out)


@router.get("/health", needs=Permission.ENROLLMENTS_READ, model=HealthOut)
async def schedules_health(db: Db, app: App, actor: Caller) -> HealthOut:
    """Says whether the queue moves: what is due, how late it is, whether a worker is alive."""
    figures = await schedules.health(db, actor.workspace_id, actor.user_id, due_now=await app.clock.due_now(db))
    alive = await workers.alive(db)
    is_ok = alive.count > 0 and figures.lag_seconds < LATE
    return HealthOut(
        status="ok" if is_ok else "degraded",
        scheduled=figures.scheduled,
        due=figures.due,
        sending=figures.sending,
        confirming=figures.confirming,
        sent_today=figures.sent_today,
        failed_today=figures.failed_today,
        lag_seconds=figures.lag_seconds,
        workers=alive.count,
        last_worker_seen_at=alive.last_seen_at,
    )


@router.post(
    "/{enrollmentId}/trigger",
    needs=Permission.ENROLLMENTS_WRITE,
    model=ScheduleOut,
    status_code=202,
    errors=[NOT_FOUND, NOTHING, CLOSED],
)
async def trigger_schedule(db: Db, app: App, actor: Caller, enrollmentId: UUID) -> ScheduleOut:  # noqa: N803
    """Sends the enrollment's next follow-up now, whatever its delay and window say."""
    enrollment = await queries.get_enrollment(db, actor.workspace_id, actor.user_id, enrollmentId, lock=True)
    await actions.trigger(db, enrollment, due_now=await app.clock.due_now(db))
    schedule = await schedules.next_of(db, actor.workspace_id, actor.user_id, enrollmentId)
    if schedule is None:
        raise NOTHING
    return schedule_out(schedule)


def schedule_out(schedule: Schedule) -> ScheduleOut:
    found = schedule.diagnosis
    return ScheduleOut(
        id=schedule.id,
        user_id=schedule.user_id,
        enrollment_id=schedule.enrollment_id,
        sequence_id=schedule.sequence_id,
        step=schedule.step,
        scheduled_for=schedule.scheduled_for,
        status=schedule.status,  # type: ignore[arg-type]  # validated against the wire's words
        attempts=schedule.attempts,
        sent_at=schedule.sent_at,
        delivered_at=schedule.delivered_at,
        message_id=schedule.message_id,
        last_error=schedule.last_error,
        proof=schedule.proof,
        waiting_for=(
            WaitingOut(reason=found.reason.value, code=found.code, message=found.message, until=found.until)
            if found
            else None
        ),
    )
