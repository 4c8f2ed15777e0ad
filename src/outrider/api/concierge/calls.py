"""The caller's calls: what was told and how often it was tried, what will be told next, and when they may be rung."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import Query, Request
from pydantic import Field

from outrider.api.bodies import WHOLE, Flag
from outrider.api.concierge.contract import contract
from outrider.api.concierge.preferences import TimeOfDay
from outrider.api.deps import App, Caller, Db
from outrider.api.enveloped import DEFAULT_LIMIT, LAST_PAGE, MOST, In, Out
from outrider.api.moments import Moment
from outrider.core.errors import Invalid
from outrider.core.pages import PageRequest
from outrider.domain.accounts.permissions import Permission
from outrider.domain.calls import digest, permitting, queries, rewording, scheduling
from outrider.domain.calls.models import (
    Call,
    CallAttempt,
    CallSettings,
    CallType,
    Carrier,
    Priority,
    State,
    Status,
    Waiting,
)

router = contract.router("/calls", tag="calls")

LONGEST = 2_000
NO_NUMBER = Invalid("Write the number with its country, such as +442079460958.", field="phone_number")


class AttemptOut(Out):
    """One try: by telephone or in the console, and what became of it."""

    number: int
    carrier: Carrier
    status: State
    placed_at: Moment
    answered_at: Moment | None
    ended_at: Moment | None
    duration_seconds: int | None
    error: str | None


class CallOut(Out):
    id: UUID
    user_id: UUID
    call_type: CallType
    status: Status
    scheduled_at: Moment
    completed_at: Moment | None
    duration_seconds: int | None
    content_summary: str
    created_at: Moment
    message_id: UUID | None
    priority: Priority
    next_attempt_at: Moment | None
    waiting_for: Waiting | None
    error: str | None
    attempts: list[AttemptOut]


class CallsOut(Out):
    calls: list[CallOut]
    total: int
    page: int
    limit: int
    pages: int


class UrgentIn(In):
    content: Annotated[str, Field(min_length=1, max_length=LONGEST, description="What is to be said, in a few words.")]
    priority: Priority = Field(description="`high` rings in quiet hours too.")


class ScheduledOut(Out):
    call: CallOut


class DigestOut(Out):
    """`content_preview` is what would be said as things stand; a digest with nothing to tell does not ring."""

    scheduled_at: Moment
    content_preview: str
    mails: int
    meetings: int


class SettingsOut(Out):
    phone_number: str | None
    consents: bool
    consent_wording: str
    language: str
    quiet_from: str
    quiet_until: str
    daily_budget: int
    wants_digest: bool
    allows_outside_voice: bool


class SettingsEdit(In):
    """What is left out stays as it is. A number needs `consents` before an artificial voice may call it."""

    phone_number: Annotated[str, Field(min_length=5, max_length=32)] | None = Field(
        None, description="With its country; null: calls ring in the console alone."
    )
    consents: Flag = Field(False, description="You agree to `consent_wording` for the number; false withdraws it.")
    language: Literal["en", "de", "fr", "es"] = "en"
    quiet_from: TimeOfDay = Field("21:00", description="HH:MM in your time zone.")
    quiet_until: TimeOfDay = Field("07:00", description="HH:MM; the same as `quiet_from`: no quiet hours.")
    daily_budget: Annotated[int, Field(ge=0, le=100, strict=True), WHOLE] = Field(
        12, description="Rings a day; urgent calls of high priority are not held back by it."
    )
    wants_digest: Flag = Field(True, description="Call me with the daily digest.")
    allows_outside_voice: Flag = Field(False, description="Texts may be sent to OpenAI to be spoken.")


class SettingsHeld(Out):
    settings: SettingsOut


@router.get("", needs=Permission.CALLS_READ, model=CallsOut)
async def list_calls(
    db: Db,
    actor: Caller,
    since: Annotated[Moment | None, Query(alias="from", description="Only calls meant for then or later.")] = None,
    until: Annotated[Moment | None, Query(alias="to", description="Only calls meant for before then.")] = None,
    page: Annotated[int, Query(ge=1, le=LAST_PAGE, description="Counts from 1.")] = 1,
    limit: Annotated[int, Query(ge=1, le=MOST, description="Calls on a page.")] = DEFAULT_LIMIT,
) -> CallsOut:
    """Returns the caller's calls with every attempt, the latest first."""
    found = await queries.history(
        db, actor.workspace_id, actor.user_id, PageRequest(page, limit), since=since, until=until
    )
    attempts = await queries.attempts_of(db, actor.workspace_id, [each.id for each in found.items])
    shown = [_shown(each, attempts[each.id]) for each in found.items]
    return CallsOut(calls=shown, total=found.total, page=page, limit=limit, pages=found.pages)


