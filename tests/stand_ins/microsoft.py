"""A small Microsoft on loopback: the sign-in of login.microsoftonline.com, its tokens and keys, and Graph (`graph.py`),
to which parts are plugged. It knows what Outrider uses, and tells of each request that Microsoft would not take.
"""

import asyncio
import base64
import hashlib
import html
import re
import secrets
import time
import uuid
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx2
import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from tests.stand_ins.graph import Grant, Graph
from tests.stand_ins.serving import Lost, serve

CLIENT_ID, CLIENT_SECRET = "6731de76-14a6-49ae-97bc-6eba6914391e", "stand-in~8Q.of.a.secret"
OPENID = frozenset({"openid", "profile", "email", "offline_access"})
GRAPH = "https://graph.microsoft.com/"
# The number with which Microsoft tells each refusal.
AADSTS = {
    "invalid_grant": 70000, "invalid_client": 7000215, "invalid_request": 90014, "interaction_required": 50076,
    "consent_required": 65001, "temporarily_unavailable": 90033, "unauthorized_client": 700016, "invalid_scope": 70011,
}  # fmt: skip


@dataclass
class Microsoft(Graph):
    """`voids_old`: whether a refresh token dies when it is exchanged; Microsoft lets it live on."""

    token_life: int = 3600
    refresh_delay: float = 0.0
    voids_old: bool = False
    key_issuer: str = ""  # whom its key may sign for; empty: every organisation
    grants: dict[str, Grant] = field(default_factory=dict)  # by refresh token
    codes: dict[str, tuple[Grant, dict[str, str]]] = field(default_factory=dict)
    refreshes: Counter[str] = field(default_factory=Counter)  # by refresh token
    key: rsa.RSAPrivateKey = field(default_factory=lambda: rsa.generate_private_key(65537, 2048), repr=False)

    def granted(self, address: str, *scopes: str) -> Grant:
        """A grant as if its owner had signed in."""
        grant = Grant(self.account(address), frozenset(scopes), f"M.C105_BAY.{secrets.token_urlsafe(48)}")
        self.grants[grant.refresh_token] = grant
        return grant

    def token_of(self, grant: Grant) -> str:
        token = f"EwB{secrets.token_urlsafe(900)}"
        self.access[token] = (grant, self.now() + self.token_life)
        return token

    def expire_tokens(self) -> None:
        self.access.clear()

    def withdraw(self, address: str) -> None:
        """What a user does in their account's settings, or an administrator who ends all sessions."""
        for grant in self.grants.values():
            if grant.account.address == address:
                grant.is_revoked = True
        self.access = {token: each for token, each in self.access.items() if not each[0].is_revoked}

    def signed(self, *, key: rsa.RSAPrivateKey | None = None, kid: str = "one", **claims: Any) -> str:
        at = int(time.time())
        tenant = claims.get("tid", "")
        base = {"iss": f"{self.url}/{tenant}/v2.0", "iat": at, "nbf": at, "exp": at + 3600, "ver": "2.0"}
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
            answer = await client.post(auth_url.partition("?")[0], data=form)
        return {name: values[0] for name, values in parse_qs(urlsplit(answer.headers["location"]).query).items()}

    def app(self) -> Starlette:
        flow = "/{tenant}/oauth2/v2.0"
        return Starlette(
            routes=[
                Route(f"{flow}/authorize", self._ask, methods=["GET"]),
                Route(f"{flow}/authorize", self._decide, methods=["POST"]),
                Route(f"{flow}/token", self._token, methods=["POST"]),
                Route("/{tenant}/discovery/v2.0/keys", self._keys),
                Route("/{tenant}/v2.0/.well-known/openid-configuration", self._configuration),
                Route("/v1.0/{rest:path}", self.serve, methods=["GET", "POST", "PATCH", "PUT", "DELETE"]),
            ]
        )

    async def _ask(self, request: Request) -> Response:
        asked = dict(request.query_params)
        must = {"client_id": CLIENT_ID, "response_type": "code", "code_challenge_method": "S256"}
        lacking = [name for name in ("state", "code_challenge", "redirect_uri", "scope") if not asked.get(name)]
        wrong = [name for name, value in must.items() if asked.get(name) != value] + lacking
        if wrong or "offline_access" not in asked["scope"].split():
            return JSONResponse({"error": "invalid_request", "wrong": wrong}, 400)
        fields = "".join(
            f'<input type="hidden" name="{name}" value="{html.escape(value)}">' for name, value in asked.items()
        )
        choices = "".join(f"<option>{html.escape(each)}</option>" for each in self.accounts)
        return HTMLResponse(
            f'<!doctype html><title>Sign in</title><form method="post">{fields}<select name="address">{choices}</select>'
            '<button id="allow">Accept</button><button id="deny" name="denied" value="1">Cancel</button></form>'
        )

    async def _decide(self, request: Request) -> Response:
        form = {name: str(value) for name, value in (await request.form()).items()}
        back: dict[str, str] = {"state": form["state"]}
        if form.get("denied"):
            back |= {"error": "access_denied", "error_description": "AADSTS65004: User declined to consent."}
        else:
            code = f"M.C507_BAY.2.{secrets.token_urlsafe(24)}"
            scopes = (each.removeprefix(GRAPH) for each in form["scope"].split())
            self.codes[code] = (self.granted(form["address"], *scopes), form)
            back |= {"code": code, "session_state": str(uuid.uuid4())}
        return RedirectResponse(f"{form['redirect_uri']}?{urlencode(back)}", 302)

    async def _token(self, request: Request) -> Response:
        form = {name: str(value) for name, value in (await request.form()).items()}
        self.calls.append(("POST", f"/token {form.get('grant_type')}"))
        if (fault := self._fault("/token")) is not None:
            if fault.status == 0:
                return Lost()
            return _refused(fault.status, fault.code or "temporarily_unavailable", fault.headers)
        if (form.get("client_id"), form.get("client_secret")) != (CLIENT_ID, CLIENT_SECRET):
            return _refused(401, "invalid_client")
        if form.get("grant_type") == "refresh_token":
            return await self._refreshed(form)
        grant, asked = self.codes.pop(form.get("code", ""), (None, {}))
        challenge = base64.urlsafe_b64encode(hashlib.sha256(form.get("code_verifier", "").encode()).digest())
        is_same = asked.get("code_challenge") == challenge.decode().rstrip("=")
        if grant is None or not is_same or form.get("redirect_uri") != asked.get("redirect_uri"):
            return _refused(400, "invalid_grant")
        account = grant.account
        claims: dict[str, Any] = {
            "aud": CLIENT_ID, "sub": hashlib.sha256(account.id.encode()).hexdigest(), "tid": account.tenant,
            "oid": account.id, "name": account.name, "preferred_username": account.address, "email": account.address,
        }  # fmt: skip
        if account.is_domain_verified and not account.is_personal:
            claims["xms_edov"] = True
        if "nonce" in asked:
            claims["nonce"] = asked["nonce"]
        return self._tokens(grant, id_token=self.signed(**claims))

    async def _refreshed(self, form: dict[str, str]) -> Response:
        old = form.get("refresh_token", "")
        self.refreshes[old] += 1
        grant = self.grants.get(old)
        if grant is None or grant.is_revoked:
            return _refused(400, "invalid_grant")
        if self.voids_old:
            del self.grants[old]
        grant.refresh_token = f"M.C105_BAY.{secrets.token_urlsafe(48)}"
        self.grants[grant.refresh_token] = grant
        await asyncio.sleep(self.refresh_delay)
        return self._tokens(grant)

    def _tokens(self, grant: Grant, **extra: str) -> Response:
        # Microsoft names neither offline_access nor, for personal accounts, the scopes of OpenID Connect.
        shown = grant.scopes - (OPENID if grant.account.is_personal else {"offline_access"})
        body = {
            "token_type": "Bearer", "scope": " ".join(sorted(shown)), "expires_in": self.token_life,
            "ext_expires_in": self.token_life, "access_token": self.token_of(grant), **extra,
        }  # fmt: skip
        if "offline_access" in grant.scopes:
            body["refresh_token"] = grant.refresh_token
        return JSONResponse(body)

    async def _keys(self, _: Request) -> Response:
        self.calls.append(("GET", "/keys"))
        public = jwt.algorithms.RSAAlgorithm.to_jwk(self.key.public_key(), as_dict=True)
        issuer = self.key_issuer or f"{self.url}/{{tenantid}}/v2.0"
        return JSONResponse({"keys": [{**public, "kid": "one", "use": "sig", "x5t": "one", "issuer": issuer}]})

    async def _configuration(self, request: Request) -> Response:
        tenant = request.path_params["tenant"]
        flow = f"{self.url}/{tenant}/oauth2/v2.0"
        known = {
            "authorization_endpoint": f"{flow}/authorize", "token_endpoint": f"{flow}/token",
            "issuer": f"{self.url}/{{tenantid}}/v2.0", "jwks_uri": f"{self.url}/{tenant}/discovery/v2.0/keys",
        }  # fmt: skip
        return JSONResponse(known)


def _refused(status: int, error: str, headers: dict[str, str] | None = None) -> Response:
    number, trace = AADSTS.get(error, 50000), str(uuid.uuid4())
    body = {
        "error": error, "error_description": f"AADSTS{number}: scripted. Trace ID: {trace}", "error_codes": [number],
        "timestamp": f"{datetime.now(UTC):%Y-%m-%d %H:%M:%SZ}", "trace_id": trace, "correlation_id": str(uuid.uuid4()),
        "error_uri": f"https://login.microsoftonline.com/error?code={number}",
    }  # fmt: skip
    return JSONResponse(body, status, headers=headers)


@asynccontextmanager
async def running(**settings: Any) -> AsyncIterator[Microsoft]:
    """Serves it on loopback; afterwards nothing may have been asked or answered wrongly."""
    microsoft = Microsoft(**settings)
    async with serve(microsoft.app()) as microsoft.url:
        yield microsoft
    assert microsoft.wrong == [], microsoft.wrong
