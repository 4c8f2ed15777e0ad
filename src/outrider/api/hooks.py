"""What providers call: each in the form it expects. A call costs little and promises nothing; the work comes later."""

from collections.abc import Awaitable, Callable

import structlog
from sqlalchemy.exc import DBAPIError, InterfaceError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from outrider.api.limits import RateLimiter
from outrider.core.errors import Limited
from outrider.domain.mailboxes import connections
from outrider.providers.mail import graph_push
from outrider.providers.mail.gmail_push import Malformed
from outrider.providers.oauth.keys import KeysUnavailable, NotGenuine
from outrider.runtime import Runtime

log = structlog.get_logger()

GMAIL = "/webhooks/gmail"
MICROSOFT = "/webhooks/microsoft"
# The call comes again later.
UNAVAILABLE = (DBAPIError, InterfaceError, PoolTimeout, OSError)
LONGEST_TOKEN = 2_000  # characters of Microsoft's question whether an address is ours


async def gmail(request: Request) -> Response:
    """New mail somewhere at Gmail, told by Cloud Pub/Sub. An address that is unknown here is answered like any other."""
    app: Runtime = request.state.runtime
    if app.push is None:
        return Response(status_code=404)
    body = await request.body()
    try:
        notice = await app.push.read(request.headers.get("authorization", ""), body)
        await connections.hint(app, "google", notice.address, noticed=notice.history_id)
    except NotGenuine as refusal:
        return await refuse(request, "gmail", str(refusal))
    except Malformed as error:
        log.warning("hook.malformed", hook="gmail", reason=str(error))  # answered well, else it comes again for days
    except (KeysUnavailable, *UNAVAILABLE) as error:
        return unavailable("gmail", error)
    return Response(status_code=204)


async def microsoft(request: Request) -> Response:
    """New mail somewhere at Microsoft, or something with a subscription; or the question whether this is our address."""
    app: Runtime = request.state.runtime
    if app.graph_push is None:
        return Response(status_code=404)
    question = request.query_params.get("validationToken")
    if question is not None:
        return PlainTextResponse(question) if len(question) <= LONGEST_TOKEN else Response(status_code=400)
    body = await request.body()
    try:
        notice = app.graph_push.read(request.query_params.get("mailbox", ""), body)
        await connections.hint(app, "microsoft", notice.address, is_last=notice.is_ending)
    except graph_push.NotGenuine as refusal:
        return await refuse(request, "microsoft", str(refusal))
    except UNAVAILABLE as error:
        return unavailable("microsoft", error)
    return Response(status_code=202)


def unavailable(hook: str, error: Exception) -> Response:
    log.warning("hook.unavailable", hook=hook, error=type(error).__name__)
    return Response(status_code=503, headers={"Retry-After": "30"})


async def refuse(request: Request, hook: str, reason: str) -> Response:
    try:
        await count_refused(request, hook, reason)
    except Limited as limited:
        return Response(status_code=429, headers={"Retry-After": str(limited.retry_after)})
    return Response(status_code=401, headers={"WWW-Authenticate": "Bearer"})


async def count_refused(request: Request, hook: str, reason: str) -> None:
    """Whoever guesses is slowed down; genuine calls are not counted. Raises Limited."""
    limiter: RateLimiter = request.state.limiter
    await limiter.hit("address", request.client.host if request.client else "unknown")
    log.info("hook.refused", hook=hook, reason=reason)


ROUTES: dict[str, Callable[[Request], Awaitable[Response]]] = {GMAIL: gmail, MICROSOFT: microsoft}
