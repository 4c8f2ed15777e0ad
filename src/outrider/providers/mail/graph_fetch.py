"""Whole messages by their ids, a few at once, bounded in memory; what was deleted meanwhile is left out.

One request for each: inside a JSON batch, MIME is a string, and bytes that are no text would be lost.
"""

import asyncio
from collections.abc import Collection, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from http import HTTPStatus
from typing import Any, Self, TypeVar

from outrider.core.egress import EgressTooLarge, Limits
from outrider.providers.mail.graph_api import ATTEMPTS_CUT_OFF, ApiError, GraphApi
from outrider.providers.mail.interface import Fetched, ReadFailed
from outrider.providers.mail.limits import MAX_HEADER_BLOCK, MAX_RAW

LIMITS = Limits(read=60, total=300, body=MAX_RAW)
MIME_TYPES = frozenset({"text/plain", "message/rfc822", "application/octet-stream"})
# What Exchange can't write as MIME, now or ever.
UNREADABLE_CODES = frozenset(
    {"ErrorMimeContentConversionFailed", "ErrorContentConversionFailed", "ErrorMimeContentInvalid", "ErrorItemCorrupt"}
)
SELECT = "id,receivedDateTime,conversationId,isDraft"
T = TypeVar("T")
SIZE = "Integer 0x0E08"  # PidTagMessageSize, which no property of a message tells
OUTLINE = {
    "$select": "internetMessageHeaders,internetMessageId,subject,from,toRecipients,sentDateTime",
    "$expand": f"singleValueExtendedProperties($filter=id eq '{SIZE}')",
}


@dataclass(frozen=True, slots=True)
class Listed:
    """What a list tells of a message: all that its MIME does not say."""

    id: str
    received_at: datetime
    thread_id: str | None

    @classmethod
    def of(cls, message: Mapping[str, Any]) -> Self:
        received, thread_id = message.get("receivedDateTime"), message.get("conversationId")
        at = datetime.fromisoformat(received) if received else datetime.now(UTC)
        return cls(str(message["id"]), at, str(thread_id) if thread_id else None)


async def fetch(api: GraphApi, listed: Sequence[Listed]) -> list[Fetched]:
    """Returns the messages in the order of the list. Raises ReadFailed, ConnectFailed."""
    return [each for each in await together([_one(api, each) for each in listed]) if each is not None]


async def by_ids(api: GraphApi, ids: Sequence[str], *, without: Collection[str]) -> list[Fetched]:
    """The same, of which nothing is known but their ids; no drafts, and nothing that lies in the folders `without`."""
    params = {"$select": f"{SELECT},parentFolderId"}
    told = await together([described(api, each, params) for each in ids])
    # By the ids that were asked for, whatever Microsoft calls them now.
    found = [{**each, "id": name} for name, each in zip(ids, told, strict=True) if each]
    mail = [each for each in found if not each.get("isDraft") and each.get("parentFolderId") not in without]
    return await fetch(api, [Listed.of(each) for each in mail])


async def described(api: GraphApi, message_id: str, params: Mapping[str, str]) -> dict[str, Any] | None:
    """What Microsoft tells of a message; None where there is none of this id."""
    try:
        return await api.read(f"/me/messages/{message_id}", params=params)
    except ApiError as error:
        refusal = error.refusal
        is_unknown = refusal.status == HTTPStatus.NOT_FOUND or refusal.code.startswith("ErrorInvalidId")
        if is_unknown and isinstance(refusal.failure(), ReadFailed):
            return None
        raise


async def together(asked: Sequence[Coroutine[Any, Any, T]]) -> list[T]:
    """Answers in their order; none is left running where another failed."""
    results = await asyncio.gather(*asked, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result
    return [each for each in results if not isinstance(each, BaseException)]


async def _one(api: GraphApi, listed: Listed) -> Fetched | None:
    try:
        raw = await _mime(api, listed.id)
    except ApiError as error:
        refusal = error.refusal
        if refusal.status == HTTPStatus.NOT_FOUND:
            return None
        if refusal.status == HTTPStatus.INTERNAL_SERVER_ERROR or refusal.code in UNREADABLE_CODES:
            return await _outline(api, listed, least=0)
        raise refusal.failure() from error
    except ReadFailed as error:
        if isinstance(error.__cause__, EgressTooLarge):
            return await _outline(api, listed, least=MAX_RAW + 1)
        raise
    return _fetched(listed, len(raw), _header_block(raw), raw)


async def _mime(api: GraphApi, message_id: str) -> bytes:
    for _ in range(ATTEMPTS_CUT_OFF):
        answer = await api.patiently("GET", f"/me/messages/{message_id}/$value", limits=LIMITS)
        # A page of somebody in between must not be taken for the mail.
        if answer.headers.get("content-type", "").partition(";")[0].strip().lower() in MIME_TYPES:
            return answer.content
    raise ReadFailed("Microsoft's answer is no mail.", is_lost=False)


async def _outline(api: GraphApi, listed: Listed, *, least: int) -> Fetched | None:
    """A message that can't be had whole: its header, put together from what Microsoft tells of it."""
    try:
        message = await api.read(f"/me/messages/{listed.id}", params=OUTLINE)
    except ApiError as error:
        if error.refusal.status == HTTPStatus.NOT_FOUND:
            return None
        raise error.refusal.failure() from error
    return _fetched(listed, max(size_of(message), least), header_of(message), None)


def size_of(message: Mapping[str, Any]) -> int:
    """In bytes, of a message that was asked for with its `SIZE`."""
    values = (str(each["value"]) for each in message.get("singleValueExtendedProperties") or ())
    found = next(values, "0")
    return int(found) if found.isdecimal() else 0


def _fetched(listed: Listed, size: int, header: bytes, raw: bytes | None) -> Fetched:
    at, thread_id = listed.received_at, listed.thread_id
    return Fetched(listed.id, at, size, header, raw, thread_id=thread_id, has_lasting_id=True)


def _header_block(raw: bytes) -> bytes:
    end = raw.find(b"\r\n\r\n", 0, MAX_HEADER_BLOCK)
    return raw[: end + 4] if end >= 0 else raw[:MAX_HEADER_BLOCK]


def header_of(message: Mapping[str, Any]) -> bytes:
    # Of sent mail Microsoft keeps no header as such, only what it says.
    listed = message.get("internetMessageHeaders") or []
    named = [(str(each["name"]), str(each["value"])) for each in listed] or _told(message)
    lines = [f"{name}: {' '.join(value.split())}" for name, value in named]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("utf-8", "replace")[:MAX_HEADER_BLOCK]


def _told(message: Mapping[str, Any]) -> list[tuple[str, str]]:
    senders, to = _addresses([message.get("from") or {}]), _addresses(message.get("toRecipients") or [])
    sent = message.get("sentDateTime")
    told = {
        "Message-ID": str(message.get("internetMessageId") or ""),
        "Date": format_datetime(datetime.fromisoformat(sent)) if sent else "",
        "From": senders,
        "To": to,
        "Subject": str(message.get("subject") or ""),
    }
    return [(name, value) for name, value in told.items() if value]


def _addresses(recipients: Sequence[Mapping[str, Any]]) -> str:
    return ", ".join(_address(each["emailAddress"]) for each in recipients if each.get("emailAddress"))


def _address(known: Mapping[str, Any]) -> str:
    address, name = str(known.get("address") or ""), str(known.get("name") or "")
    if name in {"", address}:
        return address
    quoted = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{quoted}" <{address}>'
