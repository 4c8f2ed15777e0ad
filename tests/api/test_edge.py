"""What every answer carries, and what never gets in."""

import asyncio
import gzip
import json
import time
from dataclasses import replace

import httpx2
import pytest

from outrider.main import create_app
from outrider.runtime import Runtime
from tests.client import Client
from tests.factories.accounts import make_user

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
}
OURS = "chrome-extension://abcdefghijklmnop"
FOREIGN = ["https://evil.example", "null", "http://localhost:3000", OURS + ".evil.example", "https://" + OURS]


def application(runtime: Runtime, **settings: object) -> httpx2.AsyncClient:
    app = create_app(replace(runtime, settings=runtime.settings.model_copy(update=settings)))
    transport = httpx2.ASGITransport(app, raise_app_exceptions=False)
    return httpx2.AsyncClient(transport=transport, base_url="http://testserver")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/health"), ("GET", "/livez"), ("GET", "/readyz"), ("GET", "/metrics"), ("GET", "/openapi.json"),
        ("GET", "/user/profile"), ("GET", "/nowhere"), ("DELETE", "/health"), ("POST", "/auth/connect"),
        ("POST", "/sequences"), ("OPTIONS", "/sequences"), ("GET", "/sequences/no-uuid"),
    ],
)  # fmt: skip
async def test_every_answer_carries_the_security_headers(runtime: Runtime, method: str, path: str) -> None:
    async with application(runtime) as client:
        answer = await client.request(method, path)
    assert {name: answer.headers.get(name) for name in HEADERS} == HEADERS
    assert answer.headers["X-Request-ID"]
    assert "Strict-Transport-Security" not in answer.headers


async def test_over_https_browsers_are_told_to_stay_there(runtime: Runtime) -> None:
    async with application(runtime, base_url="https://outrider.example") as client:
        answer = await client.get("/livez")
    assert answer.headers["Strict-Transport-Security"] == "max-age=31536000; includeSubDomains"


async def test_no_foreign_origin_is_let_in(runtime: Runtime) -> None:
    accepted = 0
    async with application(runtime, cors_origins=(OURS,)) as client:
        for origin in FOREIGN:
            for method in ("GET", "POST", "PUT", "DELETE"):
                asked = {"Origin": origin, "Access-Control-Request-Method": method}
                accepted += "Access-Control-Allow-Origin" in (await client.options("/sequences", headers=asked)).headers
                answered = await client.request(method, "/sequences", headers={"Origin": origin})
                accepted += "Access-Control-Allow-Origin" in answered.headers
        ours = await client.options("/sequences", headers={"Origin": OURS, "Access-Control-Request-Method": "POST"})
    print(f"\nforeign origins: {accepted} of {len(FOREIGN) * 8} accepted")
    assert accepted == 0
    assert ours.headers["Access-Control-Allow-Origin"] == OURS


@pytest.mark.parametrize("is_declared", [True, False])
async def test_a_body_over_one_mebibyte_is_refused(runtime: Runtime, anonymous: Client, is_declared: bool) -> None:
    ada = await make_user(runtime)
    body = json.dumps({"name": "x" * 1_100_000}).encode()

    async def pieces() -> object:
        for start in range(0, len(body), 65_536):
            yield body[start : start + 65_536]

    async with application(runtime) as client:
        answer = await client.post(
            "/sequences",
            content=body if is_declared else pieces(),
            headers={"Authorization": f"Bearer {ada.access_token}", "Content-Type": "application/json"},
        )
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "too_large")


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 100_000, b'{"a":' * 50_000 + b"1" + b"}" * 50_000, b'{"name": "' + b"\\u0000" * 100_000 + b'"}',
        b'{"name": 1e400}', b"\xff\xfe\x00", b"", b"nul", b'{"name": "x", "name": "y"}', gzip.compress(b"{}" * 10_000),
        b'{"steps": [' + b'{"body": "x"},' * 60_000 + b"{}]}", b'{"variables": {' + b'"a":1,' * 100_000 + b'"b":2}}',
        b'{"name": ' + b"9" * 100_000 + b"}",
    ],
    ids=["lists", "objects", "nul", "infinity", "no utf-8", "empty", "no json", "twice", "gzip", "steps", "names",
         "digits"],
)  # fmt: skip
async def test_twelve_hostile_bodies_are_refused_quickly(runtime: Runtime, body: bytes) -> None:
    ada = await make_user(runtime)
    async with application(runtime) as client:
        began = time.perf_counter()
        answer = await client.post(
            "/sequences",
            content=body,
            headers={"Authorization": f"Bearer {ada.access_token}", "Content-Type": "application/json"},
        )
        seconds = time.perf_counter() - began
        aside = await asyncio.wait_for(client.get("/health"), 1)
    assert answer.status_code in {400, 422}
    assert answer.json()["error"]["code"] in {"invalid", "bad_request"}
    assert seconds < 2
    assert aside.status_code == 200


async def test_an_unknown_path_and_a_wrong_method_speak_the_contracts_dialect(anonymous: Client) -> None:
    unknown = await anonymous.get("/nowhere")
    assert (unknown.status_code, unknown.json()["error"]["code"]) == (404, "not_found")
    wrong = await anonymous.request("DELETE", "/sequences")
    assert (wrong.status_code, wrong.json()["error"]["code"]) == (405, "method_not_allowed")
    assert wrong.headers["Allow"] == "GET, POST"


async def test_an_unexpected_failure_has_an_id_and_no_innards(runtime: Runtime) -> None:
    broken = replace(runtime, db=None)  # type: ignore[arg-type]  # whatever breaks inside
    transport = httpx2.ASGITransport(create_app(broken), raise_app_exceptions=False)
    async with httpx2.AsyncClient(transport=transport, base_url="http://testserver") as client:
        answer = await client.get("/health")
    assert answer.status_code == 500
    assert answer.json()["error"]["details"]["request_id"] == answer.headers["X-Request-ID"]
    for word in ("Traceback", "sqlalchemy", "NoneType", "psycopg", "asyncpg"):
        assert word not in answer.text
