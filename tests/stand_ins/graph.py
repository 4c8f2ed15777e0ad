"""The part of a small Microsoft Graph that every kind of thing needs: who asks, what may be asked, limits, batches, and
failures on demand. What it holds is brought by parts (contacts, mail), each a list of `Method`.
"""

import asyncio
import base64
import json
import random
import re
import secrets
import time
import uuid
from collections import Counter, defaultdict, deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from starlette.requests import Request
from starlette.responses import Response

from tests.stand_ins.graph_types import wrong_with, wrong_with_many, wrong_with_names
from tests.stand_ins.serving import Lost

VERSION = "/v1.0"
CONSUMERS = "9188040d-6c67-4c5b-b112-36a304b66dad"  # the tenant of all personal accounts
MOST_IN_A_BATCH = 20
LOST = 0  # stands for an answer that never comes
GARBAGE = -1  # for one that is no JSON
PAGING = frozenset({"$select", "$top", "$skip", "$skiptoken", "$deltatoken", "$filter", "$orderby", "$count"})


@dataclass
class Account:
    """`held` is what the parts keep for it, each under a name of its own."""

    address: str
    name: str = "Ada Lovelace"
    tenant: str = field(default_factory=lambda: str(uuid.uuid4()))
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    is_domain_verified: bool = True  # what `xms_edov` says
    held: dict[str, Any] = field(default_factory=dict)

    @property
    def is_personal(self) -> bool:
        return self.tenant == CONSUMERS


@dataclass
class Grant:
    account: Account
    scopes: frozenset[str]
    refresh_token: str
    is_revoked: bool = False


@dataclass(frozen=True)
class Call:
    """A request of somebody who may make it. `args` are the named groups of the method's path."""

    account: Account
    verb: str
    path: str
    args: dict[str, str]
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body) if self.body else None

    @property
    def page_size(self) -> int | None:
        """Of `$top`, else of `Prefer: odata.maxpagesize`."""
        preferred = re.search(r"odata\.maxpagesize=(\d+)", self.headers.get("prefer", ""))
        asked = self.query.get("$top") or (preferred[1] if preferred else "")
        return int(asked) if asked else None


@dataclass(frozen=True)
class Reply:
    """`body` is JSON, or bytes as they are."""

    status: int
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Method:
    """What may be asked: `path` is a pattern behind /v1.0, `scopes` any one that suffices. `takes` and `gives` name types
    that bodies are held to; `many`: pages of them.
    """

    verb: str
    path: str
    scopes: frozenset[str]
    do: Callable[[Call], Reply | Awaitable[Reply]]
    takes: str | None = None
    gives: str | None = None
    many: bool = False
    query: frozenset[str] = PAGING


@dataclass
class Fault:
    """Answers the next requests that match, such as `GET /me`, with a failure; `after`: the work is done first."""

    path: str
    status: int
    code: str = ""
    message: str = "scripted"
    times: int = 1
    headers: dict[str, str] = field(default_factory=dict)
    after: bool = False


