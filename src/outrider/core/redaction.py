"""Keeps secrets out of what is written down: by the name of a field, and by what the text itself looks like."""

import math
import re
from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any

HIDDEN = "***"
MAX_TEXT = 64 * 1024
MAX_ITEMS = 100
MAX_DEPTH = 6

# Any of these anywhere in a field's name, its case and punctuation aside.
_STEMS = (
    "password passwd passphrase pwd secret token authorization cookie credential apikey accesskey privatekey signingkey "
    "encryptionkey datakey signature jwt"
)
_SENSITIVE = re.compile("|".join(_STEMS.split()))

_PARAMETERS = re.compile(r"(\[parameters: |Failing row contains ).*")
_URL_LOGIN = re.compile(r"://[^\s/?#]*@")
_SASL = re.compile(r"(?i)\b(bearer\s+|auth(?:enticate)?\s+(?:plain|login|xoauth2|oauthbearer)\s+)[^\s\"',;]+")
# A header's value runs to the end of the line or the quote: it may hold spaces and semicolons.
_HEADER = re.compile(r"(?i)((?:authorization|cookie)['\")]{0,3}\s?[:=]\s{0,3}b?)(?!['\"])[^\r\n'\"]+")
_QUOTED = r"""b?"(?:[^"\\]|\\.)*(?:"|$)|b?'(?:[^'\\]|\\.)*(?:'|$)"""
# name=value, 'name': 'value', (b'name', b'value') and (name)=(value), as texts, reprs and database errors have them.
_NAMED = re.compile(
    r"(?is)(?P<name>(?:password|passwd|passphrase|pwd|secret|token|authorization|cookie|credential|signature|jwt"
    r"|(?:api|access|private|signing|encryption|data)[_-]?key)[\w-]{0,40})"
    rf"(?P<gap>[\"')\]]{{0,3}}\s{{0,3}}(?:(?:=>|[=:])\s{{0,3}}[(\[]{{0,2}}|,\s{{0,3}}(?=b?[\"'])))"
    rf"(?P<value>{_QUOTED}|[^\s,;&)}}\]]+)"
)
_TELLING = re.compile(
    r"outr_(?:live|test)_\w+"  # our own access keys
    r"|ya29\.[\w.-]+|1//0[\w-]{16,}|GOCSPX-[\w-]+"  # Google: access and refresh tokens, client secrets
    r"|eyJ[\w-]{6,}(?:\.[\w-]*){0,4}"  # JWTs
    r"|(?:AKIA|ASIA)[0-9A-Z]{12,}"  # AWS
    r"|whsec_[\w+/=-]+"  # webhook secrets
    r"|\b[sr]k[-_][\w-]{16,}|\bgh[pousr]_\w{16,}|\bxox[a-z]-[\w-]{10,}|\bSG\.[\w-]{16,}(?:\.[\w-]+)?"
    r"|-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----(?s:.*?)(?:-----END [A-Z ]{0,40}PRIVATE KEY-----|\Z)"
)


def is_sensitive(name: str) -> bool:
    return _SENSITIVE.search(re.sub(r"[^a-z0-9]", "", name.lower())) is not None


def redact_text(text: str) -> str:
    text = text[:MAX_TEXT]
    text = _PARAMETERS.sub(rf"\1{HIDDEN}", text)
    text = _URL_LOGIN.sub(f"://{HIDDEN}@", text)
    text = _HEADER.sub(rf"\1{HIDDEN}", text)
    text = _SASL.sub(rf"\1{HIDDEN}", text)
    text = _NAMED.sub(_hide_named, text)
    return _TELLING.sub(HIDDEN, text)


def redact(value: Any, depth: int = 0) -> Any:
    """Returns `value` as plain JSON types with nothing secret in it, cut at a bounded depth, width and length."""
    match value:
        case None | bool() | int():
            return value
        case float():
            return value if math.isfinite(value) else str(value)
        case Mapping() | list() | tuple() | set() | frozenset() if depth == MAX_DEPTH:
            return "…"
        case Mapping():
            return _redact_fields(value, depth)
        case list() | tuple() | set() | frozenset():
            return _redact_items(value, depth)
        case _:
            return redact_text(repr(value) if isinstance(value, bytes | BaseException) else str(value))


def _redact_fields(fields: Mapping[Any, Any], depth: int) -> dict[str, Any]:
    redacted = {}
    for key, value in islice(fields.items(), MAX_ITEMS):
        name = key.decode("latin-1") if isinstance(key, bytes) else str(key)
        redacted[redact_text(name)] = HIDDEN if _hides(name, value) else redact(value, depth + 1)
    return redacted


def _redact_items(items: Iterable[Any], depth: int) -> list[Any]:
    return [_redact_pair(item, depth) for item in islice(items, MAX_ITEMS)]


def _redact_pair(item: Any, depth: int) -> Any:
    """A list of (name, value) pairs is how HTTP headers travel."""
    if isinstance(item, tuple) and len(item) == 2 and isinstance(item[0], str | bytes):  # noqa: PLR2004 (a pair)
        return next(iter(_redact_fields(dict([item]), depth).items()))
    return redact(item, depth + 1)


def _hides(name: str, value: Any) -> bool:
    is_count = name.lower().endswith("tokens") and isinstance(value, int | float)
    return is_sensitive(name) and not (value is None or isinstance(value, bool) or is_count)


def _hide_named(found: re.Match[str]) -> str:
    if found["name"].lower().endswith("tokens") and found["value"].isdigit():
        return found[0]
    return f"{found['name']}{found['gap']}{HIDDEN}"
