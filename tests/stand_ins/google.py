"""A small Google on loopback: sign-in, tokens and keys, Gmail with batches, limits and failures on demand, Pub/Sub's calls.

It is no emulator of everything: it knows what Outrider uses, and tells of each request or answer that Google's own
description of the API would not allow.
"""

import asyncio
import base64
import hashlib
import html
import json
import random
import re
import secrets
import time
from collections import Counter, defaultdict, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

import httpx2
import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from tests.stand_ins.discovery import GMAIL as GMAIL_API
from tests.stand_ins.discovery import PEOPLE as PEOPLE_API
from tests.stand_ins.gmail_box import Box, partial
from tests.stand_ins.google_people import AddressBook
from tests.stand_ins.serving import serve

CLIENT_ID, CLIENT_SECRET = "outrider.apps.googleusercontent.test", "GOCSPX-stand-in"
UNITS = {"send": 100, "watch": 100, "history": 2, "profile": 1, "labels": 1}
GMAIL = "/gmail/v1/users/me/"
GARBAGE = -1  # stands for an answer that is no JSON


@dataclass
class Fault:
    """Answers the next requests to paths that match with a failure, or drops the connection (`status` 0)."""

    path: str
    status: int
    reason: str = ""
    message: str = "scripted"
    times: int = 1
    headers: dict[str, str] = field(default_factory=dict)
    after: bool = False  # the work is done first


@dataclass
class Grant:
    address: str
    scopes: str
    refresh_token: str
    is_revoked: bool = False
    client: str = ""


