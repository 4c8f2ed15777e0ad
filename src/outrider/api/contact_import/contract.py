"""The contact import's contract: bare snake_case JSON, errors `{error, message, status, code, details}`."""

from typing import Any

from pydantic import BaseModel, ConfigDict

from outrider.api.contact_import import examples
from outrider.api.contract import Contract
from outrider.core.errors import AppError

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


class Out(BaseModel):
    """What is sent, built from domain objects."""

    model_config = ConfigDict(from_attributes=True)


class ContactImport(Contract):
    title = "Outrider contact import"
    description = "Brings contacts in from files, and shows how far each import has come."
    requests = examples.REQUESTS
    answers = examples.ANSWERS
    parameters = examples.PARAMETERS
    links = examples.KEPT
    prefix = PREFIX

    def error(self, error: AppError) -> dict[str, Any]:
        return {
            "error": TITLES.get(error.status, "Internal Server Error"),
            "message": error.message,
            "status": error.status,
            "code": error.code,
            "details": error.details,
        }


contract = ContactImport()
