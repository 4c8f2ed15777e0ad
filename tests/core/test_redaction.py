"""What is hidden, what stays readable, and what it costs."""

import time
from datetime import UTC, datetime
from uuid import UUID

import pytest

from outrider.core.redaction import MAX_DEPTH, MAX_ITEMS, MAX_TEXT, is_sensitive, redact, redact_text


@pytest.mark.parametrize("name", ["password", "X-Api-Key", "clientSecret", "SET_COOKIE", "smtp.passwd", "idToken"])
def test_a_sensitive_name_is_known_however_it_is_spelt(name):
    assert is_sensitive(name)


@pytest.mark.parametrize("name", ["host", "mailbox_id", "status", "key", "author", "subject", "code"])
def test_a_harmless_name_is_left_alone(name):
    assert not is_sensitive(name)


@pytest.mark.parametrize(
    "text",
    [
        "GET /mailboxes/42?page=2&sort=-created_at 200",
        "Bound 3 mailboxes of ada@example.com in 1.5 s",
        "connect_tcp.started host='imap.example' port=993 timeout=5",
        "https://example.com/@ada/post?x=1",
        "The login was refused: check the user name",
        "tokens=512 max_tokens: 1024",
        "[generated in 0.00012s] insert into mailboxes",
    ],
)
def test_ordinary_text_stays_as_it_is(text):
    assert redact_text(text) == text


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        ("GET /?token=abc&page=2", "GET /?token=***&page=2"),
        ("{'password': 'a, b', 'host': 'h'}", "{'password': ***, 'host': 'h'}"),
        ('{"api_key": "a\\"b", "n": 1}', '{"api_key": ***, "n": 1}'),
        ("[(b'Set-Cookie', b'sid=1; Path=/'), (b'Date', b'x')]", "[(b'Set-Cookie', ***), (b'Date', b'x')]"),
        ("Authorization: Basic YTpi", "Authorization: ***"),
        ("postgresql://app:p%40ss@db/x", "postgresql://***@db/x"),
        ("[parameters: ('a', 'b')]\n(Background", "[parameters: ***\n(Background"),
        ("password='never closed", "password=***"),
    ],
)
def test_only_the_secret_is_taken_out(text, redacted):
    assert redact_text(text) == redacted


def test_values_become_plain_json_types():
    row = UUID(int=1)
    at = datetime(2026, 1, 1, tzinfo=UTC)
    assert redact({"id": row, "at": at, "n": 1, "ok": True, "none": None, "nan": float("nan"), "set": {1}}) == {
        "id": str(row),
        "at": str(at),
        "n": 1,
        "ok": True,
        "none": None,
        "nan": "nan",
        "set": [1],
    }


def test_numbers_under_a_sensitive_name_are_hidden_but_counts_and_flags_are_not():
    assert redact({"password": 1234, "has_token": True, "secret": None, "max_tokens": 5, "tokens": ["a"]}) == {
        "password": "***",
        "has_token": True,
        "secret": None,
        "max_tokens": 5,
        "tokens": "***",
    }


def test_depth_width_and_length_are_bounded():
    deep: dict[str, object] = {}
    inner = deep
    for _ in range(1000):
        inner["a"] = inner = {}
    assert str(redact(deep)).count("a") == MAX_DEPTH
    assert len(redact(list(range(10**6)))) == MAX_ITEMS
    assert len(redact("x" * 10**7)) == MAX_TEXT
    loop: list[object] = []
    loop.append(loop)
    redact(loop)


PIECES = ["a", "password", "password=", 'password="', "token'", "cookie: ", "://", "eyJaaaaaa.", "bearer ", "secret=\\"]
PIECES += ["authorization'", "= ", "\n", "[parameters: ", "auth  plain  ", "'\\", "-----BEGIN PRIVATE KEY-----"]


@pytest.mark.parametrize("piece", PIECES)
def test_no_text_is_slow_to_read(piece):
    text = (piece * MAX_TEXT)[:MAX_TEXT]
    started = time.perf_counter()
    redact_text(text)
    seconds = time.perf_counter() - started
    print(f"{piece!r}: {seconds * 1000:.0f} ms")
    assert seconds < 0.5
