import base64
import hashlib
import hmac
import json
import random
import re
from datetime import UTC, datetime, timedelta
from uuid import UUID

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from outrider.core.errors import Unauthenticated
from outrider.core.ids import new_id
from outrider.core.tokens import (
    AUDIENCE,
    INVALID,
    KEY_PATTERN,
    AccessTokens,
    Claims,
    digest,
    is_well_formed,
    new_access_key,
    new_secret,
)

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
SECRET = "a secret of this installation, 32 bytes and more"
TOKENS = AccessTokens(SECRET, issuer="outrider", ttl=timedelta(minutes=15))
WHO = Claims(user_id=new_id(), session_id=new_id(), workspace_id=new_id())
RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
PUBLIC_PEM = RSA.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def issued(at: datetime = NOW) -> str:
    return TOKENS.issue(user_id=WHO.user_id, session_id=WHO.session_id, workspace_id=WHO.workspace_id, now=at)[0]


def opened() -> tuple[dict, dict]:
    header, claims, _ = issued().split(".")
    return tuple(json.loads(base64.urlsafe_b64decode(part + "==")) for part in (header, claims))


def part(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def signed(header: dict, claims: dict, key: bytes = TOKENS._key, *, by: str = "sha256") -> str:
    """Signs what the library would refuse to."""
    text = f"{part(header)}.{part(claims)}"
    return f"{text}.{base64.urlsafe_b64encode(hmac.digest(key, text.encode(), by)).decode().rstrip('=')}"


def forged(
    *, header: dict | None = None, claims: dict | None = None, without: str = "", key: bytes = TOKENS._key
) -> str:
    good_header, good_claims = opened()
    changed = {**good_claims, **(claims or {})}
    changed.pop(without, None)
    return signed({**good_header, **(header or {})}, changed, key)


def seconds(**delta: float) -> int:
    return int((NOW + timedelta(**delta)).timestamp())


OTHER = AccessTokens("another secret, of another installation, as long", issuer="outrider", ttl=timedelta(minutes=5))
JWK = {"kty": "oct", "k": part("attacker")}
FORGERIES = {
    "no signature": lambda: f"{part({**opened()[0], 'alg': 'none'})}.{part(opened()[1])}.",
    "none in odd case": lambda: f"{part({**opened()[0], 'alg': 'nOnE'})}.{part(opened()[1])}.",
    "alg none, signature kept": lambda: forged(header={"alg": "none"}),
    "signed by RSA": lambda: jwt.encode(opened()[1], RSA, "RS256", headers={"typ": "at+jwt", "kid": TOKENS._kid}),
    "HS256 by a public key": lambda: forged(key=PUBLIC_PEM),
    "another HMAC": lambda: signed({**opened()[0], "alg": "HS512"}, opened()[1], by="sha512"),
    "jku": lambda: forged(header={"jku": "https://attacker.example/jwks.json"}, key=b"attacker"),
    "jwk": lambda: forged(header={"jwk": JWK}, key=b"attacker"),
    "x5u": lambda: forged(header={"x5u": "https://attacker.example/cert.pem"}, key=b"attacker"),
    "x5c": lambda: forged(header={"x5c": [part("certificate")]}, key=b"attacker"),
    "kid into the file system": lambda: forged(header={"kid": "../../../../dev/null"}, key=b""),
    "kid into the database": lambda: forged(header={"kid": "x' union select 'key"}, key=b"key"),
    "kid of another kind": lambda: forged(header={"kid": [TOKENS._kid]}),
    "no kid": lambda: jwt.encode(opened()[1], TOKENS._key, "HS256", headers={"typ": "at+jwt"}),
    "a kid of ours, a key of theirs": lambda: forged(key=OTHER._key),
    "of another installation": lambda: OTHER.issue(
        user_id=WHO.user_id, session_id=WHO.session_id, workspace_id=WHO.workspace_id, now=NOW
    )[0],
    "the setting itself as key": lambda: forged(key=SECRET.encode()),
    "typ of an id token": lambda: forged(header={"typ": "JWT"}),
    "crit": lambda: forged(header={"crit": ["exp"], "b64": False}),
    "expired": lambda: forged(claims={"exp": seconds(seconds=-1)}),
    "expires this second": lambda: forged(claims={"exp": seconds()}),
    "lives too long": lambda: forged(claims={"exp": seconds(hours=9)}),
    "not valid yet": lambda: forged(claims={"nbf": seconds(minutes=5)}),
    "wrong audience": lambda: forged(claims={"aud": "elsewhere"}),
    "audience within a word": lambda: forged(claims={"aud": f"{AUDIENCE}-admin"}),
    "wrong issuer": lambda: forged(claims={"iss": "https://attacker.example"}),
    "exp is true": lambda: forged(claims={"exp": True}),
    "exp is no number": lambda: forged(claims={"exp": "never"}),
    "exp is not finite": lambda: forged(claims={"exp": float("inf")}),
    "nbf is not a number": lambda: forged(claims={"nbf": float("nan")}),
    "nbf is no number": lambda: forged(claims={"nbf": "now"}),
    "nobody in particular": lambda: forged(claims={"sub": "admin"}),
    "wid is a list": lambda: forged(claims={"wid": [str(WHO.workspace_id)]}),
    **{f"without {name}": lambda name=name: forged(without=name) for name in (
        "iss", "aud", "sub", "sid", "wid", "iat", "nbf", "exp", "jti"
    )},
    "another payload under an old signature": lambda: ".".join(
        (issued().split(".")[0], part({**opened()[1], "wid": str(new_id())}), issued().split(".")[2])
    ),
    "empty": lambda: "",
    "not a token": lambda: "Bearer",
    "five parts": lambda: "a.b.c.d.e",
    "not ASCII": lambda: "é.é.é",
    "claims are a list": lambda: signed(opened()[0], ["sub"]),
    "megabytes": lambda: "A" * 2_000_000 + "." + "A" * 2_000_000 + ".A",
}  # fmt: skip


def test_a_token_is_read_back_until_it_expires():
    token, expires_at = TOKENS.issue(
        user_id=WHO.user_id, session_id=WHO.session_id, workspace_id=WHO.workspace_id, now=NOW
    )
    assert expires_at == NOW + timedelta(minutes=15)
    assert TOKENS.read(token, now=NOW) == WHO
    assert TOKENS.read(token, now=expires_at - timedelta(seconds=1)) == WHO
    with pytest.raises(Unauthenticated):
        TOKENS.read(token, now=expires_at)


def test_the_expiry_told_is_the_expiry_held_even_within_a_second():
    at = NOW + timedelta(milliseconds=900)
    token, expires_at = TOKENS.issue(user_id=new_id(), session_id=new_id(), workspace_id=new_id(), now=at)
    TOKENS.read(token, now=at)
    with pytest.raises(Unauthenticated):
        TOKENS.read(token, now=expires_at)


def test_another_process_with_the_same_secret_reads_it():
    again = AccessTokens(SECRET, issuer="outrider", ttl=timedelta(minutes=1))
    assert again.read(issued(), now=NOW) == WHO


def test_no_setting_makes_a_token_live_longer_than_a_quarter_of_an_hour():
    generous = AccessTokens(SECRET, issuer="outrider", ttl=timedelta(days=7))
    _, expires_at = generous.issue(user_id=new_id(), session_id=new_id(), workspace_id=new_id(), now=NOW)
    assert expires_at == NOW + timedelta(minutes=15)


def test_a_token_says_what_it_is_and_each_is_its_own():
    header, claims = opened()
    assert header == {"alg": "HS256", "typ": "at+jwt", "kid": TOKENS._kid}
    assert set(claims) == {"iss", "aud", "sub", "sid", "wid", "iat", "nbf", "exp", "jti"}
    assert opened()[1]["jti"] != claims["jti"]
    UUID(claims["jti"])


@pytest.mark.parametrize("kind", FORGERIES)
def test_a_forged_token_is_refused_without_saying_why(kind):
    with pytest.raises(Unauthenticated) as caught:
        TOKENS.read(FORGERIES[kind](), now=NOW)
    assert caught.value.message == INVALID
    assert caught.value.__cause__ is None


def test_the_forgeries_are_refused_for_what_is_forged():
    assert TOKENS.read(forged(), now=NOW) == WHO


@pytest.mark.parametrize("secret", ["", "short", "é" * 15, "x" * 31])
def test_a_short_secret_signs_nothing(secret):
    with pytest.raises(ValueError, match="32 bytes"):
        AccessTokens(secret, issuer="outrider", ttl=timedelta(minutes=5))


def test_the_secret_is_in_no_representation():
    assert SECRET not in repr(TOKENS)
    assert TOKENS._key.hex() not in repr(TOKENS)


def test_opaque_secrets_are_256_bits_and_only_their_digest_needs_keeping():
    made = {new_secret() for _ in range(1_000)}
    assert len(made) == 1_000
    assert all(len(base64.urlsafe_b64decode(each + "=")) == 32 for each in made)
    assert digest("x") == hashlib.sha256(b"x").digest()


def test_every_access_key_is_found_in_a_text_and_nothing_in_noise_is():
    keys = [new_access_key() for _ in range(1_000)]
    assert len(set(keys)) == 1_000
    text = "".join(f'{{"key": "{key}"}}\n' for key in keys)
    assert [each[0] for each in KEY_PATTERN.finditer(text) if is_well_formed(each[0])] == keys
    chance = random.Random(54)
    noise = base64.b64encode(chance.randbytes(7_500_000)).decode()
    # Base64 never holds the prefix's underscore: put it before random characters to test the checksum too.
    noise += "".join(f"outr_live_{noise[at : at + 36]} " for at in range(0, 500_000, 50))
    found = [each[0] for each in KEY_PATTERN.finditer(noise)]
    false = [each for each in found if is_well_formed(each)]
    print(
        f"1000 of 1000 keys found; {len(found)} look like keys in {len(noise) / 1e6:.1f} MB of noise, {len(false)} are"
    )
    assert len(found) > 1_000
    assert false == []


def test_any_single_slip_breaks_the_checksum():
    key = new_access_key()
    for place in range(len("outr_live_"), len(key)):
        other = "A" if key[place] != "A" else "B"
        assert not is_well_formed(key[:place] + other + key[place + 1 :])


@pytest.mark.parametrize(
    "change",
    [str.upper, str.strip, lambda key: key + "\n", lambda key: key + "0", lambda key: key[:-1], lambda key: " " + key],
)
def test_only_the_whole_key_is_well_formed(change):
    key = new_access_key()
    assert is_well_formed(change(key)) is (change(key) == key)


def test_a_checksum_has_six_digits_whatever_its_size():
    for _ in range(2_000):
        key = new_access_key()
        assert re.fullmatch(r"outr_live_[0-9A-Za-z]{36}", key)
        assert is_well_formed(key)
