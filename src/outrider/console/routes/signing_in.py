"""Signing in and out, and registering where this server lets newcomers in."""

from typing import Annotated

from fastapi import Form, Request
from starlette.responses import RedirectResponse, Response

from outrider.api.contract import PUBLIC
from outrider.api.deps import App, Caller, Db
from outrider.api.issuing import issuer_of
from outrider.console import session
from outrider.console.pages import go_to, show
from outrider.console.routing import Router
from outrider.core.errors import AppError
from outrider.domain.accounts import newcomers, registering, sessions
from outrider.domain.accounts.permissions import Permission
from outrider.runtime import Runtime

router = Router()

HOME = "/console/"
Email = Annotated[str, Form(max_length=320)]
Password = Annotated[str, Form(max_length=1024)]


@router.get("/", needs=Permission.ACCOUNT_READ)
async def home() -> Response:
    return go_to("follow-ups")


@router.get("/sign-in", needs=PUBLIC)
async def ask(request: Request, app: App, next: str = HOME) -> Response:
    return await _form(request, app, next=next)


@router.post("/sign-in", needs=PUBLIC, reaches_out=True)
async def sign_in(
    request: Request, app: App, email: Email, password: Password, next: Annotated[str, Form()] = HOME
) -> Response:
    try:
        issued = await sessions.sign_in(
            app.db,
            issuer_of(app),
            email=email,
            password=password,
            client=request.headers.get("user-agent", ""),
            request_id=request.state.request_id,
        )
    except AppError as refusal:
        return await _form(request, app, next=next, email=email, error=refusal)
    response = RedirectResponse(_own(next), 303)
    session.remember(response, app, issued.session)
    return response


@router.get("/register", needs=PUBLIC)
async def ask_to_register(request: Request, app: App) -> Response:
    return show(request, "register.html", email="", name="", error=None, is_open=await _is_open(app))


@router.post("/register", needs=PUBLIC, reaches_out=True)
async def register(
    request: Request,
    app: App,
    email: Email,
    password: Password,
    name: Annotated[str, Form(max_length=200)] = "",
    timezone: Annotated[str, Form(max_length=64)] = "UTC",
) -> Response:
    """Ends on the sign-in whether or not the address was known: only the password tells."""
    try:
        known = await registering.register(
            app.db,
            email=email,
            password=password,
            name=name,
            timezone=timezone,
            sign_up=app.settings.sign_up,
            request_id=request.state.request_id,
        )
    except AppError as refusal:
        return show(
            request, "register.html", status=refusal.status, email=email, name=name, error=refusal, is_open=True
        )
    return await _form(request, app, next=HOME, email=known, notice="Registered. Sign in with your password.")


@router.post("/sign-out", needs=Permission.ACCOUNT_READ)
async def sign_out(db: Db, actor: Caller) -> Response:
    assert actor.session_id is not None  # noqa: S101  # the console's cookie names one
    await sessions.revoke(db, actor.workspace_id, actor.session_id, reason="Signed out.")
    response = go_to("sign-in")
    session.forget(response)
    return response


async def _form(
    request: Request, app: App, *, next: str, email: str = "", error: AppError | None = None, notice: str = ""
) -> Response:
    status = error.status if error else 200
    return show(
        request, "sign_in.html", status=status, next=_own(next), email=email, error=error, notice=notice,
        may_register=await _is_open(app),
    )  # fmt: skip


def _own(path: str) -> str:
    """Nobody is sent to another site after signing in."""
    return path if path.startswith(HOME) and "\\" not in path and "//" not in path else HOME


async def _is_open(app: Runtime) -> bool:
    async with app.db.begin() as db:
        return await newcomers.is_open(db, app.settings.sign_up)
