"""Tokens that a provider signs: checked against its published keys (RFC 7517), fetched when a new one shows up."""

import asyncio
import re
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jwt

from outrider.core.egress import Egress, EgressBlocked, EgressFailed, EgressUnresolved, Limits

GOOGLE_ISSUERS = frozenset({"https://accounts.google.com", "accounts.google.com"})
# Where an issuer serves many organisations, their number stands in its name; each token says of which one it is.
TENANT = "{tenantid}"
ALGORITHM = "RS256"
LONGEST_TOKEN = 8_192  # characters
MOST_KEYS = 20
LEAST_BITS = 2_048
# Whoever sends tokens with made-up key ids makes us ask for the keys no more often than this.
ASK_AGAIN = 60.0
KEEP = 6 * 3600.0
LEEWAY = 30  # seconds that clocks may differ
_LIMITS = Limits(total=10, body=256 * 1024)
_GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class NotGenuine(Exception):
    """The token was not signed by the issuer, or not for us, or no longer holds. The message names no part of it."""


class KeysUnavailable(Exception):
    """The issuer's keys could not be fetched: nothing is known of the token."""


@dataclass(frozen=True, slots=True)
class Key:
    """`issuer` is the only one it may sign for, where that is said."""

    public: jwt.PyJWK
    issuer: str | None


class SigningKeys:
    """The issuer's keys, shared by all who check its tokens. `issuers` are its names, with TENANT where it has many."""

    def __init__(self, egress: Egress, url: str, *, issuers: Collection[str]) -> None:
        self._egress, self._url, self._issuers = egress, url, frozenset(issuers)
        self._keys: dict[str, Key] = {}
        self._asked = float("-inf")
        self._lock = asyncio.Lock()

    async def verify(self, token: str, *, audience: str | Sequence[str]) -> dict[str, Any]:
        """Returns the claims of a token that the issuer made for `audience`, or for one of several.

        Raises NotGenuine, KeysUnavailable.
        """
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
                key.public,
                algorithms=[ALGORITHM],
                audience=audience if isinstance(audience, str) else list(audience),
                leeway=LEEWAY,
                options={"require": ["exp", "iat", "iss", "aud"]},
            )
        except (jwt.PyJWTError, ValueError, TypeError) as error:
            raise NotGenuine("The token does not hold.") from error
        named = {_of_tenant(each, claims) for each in self._issuers}
        if claims["iss"] not in named or (key.issuer and claims["iss"] != _of_tenant(key.issuer, claims)):
            raise NotGenuine("The token is of another issuer.")
        return claims

    async def _key(self, kid: str) -> Key:
        async with self._lock:
            age = time.monotonic() - self._asked
            if age > KEEP or (kid not in self._keys and age > ASK_AGAIN):
                self._keys = await self._fetch()
                self._asked = time.monotonic()
        if kid not in self._keys:
            raise NotGenuine("The token is signed with a key that its issuer does not publish.")
        return self._keys[kid]

    async def _fetch(self) -> dict[str, Key]:
        try:
            answer = await self._egress.request("GET", self._url, limits=_LIMITS)
            listed = answer.json()["keys"] if answer.is_success else []
            keys = [each for each in listed[:MOST_KEYS] if each.get("kty") == "RSA" and "kid" in each]
            found = {each["kid"]: Key(jwt.PyJWK(each, algorithm=ALGORITHM), each.get("issuer")) for each in keys}
        except (EgressFailed, EgressBlocked, EgressUnresolved) as error:
            raise KeysUnavailable(error.message) from error
        except (jwt.PyJWTError, ValueError, LookupError, TypeError, AttributeError) as error:
            raise KeysUnavailable("The issuer's keys can't be read.") from error
        strong = {kid: key for kid, key in found.items() if key.public.key.key_size >= LEAST_BITS}
        if not strong:
            raise KeysUnavailable("The issuer publishes no key that can be used.")
        return strong


def _of_tenant(issuer: str, claims: Mapping[str, Any]) -> str:
    """The issuer's name for the organisation that a token says it is of."""
    tenant = str(claims.get("tid", ""))
    return issuer.replace(TENANT, tenant) if _GUID.fullmatch(tenant) else issuer
