"""What providers call: each in the form it expects. A call costs little and promises nothing; the work comes later."""

from collections.abc import Awaitable, Callable

import structlog
from sqlalchemy.exc import DBAPIError, InterfaceError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.requests import Request
from starlette.responses import Response

from outrider.api.limits import RateLimiter
from outrider.core.errors import Limited
from outrider.domain.mailboxes import connections
from outrider.providers.mail.gmail_push import Malformed
from outrider.providers.oauth.keys import KeysUnavailable, NotGenuine
from outrider.runtime import Runtime

log = structlog.get_logger()

GMAIL = "/webhooks/gmail"


async def gmail(request: Request) -> Response:
    """New mail somewhere at Gmail, told by Cloud Pub/Sub. An address that is unknown here is answered like any other."""
    app: Runtime = request.state.runtime
    if app.push is None:
        return Response(status_code=404)
    body = await request.body()
    try:
        notice = await app.push.read(request.headers.get("authorization", ""), body)
        await connections.hint(app, "google", notice.address)
    except NotGenuine as refusal:
        return await _refused(request, str(refusal))
    except Malformed as error:
        log.warning("hook.malformed", hook="gmail", reason=str(error))  # answered well, else it comes again for days
    except (KeysUnavailable, DBAPIError, InterfaceError, PoolTimeout, OSError) as error:
        log.warning("hook.unavailable", hook="gmail", error=type(error).__name__)
        return Response(status_code=503, headers={"Retry-After": "30"})
    return Response(status_code=204)


async def _refused(request: Request, reason: str) -> Response:
    """Whoever guesses is slowed down; genuine calls are not counted."""
    limiter: RateLimiter = request.state.limiter
    try:
        await limiter.hit("address", request.client.host if request.client else "unknown")
    except Limited as limited:
        return Response(status_code=429, headers={"Retry-After": str(limited.retry_after)})
    log.info("hook.refused", reason=reason)
    return Response(status_code=401, headers={"WWW-Authenticate": "Bearer"})


ROUTES: dict[str, Callable[[Request], Awaitable[Response]]] = {GMAIL: gmail}
