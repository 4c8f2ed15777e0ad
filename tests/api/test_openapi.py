"""What the OpenAPI shows beyond the framework's own."""

from typing import Any

import jsonschema
import pytest
from scripts.contracts import Endpoint, endpoints

from outrider import VERSION
from outrider.main import SURFACES

SPECIFICATIONS = {prefix: build(VERSION).openapi() for prefix, build in SURFACES.items()}
ALL = [each for specification in SPECIFICATIONS.values() for each in endpoints(specification)]


def media(place: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = next(iter(place.get("content", {}).values()), {})
    return found


def hold(schema: dict[str, Any], example: Any, endpoint: Endpoint) -> None:
    whole = {**schema, "components": endpoint.specification["components"]}
    jsonschema.validate(example, whole, cls=jsonschema.Draft202012Validator)


@pytest.mark.parametrize("endpoint", ALL, ids=lambda each: each.name)
def test_every_operation_shows_bodies_that_its_schema_allows(endpoint: Endpoint) -> None:
    success = endpoint.operation["responses"][endpoint.success()]
    if media(success).get("schema"):
        hold(media(success)["schema"], media(success)["example"], endpoint)
    if body := endpoint.operation.get("requestBody"):
        assert media(body)["examples"]
        for example in media(body)["examples"].values():
            hold(media(body)["schema"], example["value"], endpoint)


@pytest.mark.parametrize("endpoint", ALL, ids=lambda each: each.name)
def test_every_refusal_is_shown_in_the_contracts_dialect(endpoint: Endpoint) -> None:
    refusals = {status: each for status, each in endpoint.operation["responses"].items() if status[0] in "45"}
    if endpoint.success().startswith("3"):
        assert refusals == {}, "only browsers open it, and they are always sent on"
        return
    assert {"422", "429", "500", "503"} <= refusals.keys()
    assert endpoint.is_public or {"401", "403"} <= refusals.keys()
    for refusal in refusals.values():
        for example in media(refusal)["examples"].values():
            value = example["value"]
            told = value if isinstance(value["error"], str) else value["error"]
            assert {"code", "message", "details"} <= told.keys()


@pytest.mark.parametrize("endpoint", ALL, ids=lambda each: each.name)
def test_every_parameter_says_what_it_is(endpoint: Endpoint) -> None:
    assert [each["name"] for each in endpoint.operation.get("parameters", []) if not each.get("description")] == []


@pytest.mark.parametrize("endpoint", ALL, ids=lambda each: each.name)
def test_credentials_are_declared_wherever_they_are_needed(endpoint: Endpoint) -> None:
    assert bool(endpoint.operation["security"]) is not endpoint.is_public
    schemes = endpoint.specification["components"]["securitySchemes"]
    assert {name for each in endpoint.operation["security"] for name in each} <= schemes.keys()
