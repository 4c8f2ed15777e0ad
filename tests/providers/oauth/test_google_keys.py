"""Google's signed tokens: what is genuine is taken, and nothing else."""

import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from outrider.core.egress import Egress
from outrider.providers.oauth import google_keys
from outrider.providers.oauth.google_keys import GoogleKeys, KeysUnavailable, NotGenuine
from tests.stand_ins.google import Google

AUDIENCE = "https://outrider.test/webhooks/gmail"


@pytest.fixture
async def egress() -> AsyncIterator[Egress]:
    egress = Egress(allow=("127.0.0.1",))
    yield egress
    await egress.aclose()


@pytest.fixture
def keys(egress: Egress, google: Google) -> GoogleKeys:
    return GoogleKeys(egress, f"{google.url}/certs")


async def test_a_genuine_token_gives_its_claims(keys: GoogleKeys, google: Google) -> None:
    claims = await keys.verify(google.signed(aud=AUDIENCE, email="a@b.test"), audience=AUDIENCE)
    assert claims["email"] == "a@b.test"


FORGED: dict[str, Callable[[Google], str]] = {
    "another audience": lambda google: google.signed(aud="https://elsewhere.test"),
    "another issuer": lambda google: google.signed(aud=AUDIENCE, iss="https://accounts.evil.test"),
    "expired": lambda google: google.signed(aud=AUDIENCE, exp=int(time.time()) - 60),
    "not yet": lambda google: google.signed(aud=AUDIENCE, nbf=int(time.time()) + 600),
    "without an end": lambda google: jwt.encode(
        {"iss": "https://accounts.google.com", "aud": AUDIENCE, "iat": int(time.time())},
        google.key, "RS256", headers={"kid": "one"},
    ),
    "another key under its name": lambda google: google.signed(key=rsa.generate_private_key(65537, 2048), aud=AUDIENCE),
    "an unknown key": lambda google: google.signed(kid="two", aud=AUDIENCE),
    "a key id that is a path": lambda google: google.signed(kid="../../etc/passwd", aud=AUDIENCE),
    "unsigned": lambda google: jwt.encode(claims_of(), "", "none", headers={"kid": "one"}),
    "signed with the public key as a secret": lambda google: jwt.encode(claims_of(), "x" * 64, "HS256", headers={"kid": "one"}),
    "a key of its own inside": lambda google: jwt.encode(
        claims_of(), rsa.generate_private_key(65537, 2048), "RS256", headers={"jku": "https://evil.test/certs"}
    ),
    "a byte changed": lambda google: google.signed(aud=AUDIENCE)[:-8] + "AAAAAAAA",
    "no token": lambda _: "ya29.something",
    "endless": lambda google: google.signed(aud=AUDIENCE, pad="x" * 10_000),
}  # fmt: skip


def claims_of() -> dict[str, Any]:
    at = int(time.time())
    return {"iss": "https://accounts.google.com", "aud": AUDIENCE, "iat": at, "exp": at + 60}


@pytest.mark.parametrize("forged", FORGED.values(), ids=list(FORGED))
async def test_a_forged_token_is_refused(keys: GoogleKeys, google: Google, forged: Callable[[Google], str]) -> None:
    with pytest.raises(NotGenuine):
        await keys.verify(forged(google), audience=AUDIENCE)


async def test_made_up_key_ids_make_us_ask_once_a_minute_at_most(keys: GoogleKeys, google: Google) -> None:
    for number in range(20):
        with pytest.raises(NotGenuine):
            await keys.verify(google.signed(kid=f"made up {number}", aud=AUDIENCE), audience=AUDIENCE)
    assert google.count("/certs") == 1


async def test_a_new_key_is_fetched_when_it_shows_up(
    keys: GoogleKeys, google: Google, monkeypatch: pytest.MonkeyPatch
) -> None:
    await keys.verify(google.signed(aud=AUDIENCE), audience=AUDIENCE)
    google.key = rsa.generate_private_key(65537, 2048)
    monkeypatch.setattr(google_keys, "KEEP", 0.0)
    assert await keys.verify(google.signed(aud=AUDIENCE), audience=AUDIENCE)


async def test_keys_that_can_not_be_had_are_no_verdict(egress: Egress, google: Google) -> None:
    for url in (f"{google.url}/nowhere", "http://127.0.0.1:1/certs"):
        with pytest.raises(KeysUnavailable):
            await GoogleKeys(egress, url).verify(google.signed(aud=AUDIENCE), audience=AUDIENCE)