@dataclass
class Google:
    """`rate` is how fast its clock runs; `limit` its quota units a minute for each user, None: no limit."""

    rate: float = 1.0
    limit: float | None = None
    token_life: int = 3600
    rotates: bool = False  # whether a refresh gives a new refresh token and voids the old one
    url: str = ""
    boxes: dict[str, Box] = field(default_factory=dict)
    books: dict[str, AddressBook] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    claims: dict[str, Any] = field(default_factory=dict)  # what id tokens say otherwise
    grants: dict[str, Grant] = field(default_factory=dict)
    access: dict[str, tuple[Grant, float]] = field(default_factory=dict)
    codes: dict[str, tuple[Grant, dict[str, str]]] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    calls: list[tuple[str, str]] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    watched: Counter[str] = field(default_factory=Counter)  # by address
    refreshes: Counter[str] = field(default_factory=Counter)  # by refresh token
    over_quota: int = 0
    trouble: float = 0.0  # the share of calls of Gmail that fail in one way or another
    troubles: Counter[tuple[int, bool]] = field(default_factory=Counter)
    chance: random.Random = field(default_factory=lambda: random.Random(4))
    refresh_delay: float = 0.0
    key: rsa.RSAPrivateKey = field(default_factory=lambda: rsa.generate_private_key(65537, 2048), repr=False)
    began: float = field(default_factory=time.time)
    used: dict[str, deque[tuple[float, int]]] = field(default_factory=lambda: defaultdict(deque))

    def now(self) -> float:
        return self.began + (time.time() - self.began) * self.rate

    def box(self, address: str, *, name: str = "Ada Lovelace", lag: float = 0.0) -> Box:
        self.names[address] = name
        return self.boxes.setdefault(address, Box(address, lag))

    def book(self, address: str, *, name: str = "Ada Lovelace", **settings: Any) -> AddressBook:
        self.names.setdefault(address, name)
        return self.books.setdefault(address, AddressBook(**settings))

    def fail(self, path: str, status: int, **fault: Any) -> Fault:
        self.faults.append(Fault(path, status, **fault))
        return self.faults[-1]

    def count(self, path: str) -> int:
        return sum(re.search(path, each) is not None for _, each in self.calls)

    def deliver(
        self, address: str, raw: bytes, *, labels: tuple[str, ...] = ("INBOX",), at: float | None = None
    ) -> Any:
        return self.boxes[address].add(raw, at=at or self.now(), labels=list(labels))

    def expire_tokens(self) -> None:
        self.access.clear()

    def withdraw(self, address: str) -> None:
        """What a user does in their account's settings, or a change of their password."""
        for grant in self.grants.values():
            if grant.address == address:
                grant.is_revoked = True
        self.access = {token: each for token, each in self.access.items() if not each[0].is_revoked}

    def granted(self, address: str, scopes: str = "") -> Grant:
        """A grant as if its owner had signed in."""
        grant = Grant(address, scopes or SCOPES, f"1//{secrets.token_urlsafe(32)}", client=CLIENT_ID)
        self.grants[grant.refresh_token] = grant
        return grant

    def token_of(self, grant: Grant) -> str:
        token = f"ya29.{secrets.token_urlsafe(40)}"
        self.access[token] = (grant, self.now() + self.token_life)
        return token

    def signed(self, *, key: rsa.RSAPrivateKey | None = None, kid: str = "one", **claims: Any) -> str:
        at = int(time.time())
        base = {"iss": "https://accounts.google.com", "iat": at, "exp": at + 3600}
        return jwt.encode({**base, **claims}, key or self.key, "RS256", headers={"kid": kid})

    async def agree(
        self, auth_url: str, address: str, *, scopes: str | None = None, denies: bool = False
    ) -> dict[str, str]:
        """What a person does on the page; returns the query that the browser comes back with."""
        async with httpx2.AsyncClient() as client:
            page = await client.get(auth_url)
            assert page.status_code == 200, page.text
            form = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', page.text))
            form = {name: html.unescape(value) for name, value in form.items()} | {"address": address}
            form |= {"scope": scopes} if scopes is not None else {}
            form |= {"denied": "1"} if denies else {}
            answer = await client.post(f"{self.url}/o/oauth2/v2/auth", data=form)
        return {name: values[0] for name, values in parse_qs(urlsplit(answer.headers["location"]).query).items()}

    def notice(
        self, address: str, *, audience: str, account: str, **claims: Any
    ) -> tuple[dict[str, str], dict[str, Any]]:
        """Headers and body with which Pub/Sub tells of news in a box."""
        said = {"emailAddress": address, "historyId": self.boxes[address].history_id if address in self.boxes else 1}
        token = self.signed(**{"aud": audience, "email": account, "email_verified": True, "sub": "1", **claims})
        data = base64.b64encode(json.dumps(said).encode()).decode()
        message = {"data": data, "messageId": secrets.token_hex(8), "publishTime": "2026-11-21T09:00:00Z"}
        return {"Authorization": f"Bearer {token}"}, {"message": message, "subscription": "projects/a/subscriptions/b"}

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/o/oauth2/v2/auth", self._ask, methods=["GET"]),
                Route("/o/oauth2/v2/auth", self._decide, methods=["POST"]),
                Route("/token", self._token, methods=["POST"]),
                Route("/revoke", self._revoke, methods=["POST"]),
                Route("/tokeninfo", self._inspect, methods=["POST"]),
                Route("/certs", self._certs),
                Route("/batch/gmail/v1", self._batch, methods=["POST"]),
                Route("/gmail/v1/users/me/{rest:path}", self._gmail, methods=["GET", "POST"]),
                Route("/v1/{rest:path}", self._people),
            ]
        )

    async def _ask(self, request: Request) -> Response:
        asked = dict(request.query_params)
        must = {
            "client_id": CLIENT_ID,
            "response_type": "code",
            "code_challenge_method": "S256",
            "access_type": "offline",
        }
        lacking = [
            name for name in ("state", "nonce", "code_challenge", "redirect_uri", "scope") if not asked.get(name)
        ]
        wrong = [name for name, value in must.items() if asked.get(name) != value] + lacking
        if wrong:
            return JSONResponse({"error": "invalid_request", "wrong": wrong}, 400)
        fields = "".join(
            f'<input type="hidden" name="{name}" value="{html.escape(value)}">' for name, value in asked.items()
        )
        choices = "".join(f"<option>{html.escape(each)}</option>" for each in {**self.boxes, **self.books})
        return HTMLResponse(
            f'<!doctype html><title>Sign in</title><form method="post">{fields}<select name="address">{choices}</select>'
            '<button id="allow">Allow</button><button id="deny" name="denied" value="1">Deny</button></form>'
        )

    async def _decide(self, request: Request) -> Response:
        form = {name: str(value) for name, value in (await request.form()).items()}
        back: dict[str, str] = {"state": form["state"]}
        if form.get("denied"):
            back["error"] = "access_denied"
        else:
            code = f"4/{secrets.token_urlsafe(24)}"
            self.codes[code] = (self.granted(form["address"], form["scope"]), form)
            back |= {"code": code, "scope": form["scope"], "authuser": "0", "prompt": "consent", "hd": "a.test"}
        return RedirectResponse(f"{form['redirect_uri']}?{urlencode(back)}", 302)

    async def _token(self, request: Request) -> Response:
        form = {name: str(value) for name, value in (await request.form()).items()}
        self.calls.append(("POST", f"/token {form.get('grant_type')}"))
        if (fault := self._fault("/token")) is not None:
            return _plain_error(fault.status, fault.reason or "backend_error", fault.headers)
        if (form.get("client_id"), form.get("client_secret")) != (CLIENT_ID, CLIENT_SECRET):
            return _plain_error(401, "invalid_client")
        if form.get("grant_type") == "refresh_token":
            return await self._refreshed(form.get("refresh_token", ""))
        grant, asked = self.codes.pop(form.get("code", ""), (None, {}))
        challenge = base64.urlsafe_b64encode(hashlib.sha256(form.get("code_verifier", "").encode()).digest())
        is_same = asked.get("code_challenge") == challenge.decode().rstrip("=")
        if grant is None or not is_same or form.get("redirect_uri") != asked.get("redirect_uri"):
            return _plain_error(400, "invalid_grant")
        claims = {
            "aud": CLIENT_ID, "sub": hashlib.sha256(grant.address.encode()).hexdigest()[:21], "email": grant.address,
            "email_verified": True, "name": self.names.get(grant.address, ""), "nonce": asked["nonce"],
            **self.claims,
        }  # fmt: skip
        # Who signed in is told where that was asked for (OpenID Connect).
        identity = {"id_token": self.signed(**claims)} if "openid" in grant.scopes.split() else {}
        return self._tokens(grant, refresh_token=grant.refresh_token, **identity)

    async def _refreshed(self, refresh_token: str) -> Response:
        self.refreshes[refresh_token] += 1
        grant = self.grants.get(refresh_token)
        if grant is None or grant.is_revoked:
            return _plain_error(400, "invalid_grant")
        extra = {}
        if self.rotates:
            del self.grants[refresh_token]
            grant.refresh_token = f"1//{secrets.token_urlsafe(32)}"
            self.grants[grant.refresh_token] = grant
            extra["refresh_token"] = grant.refresh_token
        await asyncio.sleep(self.refresh_delay)
        return self._tokens(grant, **extra)

    def _tokens(self, grant: Grant, **extra: str) -> Response:
        body = {
            "access_token": self.token_of(grant), "expires_in": self.token_life, "scope": grant.scopes,
            "token_type": "Bearer", **extra,
        }  # fmt: skip
        return JSONResponse(body)

    async def _revoke(self, request: Request) -> Response:
        token = str((await request.form()).get("token", ""))
        self.calls.append(("POST", "/revoke"))
        if (fault := self._fault("/revoke")) is not None:
            return _plain_error(fault.status, "backend_error")
        grant = self.grants.get(token) or self.access.get(token, (None, 0))[0]
        if grant is None or grant.is_revoked:
            return _plain_error(400, "invalid_token")
        self.withdraw(grant.address)
        return JSONResponse({})

    async def _inspect(self, request: Request) -> Response:
        self.calls.append(("POST", "/tokeninfo"))
        if (fault := self._fault("/tokeninfo")) is not None:
            return _plain_error(fault.status, "backend_error")
        grant, ends = self.access.get(request.headers["authorization"].removeprefix("Bearer "), (None, 0.0))
        if grant is None or grant.is_revoked or ends <= self.now():
            return _plain_error(400, "invalid_token")
        lives = str(int(ends - self.now()))
        about = {
            "aud": grant.client,
            "azp": grant.client,
            "scope": grant.scopes,
            "expires_in": lives,
            "access_type": "offline",
        }
        if "openid" in grant.scopes.split():
            about["sub"] = hashlib.sha256(grant.address.encode()).hexdigest()[:21]
        if "email" in grant.scopes.split():
            about |= {"email": grant.address, "email_verified": "true"}
        return JSONResponse({**about, "exp": str(int(ends))})

    async def _certs(self, _: Request) -> Response:
        self.calls.append(("GET", "/certs"))
        public = jwt.algorithms.RSAAlgorithm.to_jwk(self.key.public_key(), as_dict=True)
        return JSONResponse({"keys": [{**public, "kid": "one", "alg": "RS256", "use": "sig"}]})

    async def _gmail(self, request: Request) -> Response:
        body = await request.body()
        path, query = request.url.path, parse_qsl(request.url.query, keep_blank_values=True)
        status, answer, headers = self._answer(
            request.method, path, query, json.loads(body) if body else None, request.headers.get("authorization", "")
        )
        if status == 0:
            raise ConnectionResetError  # ends the connection without an answer
        if status == GARBAGE:
            return Response("<html>", 200)
        return JSONResponse(answer, status, headers=headers)

    async def _people(self, request: Request) -> Response:
        verb, path = request.method, request.url.path
        query = parse_qsl(request.url.query, keep_blank_values=True)
        self.calls.append((verb, path))
        self.wrong += PEOPLE_API.wrong_with_request(verb, path, query, None)
        status, answer, headers = self._refusal(verb, path, request.headers.get("authorization", "")) or self.books[
            self._caller(request).address
        ].answer(path, dict(query))
        if status == 0:
            raise ConnectionResetError
        if status == GARBAGE:
            return Response("<html>", 200)
        if status == 200:
            # Of a thousand people looking at some is enough, and does not hold everybody else up.
            some = {name: value[:20] if isinstance(value, list) else value for name, value in answer.items()}
            self.wrong += PEOPLE_API.wrong_with_answer(verb, path, some)
        return JSONResponse(answer, status, headers=headers)

    def _caller(self, request: Request) -> Grant:
        return self.access[request.headers["authorization"].removeprefix("Bearer ")][0]

    def _refusal(self, verb: str, path: str, authorization: str) -> tuple[int, Any, dict[str, str]] | None:
        """Why a call of the People API is refused before anybody looks at what it asks for."""
        grant, ends = self.access.get(authorization.removeprefix("Bearer "), (None, 0.0))
        if grant is None or grant.is_revoked or ends <= self.now():
            return _status_error(401, "UNAUTHENTICATED", "Request had invalid authentication credentials.")
        method = PEOPLE_API.method_of(verb, path)
        if method is None or not set(method["scopes"]) & set(grant.scopes.split()):
            info = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "ACCESS_TOKEN_SCOPE_INSUFFICIENT"}
            return _status_error(403, "PERMISSION_DENIED", "Request had insufficient authentication scopes.", info)
        fault = self._fault(path)
        if fault is None:
            return None
        if fault.status == 200:
            return GARBAGE, None, {}
        info = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": fault.reason}
        status, answer, _ = _status_error(fault.status, "SCRIPTED", fault.message, info)
        return status, answer, fault.headers

    async def _batch(self, request: Request) -> Response:
        kind = request.headers["content-type"]
        boundary = re.search(r"boundary=(\S+)", kind)
        assert boundary, kind
        pieces = (await request.body()).decode().split(f"--{boundary[1]}")[1:-1]
        self.calls.append(("POST", f"/batch of {len(pieces)}"))
        if (fault := self._fault("/batch")) is not None:
            if fault.status == 0:
                raise ConnectionResetError
            if fault.status == 200:
                return Response("--nothing", media_type="multipart/mixed; boundary=x")
            return JSONResponse(*_error(fault)[1::-1], headers=fault.headers)
        if len(pieces) > 100:
            self.wrong.append(f"a batch of {len(pieces)}")
        parts = []
        for piece in pieces:
            number = re.search(r"Content-ID: <([^>]+)>", piece)
            asked = re.search(r"^(GET|POST) (\S+)", piece, re.MULTILINE)
            assert number, piece
            assert asked, piece
            where = urlsplit(asked[2])
            authorization = request.headers.get("authorization", "")
            status, answer, headers = self._answer(asked[1], where.path, parse_qsl(where.query), None, authorization)
            lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
            parts.append(
                f"--batch_so-small\r\nContent-Type: application/http\r\nContent-ID: <response-{number[1]}>\r\n\r\n"
                f"HTTP/1.1 {status} X\r\nContent-Type: application/json; charset=UTF-8\r\n{lines}\r\n{json.dumps(answer)}\r\n"
            )
        secrets.SystemRandom().shuffle(parts)
        return Response("".join(parts) + "--batch_so-small--", media_type="multipart/mixed; boundary=batch_so-small")

    def _answer(
        self, verb: str, path: str, query: list[tuple[str, str]], body: Any, authorization: str
    ) -> tuple[int, Any, dict[str, str]]:
        self.calls.append((verb, path))
        self.wrong += GMAIL_API.wrong_with_request(verb, path, query, body)
        grant, ends = self.access.get(authorization.removeprefix("Bearer "), (None, 0.0))
        if grant is None or grant.is_revoked or ends <= self.now():
            return _error(Fault(path, 401, "authError", "Invalid Credentials"))
        method = GMAIL_API.method_of(verb, path)
        if method is None or not set(method["scopes"]) & set(grant.scopes.split()):
            return _error(Fault(path, 403, "insufficientPermissions", "Request had insufficient scopes."))
        fault = self._fault(path)
        if fault is not None and not fault.after:
            return _error(fault)
        if self._is_over(grant.address, UNITS.get(path.rpartition("/")[2], 5)):
            return _error(Fault(path, 403, "rateLimitExceeded", "Quota exceeded for quota metric 'Queries'."))
        status, answer = self._do(self.boxes[grant.address], verb, path.removeprefix(GMAIL), query, body)
        if fault is not None:
            return _error(replace(fault, status=GARBAGE) if fault.status == 200 else fault)
        if status == 200:
            fields = dict(query).get("fields")
            answer = partial(answer, fields) if fields else answer
            self.wrong += GMAIL_API.wrong_with_answer(verb, path, answer)
        return status, answer, {}

    def _do(self, box: Box, verb: str, what: str, query: list[tuple[str, str]], body: Any) -> tuple[int, Any]:
        asked = dict(query)
        if what == "profile":
            shown = {"emailAddress": box.address, "messagesTotal": len(box.messages), "historyId": str(box.history_id)}
            return 200, {**shown, "threadsTotal": len({each.thread_id for each in box.messages.values()})}
        if what == "watch":
            self.watched[box.address] += 1
            return 200, {"historyId": str(box.history_id), "expiration": str(int((self.now() + 7 * 86400) * 1000))}
        if what == "labels":
            return 200, {"labels": box.labels()}
        if (
            work := {"history": self._history, "messages/send": self._send, "messages": self._list}.get(what)
        ) is not None:
            return work(box, body if what == "messages/send" else query)
        stored = box.messages.get(what.removeprefix("messages/"))
        return (200, stored.shown(asked.get("format", "full"))) if stored else (404, _not_found())

    def _list(self, box: Box, query: list[tuple[str, str]]) -> tuple[int, Any]:
        asked = dict(query)
        if not asked.get("pageToken", "0").isdigit() or asked.get("labelIds") not in {None, *box.label_ids()}:
            return 400, {"error": {"code": 400, "message": "Invalid value", "errors": [{"reason": "invalidArgument"}]}}
        found = box.found(asked.get("q", ""), at=self.now(), with_trash=asked.get("includeSpamTrash") == "true")
        found = [each for each in found if asked.get("labelIds") in {None, *each.labels}]
        return 200, _page("messages", [{"id": each.id, "threadId": each.thread_id} for each in found], asked)

    def _history(self, box: Box, query: list[tuple[str, str]]) -> tuple[int, Any]:
        asked = dict(query)
        if int(asked["startHistoryId"]) < box.oldest:
            return 404, _not_found()
        types = [value for name, value in query if name == "historyTypes"]
        page = _page("history", box.since(int(asked["startHistoryId"]), types), asked)
        page.pop("resultSizeEstimate")
        return 200, {**page, "historyId": str(box.history_id)}

    def _send(self, box: Box, body: dict[str, Any]) -> tuple[int, Any]:
        raw = base64.urlsafe_b64decode(body["raw"])
        thread_id = body.get("threadId")
        if thread_id and all(each.thread_id != thread_id for each in box.messages.values()):
            return 404, _not_found()
        stored = box.add(raw, at=self.now(), labels=["SENT"], thread_id=thread_id)
        for address in re.findall(rb"^(?:To|Cc):.*?([\w.+-]+@[\w.-]+)", raw, re.MULTILINE):
            if other := self.boxes.get(address.decode()):
                other.add(raw, at=self.now(), labels=["INBOX", "UNREAD"])
        return 200, {"id": stored.id, "threadId": stored.thread_id, "labelIds": stored.labels}

    def _is_over(self, address: str, units: int) -> bool:
        """Whether this call is one too many in any minute of its clock; calls refused so do not count."""
        if self.limit is None:
            return False
        used, at = self.used[address], self.now()
        while used and used[0][0] <= at - 60:
            used.popleft()
        if sum(each for _, each in used) + units > self.limit:
            self.over_quota += 1
            return True
        used.append((at, units))
        return False

    def _fault(self, path: str) -> Fault | None:
        if path.startswith((GMAIL, "/batch")) and self.chance.random() < self.trouble:
            status, reason, after = self.chance.choice(TROUBLES)
            self.troubles[status, after] += 1
            return Fault(path, status, reason, after=after)
        for fault in self.faults:
            if fault.times > 0 and re.search(fault.path, path):
                fault.times -= 1
                return fault
        return None


