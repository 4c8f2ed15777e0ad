"""Tokens that Google signs: checked against its published keys (RFC 7517), which are fetched when a new one shows up."""

import asyncio
import time
from collections.abc import Collection
from typing import Any

import jwt

from outrider.core.egress import Egress, EgressBlocked, EgressFailed, EgressUnresolved, Limits

ISSUERS = frozenset({"https://accounts.google.com", "accounts.google.com"})
ALGORITHM = "RS256"
LONGEST_TOKEN = 8_192  # characters
MOST_KEYS = 20
LEAST_BITS = 2_048
# Whoever sends tokens with made-up key ids makes us ask for the keys no more often than this.
ASK_AGAIN = 60.0
KEEP = 6 * 3600.0
LEEWAY = 30  # seconds that clocks may differ
_LIMITS = Limits(total=10, body=256 * 1024)


class NotGenuine(Exception):
    """The token was not signed by the issuer, or not for us, or no longer holds. The message names no part of it."""


class KeysUnavailable(Exception):
    """The issuer's keys could not be fetched: nothing is known of the token."""


class GoogleKeys:
    """The issuer's keys, shared by all who check its tokens."""

    def __init__(self, egress: Egress, url: str, *, issuers: Collection[str] = ISSUERS) -> None:
        self._egress, self._url, self._issuers = egress, url, frozenset(issuers)
        self._keys: dict[str, jwt.PyJWK] = {}
        self._asked = float("-inf")
        self._lock = asyncio.Lock()

    async def verify(self, token: str, *, audience: str) -> dict[str, Any]:
        """Returns the claims of a token that the issuer made for `audience`. Raises NotGenuine, KeysUnavailable."""
        if len(token) > LONGEST_TOKEN:
            raise NotGenuine("The token is too long.")
        try:
            header = jwt.get_unverified_header(token)
        except (jwt.PyJWTError, ValueError) as error:
            raise NotGenuine("This is no token.") from error
        kid = header.get("kid")
        if header.get("alg") != ALGORITHM or not isinstance(kid, str):
            raise NotGenuine("The token is signed in a way that is not accepted here.")
        key = await self._key(kid)
        try:
            claims: dict[str, Any] = jwt.decode(
                token,
                key,
                algorithms=[ALGORITHM],
                audience=audience,
                leeway=LEEWAY,
                options={"require": ["exp", "iat", "iss", "aud"]},
            )
        except (jwt.PyJWTError, ValueError, TypeError) as error:
            raise NotGenuine("The token does not hold.") from error
        if claims["iss"] not in self._issuers:
            raise NotGenuine("The token is of another issuer.")
        return claims

    async def _key(self, kid: str) -> jwt.PyJWK:
        async with self._lock:
            age = time.monotonic() - self._asked
            if age > KEEP or (kid not in self._keys and age > ASK_AGAIN):
                self._keys = await self._fetch()
                self._asked = time.monotonic()
        if kid not in self._keys:
            raise NotGenuine("The token is signed with a key that its issuer does not publish.")
        return self._keys[kid]

    async def _fetch(self) -> dict[str, jwt.PyJWK]:
        try:
            answer = await self._egress.request("GET", self._url, limits=_LIMITS)
            listed = answer.json()["keys"] if answer.is_success else []
            keys = [each for each in listed[:MOST_KEYS] if each.get("kty") == "RSA" and "kid" in each]
            found = {each["kid"]: jwt.PyJWK(each, algorithm=ALGORITHM) for each in keys}
        except (EgressFailed, EgressBlocked, EgressUnresolved) as error:
            raise KeysUnavailable(error.message) from error
        except (jwt.PyJWTError, ValueError, LookupError, TypeError, AttributeError) as error:
            raise KeysUnavailable("The issuer's keys can't be read.") from error
        strong = {kid: key for kid, key in found.items() if key.key.key_size >= LEAST_BITS}
        if not strong:
            raise KeysUnavailable("The issuer publishes no key that can be used.")
        return strong
