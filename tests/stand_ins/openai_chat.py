"""A small OpenAI on loopback: it answers chat completions as a test says, counts words as tokens, and fails on request.

Requests and answers are held to OpenAI's own types.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.stand_ins.serving import Lost, serve

DESCRIPTION = json.loads((Path(__file__).parents[1] / "data/openai/chat.json").read_text())
REQUEST, ANSWER = (Draft202012Validator(DESCRIPTION[name]) for name in ("request", "answer"))
KEY = "sk-stand-in"
MODEL = "gpt-4.1-mini"


@dataclass
class Fault:
    """Answers the next requests so; status 0 drops the connection."""

    status: int
    code: str = ""
    type: str = "server_error"
    retry_after: str = ""


@dataclass
class OpenAi:
    """`says` makes the content of an answer of what was asked; `finish` is why it ended."""

    says: Callable[[dict[str, Any]], Any] = lambda _: {}
    url: str = ""
    key: str | None = KEY
    finish: str = "stop"
    refusal: str | None = None
    delay: float = 0
    asked: list[dict[str, Any]] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    at_once: int = 0
    most_at_once: int = 0

    def fail(self, status: int, *, times: int = 1, **told: str) -> None:
        self.faults += [Fault(status, **told) for _ in range(times)]

    async def complete(self, request: Request) -> Response:
        body = await request.json()
        self.asked.append(body)
        self.wrong += [f"there is no {name}" for name in body if name not in DESCRIPTION["request"]["properties"]]
        self.wrong += [error.message for error in REQUEST.iter_errors(body)]
        self.wrong += not_strict(body)
        expected = f"Bearer {self.key}" if self.key else None
        if request.headers.get("authorization") != expected:
            return _error(401, "invalid_api_key", "invalid_request_error")
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            await asyncio.sleep(self.delay)
        finally:
            self.at_once -= 1
        if self.faults:
            fault = self.faults.pop(0)
            headers = {"retry-after": fault.retry_after} if fault.retry_after else {}
            return Lost() if fault.status == 0 else _error(fault.status, fault.code, fault.type, headers)
        return self._answer(body)

    def _answer(self, body: dict[str, Any]) -> Response:
        said = self.says(body)
        content = said if isinstance(said, str) else json.dumps(said)
        into = sum(len(each["content"].split()) for each in body["messages"])
        out = len(content.split())
        message = {"role": "assistant", "content": None if self.refusal else content, "refusal": self.refusal}
        answer = {
            "id": f"chatcmpl-{len(self.asked)}", "object": "chat.completion", "created": 1_795_000_000,
            "model": body["model"],
            "choices": [{"index": 0, "message": message, "finish_reason": self.finish}],
            "usage": {"prompt_tokens": into, "completion_tokens": out, "total_tokens": into + out},
        }  # fmt: skip
        self.wrong += [error.message for error in ANSWER.iter_errors(answer)]
        return JSONResponse(answer)


def not_strict(body: dict[str, Any]) -> list[str]:
    """What a strict schema must be: closed, with every property required
    (https://platform.openai.com/docs/guides/structured-outputs).
    """
    asked = body.get("response_format", {}).get("json_schema", {})
    schema = asked.get("schema", {})
    wrong = [] if asked.get("strict") else ["the schema is not strict"]
    if schema.get("additionalProperties") is not False:
        wrong.append("the schema is open")
    if set(schema.get("required", ())) != set(schema.get("properties", {})):
        wrong.append("not every property is required")
    return wrong


def material_of(body: dict[str, Any]) -> str:
    """What somebody wrote, as it was sent."""
    return next(each["content"] for each in body["messages"] if each["role"] == "user")


def _error(status: int, code: str, kind: str, headers: dict[str, str] | None = None) -> Response:
    body = {"error": {"message": "scripted", "type": kind, "param": None, "code": code or None}}
    return JSONResponse(body, status, headers=headers)


@asynccontextmanager
async def running() -> AsyncIterator[OpenAi]:
    """Serves it on loopback; afterwards nothing may have been asked or answered wrongly."""
    made = OpenAi()
    routes = [Route("/v1/chat/completions", made.complete, methods=["POST"])]
    async with serve(Starlette(routes=routes)) as made.url:
        yield made
    assert made.wrong == [], made.wrong