@dataclass
class Graph:
    """`limit` is how many requests each account has in `window` seconds; `at_once` how many at the same time. `trouble` is
    the share of requests that fail in one way or another, and `troubled` how often they did.
    """

    rate: float = 1.0
    limit: int | None = None
    window: float = 10.0
    at_once: int = 4
    delay: float = 0.0
    url: str = ""
    methods: list[Method] = field(default_factory=list)
    accounts: dict[str, Account] = field(default_factory=dict)
    access: dict[str, tuple[Grant, float]] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    calls: list[tuple[str, str]] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    over_limit: int = 0
    busiest: int = 0  # the most requests of one account at the same time
    trouble: float = 0.0
    troubles: Sequence[tuple[int, str, bool]] = ()  # status, code, and whether the work is done all the same
    troubled: Counter[tuple[int, bool]] = field(default_factory=Counter)
    chance: random.Random = field(default_factory=lambda: random.Random(4))
    began: float = field(default_factory=time.time)
    under_way: Counter[str] = field(default_factory=Counter)
    used: dict[str, deque[float]] = field(default_factory=lambda: defaultdict(deque))

    def __post_init__(self) -> None:
        self.plug([Method("GET", "/me", frozenset({"User.Read"}), _me, gives="User", query=frozenset({"$select"}))])

    def plug(self, methods: Sequence[Method]) -> None:
        self.methods += methods

    def now(self) -> float:
        return self.began + (time.time() - self.began) * self.rate

    def account(self, address: str, **known: Any) -> Account:
        return self.accounts.setdefault(address, Account(address, **known))

    def fail(self, path: str, status: int, **fault: Any) -> Fault:
        self.faults.append(Fault(path, status, **fault))
        return self.faults[-1]

    def count(self, path: str) -> int:
        return sum(re.search(path, each) is not None for _, each in self.calls)

    async def serve(self, request: Request) -> Response:
        path = request.url.path
        query = parse_qsl(request.url.query, keep_blank_values=True)
        headers = {name.lower(): value for name, value in request.headers.items()}
        body = await request.body()
        answer = self._batch if path == f"{VERSION}/$batch" else self._answer
        reply = await answer(request.method, path, query, headers, body)
        if reply.status == LOST:
            return Lost()
        if reply.status == GARBAGE:
            return Response("<html>", 200)
        known = {
            "request-id": str(uuid.uuid4()),
            "client-request-id": headers.get("client-request-id", ""),
            **reply.headers,
        }
        if isinstance(reply.body, bytes):
            return Response(reply.body, reply.status, headers=known)
        text = "" if reply.body is None else json.dumps(reply.body)
        return Response(text, reply.status, headers=known, media_type="application/json" if text else None)

    async def _batch(
        self, verb: str, path: str, query: list[tuple[str, str]], headers: dict[str, str], body: bytes
    ) -> Reply:
        asked = json.loads(body)["requests"]
        self.calls.append((verb, f"/$batch of {len(asked)}"))
        if (fault := self._fault("/$batch")) is not None:
            return _refusal(fault)
        if len(asked) > MOST_IN_A_BATCH or verb != "POST" or query:
            self.wrong.append(f"{verb} {path} with {len(asked)} requests")
            return _refusal(Fault(path, 400, "MaximumValueExceeded"))
        # Of one mailbox as many run at once as it allows; the others wait.
        gate = asyncio.Semaphore(self.at_once)

        async def one(each: dict[str, Any]) -> dict[str, Any] | None:
            where = urlsplit(VERSION + each["url"])
            own = {name.lower(): value for name, value in each.get("headers", {}).items()}
            own["authorization"] = headers.get("authorization", "")
            inner = json.dumps(each["body"]).encode() if "body" in each else b""
            async with gate:
                reply = await self._answer(each["method"], where.path, parse_qsl(where.query), own, inner)
            if reply.status in {LOST, GARBAGE}:
                return None
            shown = base64.b64encode(reply.body).decode() if isinstance(reply.body, bytes) else reply.body
            return {"id": each["id"], "status": reply.status, "headers": reply.headers, "body": shown}

        done = [each for each in await asyncio.gather(*map(one, asked)) if each is not None]
        secrets.SystemRandom().shuffle(done)
        return Reply(200, {"responses": done})

    async def _answer(
        self, verb: str, path: str, query: list[tuple[str, str]], headers: dict[str, str], body: bytes
    ) -> Reply:
        path = path.removeprefix(VERSION)
        self.calls.append((verb, path))
        token = headers.get("authorization", "").removeprefix("Bearer ")
        grant, ends = self.access.get(token, (None, 0.0))
        if grant is None or grant.is_revoked or ends <= self.now():
            return _refusal(Fault(path, 401, "InvalidAuthenticationToken", "Lifetime validation failed."))
        found = self._method(verb, path)
        if found is None:
            self.wrong.append(f"{verb} {path} is nothing that can be asked")
            return _refusal(Fault(path, 400, "BadRequest", "Resource not found for the segment."))
        method, args = found
        if not method.scopes & grant.scopes:
            return _refusal(Fault(path, 403, "ErrorAccessDenied", "Access is denied. Check credentials and try again."))
        name = grant.account.address
        self.under_way[name] += 1
        self.busiest = max(self.busiest, self.under_way[name])
        try:
            if self._is_over(name):
                wait = {"Retry-After": str(max(1, round(self.window / self.rate)))}
                return _refusal(Fault(path, 429, "ApplicationThrottled", "MailboxConcurrency", headers=wait))
            await asyncio.sleep(self.delay)
            return await self._do(method, Call(grant.account, verb, path, args, dict(query), headers, body), len(query))
        finally:
            self.under_way[name] -= 1

    async def _do(self, method: Method, call: Call, parameters: int) -> Reply:
        fault = self._fault(f"{call.verb} {call.path}")
        if fault is not None and not fault.after:
            return _refusal(fault)
        self.wrong += _wrong_with_request(method, call, parameters)
        done = method.do(call)
        reply = done if isinstance(done, Reply) else await done
        if fault is not None:
            return _refusal(fault)
        if reply.status < 300 and method.gives is not None and isinstance(reply.body, dict):
            judge = wrong_with_many if method.many else wrong_with
            self.wrong += [f"{call.verb} {call.path}: {each}" for each in judge(method.gives, reply.body)]
        return reply

    def _method(self, verb: str, path: str) -> tuple[Method, dict[str, str]] | None:
        for method in self.methods:
            if method.verb == verb and (match := re.fullmatch(method.path, path)):
                return method, match.groupdict()
        return None

    def _is_over(self, name: str) -> bool:
        """Whether this request is one too many; requests refused so do not count."""
        used, at = self.used[name], self.now()
        while used and used[0] <= at - self.window:
            used.popleft()
        is_over = self.under_way[name] > self.at_once or (self.limit is not None and len(used) >= self.limit)
        if is_over:
            self.over_limit += 1
        else:
            used.append(at)
        return is_over

    def _fault(self, path: str) -> Fault | None:
        if self.chance.random() < self.trouble:
            status, code, after = self.chance.choice(self.troubles)
            self.troubled[status, after] += 1
            return Fault(path, status, code, after=after)
        for fault in self.faults:
            if fault.times > 0 and re.search(fault.path, path):
                fault.times -= 1
                return fault
        return None


