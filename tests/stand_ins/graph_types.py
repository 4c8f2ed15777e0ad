"""Holds what is sent to Microsoft Graph and what it answers to Microsoft's published types: unknown members are told."""

import json
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

TYPES: dict[str, Any] = json.loads((Path(__file__).parents[1] / "data/microsoft/graph.json").read_text())


def wrong_with(schema: str, value: Any) -> list[str]:
    return [
        f"{schema}.{'.'.join(map(str, error.path))}: {error.message[:300]}"
        for error in _validator(schema).iter_errors(value)
    ]


def wrong_with_many(schema: str, answer: Any) -> list[str]:
    """Of a page of a collection."""
    if not isinstance(answer, dict) or not isinstance(answer.get("value"), list):
        return [f"a page of {schema} has no list as its value"]
    unknown = [name for name in answer if name != "value" and not name.startswith("@odata.")]
    return [f"a page has no {name}" for name in unknown] + [
        wrong for each in answer["value"] for wrong in wrong_with(schema, each)
    ]


def wrong_with_names(schema: str, names: str) -> list[str]:
    """Of what a `$select` asks for."""
    known = TYPES[schema]["properties"]
    return [f"{schema} has no {name}" for name in names.split(",") if name.partition("/")[0] not in known]


@cache
def _validator(schema: str) -> Draft202012Validator:
    definitions = {name: _with_annotations(each) for name, each in TYPES.items()}
    return Draft202012Validator({"$defs": definitions, "$ref": f"#/$defs/{schema}"})


def _with_annotations(schema: dict[str, Any]) -> dict[str, Any]:
    # OData: `@odata.etag`, `start@odata.type`, and `@removed` in what has changed.
    return {**schema, "patternProperties": {"^[^@]*@": {}}} if "properties" in schema else schema
