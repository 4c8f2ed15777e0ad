"""The HTTP application: the edge, the system's own pages, and each surface mounted where its clients look for it."""

from prometheus_client import generate_latest
from sqlalchemy import text
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp

from outrider import VERSION
from outrider.api import hooks, telephone
from outrider.api.concierge import app as concierge
from outrider.api.concierge.contract import PREFIX as CONCIERGE
from outrider.api.contact_import import app as contact_import
from outrider.api.contact_import.contract import PREFIX as CONTACT_IMPORT
from outrider.api.contacts import app as contacts
from outrider.api.contacts.contract import PREFIX as CONTACTS
from outrider.api.edge import Edge
from outrider.api.followups import app as followups
from outrider.api.harvest import app as harvest
from outrider.api.harvest.contract import GMAIL, PROCESSING
from outrider.api.limits import RateLimiter
from outrider.api.tracking import click, picture
from outrider.api.unsubscribe import unsubscribe
from outrider.console import app as console
from outrider.console.live import Hub
from outrider.console.session import PATH as CONSOLE
from outrider.domain import all_jobs
from outrider.domain.suppressions.models import UNSUBSCRIBE_PATH
from outrider.domain.tracking.links import CLICK_PATH, OPEN_PATH
from outrider.runtime import Runtime

# The longest prefix first.
SURFACES = {
    CONTACT_IMPORT: contact_import.build,
    CONTACTS: contacts.build,
    PROCESSING: harvest.build_processing,
    GMAIL: harvest.build_gmail,
    CONCIERGE: concierge.build,
    "/": followups.build,
}


def create_app(runtime: Runtime, hub: Hub | None = None) -> ASGIApp:
    """Builds the application around an open runtime, which its caller closes, as it does the hub."""
    all_jobs.load()  # what an action queues must be known here too
    settings = runtime.settings
    state = {
        "runtime": runtime,
        "hub": hub or Hub(runtime.db, can_listen=not settings.database_pooler),
        "limiter": RateLimiter(
            per_user=settings.rate_per_user, per_address=settings.rate_per_address, shared=runtime.shared
        ),
    }
    app = Starlette(
        routes=[
            *(Route(path, endpoint, methods=list(methods)) for path, (endpoint, methods) in SYSTEM.items()),
            *(Route(path, endpoint, methods=["POST"]) for path, endpoint in hooks.ROUTES.items()),
            console.FrontDoor(),
            Mount(CONSOLE, console.build(VERSION)),
            *(Mount(path, build(VERSION)) for path, build in SURFACES.items()),
        ],
        middleware=[
            Middleware(
                CORSMiddleware,
                allow_origins=settings.cors_origins,
                allow_methods=["GET", "POST", "PUT", "DELETE"],
                allow_headers=["Authorization", "X-API-Key", "Content-Type", "Idempotency-Key", "If-Match"],
                expose_headers=["X-Request-ID", "Retry-After", "RateLimit", "RateLimit-Policy"],
            )
        ],
    )
    return Edge(app, state=state, is_https=settings.public_url.startswith("https://"))


async def livez(_: Request) -> Response:
    """The process answers."""
    return JSONResponse({"status": "ok"})


async def readyz(request: Request) -> Response:
    """The process can do its work: the database answers."""
    runtime: Runtime = request.state.runtime
    try:
        async with runtime.db.begin() as db:
            await db.execute(text("select 1"))
    except Exception as error:  # noqa: BLE001  # whatever it is, we are not ready
        return JSONResponse({"status": "unavailable", "database": type(error).__name__}, 503, {"Retry-After": "5"})
    return JSONResponse({"status": "ok", "database": "ok"})


async def metrics(_: Request) -> Response:
    return Response(generate_latest(), media_type="text/plain; version=0.0.4")


SYSTEM = {
    **telephone.ROUTES,
    "/livez": (livez, ("GET",)),
    "/readyz": (readyz, ("GET",)),
    "/metrics": (metrics, ("GET",)),
    # The token in these is what they need.
    f"{UNSUBSCRIBE_PATH}{{token}}": (unsubscribe, ("GET", "POST")),
    f"{CLICK_PATH}{{token}}": (click, ("GET",)),
    f"{OPEN_PATH}{{token}}": (picture, ("GET",)),
}
