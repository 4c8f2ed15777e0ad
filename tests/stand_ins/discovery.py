"""Holds requests and answers to Google's own description of an API: unknown parameters, fields and types are told."""

import json
import re
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

FOLDER = Path(__file__).parents[1] / "data/google"


class Description:
    """A discovery document, such as `gmail.v1`."""

    def __init__(self, name: str) -> None:
        self._name = name

    @cached_property
    def _document(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads((FOLDER / f"{self._name}.json").read_text())
        return document

    def method_of(self, verb: str, path: str) -> dict[str, Any] | None:
        """Returns the method that a request goes to."""
        for method in self._document["methods"].values():
            # Where a path may hold slashes, a flat one says so; older descriptions have theirs below a common one.
            described = self._document.get("servicePath", "") + method.get("flatPath", method["path"])
            pattern = re.sub(r"\{\w+\}", "[^/]+", described)
            if verb == method["httpMethod"] and re.fullmatch(f"/{pattern}", path):
                return dict(method)
        return None

    def wrong_with_request(self, verb: str, path: str, query: list[tuple[str, str]], body: Any) -> list[str]:
        method = self.method_of(verb, path)
        if method is None:
            return [f"{verb} {path} is no method of the API"]
        wrong = []
        parameters = {**self._document["parameters"], **method["parameters"]}
        for name, value in query:
            described = parameters.get(name)
            if described is None or described["location"] != "query":
                wrong.append(f"{verb} {path} has no parameter {name}")
            else:
                wrong += [f"{name}: {each}" for each in _wrong_with_value(described, value)]
        names = [name for name, _ in query]
        wrong += [
            f"{name} is given twice"
            for name in set(names)
            if names.count(name) > 1 and not parameters.get(name, {}).get("repeated")
        ]
        if body is not None:
            wrong += (
                self.wrong_with(method["request"]["$ref"], body) if "request" in method else ["a body is not expected"]
            )
        return wrong

    def wrong_with_answer(self, verb: str, path: str, body: Any) -> list[str]:
        method = self.method_of(verb, path)
        assert method is not None
        return self.wrong_with(method["response"]["$ref"], body) if "response" in method else []

    def wrong_with(self, schema: str, value: Any) -> list[str]:
        return [
            f"{schema}.{'.'.join(map(str, error.path))}: {error.message}"
            for error in self._validator(schema).iter_errors(value)
        ]

    @cache  # noqa: B019  # descriptions live as long as the process
    def _validator(self, schema: str) -> Draft202012Validator:
        definitions = {name: _converted(each) for name, each in self._document["schemas"].items()}
        return Draft202012Validator({"$defs": definitions, "$ref": f"#/$defs/{schema}"})


GMAIL, PEOPLE, CALENDAR = Description("gmail.v1"), Description("people.v1"), Description("calendar.v3")


def _wrong_with_value(described: dict[str, Any], value: str) -> list[str]:
    if described["type"] == "integer" and not value.isdigit():
        return [f"{value} is no number"]
    if described.get("format") == "uint64" and not value.isdigit():
        return [f"{value} is no 64-bit number"]
    if described["type"] == "boolean" and value not in {"true", "false"}:
        return [f"{value} is neither true nor false"]
    if "enum" in described and value not in described["enum"]:
        return [f"{value} is none of {described['enum']}"]
    return []


def _converted(schema: dict[str, Any]) -> dict[str, Any]:
    """A discovery schema as JSON Schema: 64-bit numbers are strings of digits, unknown members are wrong."""
    if "$ref" in schema:
        return {"$ref": f"#/$defs/{schema['$ref']}"}
    made: dict[str, Any] = {name: schema[name] for name in ("type", "enum") if name in schema and schema[name] != "any"}
    if schema.get("format") in {"int64", "uint64"}:
        made["pattern"] = r"^\d+$"
    if schema.get("format") == "byte":
        made["pattern"] = r"^[A-Za-z0-9_=-]*$"
    if "properties" in schema:
        made["properties"] = {name: _converted(each) for name, each in schema["properties"].items()}
        made["additionalProperties"] = False
    if "items" in schema:
        made["items"] = _converted(schema["items"])
    return made
