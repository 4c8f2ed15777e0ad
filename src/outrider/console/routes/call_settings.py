"""Call settings: the number and the consent to it, the hours, the budget, the voice, the digest, and a call to try."""

import re
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from fastapi import Form, Query, Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from outrider.api.deps import App, Caller, Db
from outrider.console.pages import go_to, show
from outrider.console.routing import Router
from outrider.core.errors import AppError, Invalid
from outrider.domain.accounts.permissions import Permission
from outrider.domain.calls import digest, permitting
from outrider.domain.calls.models import CallSettings
from outrider.domain.calls.standing import InTheConsole, standing_of
from outrider.domain.preferences import actions as preferences
from outrider.domain.preferences.models import Preferences
from outrider.providers.speech.openai import VOICES

router = Router()

MOST_RINGS = 100
TIME = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]")
LANGUAGES = {"en": "English", "de": "Deutsch", "fr": "Français", "es": "Español"}
WHY = {
    InTheConsole.NO_CARRIER: "This server has no telephone: its operator can set up Twilio. Until then this page rings.",
    InTheConsole.NO_NUMBER: "Write your number below, and agree to be called there.",
    InTheConsole.NO_CONSENT: "An artificial voice may not call a number without consent. Give it below.",
    InTheConsole.REFUSED: "Somebody at this number pressed 9 and asked not to be called. Agree below to be called again.",
}
TRIAL = {
    "en": "This is a call to try it out. If you hear this, you can be reached",
    "de": "Das ist ein Anruf zur Probe. Wenn Sie das hören, sind Sie erreichbar",
    "fr": "Ceci est un appel d'essai. Si vous entendez ceci, vous êtes joignable",
    "es": "Esta es una llamada de prueba. Si oye esto, se le puede llamar",
}
Tick = Literal["", "yes"]


class Written(BaseModel):
    """What a browser sends: words still, so that what is wrong with them can be told beside the form.

    `consented_to` is the number that the page's tick stood for: it says nothing of another one.
    """

    phone_number: Annotated[str, Field(max_length=64)] = ""
    consents: Tick = ""
    consented_to: Annotated[str, Field(max_length=64)] = ""
    language: Annotated[str, Field(max_length=16)] = "en"
    voice_preference: Annotated[str, Field(max_length=64)] = ""
    allows_outside_voice: Tick = ""
    quiet_from: Annotated[str, Field(max_length=16)] = ""
    quiet_until: Annotated[str, Field(max_length=16)] = ""
    daily_budget: Annotated[str, Field(max_length=16)] = ""
    wants_digest: Tick = ""
    preferred_call_time: Annotated[str, Field(max_length=16)] = ""


@dataclass(frozen=True, slots=True)
class Changes:
    """What the form asks for, understood."""

    settings: dict[str, Any]
    preferences: dict[str, Any]
    consents: bool | None


@router.get("/calls/settings", needs=Permission.CALLS_READ)
async def read(request: Request, app: App, db: Db, actor: Caller, saved: Annotated[Tick, Query()] = "") -> Response:
    return await _page(request, app, db, actor, is_saved=bool(saved))


@router.post("/calls/settings", needs=Permission.CALLS_WRITE, reaches_out=True)
async def change(request: Request, app: App, actor: Caller, form: Annotated[Written, Form()]) -> Response:
    """Keeps all of it or nothing; what is wrong is told beside what was written."""
    scope = actor.scope(request.state.request_id)
    try:
        wanted = understood(form)
        async with app.db.begin(scope) as db:
            await permitting.change(db, actor.workspace_id, actor.user_id, wanted.settings, consents=wanted.consents)
            await preferences.change(db, actor.workspace_id, actor.user_id, wanted.preferences)
    except AppError as refusal:
        async with app.db.begin(scope) as db:
            return await _page(request, app, db, actor, written=form, error=refusal)
    return go_to("calls/settings?saved=yes")


def understood(form: Written) -> Changes:
    """Raises Invalid with what to write instead."""
    number = "".join(form.phone_number.split())
    consents = form.consents == "yes" if number else None
    if consents and form.consented_to and permitting.e164(number) != form.consented_to:
        raise Invalid("This is another number: tick once more that you agree to be called there.", field="consents")
    if not form.daily_budget.isascii() or not form.daily_budget.isdigit() or int(form.daily_budget) > MOST_RINGS:
        raise Invalid(f"Rings a day are a whole number from 0 to {MOST_RINGS}.", field="daily_budget")
    if form.language not in LANGUAGES:
        raise Invalid(f"Calls are spoken in {', '.join(LANGUAGES.values())}.", field="language")
    settings = {
        "phone_number": number or None,
        "language": form.language,
        "quiet_from": _time(form.quiet_from, "quiet_from", "Quiet hours begin"),
        "quiet_until": _time(form.quiet_until, "quiet_until", "Quiet hours end"),
        "daily_budget": int(form.daily_budget),
        "wants_digest": form.wants_digest == "yes",
        "allows_outside_voice": form.allows_outside_voice == "yes",
    }
    wanted = {"preferred_call_time": _time(form.preferred_call_time, "preferred_call_time", "The digest comes")}
    if form.voice_preference in VOICES:
        wanted["voice_preference"] = form.voice_preference
    return Changes(settings, wanted, consents)


def _time(text: str, field: str, what: str) -> str:
    if TIME.fullmatch(text) is None:
        raise Invalid(f"{what} at a time of the day, such as 21:00.", field=field)
    return text


async def _page(
    request: Request,
    app: App,
    db: Db,
    actor: Caller,
    *,
    written: Written | None = None,
    error: AppError | None = None,
    is_saved: bool = False,
) -> Response:
    at = await app.clock.due_now(db)
    standing = await standing_of(db, actor.workspace_id, actor.user_id, at, has_carrier=app.telephone is not None)
    wanted = await preferences.of_user(db, actor.workspace_id, actor.user_id)
    return show(
        request,
        "call_settings.html",
        status=error.status if error else 200,
        standing=standing,
        why=WHY.get(standing.only) if standing.only else None,
        form=written or _as_written(standing.settings, wanted, has_consent=standing.has_consent),
        next_digest=await digest.upcoming(db, actor.workspace_id, actor.user_id, at),
        languages=LANGUAGES,
        voices=sorted(VOICES),
        has_outside_voice="outside" in app.speakers,
        consent_wording=permitting.WORDING,
        trial=TRIAL[standing.settings.language],
        most_rings=MOST_RINGS,
        error=error,
        is_saved=is_saved,
    )


def _as_written(settings: CallSettings, wanted: Preferences, *, has_consent: bool) -> Written:
    def tick(value: bool) -> Tick:
        return "yes" if value else ""

    return Written(
        phone_number=settings.phone_number or "",
        consents=tick(has_consent),
        consented_to=(settings.phone_number or "") if has_consent else "",
        language=settings.language,
        voice_preference=wanted.voice_preference,
        allows_outside_voice=tick(settings.allows_outside_voice),
        quiet_from=settings.quiet_from,
        quiet_until=settings.quiet_until,
        daily_budget=str(settings.daily_budget),
        wants_digest=tick(settings.wants_digest),
        preferred_call_time=wanted.preferred_call_time,
    )
