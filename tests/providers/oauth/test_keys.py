"""Signed tokens of Google and Microsoft: what is genuine is taken, and nothing else."""

import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from outrider.core.egress import Egress
from outrider.providers.oauth import keys as signing
from outrider.providers.oauth.keys import GOOGLE_ISSUERS, KeysUnavailable, NotGenuine, SigningKeys
from tests.stand_ins.google import Google
from tests.stand_ins.microsoft import Microsoft

AUDIENCE = "https://outrider.test/webhooks/gmail"


@pytest.fixture
async def egress() -> AsyncIterator[Egress]:
    egress = Egress(allow=("127.0.0.1",))
    yield egress
    await egress.aclose()


@pytest.fixture
def keys(egress: Egress, google: Google) -> SigningKeys:
    return SigningKeys(egress, f"{google.url}/certs", issuers=GOOGLE_ISSUERS)


async def test_a_genuine_token_gives_its_claims(keys: SigningKeys, google: Google) -> None:
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
async def test_a_forged_token_is_refused(keys: SigningKeys, google: Google, forged: Callable[[Google], str]) -> None:
    with pytest.raises(NotGenuine):
        await keys.verify(forged(google), audience=AUDIENCE)


TENANT = "6731de76-14a6-49ae-97bc-6eba6914391e"
OTHER = "2b5a0d4e-8f0c-4f6e-9a55-0d1f3d7c9c11"


@pytest.fixture
def theirs(egress: Egress, microsoft: Microsoft) -> SigningKeys:
    return SigningKeys(
        egress, f"{microsoft.url}/common/discovery/v2.0/keys", issuers=[f"{microsoft.url}/{{tenantid}}/v2.0"]
    )


async def test_an_issuer_of_many_organisations_is_known_by_each_tokens_own(
    theirs: SigningKeys, microsoft: Microsoft
) -> None:
    assert (await theirs.verify(microsoft.signed(aud=AUDIENCE, tid=TENANT), audience=AUDIENCE))["tid"] == TENANT


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "{url}/" + OTHER + "/v2.0", "tid": TENANT},
        {"iss": "{url}/{{tenantid}}/v2.0", "tid": TENANT},
        {"iss": "{url}/a/b/v2.0", "tid": "a/b"},
        {"iss": "{url}//v2.0", "tid": ""},
        {"iss": "https://login.evil.test/" + TENANT + "/v2.0", "tid": TENANT},
    ],
    ids=["another's", "nobody's", "no number", "empty", "another server's"],
)
async def test_a_token_of_no_organisation_or_of_another_one_is_refused(
    theirs: SigningKeys, microsoft: Microsoft, claims: dict[str, str]
) -> None:
    forged = {name: value.format(url=microsoft.url) for name, value in claims.items()}
    with pytest.raises(NotGenuine):
        await theirs.verify(microsoft.signed(aud=AUDIENCE, **forged), audience=AUDIENCE)


async def test_a_key_signs_only_for_the_issuer_it_is_published_for(theirs: SigningKeys, microsoft: Microsoft) -> None:
    microsoft.key_issuer = f"{microsoft.url}/{OTHER}/v2.0"
    with pytest.raises(NotGenuine):
        await theirs.verify(microsoft.signed(aud=AUDIENCE, tid=TENANT), audience=AUDIENCE)
    assert await theirs.verify(microsoft.signed(aud=AUDIENCE, tid=OTHER), audience=AUDIENCE)


async def test_made_up_key_ids_make_us_ask_once_a_minute_at_most(keys: SigningKeys, google: Google) -> None:
    for number in range(20):
        with pytest.raises(NotGenuine):
            await keys.verify(google.signed(kid=f"made up {number}", aud=AUDIENCE), audience=AUDIENCE)
    assert google.count("/certs") == 1


async def test_a_new_key_is_fetched_when_it_shows_up(
    keys: SigningKeys, google: Google, monkeypatch: pytest.MonkeyPatch
) -> None:
    await keys.verify(google.signed(aud=AUDIENCE), audience=AUDIENCE)
    google.key = rsa.generate_private_key(65537, 2048)
    monkeypatch.setattr(signing, "KEEP", 0.0)
    assert await keys.verify(google.signed(aud=AUDIENCE), audience=AUDIENCE)


async def test_keys_that_can_not_be_had_are_no_verdict(egress: Egress, google: Google) -> None:
    for url in (f"{google.url}/nowhere", "http://127.0.0.1:1/certs"):
        with pytest.raises(KeysUnavailable):
            await SigningKeys(egress, url, issuers=GOOGLE_ISSUERS).verify(
                google.signed(aud=AUDIENCE), audience=AUDIENCE
            )
