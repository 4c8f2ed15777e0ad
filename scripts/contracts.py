"""Writes what the outside knows of each contract: OpenAPI, a Postman collection, a reference page an endpoint.

`python -m scripts.contracts` writes; with `--check` it only compares, and fails where a file is stale.
"""

import json
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from outrider import VERSION
from outrider.api.concierge import app as concierge
from outrider.api.concierge import examples as concierge_examples
from outrider.api.contact_import import app as contact_import
from outrider.api.contact_import import examples as contact_import_examples
from outrider.api.contacts import app as contacts
from outrider.api.contacts import examples as contacts_examples
from outrider.api.followups import app as followups
from outrider.api.followups import examples as followups_examples
from outrider.api.harvest import app as harvest
from outrider.api.harvest import examples as harvest_examples

ROOT = Path(__file__).parent.parent / "docs"
SURFACES = {
    "followups": (lambda version: followups.build(version).openapi(), followups_examples),
    "concierge": (lambda version: concierge.build(version).openapi(), concierge_examples),
    "contact-import": (lambda version: contact_import.build(version).openapi(), contact_import_examples),
    "contacts": (lambda version: contacts.build(version).openapi(), contacts_examples),
    "harvest": (harvest.describe, harvest_examples),
}
METHODS = ("get", "post", "put", "delete")
Examples = Any  # a module such as api/followups/examples.py


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One operation of a specification."""

    method: str
    path: str
    operation: dict[str, Any]
    specification: dict[str, Any]

    @property
    def name(self) -> str:
        return str(self.operation["operationId"])

    @property
    def is_public(self) -> bool:
        return bool(self.operation["x-needs"] == "public")

    def request_bodies(self) -> dict[str, Any]:
        content = next(iter(self.operation.get("requestBody", {}).get("content", {}).values()), {})
        return {name: each["value"] for name, each in content.get("examples", {}).items()}

    @property
    def is_form(self) -> bool:
        return "multipart/form-data" in self.operation.get("requestBody", {}).get("content", {})

    def response_body(self, status: str) -> Any:
        return self.operation["responses"][status].get("content", {}).get("application/json", {}).get("example")

    def success(self) -> str:
        """Its status where all went well: a redirect's for what only browsers open."""
        return next(status for status in self.operation["responses"] if status[0] in "23")

    def path_with(self, written: Callable[[str], str]) -> str:
        """Its path, with a variable for each parameter that has no example of its own."""
        own = {each["name"]: each["schema"].get("examples", [""])[0] for each in self.parameters("path")}
        return re.sub(r"\{(\w+)\}", lambda match: own.get(match[1]) or written(match[1]), self.path)

    def parameters(self, place: str) -> list[dict[str, Any]]:
        return [each for each in self.operation.get("parameters", []) if each["in"] == place]


def endpoints(specification: dict[str, Any]) -> Iterator[Endpoint]:
    prefix = specification.get("servers", [{"url": ""}])[0]["url"]
    for path, operations in specification["paths"].items():
        for method in METHODS:
            if method in operations:
                yield Endpoint(method.upper(), prefix + path, operations[method], specification)


def curl(endpoint: Endpoint, title: str, body: Any, examples: Examples) -> str:
    """A command to try an endpoint with: `$BASE`, `$TOKEN` and a shell variable for everything it refers to."""
    path = endpoint.path_with(lambda name: "$" + _shell_name(name))
    path += _query(endpoint, examples, lambda variable: "$" + _shell_name(variable))
    lines = [f'curl -sS -X {endpoint.method} "$BASE{path}"']
    if f"{endpoint.name} ({title})" == examples.KEEPS_COOKIE:
        lines.append("-c cookies.txt")
    if endpoint.name == examples.SHOWS_COOKIE:
        lines.append("-b cookies.txt")
    if (token := _token(endpoint, body, examples, "token")) is not None:
        lines.append(f'-H "Authorization: Bearer ${_shell_name(token)}"')
    if endpoint.is_form:
        lines += [f"-F '{name}={value}'" for name, value in (body or {}).items()]
    elif body is not None:
        text = json.dumps(body).replace("'", "\\u0027")
        for value, variable in examples.VARIABLES.items():
            text = text.replace(value, f"'\"${_shell_name(variable)}\"'")
        lines += ["-H 'Content-Type: application/json'", f"-d '{text}'"]
    return " \\\n  ".join(lines)


def _token(endpoint: Endpoint, body: Any, examples: Examples, own: str) -> str | None:
    """The variable that holds the token to show: a session's, or the one of another service that calls."""
    if not endpoint.is_public or (body and body.get("provider") == "imap"):
        return own
    called: str | None = examples.CALLED.get(endpoint.name)
    return called


