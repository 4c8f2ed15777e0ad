"""A wire contract: how one surface dresses an item, a page and an error. Routes never mention any of it.

Every route of a contract must say what it `needs`; the module that leaves it out does not import.
"""

import functools
import inspect
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, Final, TypeVar, get_args, get_origin

import structlog
from fastapi import APIRouter, Depends, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import TypeAdapter
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException

from outrider.api import openapi
from outrider.api.exchange import Exchange, guard
from outrider.core.errors import (
    AppError,
    Conflict,
    Forbidden,
    Invalid,
    Limited,
    NotFound,
    Unauthenticated,
    Unavailable,
)
from outrider.core.pages import Page
from outrider.domain.accounts.permissions import Permission

log = structlog.get_logger()

PUBLIC: Final = "public"
METHOD_NOT_ALLOWED = 405
DISK_FULL = "53100"  # PostgreSQL: disk_full
NO_SPACE = "The database's disk is full: nothing can be stored until its operator has freed space."
NOT_STORABLE = "22021"  # PostgreSQL: character_not_in_repertoire
Needs = Permission | str
Endpoint = Callable[..., Awaitable[Any]]
E = TypeVar("E", bound=Endpoint)

ALWAYS: tuple[AppError, ...] = (
    Invalid("The request is not valid.", errors=[{"field": "query.page", "message": "Input should be at least 1"}]),
    Limited("More than 600 requests a minute. Wait 12 seconds and go slower.", retry_after=12, limit=600),
    AppError("Something went wrong on our side.", request_id="01a1fbba-df21-723c-a390-743615ca58ea"),
    Unavailable("The database can't be reached just now. Try again in 5 seconds."),
)
GUARDED: tuple[AppError, ...] = (
    Unauthenticated("Sign in: send Authorization: Bearer with an access token, or X-API-Key with an access key."),
    Forbidden("Your role doesn't allow this: it needs enrollments:write."),
)


