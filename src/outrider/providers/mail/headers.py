"""Header values as mailers really write them: encoded words, raw bytes, broken addresses, dates and ids."""

import binascii
import quopri
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from email.message import Message
from email.utils import getaddresses, parsedate_to_datetime

from outrider.providers.mail import charsets
from outrider.providers.mail.limits import MAX_ADDRESSES, MAX_HEADER
from outrider.providers.mail.parsed import Mailbox

MAX_REFERENCES = 100
MAX_REPEATED = 50
_LONGEST_ADDRESS = 320  # RFC 3696 erratum 1690: 64 + 1 + 255
_LONGEST_ID = 998

_ENCODED_WORD = re.compile(r"=\?([^?\s]{1,60})\?([bBqQ])\?([^?]*)\?=")
_UNSAFE = re.compile(r"[\x00-\x1f\x7f\u2028\u2029]+")
_MESSAGE_ID = re.compile(r"<\s*([^<>\s]+)\s*>")
# One address with or without a name, as most headers have it: the library would come to the same, at length.
_PLAIN = re.compile(
    r"[ \t]*(?:([\w.!#$%&*+/=?^`{|}~' -]*?)[ \t]*<([\w.+=-]+@[\w.-]+)>|([\w.+=-]+@[\w.-]+))[ \t]*", re.ASCII
)
# An apostrophe may stand within a name (o'neil@example.org), not before it: there it quotes the whole.
_ADDRESS = re.compile(r"[^\s<>()\[\],;:\"'@][^\s<>()\[\],;:\"@]{0,255}@[^\s<>()\[\],;:\"'@]+")


def values(mail: Message, name: str) -> list[str]:
    """The raw values of a header. (`get_all` would lose the bytes over 127.)"""
    return [str(value) for key, value in mail.raw_items() if key.lower() == name][:MAX_REPEATED]


def grouped(mail: Message) -> dict[str, list[str]]:
    """The raw values of all headers by lower-cased name, for those who want many of them."""
    found: dict[str, list[str]] = {}
    for key, value in mail.raw_items():
        same = found.setdefault(key.lower(), [])
        if len(same) < MAX_REPEATED:
            same.append(str(value))
    return found


def decode(value: str) -> str:
    """One line of text out of a raw header value (bytes over 127 as surrogate escapes)."""
    return _UNSAFE.sub(" ", _words(_unescape(value))).strip()


def addresses(raw_values: Sequence[str]) -> tuple[Mailbox, ...]:
    """The usable addresses of these headers. Names are decoded after splitting: an encoded name may hold a comma."""
    raw = [_UNSAFE.sub(" ", _unescape(value))[:MAX_HEADER] for value in raw_values]
    found = []
    for name, address in _split(raw)[:MAX_ADDRESSES]:
        if is_address(address):
            found.append(Mailbox(address.lower(), decode(name)))
    if not found:
        found = [Mailbox(match.lower()) for value in raw for match in _ADDRESS.findall(value) if is_address(match)]
    return tuple(found[:MAX_ADDRESSES])


def _split(values: Sequence[str]) -> list[tuple[str, str]]:
    if len(values) == 1 and (plain := _PLAIN.fullmatch(values[0])):
        return [(" ".join((plain[1] or "").split()), plain[2] or plain[3])]
    return getaddresses(values)


def is_address(text: str) -> bool:
    return len(text) <= _LONGEST_ADDRESS and _ADDRESS.fullmatch(text) is not None


def message_ids(value: str) -> tuple[str, ...]:
    """Every Message-ID of a header, in order, at most the last `MAX_REFERENCES`."""
    ids = [f"<{found}>" for found in _MESSAGE_ID.findall(_unescape(value)) if len(found) <= _LONGEST_ID]
    return tuple(dict.fromkeys(ids))[-MAX_REFERENCES:]


def message_id(value: str) -> str | None:
    """The id of a Message-ID header; one without brackets gets them, since replies will name it with them."""
    ids = message_ids(value)
    if ids:
        return ids[0]
    bare = _UNSAFE.sub("", _unescape(value)).strip().strip("<>")
    return f"<{bare}>" if bare and " " not in bare and len(bare) <= _LONGEST_ID else None


def date(value: str) -> datetime | None:
    """The moment a Date header names, in UTC. None if it is none."""
    try:
        parsed = parsedate_to_datetime(_unescape(value)[:200])
        return (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def _unescape(value: str) -> str:
    return value if value.isascii() else charsets.decode(value.encode("utf-8", "surrogateescape"), "utf-8")


def _words(value: str) -> str:
    """Decodes encoded words (RFC 2047). Neighbours of one charset are joined as bytes first: mailers split characters."""
    if "=?" not in value:
        return value
    done: list[str] = []
    pending, charset, end = b"", "", 0
    for word in _ENCODED_WORD.finditer(value):
        between = value[end : word.start()]
        is_neighbour = bool(end) and not between.strip()
        if not (is_neighbour and word[1].lower() == charset):
            done.append(charsets.decode(pending, charset))
            pending = b""
        if not is_neighbour:
            done.append(between)
        charset, end = word[1].lower().partition("*")[0], word.end()
        pending += _word_bytes(word[2], word[3])
    return "".join((*done, charsets.decode(pending, charset), value[end:]))


def _word_bytes(encoding: str, text: str) -> bytes:
    raw = text.encode("utf-8")
    if encoding in "qQ":
        return quopri.decodestring(raw, header=True)
    try:
        return binascii.a2b_base64(raw + b"==")
    except binascii.Error:
        return raw