@router.post("/schedule-urgent", needs=Permission.CALLS_WRITE, model=ScheduledOut, status_code=201)
async def schedule_urgent(app: App, db: Db, actor: Caller, body: UrgentIn) -> ScheduledOut:
    """Has the caller called now, or as soon as they may be: quiet hours give way to `high` alone. A call that is not
    taken is tried again, and ends as a notice.
    """
    call = await scheduling.schedule_urgent(
        db, actor.workspace_id, actor.user_id, content=body.content, priority=body.priority,
        at=await app.clock.due_now(db),
    )  # fmt: skip
    return ScheduledOut(call=_shown(call, []))


@router.get("/next-digest", needs=Permission.CALLS_READ, model=DigestOut, reaches_out=True)
async def next_digest(request: Request, app: App, actor: Caller) -> DigestOut:
    """Returns when the next digest rings, and what it says as things stand."""
    async with app.db.begin(actor.scope(request.state.request_id)) as db:
        found = await digest.upcoming(db, actor.workspace_id, actor.user_id, await app.clock.due_now(db))
    return DigestOut(
        scheduled_at=found.at,
        content_preview=await rewording.digest_as_said(app, actor.workspace_id, actor.user_id, found),
        mails=len(found.mails),
        meetings=len(found.meetings),
    )


@router.get("/settings", needs=Permission.CALLS_READ, model=SettingsHeld)
async def get_call_settings(db: Db, actor: Caller) -> SettingsHeld:
    """Returns where and when the caller may be rung."""
    return await _held(db, await permitting.settings_of(db, actor.workspace_id, actor.user_id))


@router.put("/settings", needs=Permission.CALLS_WRITE, model=SettingsHeld, errors=[NO_NUMBER])
async def edit_call_settings(db: Db, actor: Caller, body: SettingsEdit) -> SettingsHeld:
    """Changes what is given. Another number needs a consent of its own; every consent is kept with its wording."""
    changes = body.model_dump(exclude_unset=True)
    consents = changes.pop("consents", None)
    return await _held(db, await permitting.change(db, actor.workspace_id, actor.user_id, changes, consents=consents))


def _shown(call: Call, attempts: list[CallAttempt]) -> CallOut:
    return CallOut(
        id=call.id,
        user_id=call.user_id,
        call_type=call.call_type,
        status=call.status,
        scheduled_at=call.scheduled_at,
        completed_at=call.completed_at,
        duration_seconds=call.duration_seconds,
        content_summary=call.content_summary,
        created_at=call.created_at,
        message_id=call.message_id,
        priority=call.priority,
        next_attempt_at=call.due_at if call.status is Status.SCHEDULED else None,
        waiting_for=call.waiting_for,
        error=call.last_error,
        attempts=[
            AttemptOut(
                number=each.number,
                carrier=each.carrier,
                status=each.state,
                placed_at=each.placed_at,
                answered_at=each.answered_at,
                ended_at=each.ended_at,
                duration_seconds=each.duration_seconds,
                error=each.error,
            )
            for each in attempts
        ],
    )


async def _held(db: Db, settings: CallSettings) -> SettingsHeld:
    known = {name: getattr(settings, name) for name in SettingsOut.model_fields if not name.startswith("consent")}
    has_consent = await permitting.has_consent(db, settings)
    return SettingsHeld(settings=SettingsOut(**known, consents=has_consent, consent_wording=permitting.WORDING))
