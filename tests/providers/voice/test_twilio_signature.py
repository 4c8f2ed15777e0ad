"""Twilio's signatures, judged together with Twilio's own package: what it takes we take, and nothing else."""

import json
import random
import string
from collections.abc import Callable

import pytest
from twilio.request_validator import RequestValidator

from outrider.providers.voice.twilio_signature import is_genuine, is_genuine_body, signed

TOKEN = "12345678901234567890123456789012"
CHANCE = random.Random(5)
HOSTS = ("https://a.test", "https://a.test:443", "https://a.test:8443", "http://a.test", "http://a.test:80")
LETTERS = string.ascii_letters + string.digits + " +&=%äöü😀:/?"


def word(longest: int = 12) -> str:
    return "".join(CHANCE.choice(LETTERS) for _ in range(CHANCE.randint(1, longest)))


def callback() -> tuple[str, dict[str, str]]:
    query = f"?call={CHANCE.randint(1, 10**9)}" if CHANCE.random() < 0.5 else ""
    fields = {"CallSid": f"CA{CHANCE.randbytes(16).hex()}", "CallStatus": "completed", word(): word(40), "Empty": ""}
    return f"{CHANCE.choice(HOSTS)}/webhooks/twilio/{CHANCE.randint(1, 99)}{query}", fields


Signed = tuple[str, dict[str, str], str]
SPOILED: tuple[Callable[[str, dict[str, str], str], Signed], ...] = (
    lambda url, form, signature: (url.replace("/webhooks", "/webhook"), form, signature),
    lambda url, form, signature: (url, {**form, "CallStatus": "busy"}, signature),
    lambda url, form, signature: (url, {**form, "Extra": "1"}, signature),
    lambda url, form, signature: (url, {k: v for k, v in form.items() if k != "CallSid"}, signature),
    lambda url, form, signature: (url, form, signature[::-1]),
    lambda url, form, _: (url, form, ""),
    lambda url, form, _: (url, form, signed("another token", url, form.items())),
    lambda url, form, signature: (url.replace("http", "ftp", 1), form, signature),
)


def test_twilios_own_package_agrees_on_a_hundred_callbacks() -> None:
    theirs = RequestValidator(TOKEN)
    disagreed, genuine = 0, 0
    for number in range(100):
        url, form = callback()
        signature = theirs.compute_signature(url, form)
        if number % 2:
            url, form, signature = SPOILED[number // 2 % len(SPOILED)](url, form, signature)
        ours = is_genuine(TOKEN, url, form.items(), signature)
        disagreed += ours != theirs.validate(url, form, signature)
        genuine += ours
    print(f"\ncallbacks on which the two disagree: {disagreed} of 100; genuine: {genuine}")
    assert (disagreed, genuine) == (0, 50)


@pytest.mark.parametrize("port", ["", ":443"], ids=["without a port", "with it"])
def test_a_port_may_be_named_or_not(port: str) -> None:
    signature = signed(TOKEN, f"https://a.test{port}/x", [("a", "b")])
    assert is_genuine(TOKEN, "https://a.test/x", [("a", "b")], signature)
    assert is_genuine(TOKEN, "https://a.test:443/x", [("a", "b")], signature)
    assert not is_genuine(TOKEN, "https://a.test:444/x", [("a", "b")], signature) or port == ""


def test_a_body_that_is_no_form_is_known_by_its_digest() -> None:
    theirs = RequestValidator(TOKEN)
    body = json.dumps({"a": "ä"}).encode()
    url = f"https://a.test/x?bodySHA256={theirs.compute_hash(body.decode())}"
    signature = theirs.compute_signature(url, {})
    assert is_genuine_body(TOKEN, url, body, signature)
    assert not is_genuine_body(TOKEN, url, body + b" ", signature)
    assert not is_genuine_body(TOKEN, "https://a.test/x", body, theirs.compute_signature("https://a.test/x", {}))


def test_no_signature_is_too_strange_to_be_refused() -> None:
    for signature in ("ä", "\ud800", "=" * 10_000, "\x00"):
        assert not is_genuine(TOKEN, "https://a.test/x", [], signature)
