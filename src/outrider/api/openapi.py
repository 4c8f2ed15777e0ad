"""Completes the OpenAPI that the framework makes: examples, credentials, what parameters are, bodies too large."""

from collections.abc import Iterator, Mapping
from typing import Any, Protocol

from outrider.core.errors import AppError

METHODS = ("get", "post", "put", "patch", "delete")
SCHEMES = {
    "accessToken": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "The `accessToken` of a session; it lives for 15 minutes and is renewed by its refresh token.",
    },
    "accessKey": {
        "type": "apiKey",
        "in": "header",
        "name": "X-API-Key",
        "description": "A key for programs, made with `outrider user create --access-key` or by an administrator.",
    },
}


class Documented(Protocol):
    """What a contract gives for its description."""

    requests: Mapping[str, Mapping[str, Any]]
    answers: Mapping[str, Any]
    parameters: Mapping[str, str]
    links: Mapping[str, Mapping[str, str]]

    def error(self, error: AppError) -> dict[str, Any]: ...


class BadRequest(AppError):
    status = 400
    code = "bad_request"


class TooLarge(AppError):
    status = 413
    code = "too_large"


# What the framework and the edge refuse before a body reaches its route.
REFUSED_BODIES = (BadRequest("There was an error parsing the body"), TooLarge("The body is larger than 1 MiB."))


def complete(specification: dict[str, Any], contract: Documented) -> dict[str, Any]:
    """Adds what is missing; safe to repeat."""
    specification["components"].setdefault("securitySchemes", SCHEMES)
    for operation in _operations(specification):
        is_public = operation["x-needs"] == "public"
        operation["security"] = [] if is_public else [{name: []} for name in SCHEMES]
        for parameter in operation.get("parameters", []):
            if parameter["name"] in contract.parameters:
                parameter.setdefault("description", contract.parameters[parameter["name"]])
        if operation.pop("x-only-redirects", False):
            found = operation["responses"]["302"]
            operation["responses"] = {"302": {name: found[name] for name in ("description", "headers")}}
        _add_examples(operation, contract)
        _add_links(operation, specification, contract)
    return specification


def _operations(specification: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for path in specification["paths"].values():
        yield from (path[method] for method in METHODS if method in path)


def _add_examples(operation: dict[str, Any], contract: Documented) -> None:
    name = operation["operationId"]
    if "requestBody" in operation:
        bodies = {title: {"value": body} for title, body in contract.requests.get(name, {}).items()}
        media = next(iter(operation["requestBody"]["content"].values()))  # JSON, or a form with a file
        media["examples"] = bodies
        for error in REFUSED_BODIES:
            operation["responses"][str(error.status)] = {
                "description": error.code.replace("_", " ").capitalize(),
                "content": {"application/json": {"examples": {error.code: {"value": contract.error(error)}}}},
            }
    if name in contract.answers:
        success = next(status for status in operation["responses"] if status.startswith("2"))
        operation["responses"][success]["content"]["application/json"]["example"] = contract.answers[name]


def _add_links(operation: dict[str, Any], specification: dict[str, Any], contract: Documented) -> None:
    """Says which operations take what this one answers, such as a new record's id."""
    for name, place in contract.links.get(operation["operationId"], {}).items():
        takers = [
            each["operationId"]
            for each in _operations(specification)
            if any(parameter["name"] == name and parameter["in"] == "path" for parameter in each.get("parameters", []))
        ]
        links = {
            taker: {"operationId": taker, "parameters": {name: f"$response.body#/{place.replace('.', '/')}"}}
            for taker in takers
        }
        if links:
            success = next(status for status in operation["responses"] if status.startswith("2"))
            operation["responses"][success].setdefault("links", {}).update(links)
