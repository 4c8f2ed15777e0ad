"""Judging an HTTP answer: its size, encoding and type, and where a redirect may lead. Opens no connection."""

import zlib
from collections.abc import AsyncIterable, Collection
from http import HTTPStatus

import httpx2

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
# All that another origin gets to see after a redirect: a key may hide in any other header.
_HARMLESS_HEADERS = ("accept", "accept-language", "user-agent")
_FRAMING_HEADERS = ("host", "content-length", "transfer-encoding")
_BODY_HEADERS = ("content-type", "content-language", "content-location")


class AnswerError(Exception):
    """The answer is not one we accept; the message follows the host's name in a sentence."""


class TooLargeError(AnswerError):
    """The answer has more bytes than were asked for."""


class RedirectError(Exception):
    """The redirect may not be followed; the message follows the host's name in a sentence."""


def bounded_headers(raw: list[tuple[bytes, bytes]], limit: int) -> httpx2.Headers:
    if sum(len(name) + len(value) for name, value in raw) > limit:
        raise AnswerError("sent too many headers.")
    return httpx2.Headers(raw)


def check_type(headers: httpx2.Headers, accepted: Collection[str] | None) -> None:
    media_type = headers.get("content-type", "").partition(";")[0].strip().lower()
    if accepted is not None and media_type not in accepted:
        raise AnswerError("answered with a type of content that is not accepted here.")


async def read_body(chunks: AsyncIterable[bytes], headers: httpx2.Headers, limit: int) -> bytes:
    """Returns the unpacked body, never holding more than `limit` bytes of it."""
    encoding = headers.get("content-encoding", "identity").strip().lower()
    if encoding not in {"", "identity", "gzip", "x-gzip"}:
        raise AnswerError("answered in an encoding that is not accepted here.")
    unpacker = zlib.decompressobj(16 + zlib.MAX_WBITS) if "gzip" in encoding else None
    body = bytearray()
    received = 0
    async for chunk in chunks:
        received += len(chunk)
        body += _unpack(unpacker, chunk, limit + 1 - len(body)) if unpacker else chunk
        # What arrived counts too: empty gzip blocks could go on for ever without unpacking to anything.
        if max(received, len(body)) > limit:
            raise TooLargeError("sent more than is accepted here.")
    if unpacker and received and not unpacker.eof:
        raise AnswerError("sent a body that can't be unpacked.")
    return bytes(body)


def _unpack(unpacker: "zlib._Decompress", chunk: bytes, at_most: int) -> bytes:
    try:
        unpacked = unpacker.decompress(chunk, at_most)
    except zlib.error:
        raise AnswerError("sent a body that can't be unpacked.") from None
    if unpacker.unused_data:
        raise AnswerError("sent more than one packed body.")
    return unpacked


def answer_of(status: int, headers: httpx2.Headers, body: bytes, request: httpx2.Request) -> httpx2.Response:
    """Returns the answer as if it had come unpacked and in one piece."""
    kept = [
        (name, value)
        for name, value in headers.multi_items()
        if name not in {"content-encoding", "content-length", "transfer-encoding"}
    ]
    return httpx2.Response(status, headers=kept, content=body, request=request)


def next_hop(request: httpx2.Request, status: int, headers: httpx2.Headers) -> httpx2.Request | None:
    """Returns the request that a redirect asks for (RFC 9110 15.4), or None where there is nothing to follow."""
    if status not in _REDIRECTS or "location" not in headers:
        return None
    try:
        url = request.url.join(headers["location"])
    except httpx2.InvalidURL:
        raise RedirectError("redirects to something that is no web address.") from None
    if request.url.scheme == "https" and url.scheme == "http":
        raise RedirectError("redirects from https to plain http.")
    becomes_get = (status == HTTPStatus.SEE_OTHER and request.method != "HEAD") or (
        status in {301, 302} and request.method == "POST"
    )
    method, content = ("GET", b"") if becomes_get else (request.method, request.content)
    same_origin = (url.scheme, url.host, url.port) == (request.url.scheme, request.url.host, request.url.port)
    if content and not same_origin:
        raise RedirectError("redirects the request's body to another host.")
    return httpx2.Request(method, url, headers=_carried(request.headers, same_origin, becomes_get), content=content)


def _carried(headers: httpx2.Headers, same_origin: bool, becomes_get: bool) -> list[tuple[str, str]]:
    if not same_origin:
        return [(name, headers[name]) for name in _HARMLESS_HEADERS if name in headers]
    dropped = {*_FRAMING_HEADERS, *(_BODY_HEADERS if becomes_get else ())}
    return [(name, value) for name, value in headers.multi_items() if name not in dropped]
