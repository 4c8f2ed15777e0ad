"""Writes what the outside knows of each contract: OpenAPI, a Postman collection, a reference page an endpoint.

`python -m scripts.contracts` writes; with `--check` it only compares, and fails where a file is stale.
"""

import json
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from outrider import VERSION
from outrider.api.followups import app as followups

ROOT = Path(__file__).parent.parent / "docs"
SURFACES = {"followups": followups.build}
METHODS = ("get", "post", "put", "delete")


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

    def request_body(self) -> Any:
        content = self.operation.get("requestBody", {}).get("content", {}).get("application/json", {})
        examples = [each["value"] for each in content.get("examples", {}).values()]
        return examples[0] if examples else (self._sample(content["schema"]) if content else None)

    def response_body(self, status: str) -> Any:
        content = self.operation["responses"][status].get("content", {}).get("application/json", {})
        if "example" in content:
            return content["example"]
        examples = [each["value"] for each in content.get("examples", {}).values()]
        return examples[0] if examples else (self._sample(content["schema"]) if content.get("schema") else None)

    def success(self) -> str:
        return next(status for status in self.operation["responses"] if status.startswith("2"))

    def parameters(self, place: str) -> list[dict[str, Any]]:
        return [each for each in self.operation.get("parameters", []) if each["in"] == place]

    def _sample(self, schema: dict[str, Any]) -> Any:
        return sample(schema, self.specification)


def sample(schema: dict[str, Any], specification: dict[str, Any]) -> Any:  # noqa: PLR0911  # one return a kind
    """A plausible value of a schema, the same at every run."""
    if "$ref" in schema:
        return sample(specification["components"]["schemas"][schema["$ref"].rpartition("/")[2]], specification)
    if examples := schema.get("examples"):
        return examples[0]
    for several in ("anyOf", "oneOf", "allOf"):
        if several in schema:
            return sample(schema[several][0], specification)
    if "enum" in schema or "const" in schema:
        return schema.get("const", schema.get("enum", [None])[0])
    kind = schema.get("type")
    if kind == "object":
        return {name: sample(each, specification) for name, each in schema.get("properties", {}).items()}
    if kind == "array":
        return [sample(schema["items"], specification)]
    known = {
        "uuid": "01a1fbba-df21-723c-a390-743615ca58ea",
        "date-time": "2026-11-21T09:30:00.000Z",
        "date": "2026-11-21",
    }
    if kind == "string":
        return known.get(schema.get("format", ""), schema.get("default", "text"))
    return {"integer": schema.get("minimum", 1), "number": 0.25, "boolean": True}.get(str(kind))


def endpoints(specification: dict[str, Any]) -> Iterator[Endpoint]:
    for path, operations in specification["paths"].items():
        for method in METHODS:
            if method in operations:
                yield Endpoint(method.upper(), path, operations[method], specification)


def curl(endpoint: Endpoint) -> str:
    """A command to try an endpoint with: `$BASE`, `$TOKEN` and a shell variable for each path parameter."""
    path = re.sub(r"\{(\w+)\}", lambda match: "$" + _shell_name(match[1]), endpoint.path)
    lines = [f'curl -sS -X {endpoint.method} "$BASE{path}"']
    if not endpoint.is_public:
        lines.append('-H "Authorization: Bearer $TOKEN"')
    if (body := endpoint.request_body()) is not None:
        lines += ["-H 'Content-Type: application/json'", f"-d '{json.dumps(body).replace(chr(39), chr(92) + 'u0027')}'"]
    return " \\\n  ".join(lines)


def postman(specification: dict[str, Any]) -> dict[str, Any]:
    """A collection (schema 2.1) with a folder a tag; `baseUrl` and `accessToken` are its variables."""
    folders: dict[str, list[dict[str, Any]]] = {}
    for endpoint in endpoints(specification):
        path = re.sub(r"\{(\w+)\}", r":\1", endpoint.path)
        request: dict[str, Any] = {
            "method": endpoint.method,
            "header": [{"key": "Content-Type", "value": "application/json"}],
            "url": {
                "raw": "{{baseUrl}}" + path,
                "host": ["{{baseUrl}}"],
                "path": path.strip("/").split("/"),
                "variable": [{"key": each["name"], "value": ""} for each in endpoint.parameters("path")],
            },
            "description": endpoint.operation.get("description", ""),
        }
        if not endpoint.is_public:
            request["auth"] = {"type": "bearer", "bearer": [{"key": "token", "value": "{{accessToken}}"}]}
        if (body := endpoint.request_body()) is not None:
            request["body"] = {"mode": "raw", "raw": json.dumps(body, indent=2)}
        folders.setdefault(endpoint.operation["tags"][0], []).append({"name": endpoint.name, "request": request})
    return {
        "info": {
            "name": specification["info"]["title"],
            "schema": "https://schema.getpostman.com/json/collection/v2.1.0/collection.json",
        },
        "variable": [{"key": "baseUrl", "value": "http://127.0.0.1:8700"}, {"key": "accessToken", "value": ""}],
        "item": [{"name": tag, "item": items} for tag, items in folders.items()],
    }


def page(endpoint: Endpoint) -> str:
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
    parts += ["## Request", f"```sh\n{curl(endpoint)}\n```"]
    status = endpoint.success()
    body = endpoint.response_body(status)
    parts.append(f"## Response {status}")
    parts.append("No body." if body is None else f"```json\n{json.dumps(body, indent=2)}\n```")
    parts += [
        "## Errors",
        "| status | code | example |",
    ]
    errors = ["|---|---|---|"]
    for code in sorted(each for each in operation["responses"] if not each.startswith("2")):
        examples = operation["responses"][code].get("content", {}).get("application/json", {}).get("examples", {})
        errors += [
            f"| {code} | `{name}` | {example['value']['error']['message'].replace('|', chr(92) + '|')} |"
            for name, example in examples.items()
        ]
    parts[-1] += "\n" + "\n".join(errors)
    return "\n\n".join(part for part in parts if part) + "\n"


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
    for name, build in SURFACES.items():
        specification = build(VERSION).openapi()
        made[ROOT / "contracts" / f"{name}.json"] = _json(specification)
        made[ROOT / "contracts" / f"{name}.postman_collection.json"] = _json(postman(specification))
        made[ROOT / "reference" / name / "index.md"] = index(name, specification)
        for endpoint in endpoints(specification):
            made[ROOT / "reference" / name / f"{endpoint.name}.md"] = page(endpoint)
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
