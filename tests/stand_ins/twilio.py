"""A small Twilio on loopback: it takes calls, has them answered, busy or dropped as a test says, asks for the script and
tells of what becomes of each call, signed as Twilio's own package signs.

Requests and answers are held to Twilio's own description of its API.
"""

import asyncio
import base64
import functools
import json
import re
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl
from xml.etree.ElementTree import Element, fromstring

import httpx2
from jsonschema import Draft202012Validator
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from twilio.request_validator import RequestValidator

from tests.stand_ins.serving import serve

DESCRIPTION = json.loads((Path(__file__).parents[1] / "data/twilio/calls.json").read_text())
CALLS = "/2010-04-01/Accounts/{AccountSid}/Calls"
ACCOUNT, TOKEN = f"AC{'0a' * 16}", "stand-in-auth-token-of-32-letters"
TWICE = frozenset({"StatusCallbackEvent"})  # what may be given more than once
# How an address of ours is asked, unless its fragment says otherwise: once more, and only where nobody was found there
# (https://www.twilio.com/docs/usage/webhooks/webhooks-connection-overrides). Seconds are for all tries together.
USUAL = {"rc": "1", "rp": "ct", "tt": "15000"}


@dataclass
class Call:
    sid: str
    asked: dict[str, Any]
    status: str = "queued"
    answered_by: str | None = None
    duration: int | None = None
    begun: datetime = field(default_factory=lambda: datetime.now(UTC))
    told: int = 0
    heard: bool = False  # it was told what to say

    def shown(self) -> dict[str, Any]:
        at = format_datetime(self.begun)
        return {
            "sid": self.sid, "account_sid": ACCOUNT, "to": self.asked["To"], "from": self.asked["From"],
            "status": self.status, "answered_by": self.answered_by, "api_version": "2010-04-01",
            "direction": "outbound-api", "date_created": at, "date_updated": at, "start_time": at,
            "duration": None if self.duration is None else str(self.duration),
            "uri": f"/2010-04-01/Accounts/{ACCOUNT}/Calls/{self.sid}.json",
        }  # fmt: skip


@dataclass
class Fault:
    """Answers the next requests so; status 0 drops the connection. `after`: the work is done first."""

    status: int
    code: int = 0
    after: bool = False
    times: int = 1


