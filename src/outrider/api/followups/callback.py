"""Where a provider sends the browser back to: the mailbox is connected, and the browser gets its session."""

import base64
import hashlib
import html
from typing import Annotated
from urllib.parse import urlencode

from fastapi import Query, Request, Response
from starlette.responses import HTMLResponse, RedirectResponse

from outrider.api.browsers import cookie_of
from outrider.api.contract import PUBLIC
from outrider.api.deps import App
from outrider.api.followups.auth import CANNOT_CONNECT, SessionOut, session_of
from outrider.api.followups.contract import contract
from outrider.api.issuing import issuer_of
from outrider.core.db import Scope
from outrider.core.errors import AppError, Forbidden, Unavailable
from outrider.domain.accounts import actions as accounts
from outrider.domain.accounts import queries, sessions
from outrider.domain.accounts.permissions import Permission
from outrider.domain.accounts.vault import open_vault
from outrider.domain.calendars import connections as calendars
from outrider.domain.grants import actions as grants
from outrider.domain.grants import signing_in
from outrider.domain.grants.models import SignIn
from outrider.domain.grants.signing_in import SignInRefused
from outrider.domain.mailboxes import connections, syncing
from outrider.providers.mail.interface import GrantedAccount
from outrider.providers.oauth.interface import Identity, Tokens

router = contract.router("/auth", tag="auth")

Parameter = Annotated[str, Query(min_length=1, max_length=4000)]
STYLE = "body{font:16px/1.5 system-ui,sans-serif;max-width:36em;margin:15vh auto;padding:0 1em}h1{font-size:1.4em}"
POLICY = f"default-src 'none'; frame-ancestors 'none'; style-src 'sha256-{base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()}'"
AS_A_PAGE = {"content": {"text/html": {"schema": {"type": "string"}}}}
TO_THE_REDIRECT = {
    "description": "To the `redirectUri`; its fragment holds `code` and `state`, or `error` and `message`. A browser "
    "that the web console sent out ends on the console's page.",
    "headers": {"Location": {"schema": {"type": "string"}}},
}
ALSO_A_PAGE = {
    "responses": {**dict.fromkeys(("200", "403", "422", "503"), AS_A_PAGE), "302": TO_THE_REDIRECT},
}


@router.get(
    "/callback",
    needs=PUBLIC,
    model=SessionOut,
    takes_unknown=True,
    errors=[
        SignInRefused(signing_in.STALE, field="state"),
        Forbidden("ada@lovelace.example is not known here. Ask the operator of this server to add you."),
        CANNOT_CONNECT,
        Unavailable("Google can't be reached just now. Begin again in a minute.", retry_after=60),
    ],
    openapi_extra=ALSO_A_PAGE,
)
async def callback(
    request: Request,
    app: App,
    state: Annotated[Parameter, Query(description="The `state` of the sign-in.")],
    code: Annotated[
        Parameter | None, Query(description="What the provider gives for a sign-in that was agreed to.")
    ] = None,
    error: Annotated[Parameter | None, Query(description="What the provider says of one that was not.")] = None,
) -> SessionOut | Response:
    """Opened by the browser that the provider sends back: connects the mailbox and signs in.

    A browser gets a page with the session as JSON in `<script id="outrider-session">`, a program that takes no HTML the
    JSON itself. Where a `redirectUri` was named, the browser goes there with a `code`, to be traded for the session by
    `POST /auth/connect`.
    """
    try:
        sign_in = await signing_in.take_back(app, state=state, browser=request.cookies.get(cookie_of(state), ""))
    except AppError as refusal:
        return _refuse(request, refusal)
    try:
        if code is None:
            name, said = signing_in.shown(sign_in.provider), (error or "no code")[:100]
            raise SignInRefused(f"{name} did not let us in: {said}. Begin again.", field="code")
        tokens, identity = await signing_in.exchange(app, sign_in, state=state, code=code)
        if sign_in.provider.endswith(signing_in.CALENDARS):
            answer: SessionOut | Response = await _connect_calendars(request, app, sign_in, tokens)
        else:
            answer = await _welcome(request, app, sign_in, identity, tokens, state=state)
    except AppError as refusal:
        if sign_in.redirect_uri is None or sign_in.page is not None:
            return _refuse(request, refusal, sign_in)
        return _back(sign_in.redirect_uri, error=refusal.code, message=refusal.message, state=state)
    response = answer if isinstance(answer, Response) else _show(request, answer)
    response.delete_cookie(cookie_of(state), path=signing_in.CALLBACK)
    return response


