"""Whether a call from outside was Twilio's (https://www.twilio.com/docs/usage/security#validating-requests)."""

import base64
import hashlib
import hmac
from collections.abc import Iterable
from urllib.parse import parse_qs, urlsplit, urlunsplit

HEADER = "x-twilio-signature"
_USUAL_PORTS = {"https": 443, "http": 80}


def is_genuine(token: str, url: str, form: Iterable[tuple[str, str]], signature: str) -> bool:
    """Compares in constant time. `url` is the one that Twilio was given, `form` what it posted.

    Twilio may or may not name a port when it signs.
    """
    given = signature.encode("utf-8", "replace")
    fields = list(form)
    return any(hmac.compare_digest(signed(token, each, fields).encode(), given) for each in _spellings(url))


def is_genuine_body(token: str, url: str, body: bytes, signature: str) -> bool:
    """The same for a body that is no form: its digest stands in the address."""
    digests = parse_qs(urlsplit(url).query).get("bodySHA256", [])
    is_same = len(digests) == 1 and hmac.compare_digest(hashlib.sha256(body).hexdigest().encode(), digests[0].encode())
    return is_genuine(token, url, [], signature) and is_same


def signed(token: str, url: str, form: Iterable[tuple[str, str]]) -> str:
    """A name that is given several times counts once for each of its values."""
    words = "".join(name + value for name, value in sorted(set(form)))
    return base64.b64encode(hmac.new(token.encode(), (url + words).encode(), hashlib.sha1).digest()).decode()


def _spellings(url: str) -> list[str]:
    parts = urlsplit(url)
    host, port = parts.netloc.rpartition("@")[2], parts.port
    if port is None:
        usual = _USUAL_PORTS.get(parts.scheme)
        return [url, urlunsplit(parts._replace(netloc=f"{parts.netloc}:{usual}"))] if usual and host else [url]
    bare = parts.netloc.removesuffix(f":{port}")
    return [url, urlunsplit(parts._replace(netloc=bare))]
