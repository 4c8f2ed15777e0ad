"""Preferences: what to be called for, told, and reminded of; and the profile they are read in."""

from typing import Annotated, Literal

from fastapi import Form, Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from outrider.api.deps import Caller, Db
from outrider.console.pages import go_to, show
from outrider.console.routing import Router
from outrider.core.clock import now
from outrider.domain.accounts import actions as accounts
from outrider.domain.accounts.permissions import Permission
from outrider.domain.calendars import agenda
from outrider.domain.preferences import actions
from outrider.domain.preferences.evidence import Basis
from outrider.domain.preferences.models import Frequency, Method, Timing

router = Router()

TOPICS = (
    ("urgent_financial", "Urgent money matters", "Call me"),
    ("investor_updates", "Investors write", "Call me when it can't wait"),
    ("customer_issues", "Customers in trouble", "Call me when it can't wait"),
    ("team_urgent", "Urgent mail of my team", "Call me"),
    ("partnership_deals", "Partnerships", "In the digest; call me when one can't wait"),
    ("product_launches", "Launches", "In the digest; call me when one can't wait"),
)
Tick = Literal["", "yes"]


class Chosen(BaseModel):
    """What a browser leaves out of a form was not ticked."""

    urgent_financial: Tick = ""
    investor_updates: Tick = ""
    customer_issues: Tick = ""
    team_urgent: Tick = ""
    partnership_deals: Tick = ""
    product_launches: Tick = ""
    meeting_reminder_timing: Timing
    meeting_reminder_frequency: Frequency
    meeting_reminder_method: Method
    timezone: Annotated[str, Field(max_length=64)]


@router.get("/preferences", needs=Permission.ACCOUNT_READ)
async def read(request: Request, db: Db, actor: Caller) -> Response:
    return await _page(request, db, actor, based_on=())


@router.post("/preferences", needs=Permission.ACCOUNT_WRITE)
async def change(db: Db, actor: Caller, form: Annotated[Chosen, Form()]) -> Response:
    ticked = {name: getattr(form, name) == "yes" for name, _, _ in TOPICS}
    rest = form.model_dump(exclude={*ticked, "timezone"})
    await actions.change(db, actor.workspace_id, actor.user_id, {**ticked, **rest})
    await accounts.edit_profile(db, actor.user_id, name=None, timezone=form.timezone)
    return go_to("preferences")


@router.post("/preferences/suggest", needs=Permission.ACCOUNT_WRITE)
async def suggest(request: Request, db: Db, actor: Caller) -> Response:
    """Sets what suits the user by their own mail and calendars, and says from what."""
    ahead = await agenda.outlined(db, actor.workspace_id, actor.user_id, now())
    suggested = await actions.reset(db, actor.workspace_id, actor.user_id, agenda=ahead)
    return await _page(request, db, actor, based_on=tuple(suggested.based_on))


async def _page(request: Request, db: Db, actor: Caller, *, based_on: tuple[Basis, ...]) -> Response:
    return show(
        request,
        "preferences.html",
        preferences=await actions.of_user(db, actor.workspace_id, actor.user_id),
        topics=TOPICS,
        timings=list(Timing),
        frequencies=list(Frequency),
        methods=list(Method),
        based_on=based_on,
    )
