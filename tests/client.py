"""An HTTP client on the application itself, which checks every JSON answer against the surface's OpenAPI."""

import re
from typing import Any, Self

import httpx2
import jsonschema
from starlette.types import ASGIApp

from outrider import VERSION
from outrider.main import SURFACES


class Client:
    """`headers` carry the credentials; `as_user` gives a client of the same application with others."""

    def __init__(self, app: ASGIApp, headers: dict[str, str] | None = None) -> None:
        self.app = app
        self.headers = headers or {}
        transport = httpx2.ASGITransport(app, raise_app_exceptions=False)
        self._http = httpx2.AsyncClient(transport=transport, base_url="http://testserver", headers=self.headers)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.aclose()

    def signed_in(self, access_token: str) -> "Client":
        return Client(self.app, {"Authorization": f"Bearer {access_token}"})

    async def request(self, method: str, path: str, **options: Any) -> httpx2.Response:
        response = await self._http.request(method, path, **options)
        check(method, path, response)
        return response

    async def get(self, path: str, **options: Any) -> httpx2.Response:
        return await self.request("GET", path, **options)

    async def post(self, path: str, **options: Any) -> httpx2.Response:
        return await self.request("POST", path, **options)

    async def put(self, path: str, **options: Any) -> httpx2.Response:
        return await self.request("PUT", path, **options)

    async def delete(self, path: str, **options: Any) -> httpx2.Response:
        return await self.request("DELETE", path, **options)


SPECIFICATIONS = {prefix.rstrip("/"): build(VERSION).openapi() for prefix, build in SURFACES.items()}


def check(method: str, path: str, response: httpx2.Response) -> None:
    """Fails for a status or body that the surface's OpenAPI does not promise."""
    found = operation(method, path)
    if found is None or response.status_code in {404, 405}:
        return
    specification, promised = found
    documented = promised["responses"].get(str(response.status_code))
    assert documented, f"{method} {path} answered {response.status_code}, which is not documented: {response.text}"
    media_type = response.headers.get("content-type", "application/json").partition(";")[0]
    assert not response.content or media_type in documented.get("content", {}), f"{method} {path} answered {media_type}"
    schema = documented.get("content", {}).get("application/json", {}).get("schema")
    if schema and response.content and media_type == "application/json":
        resolvable = {**schema, "components": specification["components"]}
        jsonschema.validate(response.json(), resolvable, cls=jsonschema.Draft202012Validator)


def operation(method: str, path: str) -> tuple[dict[str, Any], dict[str, Any]] | None:
    """Returns the specification and the operation that a request goes to; fixed paths win over parameters."""
    bare = path.partition("?")[0]
    for prefix, specification in SPECIFICATIONS.items():
        paths = sorted(specification["paths"], key=lambda each: each.count("{"))
        for template in paths:
            pattern = prefix + re.sub(r"\{[^}]+\}", "[^/]+", template)
            if re.fullmatch(pattern, bare) and method.lower() in specification["paths"][template]:
                return specification, specification["paths"][template][method.lower()]
    return None
