"""Authorization code with PKCE (RFC 6749, 7636, 9700) and OpenID Connect over guarded HTTP: what all providers share."""

import base64
import hashlib
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from outrider.core.clock import now
from outrider.core.egress import Answer, Egress, EgressBlocked, EgressFailed, EgressUnresolved, Limits
from outrider.providers.oauth.interface import Challenge, GrantFailed, Tokens
from outrider.providers.oauth.keys import KeysUnavailable, NotGenuine, SigningKeys

SHORTEST, LONGEST = 60, 24 * 3600  # seconds that an access token may claim to live
# Shorter than the claim under which a token is renewed.
_LIMITS = Limits(total=15, body=64 * 1024)
# Refusals that are about this server and its settings (RFC 6749 5.2), not about the grant.
_OURS = frozenset(
    {"invalid_client", "unauthorized_client", "redirect_uri_mismatch", "invalid_request", "invalid_scope"}
)


@dataclass(frozen=True, slots=True)
class Client:
    """What a provider knows this server as."""

    id: str
    secret: str

    def __repr__(self) -> str:
        return f"Client(id={self.id!r})"


def _nothing(_: Mapping[str, Any]) -> str:
    return ""


@dataclass(frozen=True, slots=True)
class Vendor:
    """`dead`: the refusals that make a grant or a code void for good, and what they mean. `longest_token` is in
    characters; `detail` is what else its refusals say that is worth repeating.
    """

    name: str
    dead: Mapping[str, str]
    longest_token: int
    detail: Callable[[Mapping[str, Any]], str] = _nothing


class CodeFlow:
    """The flow with one provider, for one client of ours. Every failure is a GrantFailed."""

    def __init__(
        self, egress: Egress, vendor: Vendor, client: Client, keys: SigningKeys, *, authorize: str, token: str
    ) -> None:
        self._egress, self._vendor, self._client, self._keys = egress, vendor, client, keys
        self._authorize, self._token = authorize, token

    def question(self, challenge: Challenge, *, redirect_uri: str, scopes: frozenset[str], **more: str | None) -> str:
        """Where the browser goes; of `more` what is None is left out."""
        digest = hashlib.sha256(challenge.verifier.encode()).digest()
        query = {
            "client_id": self._client.id,
            "redirect_uri": redirect_uri,
            "response_type": "code",
            "scope": " ".join(sorted(scopes)),
            "state": challenge.state,
            "nonce": challenge.nonce,
            "code_challenge": base64.urlsafe_b64encode(digest).decode().rstrip("="),
            "code_challenge_method": "S256",
            **{name: value for name, value in more.items() if value},
        }
        return f"{self._authorize}?{urlencode(query)}"

    async def trade(self, code: str, challenge: Challenge, *, redirect_uri: str) -> tuple[Tokens, str]:
        """Returns the tokens and the signed one about the person, unread; `claims` reads it."""
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "code_verifier": challenge.verifier,
            "redirect_uri": redirect_uri,
        }
        asked_at = now()
        answer = await self._ask(form)
        tokens = self._tokens(answer, asked_at=asked_at)
        if tokens.refresh_token is None:
            raise GrantFailed(f"{self._vendor.name} gave no lasting permission. Sign in again.", is_terminal=True)
        return tokens, str(answer.get("id_token", ""))

    async def claims(self, id_token: str, challenge: Challenge) -> dict[str, Any]:
        name = self._vendor.name
        try:
            claims = await self._keys.verify(id_token, audience=self._client.id)
        except KeysUnavailable as error:
            raise GrantFailed(f"{name} can't be reached just now.", is_terminal=False) from error
        except NotGenuine as error:
            raise GrantFailed(f"{name}'s word on who signed in was not genuine: {error}", is_terminal=True) from error
        if not hmac.compare_digest(str(claims.get("nonce", "")).encode(), challenge.nonce.encode()):
            raise GrantFailed("The answer belongs to another sign-in.", is_terminal=True)
        return claims

    async def renew(self, refresh_token: str) -> Tokens:
        asked_at = now()
        answer = await self._ask({"grant_type": "refresh_token", "refresh_token": refresh_token})
        return self._tokens(answer, asked_at=asked_at)

    async def post(self, url: str, form: Mapping[str, str], *, headers: Mapping[str, str] | None = None) -> Answer:
        try:
            return await self._egress.request("POST", url, data=form, headers=headers, limits=_LIMITS)
        except (EgressFailed, EgressBlocked, EgressUnresolved) as error:
            raise GrantFailed(f"{self._vendor.name} can't be reached just now.", is_terminal=False) from error

    async def _ask(self, form: Mapping[str, str]) -> dict[str, Any]:
        credentials = {"client_id": self._client.id, "client_secret": self._client.secret}
        answer = await self.post(self._token, {**credentials, **form})
        body = self.read(answer)
        if answer.is_success:
            return body
        name, error, detail = self._vendor.name, str(body.get("error", "")), self._vendor.detail(body)
        if error in self._vendor.dead:
            raise GrantFailed(f"{self._vendor.dead[error]}{detail}", is_terminal=True)
        if error in _OURS:
            message = f"{name} does not accept this server's client ({error}). Its operator has to check the settings."
            raise GrantFailed(f"{message}{detail}", is_terminal=False)
        message = f"{name} answered {answer.status_code} when asked for a permission."
        raise GrantFailed(f"{message}{detail}", is_terminal=False)

    def read(self, answer: Answer) -> dict[str, Any]:
        try:
            body = answer.json()
        except ValueError as error:
            raise self._unclear() from error
        if not isinstance(body, dict):
            raise self._unclear()
        return body

    def _tokens(self, answer: Mapping[str, Any], *, asked_at: datetime) -> Tokens:
        access, refresh, lives = answer.get("access_token"), answer.get("refresh_token"), answer.get("expires_in")
        is_readable = self._is_token(access) and (refresh is None or self._is_token(refresh))
        if not is_readable or not isinstance(lives, int) or lives <= 0:
            raise self._unclear()
        return Tokens(
            access_token=str(access),
            expires_at=asked_at + timedelta(seconds=min(max(lives, SHORTEST), LONGEST)),
            scopes=frozenset(str(answer.get("scope", "")).split()),
            refresh_token=refresh,
        )

    def _is_token(self, value: object) -> bool:
        # It goes into a header: printable ASCII alone.
        is_short = isinstance(value, str) and 0 < len(value) <= self._vendor.longest_token
        return isinstance(value, str) and is_short and value.isascii() and value.isprintable()

    def _unclear(self) -> GrantFailed:
        return GrantFailed(f"{self._vendor.name}'s answer could not be understood.", is_terminal=False)


def claimed(claims: Mapping[str, Any], name: str) -> str | None:
    """What a signed token says, where it says a text."""
    value = claims.get(name)
    return value[:500] if isinstance(value, str) else None