# What may happen, and whether the work is done all the same. 0 ends the connection, 200 answers with garbage.
TROUBLES = [
    (429, "rateLimitExceeded", False), (403, "userRateLimitExceeded", False), (500, "backendError", False),
    (500, "backendError", True), (503, "", False), (0, "", False), (0, "", True), (200, "garbage", True),
]  # fmt: skip
SCOPES = (
    "openid email profile https://www.googleapis.com/auth/gmail.readonly https://www.googleapis.com/auth/gmail.send"
)


def _page(name: str, items: list[Any], asked: dict[str, str]) -> dict[str, Any]:
    start, size = int(asked.get("pageToken", "0")), min(int(asked.get("maxResults", "100")), 500)
    page: dict[str, Any] = {"resultSizeEstimate": len(items)}
    if chosen := items[start : start + size]:
        page[name] = chosen
    if start + size < len(items):
        page["nextPageToken"] = str(start + size)
    return page


def _error(fault: Fault) -> tuple[int, Any, dict[str, str]]:
    error = {"code": fault.status, "message": fault.message, "errors": [{"reason": fault.reason, "domain": "global"}]}
    return fault.status, {"error": error}, fault.headers


def _status_error(code: int, status: str, message: str, *details: dict[str, Any]) -> tuple[int, Any, dict[str, str]]:
    """An error as Google's newer APIs write it (google.rpc.Status)."""
    return code, {"error": {"code": code, "status": status, "message": message, "details": list(details)}}, {}


def _not_found() -> dict[str, Any]:
    return {"error": {"code": 404, "message": "Requested entity was not found.", "errors": [{"reason": "notFound"}]}}


def _plain_error(status: int, error: str, headers: dict[str, str] | None = None) -> Response:
    return JSONResponse({"error": error, "error_description": "scripted"}, status, headers=headers)


@asynccontextmanager
async def running(**settings: Any) -> AsyncIterator[Google]:
    """Serves it on loopback; afterwards nothing may have broken Google's description."""
    google = Google(**settings)
    async with serve(google.app()) as google.url:
        yield google
    assert google.wrong == [], google.wrong
