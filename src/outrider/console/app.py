"""The web console, mounted at /console: pages over the domain's own functions, for people."""

from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.responses import RedirectResponse, Response
from starlette.routing import Match, Route
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from outrider.console import pages, routing
from outrider.console.routes import (
    batches,
    calendars,
    call_settings,
    calls,
    contacts,
    drafts,
    duplicates,
    followups,
    imports,
    language_model,
    live,
    mailboxes,
    operations,
    preferences,
    senders,
    signing_in,
)

ROUTERS = tuple(
    module.router
    for module in (
        signing_in, mailboxes, calendars, followups, call_settings, calls, drafts, language_model, senders, contacts, duplicates,
        imports, batches, operations, preferences, live,
    )
)  # fmt: skip


def build(version: str) -> FastAPI:
    app = FastAPI(title="Console", version=version, docs_url=None, redoc_url=None, openapi_url=None)
    app.mount("/static", Static(directory=pages.FOLDER / "static"))
    for router in ROUTERS:
        app.include_router(router)
    routing.tell_errors(app)
    return app


def all_routes() -> list[tuple[str, str, str]]:
    """Returns every route's method, path and need. It is described by its pages, so that OpenAPI knows nothing of it."""
    return [
        (method, route.path, str((route.openapi_extra or {}).get("x-needs", "")))
        for router in ROUTERS
        for route in router.routes
        if isinstance(route, APIRoute)
        for method in sorted(route.methods or ())
    ]


class Static(StaticFiles):
    """Built files: the browser asks whether they have changed, and is told by their hash."""

    def file_response(self, *args: object, **kwargs: object) -> Response:
        response: Response = super().file_response(*args, **kwargs)  # type: ignore[arg-type]
        response.headers["Cache-Control"] = "no-cache"
        # A worker lives under the policy that its own file came with.
        response.headers["Content-Security-Policy"] = pages.POLICY
        return response


class FrontDoor(Route):
    """`/` for browsers; programs that ask it for something else than a page reach the surface behind."""

    def __init__(self) -> None:
        super().__init__("/", _to_console, methods=["GET"])

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        accepted = next((value for name, value in scope.get("headers", ()) if name == b"accept"), b"")
        return super().matches(scope) if b"text/html" in accepted else (Match.NONE, {})


async def _to_console(_: object) -> Response:
    return RedirectResponse("/console/", 303)
