"""The outer edge, in plain ASGI: request ids, body limit, security headers, access log, metrics, one pass each."""

import time
from collections.abc import Mapping
from typing import Any

import structlog
from prometheus_client import Counter, Histogram
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from outrider.core import log as logging
from outrider.core.ids import new_id

log = structlog.get_logger()

MEBIBYTE = 1024 * 1024
MAX_BODY = MEBIBYTE
# Where files and mails are taken: what a form adds to them included.
LARGER_BODIES = {"/api/v1/contacts/import/csv": 26 * MEBIBYTE, "/api/gmail/process-batch": 9 * MEBIBYTE}
REQUESTS = Counter("outrider_http_requests_total", "Requests answered.", ["surface", "method", "status"])
SECONDS = Histogram("outrider_http_request_seconds", "Time to answer a request.", ["surface", "method"])
SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
}
HSTS = "max-age=31536000; includeSubDomains"


class Edge:
    """Wraps the whole application."""

    def __init__(self, app: ASGIApp, *, state: Mapping[str, Any], is_https: bool) -> None:
        self.app, self.state = app, state
        self.headers = {**SECURITY_HEADERS, **({"Strict-Transport-Security": HSTS} if is_https else {})}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began = time.perf_counter()
        request_id = str(new_id())
        state = {**self.state, "request_id": request_id}
        scope["state"] = state
        status = 500

        async def respond(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers["X-Request-ID"] = request_id
                for name, value in self.headers.items():
                    headers.setdefault(name, value)
                if standing := state.get("standing"):
                    headers.update(standing.headers())
            await send(message)

        logging.bind_request(request_id=request_id)
        try:
            await self.app(scope, _limited(scope, receive), respond)
        finally:
            self._record(scope, state, status, time.perf_counter() - began)

    def _record(self, scope: Scope, state: Mapping[str, Any], status: int, seconds: float) -> None:
        surface = str(state.get("surface", "system"))
        REQUESTS.labels(surface, scope["method"], str(status)).inc()
        SECONDS.labels(surface, scope["method"]).observe(seconds)
        # The query may hold personal data and is left out; so is a path that is a credential by itself.
        path = state.get("logged_path", scope["path"])
        log.info("request", method=scope["method"], path=path, status=status, ms=round(seconds * 1000, 1))


def _limited(scope: Scope, receive: Receive) -> Receive:
    """Stops reading a body once it is larger than any request of ours."""
    read = 0
    most = LARGER_BODIES.get(scope["path"], MAX_BODY)
    declared = next((value for name, value in scope["headers"] if name == b"content-length"), b"0")
    is_too_large = declared.isdigit() and int(declared) > most

    async def bounded() -> Message:
        nonlocal read
        message = {} if is_too_large else await receive()
        read += len(message.get("body", b""))
        if is_too_large or read > most:
            raise HTTPException(413, f"The body is larger than {most // MEBIBYTE} MiB.")
        return message

    return bounded
