"""What Twilio calls during a call: the script, the keys, what became of it, and the speech it plays."""

from collections.abc import Sequence
from urllib.parse import parse_qsl

import structlog
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request
from starlette.responses import Response

from outrider.api.hooks import UNAVAILABLE, refuse, unavailable
from outrider.api.ranges import ranged
from outrider.core import signed
from outrider.core.db import Scope
from outrider.core.signed import LinkInvalid, Token
from outrider.domain.accounts.vault import find_vault
from outrider.domain.calls import claiming, keys, queries, recording, scripts
from outrider.domain.calls.scripts import Addresses
from outrider.providers.voice.interface import AnsweredBy, Carrier, NotGenuine, Step, Update
from outrider.runtime import Runtime

log = structlog.get_logger()

LONGEST_FORM = 64 * 2**10
MEDIA_TYPE = "application/xml"
_ACTOR = "calls"
HOOK = "twilio"


async def voice(request: Request) -> Response:
    """Somebody or something took the call: what is to be said."""
    return await _answered(request, "voice")


async def pressed(request: Request) -> Response:
    return await _answered(request, "keys")


async def status(request: Request) -> Response:
    return await _answered(request, "status")


async def audio(request: Request) -> Response:
    """The speech of a call, for as long as the call is on."""
    app: Runtime = request.state.runtime
    _hide(request, "audio")
    try:
        token = signed.read(request.path_params["token"])
        async with app.db.begin(Scope(token.workspace_id, actor=_ACTOR)) as db:
            await _prove(app, db, token)
            speech = await queries.speech_under_way(db, token.workspace_id, token.subject_id)
    except LinkInvalid:
        speech = None
    except UNAVAILABLE as error:
        return unavailable(HOOK, error)
    if speech is None:
        return Response(status_code=404)
    return ranged(speech.audio, speech.media_type, request.headers.get("range"))


async def _answered(request: Request, what: str) -> Response:
    app: Runtime = request.state.runtime
    _hide(request, what)
    if app.telephone is None:
        return Response(status_code=404)
    try:
        token = signed.read(request.path_params["token"])
        steps = await _take(
            app, token, what, await _read(app.telephone.carrier, app.settings.public_url, request, what)
        )
    except (LinkInvalid, NotGenuine):
        # An address that is unknown here is answered like a wrong signature.
        return await refuse(request, HOOK, "The call is not signed by the carrier, or its address is no attempt's.")
    except UNAVAILABLE as error:
        return unavailable(HOOK, error)
    if what == "status":
        return Response(status_code=204)
    return Response(app.telephone.carrier.script(steps), media_type=MEDIA_TYPE)


async def _read(carrier: Carrier, base: str, request: Request, what: str) -> Update:
    """The signature is over the address that the carrier was given, whatever stands between. No connection is held for who
    sends slowly, nor for what is forged.
    """
    body = await request.body()
    if len(body) > LONGEST_FORM:
        raise NotGenuine
    url = f"{base}{scripts.PATH}/{request.path_params['token']}/{what}"
    return carrier.read(url, parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True), request.headers)


async def _take(app: Runtime, token: Token, what: str, update: Update) -> Sequence[Step]:
    """One transaction and no more: calls of a carrier come in crowds, and it asks again only a few times."""
    addresses = Addresses(app.settings.public_url, signed.spelled(token))
    async with app.db.begin(Scope(token.workspace_id, actor=_ACTOR)) as db:
        await _prove(app, db, token)
        subject = await recording.token_subject(db, token.workspace_id, token.subject_id)
        if subject is None:
            raise LinkInvalid
        attempt, call = subject
        at = await app.clock.due_now(db)
        is_new = await recording.take_update(db, attempt, update, at, is_question=what == "voice")
        if attempt.carrier_id != update.id or attempt.state.is_final:
            return scripts.NOTHING  # a call that is no longer this attempt's says nothing
        if what == "voice" and update.answered_by in {AnsweredBy.MACHINE, AnsweredBy.BEEP}:
            return scripts.to_machine(call)
        if what != "keys":
            return scripts.told(call, addresses)
        if not is_new:
            return scripts.told(call, addresses) if update.keys == "1" else scripts.NOTHING
        return scripts.after(await keys.press(db, call, attempt, update.keys or "", at), call, addresses)


async def _prove(app: Runtime, db: AsyncSession, token: Token) -> None:
    """Raises LinkInvalid."""
    vault = await find_vault(db, app.keyring, token.workspace_id)
    if vault is None:
        raise LinkInvalid
    signed.verify(vault, token, purpose=claiming.TOKEN)


def _hide(request: Request, what: str) -> None:
    request.state.logged_path = f"{scripts.PATH}/…/{what}"


ROUTES = {
    f"{scripts.PATH}/{{token}}/voice": (voice, ("POST",)),
    f"{scripts.PATH}/{{token}}/keys": (pressed, ("POST",)),
    f"{scripts.PATH}/{{token}}/status": (status, ("POST",)),
    f"{scripts.PATH}/{{token}}/audio": (audio, ("GET",)),
}
