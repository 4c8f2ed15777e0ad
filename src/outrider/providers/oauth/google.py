"""Signing in with Google: authorization code with PKCE (RFC 6749, 7636, 9700) and OpenID Connect, over guarded HTTP."""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

from outrider.core.clock import now
from outrider.core.egress import Answer, Egress, EgressBlocked, EgressFailed, EgressUnresolved, Limits
from outrider.providers.oauth.google_keys import GoogleKeys, KeysUnavailable, NotGenuine
from outrider.providers.oauth.interface import Challenge, GrantFailed, Identity, Purpose, Tokens

READ_MAIL = "https://www.googleapis.com/auth/gmail.readonly"
SEND_MAIL = "https://www.googleapis.com/auth/gmail.send"
MAIL = Purpose(
    frozenset({READ_MAIL, SEND_MAIL}),
    "Google was not told to let us read and send mail. Sign in again and leave both boxes ticked on Google's page.",
    wished=frozenset({"openid", "email", "profile"}),
)
READ_CONTACTS = "https://www.googleapis.com/auth/contacts.readonly"
READ_OTHER_CONTACTS = "https://www.googleapis.com/auth/contacts.other.readonly"
CONTACTS = Purpose(
    frozenset({READ_CONTACTS}),
    "Google was not told to let us read the contacts. Start again and leave the box ticked on Google's page.",
    wished=frozenset({"openid", "https://www.googleapis.com/auth/userinfo.email", READ_OTHER_CONTACTS}),
)
SHORTEST, LONGEST = 60, 24 * 3600  # seconds that an access token may claim to live
LONGEST_TOKEN = 4_096  # characters; Google documents 2,048 bytes for access tokens, 512 for refresh tokens
# Shorter than the claim under which a token is renewed.
_LIMITS = Limits(total=15, body=64 * 1024)
_UNREACHABLE = "Google can't be reached just now."
_UNCLEAR = "Google's answer could not be understood."
# What makes a grant or a code void for good (RFC 6749 5.2); everything else is about us or about this moment.
_DEAD = {"invalid_grant": "The permission was withdrawn or has expired at Google."}
_OURS = frozenset(
    {"invalid_client", "unauthorized_client", "redirect_uri_mismatch", "invalid_request", "invalid_scope"}
)


@dataclass(frozen=True, slots=True)
class Client:
    """What Google knows this server as."""

    id: str
    secret: str

    def __repr__(self) -> str:
        return f"Client(id={self.id!r})"


@dataclass(frozen=True, slots=True)
class Endpoints:
    authorize: str
    token: str
    revoke: str