class Contract:
    """Subclasses override what their dialect differs in."""

    title: str
    description: str = ""
    # What the OpenAPI shows: by operation, request bodies by name and one answer; by name, what a parameter is.
    requests: Mapping[str, Mapping[str, Any]] = {}  # never written
    answers: Mapping[str, Any] = {}
    parameters: Mapping[str, str] = {}
    # By operation: parameters of other operations, and where its answer holds them (`data.0.id`).
    links: Mapping[str, Mapping[str, str]] = {}
    # Where it is mounted, if not at the root.
    prefix: str = ""

    def item_model(self, model: Any) -> Any:
        return model

    def page_model(self, model: Any) -> Any:
        return list[model]

    def item(self, value: Any) -> Any:
        return value

    def page(self, page: Page[Any]) -> Any:
        return page.items

    def error(self, error: AppError) -> dict[str, Any]:
        raise NotImplementedError

    def router(self, prefix: str = "", *, tag: str) -> "Router":
        return Router(self, prefix=prefix, tags=[tag])

    def app(self, routers: Iterable["Router"], *, version: str) -> FastAPI:
        """Builds the surface: its own OpenAPI, and every error in its own dialect."""
        app = FastAPI(
            title=self.title,
            description=self.description,
            version=version,
            docs_url=None,
            redoc_url=None,
            servers=[{"url": self.prefix}] if self.prefix else None,
        )
        routers = list(routers)
        for router in routers:
            app.include_router(router)
        app.state.routes = [route for router in routers for route in router.routes if isinstance(route, APIRoute)]
        app.add_exception_handler(AppError, self._on_app_error)
        app.add_exception_handler(RequestValidationError, self._on_invalid)
        app.add_exception_handler(HTTPException, self._on_http)
        for kind in (OperationalError, InterfaceError, PoolTimeout, OSError):
            app.add_exception_handler(kind, self._on_unavailable)
        app.add_exception_handler(DBAPIError, self._on_database)
        app.add_exception_handler(Exception, self._on_unexpected)
        describe = app.openapi
        app.openapi = lambda: openapi.complete(describe(), self)  # type: ignore[method-assign]  # FastAPI's own way
        return app

    def answer(self, error: AppError) -> Response:
        headers = {}
        if isinstance(error, Limited | Unavailable):
            headers["Retry-After"] = str(error.retry_after)
        if isinstance(error, Unauthenticated):
            headers["WWW-Authenticate"] = 'Bearer realm="outrider"'
        body = TypeAdapter(Any).dump_json(self.error(error))
        return Response(body, error.status, headers=headers, media_type="application/json")

    def refuse(self, request: Request, error: AppError) -> Response:
        """What a request gets instead of its answer."""
        return self.answer(error)

    async def _on_app_error(self, request: Request, error: Exception) -> Response:
        assert isinstance(error, AppError)  # noqa: S101  # registered for this class
        return self.refuse(request, error)

    async def _on_invalid(self, request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)  # noqa: S101
        return self.refuse(request, invalid(error.errors()))

    async def _on_http(self, request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)  # noqa: S101
        response = self.refuse(request, from_http(error, request))
        response.headers.update(error.headers or {})
        if error.status_code == METHOD_NOT_ALLOWED:
            # The framework names the methods of the first route alone (RFC 9110 15.5.6 asks for all).
            response.headers["Allow"] = ", ".join(sorted(_methods_at(request)))
        return response

    async def _on_database(self, request: Request, error: Exception) -> Response:
        sqlstate = str(getattr(getattr(error, "orig", None), "sqlstate", "") or "")
        if sqlstate == DISK_FULL:
            log.error("request.disk_full", error=repr(error))
            return self.refuse(request, Unavailable(NO_SPACE, retry_after=30))
        # Connection lost, deadlock, out of resources, locked, shutting down, cancelled by a time limit: the next try
        # may work.
        if sqlstate[:2] in {"08", "40", "53", "55", "57", "58"}:
            return await self._on_unavailable(request, error)
        if sqlstate == NOT_STORABLE:
            return self.refuse(request, Invalid("The request holds a character that can't be stored (NUL)."))
        return await self._on_unexpected(request, error)

    async def _on_unavailable(self, request: Request, error: Exception) -> Response:
        log.warning("request.unavailable", error=repr(error))
        return self.refuse(request, Unavailable("The database can't be reached just now. Try again in 5 seconds."))

    async def _on_unexpected(self, request: Request, error: Exception) -> Response:
        log.error("request.failed", exc_info=error)
        return self.refuse(request, AppError("Something went wrong on our side.", request_id=request.state.request_id))


