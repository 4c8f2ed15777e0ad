"""Calls: the one that rings here now, what was said in earlier ones, and how often each was tried."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import Form, Query, Request
from starlette.responses import Response

from outrider.api.deps import App, Caller, Db
from outrider.api.enveloped import LAST_PAGE
from outrider.api.ranges import ranged
from outrider.console.pages import go_to, show
from outrider.console.routing import Router
from outrider.core.pages import PageRequest
from outrider.domain.accounts.permissions import Permission
from outrider.domain.calls import queries, ringing, scheduling, speaking
from outrider.domain.calls.models import Carrier, Priority, State, Waiting
from outrider.domain.calls.queries import CallNotFound
from outrider.domain.urgency import actions as judgements
from outrider.domain.urgency import queries as urgency

router = Router()

SIZE = 25
WAITS = {
    Waiting.QUIET_HOURS: "Your quiet hours",
    Waiting.TELEPHONE_HOURS: "The hours in which telephones may ring",
    Waiting.DAILY_BUDGET: "Enough calls for today",
    Waiting.LINE_BUSY: "Another call rings",
    Waiting.RETRY: "Not taken, tried again",
    Waiting.SNOOZED: "Put off by you",
    Waiting.CONFIRMING: "It may have been placed",
    Waiting.WORDING: "Being worded",
}


@router.get("/calls", needs=Permission.CALLS_READ)
async def list_calls(
    request: Request, db: Db, actor: Caller, page: Annotated[int, Query(ge=1, le=LAST_PAGE)] = 1
) -> Response:
    found = await queries.history(db, actor.workspace_id, actor.user_id, PageRequest(page, SIZE))
    attempts = await queries.attempts_of(db, actor.workspace_id, [each.id for each in found.items])
    notices = await queries.notices(db, actor.workspace_id, actor.user_id)
    mails = [each.message_id for each in found.items if each.message_id is not None]
    told = await urgency.of_messages(db, actor.workspace_id, actor.user_id, mails)
    return show(request, "calls.html", page=found, attempts=attempts, waits=WAITS, notices=notices[:3], told=told)


@router.post("/calls", needs=Permission.CALLS_WRITE)
async def ring_me(
    app: App, db: Db, actor: Caller, content: Annotated[str, Form(min_length=1, max_length=2_000)],
    insists: Annotated[Literal["", "yes"], Form()] = "",
) -> Response:  # fmt: skip
    await scheduling.schedule_urgent(
        db, actor.workspace_id, actor.user_id, content=content.replace("\0", ""),
        priority=Priority.HIGH if insists else Priority.MEDIUM, at=await app.clock.due_now(db),
    )  # fmt: skip
    return go_to("calls")


@router.get("/calls/ringing", needs=Permission.CALLS_READ)
async def now_ringing(request: Request, db: Db, actor: Caller) -> Response:
    """The card of the call that rings or is spoken in the console; nothing where none is."""
    attempts = await queries.ringing(db, actor.workspace_id, actor.user_id)
    here = next((each for each in attempts if each.carrier is Carrier.CONSOLE), None)
    call = await queries.get(db, actor.workspace_id, actor.user_id, here.call_id) if here else None
    return show(request, "ring.html", call=call, is_ringing=here is not None and here.state is State.RINGING)


@router.get("/calls/{call_id}/audio", needs=Permission.CALLS_READ, reaches_out=True)
async def audio(request: Request, app: App, actor: Caller, call_id: UUID) -> Response:
    """What is said, spoken now where it has not been before."""
    scope = actor.scope(request.state.request_id)
    async with app.db.begin(scope) as db:
        await queries.get(db, actor.workspace_id, actor.user_id, call_id)
    speech_id = await speaking.speak(app, actor.workspace_id, call_id)
    if speech_id is None:
        raise CallNotFound("This call could not be spoken; its text is shown instead.")
    async with app.db.begin(scope) as db:
        speech = await queries.get_speech(db, actor.workspace_id, speech_id)
    return ranged(speech.audio, speech.media_type, request.headers.get("range"))


@router.post("/calls/{call_id}/not-urgent", needs=Permission.CALLS_WRITE)
async def not_urgent(db: Db, actor: Caller, call_id: UUID) -> Response:
    """Mail like that of this call rings no more."""
    call = await queries.get(db, actor.workspace_id, actor.user_id, call_id)
    if call.message_id is None:
        raise CallNotFound("This call is about no mail.")
    own = (actor.workspace_id, actor.user_id, call.message_id)
    await judgements.correct(db, *own, is_urgent=False, topic=None)
    return go_to("calls")


@router.post("/calls/{call_id}/{act}", needs=Permission.CALLS_WRITE)
async def act(
    app: App, db: Db, actor: Caller, call_id: UUID,
    act: Literal["answer", "decline", "hang-up", "press-1", "press-2", "press-3", "press-4"],
) -> Response:  # fmt: skip
    own = (actor.workspace_id, actor.user_id, call_id)
    at = await app.clock.due_now(db)
    match act:
        case "answer":
            await ringing.answer(db, *own, at=at)
        case "decline":
            await ringing.decline(db, *own, at=at)
        case "hang-up":
            await ringing.hang_up(db, *own, at=at)
        case _:
            await ringing.press(db, *own, act[-1], at=at)
            if act[-1] in "23":
                await ringing.hang_up(db, *own, at=at)
    return go_to("calls/ringing")
