"""Routes of the console: each says what it needs, answers with a page, and tells errors on one."""

from collections.abc import Awaitable, Callable
from typing import TypeVar
from urllib.parse import quote

import structlog
from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from outrider.api.contract import from_http, invalid
from outrider.api.deps import App, Db
from outrider.console import pages, session
from outrider.core import log
from outrider.core.db import Scope
from outrider.core.errors import AppError, Forbidden, Limited, Unauthenticated, Unavailable
from outrider.domain.accounts import queries as accounts
from outrider.domain.accounts.permissions import Actor, Permission
from outrider.runtime import Runtime

logger = structlog.get_logger()

Needs = Permission | str
E = TypeVar("E", bound=Callable[..., Awaitable[Response]])


class Router(APIRouter):
    """An APIRouter whose routes declare what they need. With `reaches_out` a route holds no transaction."""

    def get(self, path: str, *, needs: Needs, reaches_out: bool = False) -> Callable[[E], E]:  # type: ignore[override]
        return self._add("GET", path, needs, reaches_out=reaches_out)

    def post(self, path: str, *, needs: Needs, reaches_out: bool = False) -> Callable[[E], E]:  # type: ignore[override]
        return self._add("POST", path, needs, reaches_out=reaches_out)

    def _add(self, method: str, path: str, needs: Needs, *, reaches_out: bool) -> Callable[[E], E]:
        def register(endpoint: E) -> E:
            self.add_api_route(
                path,
                endpoint,
                methods=[method],
                response_model=None,
                dependencies=[Depends(_guard(needs, reaches_out=reaches_out), scope="function")],
                openapi_extra={"x-needs": str(needs)},
            )
            return endpoint

        return register


def _guard(needs: Needs, *, reaches_out: bool) -> Callable[..., Awaitable[None]]:
    if not isinstance(needs, Permission):
        return _public

    async def brief(request: Request, app: App) -> None:
        async with app.db.begin(Scope(request_id=request.state.request_id)) as db:
            await _admit(request, app, db, needs)

    async def check(request: Request, app: App, db: Db) -> None:
        await _admit(request, app, db, needs)

    return brief if reaches_out else check


async def _public(request: Request) -> None:
    request.state.surface = "console"
    session.refuse_foreign(request)
    request.state.standing = await request.state.limiter.hit("address", _address(request))


async def _admit(request: Request, app: Runtime, db: AsyncSession, needs: Permission) -> Actor:
    request.state.surface = "console"
    session.refuse_foreign(request)
    try:
        actor = await session.enter(app, db, request)
    except Unauthenticated:
        request.state.standing = await request.state.limiter.hit("address", _address(request))
        raise
    request.state.standing = await request.state.limiter.hit("user", str(actor.user_id))
    log.bind_request(
        request_id=request.state.request_id, user_id=str(actor.user_id), workspace_id=str(actor.workspace_id)
    )
    user = await accounts.get_user(db, actor.user_id)
    request.state.visitor = pages.Visitor(user.name, user.email, user.timezone)
    if not actor.may(needs):
        raise Forbidden(f"Your role doesn't allow this: it needs {needs}.")
    request.state.actor = actor
    return actor


def _address(request: Request) -> str:
    return request.client.host if request.client else "unknown"


def tell_errors(app: FastAPI) -> None:
    """Every error ends on a page that says what happened, with the id that is in the log."""
    app.add_exception_handler(AppError, _on_app_error)
    app.add_exception_handler(RequestValidationError, _on_invalid)
    app.add_exception_handler(HTTPException, _on_http)
    for kind in (OperationalError, InterfaceError, PoolTimeout, OSError):
        app.add_exception_handler(kind, _on_unavailable)
    app.add_exception_handler(Exception, _on_unexpected)


def refuse(request: Request, error: AppError) -> Response:
    if isinstance(error, Unauthenticated) and not request.url.path.endswith("/sign-in"):
        return _to_sign_in(request)
    response = _beside_the_form(request, error) or pages.show(request, "error.html", status=error.status, error=error)
    if isinstance(error, Limited | Unavailable):
        response.headers["Retry-After"] = str(error.retry_after)
    return response


def _beside_the_form(request: Request, error: AppError) -> Response | None:
    """Of a form that was sent in place: what was written stays, and what is wrong with it is told above it."""
    if request.method == "GET" or "hx-request" not in request.headers:
        return None
    response = pages.show(request, "problem.html", status=error.status, error=error)
    response.headers["HX-Retarget"] = response.headers["HX-Reselect"] = "#problem"
    response.headers["HX-Reswap"], response.headers["HX-Push-Url"] = "outerHTML show:top", "false"
    return response


def _to_sign_in(request: Request) -> Response:
    where = request.url.path if request.method == "GET" else "/console/"
    target = f"/console/sign-in?next={quote(where)}"
    if "hx-request" in request.headers:
        # The page in the browser is of somebody who is no longer signed in: all of it goes.
        return Response(status_code=401, headers={"HX-Redirect": target})
    response = RedirectResponse(target, 303)
    session.forget(response)
    return response


async def _on_app_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, AppError)  # noqa: S101  # registered for this class
    return refuse(request, error)


async def _on_invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101
    return refuse(request, invalid(error.errors()))


async def _on_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101
    return refuse(request, from_http(error, request))


async def _on_unavailable(request: Request, error: Exception) -> Response:
    logger.warning("request.unavailable", error=repr(error))
    return refuse(request, Unavailable("The database can't be reached just now. Try again in 5 seconds."))


async def _on_unexpected(request: Request, error: Exception) -> Response:
    logger.error("request.failed", exc_info=error)
    return refuse(request, AppError("Something went wrong on our side."))