class GoogleOAuth:
    """An `OAuthProvider` for Google accounts."""

    def __init__(
        self, egress: Egress, client: Client, endpoints: Endpoints, keys: GoogleKeys, *, purpose: Purpose = MAIL
    ) -> None:
        self._egress, self._client, self._endpoints, self._keys = egress, client, endpoints, keys
        self._purpose = purpose

    @property
    def scopes(self) -> frozenset[str]:
        return self._purpose.scopes

    def authorization_url(self, challenge: Challenge, *, redirect_uri: str, hint: str | None = None) -> str:
        digest = hashlib.sha256(challenge.verifier.encode()).digest()
        query = {
            "client_id": self._client.id,
            "redirect_uri": redirect_uri,
            "response_type": "code",
            "scope": " ".join(sorted(self.scopes)),
            "state": challenge.state,
            "nonce": challenge.nonce,
            "code_challenge": base64.urlsafe_b64encode(digest).decode().rstrip("="),
            "code_challenge_method": "S256",
            # Without both Google gives no refresh token to somebody who has agreed before.
            "access_type": "offline",
            "prompt": "consent",
            **({"login_hint": hint} if hint else {}),
        }
        return f"{self._endpoints.authorize}?{urlencode(query)}"

    async def exchange(self, code: str, challenge: Challenge, *, redirect_uri: str) -> tuple[Tokens, Identity]:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "code_verifier": challenge.verifier,
            "redirect_uri": redirect_uri,
        }
        answer = await self._ask_for_tokens(form)
        tokens = _tokens(answer, asked_at=now())
        if not tokens.scopes >= self._purpose.needed:
            raise GrantFailed(self._purpose.lacking, is_terminal=True)
        if tokens.refresh_token is None:
            raise GrantFailed("Google gave no lasting permission. Sign in again.", is_terminal=True)
        return tokens, await self._identity(str(answer.get("id_token", "")), challenge)

    async def refresh(self, refresh_token: str) -> Tokens:
        asked_at = now()
        answer = await self._ask_for_tokens({"grant_type": "refresh_token", "refresh_token": refresh_token})
        return _tokens(answer, asked_at=asked_at)

    async def revoke(self, token: str) -> None:
        answer = await self._post(self._endpoints.revoke, {"token": token})
        # 400 says that it had ended before.
        if answer.status_code not in {HTTPStatus.OK, HTTPStatus.BAD_REQUEST}:
            raise GrantFailed(f"Google answered {answer.status_code} to the end of a permission.", is_terminal=False)

    async def _identity(self, id_token: str, challenge: Challenge) -> Identity:
        try:
            claims = await self._keys.verify(id_token, audience=self._client.id)
        except KeysUnavailable as error:
            raise GrantFailed(_UNREACHABLE, is_terminal=False) from error
        except NotGenuine as error:
            raise GrantFailed(f"Google's word on who signed in was not genuine: {error}", is_terminal=True) from error
        if not hmac.compare_digest(str(claims.get("nonce", "")).encode(), challenge.nonce.encode()):
            raise GrantFailed("The answer belongs to another sign-in.", is_terminal=True)
        subject, email = claims.get("sub"), claims.get("email")
        if not isinstance(subject, str) or not isinstance(email, str) or claims.get("email_verified") is not True:
            raise GrantFailed("Google does not vouch for an email address of this account.", is_terminal=True)
        return Identity(subject[:255], email.lower(), _text(claims, "name") or "", _text(claims, "picture"))

    async def _ask_for_tokens(self, form: Mapping[str, str]) -> dict[str, Any]:
        credentials = {"client_id": self._client.id, "client_secret": self._client.secret}
        answer = await self._post(self._endpoints.token, {**credentials, **form})
        body = _json(answer)
        if answer.is_success:
            return body
        error = str(body.get("error", ""))
        if error in _DEAD:
            raise GrantFailed(_DEAD[error], is_terminal=True)
        if error in _OURS:
            message = f"Google does not accept this server's client ({error}). Its operator has to check the settings."
            raise GrantFailed(message, is_terminal=False)
        raise GrantFailed(f"Google answered {answer.status_code} when asked for a permission.", is_terminal=False)

    async def _post(self, url: str, form: Mapping[str, str]) -> Answer:
        try:
            return await self._egress.request("POST", url, data=form, limits=_LIMITS)
        except (EgressFailed, EgressBlocked, EgressUnresolved) as error:
            raise GrantFailed(_UNREACHABLE, is_terminal=False) from error


def _json(answer: Answer) -> dict[str, Any]:
    try:
        body = answer.json()
    except ValueError as error:
        raise GrantFailed(_UNCLEAR, is_terminal=False) from error
    if not isinstance(body, dict):
        raise GrantFailed(_UNCLEAR, is_terminal=False)
    return body


def _tokens(answer: Mapping[str, Any], *, asked_at: datetime) -> Tokens:
    access, refresh, lives = answer.get("access_token"), answer.get("refresh_token"), answer.get("expires_in")
    is_readable = _is_token(access) and (refresh is None or _is_token(refresh)) and isinstance(lives, int) and lives > 0
    if not is_readable:
        raise GrantFailed(_UNCLEAR, is_terminal=False)
    return Tokens(
        access_token=str(access),
        expires_at=asked_at + timedelta(seconds=min(max(int(lives or 0), SHORTEST), LONGEST)),
        scopes=frozenset(str(answer.get("scope", "")).split()),
        refresh_token=refresh,
    )


def _is_token(value: object) -> bool:
    # It goes into a header: printable ASCII alone.
    return isinstance(value, str) and 0 < len(value) <= LONGEST_TOKEN and value.isascii() and value.isprintable()


def _text(claims: Mapping[str, Any], name: str) -> str | None:
    value = claims.get(name)
    return value[:500] if isinstance(value, str) else None
