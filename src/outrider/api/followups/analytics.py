"""Figures over sends and enrolments."""

from datetime import date
from typing import Annotated
from uuid import UUID

from fastapi import Query

from outrider.api.deps import App, Caller, Db
from outrider.api.followups.contract import Out, contract
from outrider.api.moments import Moment
from outrider.domain.accounts.permissions import Permission
from outrider.domain.analytics import queries

router = contract.router("/analytics", tag="analytics")

From = Annotated[Moment | None, Query(alias="from", description="Default: 30 days before `to`; a year at most.")]
To = Annotated[Moment | None, Query(alias="to", description="Default: now.")]
SequenceId = Annotated[UUID | None, Query(alias="sequenceId")]


class DayOut(Out):
    day: date
    sent: int
    failed: int


class HitsOut(Out):
    """Mails whose picture or links were fetched by what may be people. Zeros unless the workspace tracks."""

    opened: int
    clicked: int
    machine_hits: int


class SendsOut(Out):
    since: Moment
    until: Moment
    by_status: dict[str, int]
    days: list[DayOut]
    hits: HitsOut


class EnrollmentsOut(Out):
    """Rates are shares of all enrollments of the span, from 0 to 1."""

    since: Moment
    until: Moment
    total: int
    by_status: dict[str, int]
    replied: int
    reply_rate: float
    bounce_rate: float
    median_hours_to_reply: float | None


@router.get("/sends", needs=Permission.ANALYTICS_READ, model=SendsOut)
async def send_figures(
    db: Db, app: App, actor: Caller, since: From = None, until: To = None, sequence_id: SequenceId = None
) -> queries.SendFigures:
    """Counts the caller's follow-ups by status and day."""
    begin, end = queries.span(since, until, now=await app.clock.due_now(db))
    return await queries.sends(db, actor.workspace_id, actor.user_id, since=begin, until=end, sequence_id=sequence_id)


@router.get("/enrollments", needs=Permission.ANALYTICS_READ, model=EnrollmentsOut)
async def enrollment_figures(
    db: Db, app: App, actor: Caller, since: From = None, until: To = None, sequence_id: SequenceId = None
) -> queries.EnrollmentFigures:
    """Counts the caller's enrollments by how they stand, and how many were answered."""
    begin, end = queries.span(since, until, now=await app.clock.due_now(db))
    return await queries.enrollments(
        db, actor.workspace_id, actor.user_id, since=begin, until=end, sequence_id=sequence_id
    )