async def _welcome(
    request: Request, app: App, sign_in: SignIn, identity: Identity, tokens: Tokens, *, state: str
) -> SessionOut | Response:
    """Tries the mailbox, then stores user, grant and mailbox in one transaction, and opens a session."""

    async def fresh(*, refused: str | None = None) -> str:
        return tokens.access_token

    account = GrantedAccount(identity.email, fresh)
    verified = await connections.verify(app, sign_in.provider, account)
    client = request.headers.get("user-agent", "")
    async with app.db.begin(Scope(actor="sign-in", request_id=request.state.request_id)) as own:
        if sign_in.user_id is not None:
            user = await queries.get_user(own, sign_in.user_id)
        else:
            user = await accounts.welcome(
                own,
                email=identity.email,
                name=identity.name,
                picture=identity.picture,
                sign_up=app.settings.sign_up,
            )
        actor = await sessions.enter(own, user, workspace_id=sign_in.workspace_id, request_id=request.state.request_id)
        if not actor.may(Permission.MAILBOXES_WRITE):
            raise Forbidden("Your role doesn't allow connecting a mailbox.", needs=str(Permission.MAILBOXES_WRITE))
        vault = await open_vault(own, app.keyring, actor.workspace_id)
        grant = await grants.store(
            own,
            vault,
            workspace_id=actor.workspace_id,
            user_id=user.id,
            provider=sign_in.provider,
            identity=identity,
            tokens=tokens,
        )
        mailbox = await connections.connect(
            own,
            app.keyring,
            workspace_id=actor.workspace_id,
            user_id=user.id,
            provider=sign_in.provider,
            account=account,
            verified=verified,
            name=identity.name,
            daily_limit=app.settings.daily_limit,
            grant_id=grant.id,
        )
        await syncing.request(own, mailbox)
        if sign_in.page is not None:
            return RedirectResponse(sign_in.page, 303)
        if sign_in.redirect_uri is not None:
            code = await sessions.promise(own, user, workspace_id=actor.workspace_id, bound_to=state, client=client)
            return _back(sign_in.redirect_uri, code=code, state=state)
        issued = await sessions.start(own, issuer_of(app), user, client=client, workspace_id=actor.workspace_id)
    return await session_of(app, issued)


async def _connect_calendars(request: Request, app: App, sign_in: SignIn, tokens: Tokens) -> Response:
    """Only somebody signed in is sent out for calendars; who they are is looked at again now."""
    assert sign_in.user_id is not None  # noqa: S101
    request_id = request.state.request_id
    async with app.db.begin(Scope(actor="sign-in", request_id=request_id)) as own:
        user = await queries.get_user(own, sign_in.user_id)
        actor = await sessions.enter(own, user, workspace_id=sign_in.workspace_id, request_id=request_id)
    if not actor.may(Permission.CALENDARS_WRITE):
        raise Forbidden("Your role doesn't allow connecting a calendar.", needs=str(Permission.CALENDARS_WRITE))
    provider = sign_in.provider.removesuffix(signing_in.CALENDARS)
    await calendars.connect_granted(app, actor, provider=provider, tokens=tokens, request_id=request_id)
    return RedirectResponse(sign_in.page or "/", 303)


def _show(request: Request, session: SessionOut) -> Response:
    shown = session.model_dump_json(by_alias=True)
    if not _wants_page(request):
        return Response(shown, media_type="application/json")
    # In a script element nothing but `<` could end it or begin another.
    safe = shown.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")
    body = (
        f"<h1>{html.escape(session.user.email)} is connected.</h1><p>You can close this page and go on in your mail.</p>"
        f'<script type="application/json" id="outrider-session">{safe}</script>'
    )
    return _page("Connected", body, 200)


def _refuse(request: Request, refusal: AppError, sign_in: SignIn | None = None) -> Response:
    if not _wants_page(request):
        raise refusal
    what = "calendar" if sign_in is not None and sign_in.provider.endswith(signing_in.CALENDARS) else "mailbox"
    body = f"<h1>The {what} was not connected.</h1><p>{html.escape(refusal.message)}</p>"
    if sign_in is not None and sign_in.page is not None:
        body += f'<p><a href="{html.escape(sign_in.page)}">Back to the console</a></p>'
    return _page("Not connected", body, refusal.status)


def _page(title: str, body: str, status: int) -> Response:
    text = (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title} · Outrider</title>'
        f'<meta name="viewport" content="width=device-width"><style>{STYLE}</style><main>{body}</main></html>'
    )
    return HTMLResponse(text, status, headers={"Content-Security-Policy": POLICY})


def _back(redirect_uri: str, **outcome: str) -> Response:
    # In the fragment: it is in no server's log and in no Referer.
    return RedirectResponse(f"{redirect_uri}#{urlencode(outcome)}", 302)


def _wants_page(request: Request) -> bool:
    return "text/html" in request.headers.get("accept", "")