@dataclass
class Twilio:
    url: str = ""
    calls: dict[str, Call] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    delay: float = 0  # seconds between placing a call and saying so
    repeated: int = 0  # requests that had to be made again
    # One for all: each would read the list of trusted authorities anew. It keeps no connection that could be closed under it.
    client: httpx2.AsyncClient = field(
        default_factory=lambda: httpx2.AsyncClient(timeout=15, limits=httpx2.Limits(max_keepalive_connections=0))
    )

    def fail(self, status: int, *, code: int = 0, after: bool = False, times: int = 1) -> None:
        self.faults.append(Fault(status, code, after, times))

    async def ring(self, call: Call) -> None:
        call.status = "ringing"
        await self._tell(call, "ringing")

    async def answer(self, call: Call, *, by: str = "human") -> Element:
        """Somebody or something answers; returns the script that Twilio was given."""
        call.status, call.answered_by = "in-progress", by if "MachineDetection" in call.asked else None
        await self._tell(call, "in-progress")
        extra = {"AnsweredBy": by} if call.answered_by else {}
        return await self._ask(call, call.asked["Url"], extra)

    async def press(self, call: Call, script: Element, keys: str) -> Element:
        asked = script.find("Gather")
        assert asked is not None, "nobody waits for a key"
        return await self._ask(call, asked.attrib["action"], {"Digits": keys})

    async def end(self, call: Call, status: str = "completed", *, seconds: int = 0) -> None:
        call.status, call.duration = status, seconds
        await self._tell(call, status, {"CallDuration": str(seconds)} if status == "completed" else {})

    async def _tell(self, call: Call, status: str, extra: dict[str, str] | None = None) -> None:
        event = {"in-progress": "answered", "ringing": "ringing"}.get(status, "completed")
        if event in call.asked.get("StatusCallbackEvent", ["completed"]):
            fields = {"SequenceNumber": str(call.told), "CallbackSource": "call-progress-events", **(extra or {})}
            call.told += 1
            await self._post(call, call.asked["StatusCallback"], fields)

    async def _ask(self, call: Call, url: str, extra: dict[str, str]) -> Element:
        answer = await self._post(call, url, extra)
        assert answer.headers["content-type"].startswith("application/xml")
        script = fromstring(answer.content)
        assert script.tag == "Response"
        call.heard = True
        return script

    async def _post(self, call: Call, url: str, extra: dict[str, str]) -> httpx2.Response:
        form = {
            "CallSid": call.sid, "AccountSid": ACCOUNT, "From": call.asked["From"], "To": call.asked["To"],
            "CallStatus": call.status, "Direction": "outbound-api", "ApiVersion": "2010-04-01", **extra,
        }  # fmt: skip
        address, _, fragment = url.partition("#")
        how = {**USUAL, **dict(parse_qsl(fragment))}
        headers = {
            "X-Twilio-Signature": RequestValidator(TOKEN).compute_signature(address, form),
            "I-Twilio-Idempotency-Token": secrets.token_hex(16),
        }
        async with asyncio.timeout(int(how["tt"]) / 1000):
            answer = await self._ask_again(address, form, headers, int(how["rc"]), how["rp"].split(","))
        assert answer.status_code < 300, (url, answer.status_code, answer.text)
        return answer

    async def _ask_again(
        self, address: str, form: dict[str, str], headers: dict[str, str], times: int, reasons: list[str]
    ) -> httpx2.Response:
        for _ in range(times):
            try:
                answer = await self.client.post(address, data=form, headers=headers)
                if f"{answer.status_code // 100}xx" not in reasons:
                    return answer
            except httpx2.ConnectError:
                if "ct" not in reasons:
                    raise
            self.repeated += 1
        return await self.client.post(address, data=form, headers=headers)

    def app(self) -> Starlette:
        base = CALLS.replace("{AccountSid}", "{account}")
        return Starlette(
            routes=[
                Route(f"{base}.json", self._create, methods=["POST"]),
                Route(f"{base}.json", self._list),
                Route(f"{base}/{{sid}}.json", self._change, methods=["POST"]),
                Route(f"{base}/{{sid}}.json", self._show),
            ]
        )

    async def _create(self, request: Request) -> Response:
        asked = await self._form(request, f"{CALLS}.json")

        def make() -> dict[str, Any]:
            call = Call(f"CA{secrets.token_hex(16)}", asked)
            self.calls[call.sid] = call
            return call.shown()

        reply = self._reply(request, 201, make)
        await asyncio.sleep(self.delay)
        return reply

    async def _list(self, request: Request) -> Response:
        asked = dict(request.query_params)
        known = {each["name"] for each in DESCRIPTION["paths"][f"{CALLS}.json"]["get"]["parameters"]}
        self.wrong += [f"the list takes no {name}" for name in asked if name not in known]
        since = asked.get("StartTime>", "1970-01-01")
        found = [
            each.shown()
            for each in self.calls.values()
            if each.asked["To"] == asked.get("To", each.asked["To"])
            and each.asked["From"] == asked.get("From", each.asked["From"])
            and f"{each.begun:%Y-%m-%d}" >= since
        ]
        return self._reply(request, 200, lambda: {"calls": found, "page": 0, "page_size": 50})

    async def _change(self, request: Request) -> Response:
        asked = await self._form(request, f"{CALLS}/{{Sid}}.json")
        call = self.calls[request.path_params["sid"]]
        if call.status in {"completed", "busy", "failed", "no-answer", "canceled"}:
            return _error(400, 21220)

        def change() -> dict[str, Any]:
            call.status = asked["Status"]
            return call.shown()

        return self._reply(request, 200, change)

    async def _show(self, request: Request) -> Response:
        call = self.calls.get(request.path_params["sid"])
        return self._reply(request, 200, call.shown) if call else _error(404, 20404)

    def _reply(self, request: Request, status: int, work: Any) -> Response:
        expected = base64.b64encode(f"{ACCOUNT}:{TOKEN}".encode()).decode()
        if request.headers.get("authorization") != f"Basic {expected}" or request.path_params["account"] != ACCOUNT:
            return _error(401, 20003)
        fault = next((each for each in self.faults if each.times > 0), None)
        if fault is not None:
            fault.times -= 1
            if fault.after:
                work()
            if fault.status == 0:
                raise ConnectionResetError
            return _error(fault.status, fault.code)
        body = work()
        if "sid" in body:
            self.wrong += [error.message for error in _answers().iter_errors(body)]
        return JSONResponse(body, status)

    async def _form(self, request: Request, path: str) -> dict[str, Any]:
        pairs = parse_qsl((await request.body()).decode(), keep_blank_values=True)
        form: dict[str, Any] = {}
        for name, value in pairs:
            if name in TWICE:
                form.setdefault(name, []).append(value)
            elif name in form:
                self.wrong.append(f"{name} is given twice")
            else:
                form[name] = value
        content = DESCRIPTION["paths"][path]["post"]["requestBody"]["content"]["application/x-www-form-urlencoded"]
        described = content["schema"]
        self.wrong += [f"there is no {name}" for name in form if name not in described["properties"]]
        self.wrong += [f"{name} is missing" for name in described.get("required", []) if not form.get(name)]
        for name, value in form.items():
            if described["properties"].get(name, {}).get("type") == "integer" and not re.fullmatch(r"\d+", value):
                self.wrong.append(f"{name} is no number: {value}")
        return form


@functools.cache
def _answers() -> Draft202012Validator:
    schemas = json.loads(json.dumps(DESCRIPTION["components"]["schemas"]).replace("#/components/schemas/", "#/$defs/"))
    call = schemas["api.v2010.account.call"]
    for described in call["properties"].values():
        if described.pop("nullable", False):
            described["type"] = [described["type"], "null"]
    return Draft202012Validator({**call, "additionalProperties": False, "$defs": schemas})


def _error(status: int, code: int) -> Response:
    body = {"code": code, "message": "scripted", "more_info": f"https://www.twilio.com/docs/errors/{code}"}
    return JSONResponse({**body, "status": status}, status)


@asynccontextmanager
async def running() -> AsyncIterator[Twilio]:
    """Serves it on loopback; afterwards nothing may have been asked or answered wrongly."""
    made = Twilio()
    async with serve(made.app()) as made.url, made.client:
        yield made
    assert made.wrong == [], made.wrong