def _query(endpoint: Endpoint, examples: Examples, written: Callable[[str], str]) -> str:
    query = examples.QUERIES.get(endpoint.name, {})
    return "?" + "&".join(f"{name}={written(variable)}" for name, variable in query.items()) if query else ""


def postman(specification: dict[str, Any], examples: Examples) -> dict[str, Any]:
    """A collection (schema 2.1) that runs from top to bottom: answers fill the variables of the requests after them."""
    folders: dict[str, list[dict[str, Any]]] = {}
    for endpoint in endpoints(specification):
        for item in _postman_requests(endpoint, examples):
            folder = "clean up" if item["name"] in examples.LAST else endpoint.operation["tags"][0]
            folders.setdefault(folder, []).append(item)
    folders["clean up"] = sorted(folders.pop("clean up"), key=lambda each: examples.LAST.index(each["name"]))
    variables = {"baseUrl": "http://127.0.0.1:8700", "accessToken": ""}
    variables |= dict.fromkeys([*examples.VARIABLES.values(), *_asked(examples), *examples.CALLED.values()], "")
    return {
        "info": {
            "name": specification["info"]["title"],
            "schema": "https://schema.getpostman.com/json/collection/v2.1.0/collection.json",
        },
        "variable": [{"key": name, "value": value} for name, value in variables.items()],
        "item": [{"name": tag, "item": items} for tag, items in folders.items()],
    }


def _asked(examples: Examples) -> list[str]:
    return [variable for query in examples.QUERIES.values() for variable in query.values()]


def _postman_requests(endpoint: Endpoint, examples: Examples) -> Iterator[dict[str, Any]]:
    bodies: dict[str, Any] = endpoint.request_bodies() or {"": None}
    for title, body in bodies.items():
        name = endpoint.name if len(bodies) == 1 else f"{endpoint.name} ({title})"
        path = endpoint.path_with(lambda name: "{{" + name + "}}")
        query = _query(endpoint, examples, lambda variable: "{{" + variable + "}}")
        request: dict[str, Any] = {
            "method": endpoint.method,
            "header": []
            if body is None or endpoint.is_form
            else [{"key": "Content-Type", "value": "application/json"}],
            "url": {"raw": "{{baseUrl}}" + path + query, "host": ["{{baseUrl}}"], "path": path.strip("/").split("/")},
            "description": endpoint.operation.get("description", ""),
        }
        if (token := _token(endpoint, body, examples, "accessToken")) is not None:
            request["auth"] = {"type": "bearer", "bearer": [{"key": "token", "value": "{{" + token + "}}"}]}
        if endpoint.is_form and body is not None:
            request["body"] = {"mode": "formdata", "formdata": [_form_field(*each) for each in body.items()]}
        elif body is not None:
            text = json.dumps(body, indent=2, ensure_ascii=False)
            for value, variable in examples.VARIABLES.items():
                text = text.replace(value, "{{" + variable + "}}")
            # What a template holds is not a variable of the collection: braces are written as escapes.
            text = re.sub(r"\{\{ | \}\}", lambda match: match[0].replace("{", "\\u007b").replace("}", "\\u007d"), text)
            request["body"] = {"mode": "raw", "raw": text}
        item: dict[str, Any] = {"name": name, "request": request}
        if endpoint.success().startswith("3"):
            item["protocolProfileBehavior"] = {"followRedirects": False}
        if body is None or body.get("provider") != "imap":
            item["event"] = _postman_tests(endpoint, name, examples)
        yield item


def _form_field(name: str, value: str) -> dict[str, str]:
    if value.startswith("@"):
        return {"key": name, "type": "file", "src": value[1:]}
    return {"key": name, "type": "text", "value": value}


def _postman_tests(endpoint: Endpoint, name: str, examples: Examples) -> list[dict[str, Any]]:
    lines = [f'pm.test("answers {endpoint.success()}", () => pm.response.to.have.status({endpoint.success()}));']
    for variable, place in examples.KEPT.get(name, examples.KEPT.get(endpoint.name, {})).items():
        accessor = "".join(f"[{part}]" if part.isdigit() else f".{part}" for part in place.split("."))
        lines.append(f'pm.collectionVariables.set("{variable}", pm.response.json(){accessor});')
    return [{"listen": "test", "script": {"type": "text/javascript", "exec": lines}}]


