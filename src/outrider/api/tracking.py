"""Where tracked links and pictures lead; both answer whatever becomes of the note taken."""

import base64

from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response

from outrider.core import signed
from outrider.core.clock import now
from outrider.core.db import Scope
from outrider.core.signed import LinkInvalid
from outrider.domain.accounts.vault import find_vault
from outrider.domain.sending.models import Send
from outrider.domain.tracking import actions, links, rules
from outrider.domain.tracking.models import HitKind
from outrider.runtime import Runtime

PICTURE = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")


async def click(request: Request) -> Response:
    """Leads on to the very target that was signed, and nowhere else."""
    try:
        target = await _note(request, HitKind.CLICK, links.CLICK)
    except LinkInvalid as error:
        return PlainTextResponse(error.message, 404)
    return RedirectResponse(target, 302)


async def picture(request: Request) -> Response:
    try:
        await _note(request, HitKind.OPEN, links.OPEN)
    except LinkInvalid:
        return PlainTextResponse("", 404)
    return Response(PICTURE, media_type="image/gif", headers={"Cache-Control": "no-store, private"})


async def _note(request: Request, kind: HitKind, purpose: str) -> str:
    """Returns the target. Raises LinkInvalid, alike for whatever is wrong."""
    runtime: Runtime = request.state.runtime
    request.state.logged_path = f"{links.CLICK_PATH if kind is HitKind.CLICK else links.OPEN_PATH}…"
    token = signed.read(request.path_params["token"])
    async with runtime.db.begin(Scope(token.workspace_id, actor="tracking")) as db:
        vault = await find_vault(db, runtime.keyring, token.workspace_id)
        if vault is None:
            raise LinkInvalid
        signed.verify(vault, token, purpose=purpose)
        target = links.target_of(token) if kind is HitKind.CLICK else ""
        send = await db.get(Send, (token.workspace_id, token.subject_id))
        if send is not None:
            at = now()
            machine = rules.machine_of(
                method=request.method,
                agent=request.headers.get("user-agent", ""),
                address=request.client.host if request.client else "",
                at=at,
                sent_at=send.sent_at,
            )
            await actions.record(db, send.workspace_id, send.id, kind, target=target, machine=machine, at=at)
    return target
