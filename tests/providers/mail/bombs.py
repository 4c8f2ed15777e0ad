"""Mails made to hurt: too large, too deep, too many, too slow, broken or lying about what they are."""

import base64
from collections.abc import Callable

from outrider.providers.mail.limits import MIB

HEAD = b"From: Eve <eve@example.org>\r\nTo: me@example.com\r\nSubject: A bomb\r\nMessage-ID: <bomb@example.org>\r\n"


def _nested(levels: int) -> bytes:
    lines = [HEAD]
    lines += [b'Content-Type: multipart/mixed; boundary="b%d"\r\n\r\n--b%d\r\n' % (n, n) for n in range(levels)]
    return b"".join(lines) + b"\r\nhello\r\n"


def _parts(count: int, kind: bytes = b"multipart/mixed") -> bytes:
    return HEAD + b"Content-Type: " + kind + b"; boundary=b\r\n\r\n" + b"--b\r\n\r\nx\r\n" * count + b"--b--\r\n"


def _html(body: bytes) -> bytes:
    return HEAD + b"Content-Type: text/html; charset=utf-8\r\n\r\n" + body


def _text(body: bytes, charset: bytes = b"utf-8", encoding: bytes = b"8bit") -> bytes:
    extra = b"Content-Type: text/plain; charset=" + charset + b"\r\nContent-Transfer-Encoding: " + encoding
    return HEAD + extra + b"\r\n\r\n" + body


def _report(blocks: int) -> bytes:
    status = b"Final-Recipient: rfc822; a@example.org\r\nAction: failed\r\nStatus: 5.1.1\r\n\r\n" * blocks
    head = b"Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n--b\r\n"
    return HEAD + head + b"Content-Type: message/delivery-status\r\n\r\n" + status + b"--b--\r\n"


# Too much: these must come out as poison.
TOO_MUCH: dict[str, Callable[[], bytes]] = {
    "larger than 35 MiB": lambda: _text(b"x" * 70 + b"\r\n") + b"y" * (36 * MIB),
    "header block of 1 MiB": lambda: HEAD + b"X-Pad: y\r\n" * 100_000 + b"\r\nhello",
    "one header of 64 KiB": lambda: HEAD + b"X-Long: " + b"a" * 65_536 + b"\r\n\r\nhello",
    "one folded header of 64 KiB": lambda: HEAD + b"X-Long: a\r\n" + b" a\r\n" * 20_000 + b"\r\nhello",
    "5,000 addresses": lambda: (
        HEAD + b"Cc: a@example.org,\r\n" + b" a@b.example,\r\n" * 2_000 + b" z@b.example\r\n\r\nx"
    ),
    "addresses over many headers": lambda: b"Cc: a@b.example\r\n" * 600 + HEAD + b"\r\nhello",
    "201 parts": lambda: _parts(250),
    "100,000 parts": lambda: _parts(100_000),
    "nested 30 deep": lambda: _nested(30),
    "nested 5,000 deep": lambda: _nested(5_000),
    "mail in mail, 500 deep": lambda: HEAD + b"Content-Type: message/rfc822\r\n\r\n" * 500 + b"x",
    "a digest of 5,000": lambda: _parts(5_000, b"multipart/digest"),
    "a boundary in pieces": lambda: (
        HEAD + b"Content-Type: multipart/mixed; boundary*0=a; boundary*1=b\r\n\r\n--ab\r\n\r\nx"
    ),
    "a report of 100,000 blocks": lambda: _report(100_000),
}
# Strange, but to be read or refused within the limits.
STRANGE: dict[str, Callable[[], bytes]] = {
    "nothing": lambda: b"",
    "only NULs": lambda: b"\0" * 100_000,
    "random bytes": lambda: bytes(range(256)) * 2_000,
    "only line ends": lambda: HEAD + b"\r\n" * 2_000_000,
    "no header at all": lambda: b"\r\n\r\nhello",
    "a folded line first": lambda: b" folded\r\n" + HEAD + b"\r\nhello",
    "a multipart without boundary": lambda: HEAD + b"Content-Type: multipart/mixed\r\n\r\nhello",
    "an unknown charset": lambda: _text(b"caf\xc3\xa9", b"no-such-charset"),
    "a codec that is no charset": lambda: _text(b"a" * 100_000, b"punycode"),
    "a compressing codec": lambda: _text(base64.b64encode(b"x\x9c" * 1_000), b"zlib_codec", b"base64"),
    "UTF-7 with lone surrogates": lambda: _text(b"+2AA-+3AA-" * 1_000, b"utf-7"),
    "broken base64": lambda: _text(b"A" * 99_999 + b"=A", b"utf-8", b"base64"),
    "uuencode without end": lambda: _text(b"begin 644 a\r\n" + b"M" * 100_000, b"utf-8", b"x-uuencode"),
    "HTML of open tags": lambda: _html(b"<div>" * 200_000),
    "HTML of open angles": lambda: _html(b"<" * 200_000),
    "HTML of half comments": lambda: _html(b"<!--" * 50_000),
    "HTML of half entities": lambda: _html(b"&" * 200_000),
    "HTML of open attributes": lambda: _html(b"<a x='" * 30_000),
    "encoded words in a row": lambda: b"Subject: " + b"=?utf-8?q?=41?= " * 1_500 + b"\r\n" + HEAD[:28] + b"\r\nhello",
    "quoted names without end": lambda: b'From: "' + b'\\"' * 10_000 + b"\r\n\r\nhello",
    "comments in an address": lambda: b"From: " + b"(" * 20_000 + b"\r\n\r\nhello",
    "a date out of this world": lambda: b"Date: Mon, 99 Foo 999999999999 99:99:99 +999999\r\n" + HEAD + b"\r\nx",
    "35 MiB of one line": lambda: _text(b"x" * (34 * MIB)),
    "a header that injects": lambda: b"Subject: =?utf-8?q?a=0D=0ABcc:_x@example.org?=\r\n" + HEAD + b"\r\nhello",
}
# These take the standard library minutes, so only the sandbox can end them.
SLOW = {"only line ends", "HTML of half comments", "HTML of open attributes"}
ALL = {**TOO_MUCH, **STRANGE}
