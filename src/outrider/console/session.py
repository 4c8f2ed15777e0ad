"""The console's sign-in: a cookie that names a session, and the proof that a request comes from our own pages."""

import base64
import binascii
import hashlib
import hmac
from urllib.parse import urlsplit
from uuid import UUID

from fastapi import Request, Response
from sqlalchemy.ext.asyncio import AsyncSession

from outrider.core.clock import now
from outrider.core.db import Scope, note_scope, set_scope
from outrider.core.errors import Forbidden, Unauthenticated
from outrider.domain.accounts import queries
from outrider.domain.accounts.models import Session
from outrider.domain.accounts.permissions import Actor
from outrider.runtime import Runtime

COOKIE = "outrider-console"
PATH = "/console"
ID = 16
SIGN_IN = "Sign in to go on."
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


class ForeignRequest(Forbidden):
    """Somebody else's page had the browser send this."""

    code = "foreign_request"


def remember(response: Response, app: Runtime, session: Session) -> None:
    """Gives the browser a cookie that is good for as long as the session is."""
    response.set_cookie(
        COOKIE,
        value_of(app, session.workspace_id, session.id),
        expires=session.expires_at,
        path=PATH,
        secure=app.settings.public_url.startswith("https://"),
        httponly=True,
        samesite="lax",
    )


def value_of(app: Runtime, workspace_id: UUID, session_id: UUID) -> str:
    identifiers = workspace_id.bytes + session_id.bytes
    return base64.urlsafe_b64encode(identifiers + _mac(app, identifiers)).decode()


def forget(response: Response) -> None:
    response.delete_cookie(COOKIE, path=PATH)


async def enter(app: Runtime, db: AsyncSession, request: Request) -> Actor:
    """Puts the transaction under the scope of whoever the cookie names. Raises Unauthenticated.

    The session's row is asked every time: signing out, also elsewhere, ends the console's cookie with it.
    """
    workspace_id, session_id = _read(app, request.cookies.get(COOKIE, ""))
    request_id: str = request.state.request_id
    await set_scope(db, Scope(workspace_id, request_id=request_id))
    actor = await queries.actor_of_session(db, workspace_id, session_id, now())
    note_scope(db, actor.scope(request_id))
    return actor


def refuse_foreign(request: Request) -> None:
    """Lets only our own pages change anything (Fetch Metadata; the Origin where a browser doesn't send it)."""
    if request.method in SAFE:
        return
    site = request.headers.get("sec-fetch-site")
    origin = request.headers.get("origin")
    is_ours = site == "same-origin" if site else origin is not None and urlsplit(origin).netloc == request.url.netloc
    if not is_ours:
        raise ForeignRequest("This came from another page than the console's own, so nothing was changed.")


def _read(app: Runtime, cookie: str) -> tuple[UUID, UUID]:
    try:
        data = base64.urlsafe_b64decode(cookie.encode("ascii"))
    except (binascii.Error, ValueError):
        raise Unauthenticated(SIGN_IN) from None
    identifiers, mac = data[: 2 * ID], data[2 * ID :]
    if len(identifiers) != 2 * ID or not hmac.compare_digest(mac, _mac(app, identifiers)):
        raise Unauthenticated(SIGN_IN)
    return UUID(bytes=identifiers[:ID]), UUID(bytes=identifiers[ID:])


def _mac(app: Runtime, identifiers: bytes) -> bytes:
    secret = app.settings.jwt_secret
    assert secret is not None  # noqa: S101  # the runtime does not open without it
    key = hashlib.sha256(b"console-cookie:" + secret.get_secret_value().encode()).digest()
    return hmac.digest(key, identifiers, "sha256")