def page(endpoint: Endpoint, examples: Examples) -> str:
    """The reference page of an endpoint."""
    operation = endpoint.operation
    parts = [f"# {endpoint.method} {endpoint.path}", operation.get("description", "")]
    needs = "nothing: it is public" if endpoint.is_public else f"`{operation['x-needs']}`"
    parts.append(f"Needs {needs}.")
    rows = [
        f"| `{each['name']}` | {each['in']} | {'yes' if each.get('required') else 'no'} | {each.get('description', '')} |"
        for each in operation.get("parameters", [])
    ]
    if rows:
        parts.append("\n".join(["| parameter | in | required | |", "|---|---|---|---|", *rows]))
    parts += list(_fields(endpoint))
    parts.append("## Request")
    bodies = endpoint.request_bodies() or {"": None}
    parts += [f"```sh\n{curl(endpoint, title, body, examples)}\n```" for title, body in bodies.items()]
    status = endpoint.success()
    body = endpoint.response_body(status)
    parts.append(f"## Response {status}")
    parts.append("No body." if body is None else f"```json\n{json.dumps(body, indent=2)}\n```")
    refusals = sorted(each for each in operation["responses"] if each[0] in "45")
    if not refusals:
        parts.append(operation["responses"][status]["description"])
        return "\n\n".join(part for part in parts if part) + "\n"
    parts += [
        "## Errors",
        "| status | code | example |",
    ]
    errors = ["|---|---|---|"]
    for code in refusals:
        examples = operation["responses"][code].get("content", {}).get("application/json", {}).get("examples", {})
        errors += [
            f"| {code} | `{name}` | {_message(example['value']).replace('|', chr(92) + '|')} |"
            for name, example in examples.items()
        ]
    parts[-1] += "\n" + "\n".join(errors)
    return "\n\n".join(part for part in parts if part) + "\n"


def _message(body: dict[str, Any]) -> str:
    return str(body["message"] if "message" in body else body["error"]["message"])


def _fields(endpoint: Endpoint) -> Iterator[str]:
    """A table of the body's fields for each form it may have."""
    content = next(iter(endpoint.operation.get("requestBody", {}).get("content", {}).values()), {})
    schema = _resolved(content.get("schema", {}), endpoint.specification)
    forms = schema.get("oneOf") or schema.get("anyOf") or [schema]
    for form in (_resolved(each, endpoint.specification) for each in forms):
        if not form.get("properties"):
            continue
        title = f" ({form['title']})" if len(forms) > 1 else ""
        rows = [
            f"| `{name}` | {_kind(field, endpoint.specification)} | {'yes' if name in form.get('required', ()) else 'no'} |"
            f" {_resolved(field, endpoint.specification).get('description', '').replace(chr(10), ' ')} |"
            for name, field in form["properties"].items()
        ]
        yield "\n".join([f"## Body{title}", "", "| field | type | required | |", "|---|---|---|---|", *rows])


def _resolved(schema: dict[str, Any], specification: dict[str, Any]) -> dict[str, Any]:
    if "$ref" not in schema:
        return schema
    found = specification["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return {**found, **{name: value for name, value in schema.items() if name != "$ref"}}


def _kind(schema: dict[str, Any], specification: dict[str, Any]) -> str:
    """A field's type in a few words."""
    whole = _resolved(schema, specification)
    if "const" in whole or "enum" in whole:
        return " or ".join(f"`{value}`" for value in whole.get("enum", [whole.get("const")]))
    if several := whole.get("anyOf"):
        return " or ".join(_kind(each, specification) for each in several)
    if whole.get("type") == "array":
        return f"list of {_kind(whole.get('items', {}), specification)}"
    return str(whole.get("format") or whole.get("type", "any"))


def index(name: str, specification: dict[str, Any]) -> str:
    rows = [
        f"| [{each.method} {each.path}]({each.name}.md) | {each.operation.get('description', '').partition(chr(10))[0]} |"
        for each in endpoints(specification)
    ]
    return "\n".join(
        [
            f"# The {name} contract",
            "",
            f"[OpenAPI](../../contracts/{name}.json) · [Postman collection](../../contracts/{name}.postman_collection.json)",
            "",
            "| endpoint | |",
            "|---|---|",
            *rows,
            "",
        ]
    )


def files() -> dict[Path, str]:
    """Returns every generated file with its content."""
    made: dict[Path, str] = {}
    for name, (describe, examples) in SURFACES.items():
        specification = describe(VERSION)
        made[ROOT / "contracts" / f"{name}.json"] = _json(specification)
        made[ROOT / "contracts" / f"{name}.postman_collection.json"] = _json(postman(specification, examples))
        made[ROOT / "reference" / name / "index.md"] = index(name, specification)
        for endpoint in endpoints(specification):
            made[ROOT / "reference" / name / f"{endpoint.name}.md"] = page(endpoint, examples)
    return made


def main(arguments: list[str]) -> int:
    stale = [path for path, text in files().items() if not path.exists() or path.read_text() != text]
    if "--check" in arguments:
        for path in stale:
            print(f"stale: {path.relative_to(ROOT.parent)}", file=sys.stderr)
        print("Run `make contracts` and look at the difference." if stale else "The contracts' files are up to date.")
        return 1 if stale else 0
    for path, text in files().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    print(f"Wrote {len(stale)} files.")
    return 0


def _json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def _shell_name(parameter: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", parameter).upper()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
