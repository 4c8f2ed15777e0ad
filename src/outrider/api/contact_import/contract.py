"""The contact import's contract: bare snake_case JSON, errors `{error, message, status, code, details}`."""

import re
from typing import Any
from urllib.parse import quote, urlencode
from uuid import UUID

from fastapi import Request, Response
from pydantic import BaseModel, ConfigDict
from starlette.responses import RedirectResponse

from outrider.api.contact_import import examples
from outrider.api.contract import Contract
from outrider.core.errors import AppError
from outrider.domain.imports import consent
from outrider.runtime import Runtime
from outrider.settings import Settings

CALLBACK = re.compile(r"/(?P<provider>[^/]+)/callback")
LONGEST_MESSAGE = 500  # characters
PREFIX = "/api/v1/contacts/import"
TITLES = {
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    409: "Conflict",
    413: "Too Large",
    422: "Invalid Request",
    429: "Too Many Requests",
    503: "Service Unavailable",
}
NAMED = {"configuration_required": "Configuration Required", "oauth_failed": "OAuth Failed"}


class Out(BaseModel):
    """What is sent, built from domain objects."""

    model_config = ConfigDict(from_attributes=True)


class ContactImport(Contract):
    title = "Outrider contact import"
    description = "Brings contacts in from accounts and files, and shows how far each import has come."
    requests = examples.REQUESTS
    answers = examples.ANSWERS
    parameters = examples.PARAMETERS
    links = examples.KEPT
    prefix = PREFIX

    def error(self, error: AppError) -> dict[str, Any]:
        body = {
            "error": NAMED.get(error.code) or TITLES.get(error.status, "Internal Server Error"),
            "message": error.message,
            "status": error.status,
            "code": error.code,
            "details": error.details,
        }
        return body | {name: error.details[name] for name in ("setup_url",) if name in error.details}

    def refuse(self, request: Request, error: AppError) -> Response:
        """Whatever becomes of a callback, its browser goes back to the app: it must not end on a page of ours."""
        found = CALLBACK.search(request.url.path)
        if found is None or request.method != "GET":
            return self.answer(error)
        app: Runtime = request.state.runtime
        job_id = consent.job_named(request.query_params.get("state", ""))
        return back_to_app(app.settings, found["provider"], job_id=job_id, message=error.message)


def back_to_app(settings: Settings, provider: str, *, job_id: UUID | None, message: str | None = None) -> Response:
    """Sends a browser to the app, which is told how it went and nothing secret."""
    outcome = {"job_id": str(job_id or ""), "status": "success" if message is None else "error"}
    if message is not None:
        outcome["message"] = message[:LONGEST_MESSAGE]
    # Apps decode by percent alone: a space must not be written as a plus.
    link = (
        f"{settings.app_scheme}://import-callback/{quote(provider[:40], safe='')}?{urlencode(outcome, quote_via=quote)}"
    )
    return RedirectResponse(link, 302, headers={"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"})


contract = ContactImport()