class Router(APIRouter):
    """An APIRouter whose routes declare what they need and are dressed by their contract."""

    def __init__(self, contract: Contract, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.contract = contract

    def _add(self, method: str, path: str, needs: Needs, model: Any, options: dict[str, Any]) -> Callable[[E], E]:
        def register(endpoint: E) -> E:
            errors = options.pop("errors", ())
            how = {name: options.pop(name, False) for name in ("takes_unknown", "reaches_out", "counts_itself")}
            status = options.pop("status_code", 204 if model is None else 200)
            wire = _wire_model(self.contract, model)
            self.add_api_route(
                path,
                _dress(self.contract, endpoint, model, wire, status, guard(needs, **how)),
                methods=[method],
                name=endpoint.__name__,
                operation_id=endpoint.__name__,
                description=inspect.getdoc(endpoint),
                response_model=wire,
                status_code=status,
                responses=_documented(self.contract, needs, errors),
                openapi_extra={"x-needs": str(needs), **options.pop("openapi_extra", {})},
                **options,
            )
            endpoint.needs = needs  # type: ignore[attr-defined]
            return endpoint

        return register

    def get(self, path: str, *, needs: Needs, model: Any, **options: Any) -> Callable[[E], E]:  # type: ignore[override]
        return self._add("GET", path, needs, model, options)

    def post(self, path: str, *, needs: Needs, model: Any, **options: Any) -> Callable[[E], E]:  # type: ignore[override]
        return self._add("POST", path, needs, model, options)

    def put(self, path: str, *, needs: Needs, model: Any, **options: Any) -> Callable[[E], E]:  # type: ignore[override]
        return self._add("PUT", path, needs, model, options)

    def delete(self, path: str, *, needs: Needs, model: Any, **options: Any) -> Callable[[E], E]:  # type: ignore[override]
        return self._add("DELETE", path, needs, model, options)


def _wire_model(contract: Contract, model: Any) -> Any:
    if model is None:
        return None
    return contract.page_model(get_args(model)[0]) if get_origin(model) is Page else contract.item_model(model)


def _dress(
    contract: Contract, endpoint: Endpoint, model: Any, wire: Any, status: int, door: Callable[..., Awaitable[Exchange]]
) -> Endpoint:
    """Wraps a route: credentials first, then idempotency, then the route, then the contract's clothes.

    The body is serialised here, inside the transaction, so that an idempotent answer commits with its effect.
    """
    adapter = None if wire is None else TypeAdapter(wire)
    is_page = get_origin(model) is Page

    @functools.wraps(endpoint)
    async def dressed(*args: Any, exchange: Exchange, **kwargs: Any) -> Response:
        if (replayed := await exchange.replay()) is not None:
            return replayed
        result = await endpoint(*args, **kwargs)
        if not isinstance(result, Response):
            body = b""
            if adapter is not None:
                value = contract.page(result) if is_page else contract.item(result)
                body = adapter.dump_json(adapter.validate_python(value, from_attributes=True), by_alias=True)
            result = Response(body, status, media_type="application/json" if body else None)
        await exchange.keep(result)
        return result

    # The guard comes first: nothing else is looked at for a caller that may not.
    signature = inspect.signature(endpoint)
    own = [each.replace(kind=each.KEYWORD_ONLY) for each in signature.parameters.values()]
    extra = inspect.Parameter(
        "exchange", inspect.Parameter.KEYWORD_ONLY, annotation=Exchange, default=Depends(door, scope="function")
    )
    # FastAPI reads the parameters from here; without __wrapped__ it can't find the bare route behind it.
    attributes = vars(dressed)
    attributes["__signature__"] = signature.replace(parameters=[extra, *own])
    del attributes["__wrapped__"]
    return dressed


def _documented(contract: Contract, needs: Needs, errors: Iterable[AppError]) -> dict[int | str, dict[str, Any]]:
    """Lists every status a route may answer with, each with an example body in the contract's dialect."""
    documented: dict[int | str, dict[str, Any]] = {}
    for error in [*ALWAYS, *(GUARDED if needs != PUBLIC else ()), *errors]:
        entry = documented.setdefault(error.status, {"description": "", "content": {"application/json": {}}})
        entry["description"] = "; ".join(filter(None, [entry["description"], _words(error)]))
        body = TypeAdapter(Any).dump_python(contract.error(error), mode="json")
        entry["content"]["application/json"].setdefault("examples", {})[error.code] = {"value": body}
    return documented


def _words(error: AppError) -> str:
    return error.code.replace("_", " ").capitalize()


def invalid(problems: Iterable[Any]) -> Invalid:
    """Says which fields are wrong and why, without repeating what was sent: it may be a secret."""
    errors = [
        {"field": ".".join(str(part) for part in problem["loc"]) or "body", "message": problem["msg"]}
        for problem in list(problems)[:50]
    ]
    names = ", ".join(dict.fromkeys(error["field"] for error in errors))
    return Invalid(f"The request is not valid: {names}.", errors=errors)


def from_http(error: HTTPException, request: Request) -> AppError:
    """Translates the framework's own refusals (no such path, wrong method, body too large, not JSON)."""
    if error.status_code == NotFound.status:
        return NotFound(f"There is no {request.url.path} here.")
    known = {400: "bad_request", 405: "method_not_allowed", 413: "too_large", 415: "unsupported_media_type"}
    return HttpError(str(error.detail), error.status_code, known.get(error.status_code, "http_error"))


def _methods_at(request: Request) -> set[str]:
    path = request.scope["path"].removeprefix(request.scope.get("root_path", ""))
    routes: list[APIRoute] = request.app.state.routes
    return {method for route in routes if route.path_regex.match(path) for method in route.methods or ()}


class HttpError(AppError):
    """A refusal of the framework's own, with its status."""

    def __init__(self, message: str, status: int, code: str) -> None:
        super().__init__(message)
        self.status, self.code = status, code


NOT_FOUND: Final = NotFound("There is no such record.")
CONFLICT: Final = Conflict("The record's state doesn't allow this.")
