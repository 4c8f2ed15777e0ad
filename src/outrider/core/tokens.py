"""Tokens: signed access tokens (RFC 9068, RFC 8725), opaque secrets, and access keys that can be found by scanners."""

import hashlib
import re
import secrets
import zlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import jwt

from outrider.core.errors import Unauthenticated
from outrider.core.ids import new_id

ALGORITHM = "HS256"
TYPE = "at+jwt"
AUDIENCE = "outrider"
LONGEST_LIFE = timedelta(minutes=15)
LONGEST_TOKEN = 2_000  # characters; ours have about 450
SHORTEST_SECRET = 32  # bytes
INVALID = "This access token is not valid or has expired. Refresh it or sign in again."

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
KEY_PREFIX = "outr_live_"
KEY_PATTERN = re.compile(rf"{KEY_PREFIX}([0-9A-Za-z]{{30}})([0-9A-Za-z]{{6}})")


@dataclass(frozen=True, slots=True)
class Claims:
    user_id: UUID
    session_id: UUID
    workspace_id: UUID


class AccessTokens:
    """Issues and reads access tokens. The key id names the secret, so that a token of another one is refused early."""

    def __init__(self, secret: str, *, issuer: str, ttl: timedelta) -> None:
        if len(secret.encode()) < SHORTEST_SECRET:
            raise ValueError(f"The secret of access tokens must have at least {SHORTEST_SECRET} bytes.")
        self._key = hashlib.sha256(b"access-token:" + secret.encode()).digest()
        self._kid = hashlib.sha256(self._key).hexdigest()[:12]
        self._issuer = issuer
        self._ttl = min(ttl, LONGEST_LIFE)

    def issue(self, *, user_id: UUID, session_id: UUID, workspace_id: UUID, now: datetime) -> tuple[str, datetime]:
        expires_at = now + self._ttl
        claims = {
            "iss": self._issuer,
            "aud": AUDIENCE,
            "sub": str(user_id),
            "sid": str(session_id),
            "wid": str(workspace_id),
            "iat": now,
            "nbf": now,
            "exp": expires_at,
            "jti": new_id().hex,
        }
        return jwt.encode(claims, self._key, ALGORITHM, headers={"typ": TYPE, "kid": self._kid}), expires_at

    def read(self, token: str, *, now: datetime) -> Claims:
        """Raises Unauthenticated for anything but a token of ours that holds at `now`."""
        if len(token) > LONGEST_TOKEN:
            raise Unauthenticated(INVALID)
        try:
            header = jwt.get_unverified_header(token)
            if header.get("typ") != TYPE or header.get("kid") != self._kid:
                raise Unauthenticated(INVALID)
            claims = jwt.decode(
                token,
                self._key,
                algorithms=[ALGORITHM],
                audience=AUDIENCE,
                issuer=self._issuer,
                # The library would use its own clock; `_believed` compares the times.
                options={
                    "require": ["exp", "nbf", "iat", "sub", "sid", "wid", "jti"],
                    "verify_exp": False,
                    "verify_nbf": False,
                    "verify_iat": False,
                },
            )
        except (jwt.PyJWTError, ValueError, TypeError):
            raise Unauthenticated(INVALID) from None
        return _believed(claims, now)


def _believed(claims: dict[str, Any], now: datetime) -> Claims:
    """Checks what a token of ours says; `now` may be a second behind the issuer's."""
    begins, ends, *ids = (claims[name] for name in ("nbf", "exp", "sub", "wid", "sid"))
    is_timely = (
        type(begins) is int
        and type(ends) is int
        and begins <= now.timestamp() + 1
        and now.timestamp() < ends <= begins + LONGEST_LIFE.total_seconds()
    )
    if not is_timely or not all(isinstance(each, str) for each in ids):
        raise Unauthenticated(INVALID)
    try:
        user_id, workspace_id, session_id = map(UUID, ids)
    except ValueError:
        raise Unauthenticated(INVALID) from None
    return Claims(user_id=user_id, session_id=session_id, workspace_id=workspace_id)


def new_secret() -> str:
    """Returns 256 random bits, fit for a URL."""
    return secrets.token_urlsafe(32)


def digest(token: str) -> bytes:
    """What is stored of a token. A plain hash is enough: tokens are random, not chosen."""
    return hashlib.sha256(token.encode()).digest()


def new_access_key() -> str:
    body = "".join(secrets.choice(ALPHABET) for _ in range(30))
    return f"{KEY_PREFIX}{body}{_checksum(body)}"


def is_well_formed(key: str) -> bool:
    """Whether the key's checksum holds: a mistyped or guessed key is refused without a query."""
    match = KEY_PATTERN.fullmatch(key)
    return match is not None and _checksum(match[1]) == match[2]


def _checksum(body: str) -> str:
    number = zlib.crc32(body.encode())
    digits = []
    for _ in range(6):
        number, rest = divmod(number, len(ALPHABET))
        digits.append(ALPHABET[rest])
    return "".join(reversed(digits))