def error(status: int, code: str, message: str = "scripted", **headers: str) -> Reply:
    """A failure in Graph's own words."""
    return _refusal(Fault("", status, code, message, headers=headers))


def _refusal(fault: Fault) -> Reply:
    if fault.status in {LOST, GARBAGE}:
        return Reply(fault.status)
    inner = {"date": "2026-11-21T09:00:00", "request-id": str(uuid.uuid4()), "client-request-id": str(uuid.uuid4())}
    said = {"code": fault.code or f"E{fault.status}", "message": fault.message, "innerError": inner}
    return Reply(fault.status, {"error": said}, fault.headers)


def _wrong_with_request(method: Method, call: Call, parameters: int) -> list[str]:
    where = f"{call.verb} {call.path}"
    wrong = [f"{where} takes no {name}" for name in call.query if name not in method.query]
    if parameters > len(call.query):
        wrong.append(f"{where} has a parameter twice")
    if method.gives is not None and "$select" in call.query:
        wrong += wrong_with_names(method.gives, call.query["$select"])
    if method.takes is not None:
        wrong += [f"{where}: {each}" for each in wrong_with(method.takes, call.json)]
    return wrong


def _me(call: Call) -> Reply:
    account = call.account
    known = {
        "id": account.id, "displayName": account.name, "mail": account.address, "userPrincipalName": account.address,
    }  # fmt: skip
    names = call.query.get("$select", ",".join(known)).split(",")
    return Reply(200, {"@odata.context": "#users/$entity", **{name: known.get(name) for name in names}})
