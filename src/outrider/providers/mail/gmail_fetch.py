"""Whole messages by their ids, in batches, bounded in memory; what was deleted meanwhile is left out."""

import asyncio
import base64
import binascii
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, TypeVar

from outrider.core.egress import EgressTooLarge, Limits
from outrider.providers.google_refusal import refusal_of
from outrider.providers.mail import gmail_batch
from outrider.providers.mail.answers import malformed
from outrider.providers.mail.gmail_api import ATTEMPTS, UNITS, ApiError, GmailApi, failure_of
from outrider.providers.mail.gmail_batch import Part
from outrider.providers.mail.interface import Fetched, ReadFailed, Role
from outrider.providers.mail.limits import MAX_HEADER_BLOCK, MAX_RAW

FIELDS = "id,threadId,labelIds,internalDate,sizeEstimate,raw"
LIMITS = Limits(read=60, total=300, body=16 * 2**20)
# One message of the largest size, in base64 with what is around it.
LIMITS_OF_ONE = Limits(read=60, total=300, body=MAX_RAW * 4 // 3 + 2**20)
ROLES = {"INBOX": Role.INBOX, "SENT": Role.SENT, "SPAM": Role.JUNK, "DRAFT": Role.DRAFTS, "TRASH": Role.TRASH}
# Not mail that was sent or came in: what is being written, was thrown away, or was chatted.
LEFT_OUT = frozenset({"DRAFT", "TRASH", "CHAT"})


T = TypeVar("T")
Decode = Callable[[Sequence[bytes]], list[T]]


async def fetch(api: GmailApi, ids: Sequence[str]) -> list[Fetched]:
    """Returns the messages in the order of their ids. Raises ReadFailed, ConnectFailed."""
    messages: list[Fetched] = []
    size = gmail_batch.MOST
    position = 0
    while position < len(ids):
        chunk = ids[position : position + size]
        found = await several(api, chunk, f"format=raw&fields={FIELDS}", _messages)
        if found is None:  # larger than one answer may be
            if len(chunk) == 1:
                messages += await _header_only(api, chunk[0])
                position += 1
            size = max(size // 4, 1)
            continue
        messages += found
        position += len(chunk)
        size = min(size * 2, gmail_batch.MOST)
    return messages


async def several(api: GmailApi, ids: Sequence[str], form: str, decode: Decode[T]) -> list[T] | None:
    """Asks for some messages at once; what was deleted is left out. None where they are too large together."""
    waiting = list(ids)
    answers: dict[str, bytes] = {}
    for attempt in range(ATTEMPTS):
        parts = await _ask(api, waiting, form)
        if parts is None:
            return None
        answers |= {each: part.content for each, part in parts.items() if part.status == HTTPStatus.OK}
        failed = {each: part for each, part in parts.items() if part.status >= HTTPStatus.BAD_REQUEST}
        waiting = [each for each in waiting if each not in parts] + _worth_another_try(failed)
        if not waiting:
            return await asyncio.to_thread(decode, [answers[each] for each in ids if each in answers])
        if any(part.status == HTTPStatus.UNAUTHORIZED for part in failed.values()):
            await api.renew()
        waits = [refusal_of(part.status, part.headers, part.content).retry_after or 0.0 for part in failed.values()]
        await api.wait_out(attempt, max(waits, default=0.0))
    raise ReadFailed("Google did not give all messages of a batch.", is_lost=False)


def _worth_another_try(failed: Mapping[str, Part]) -> list[str]:
    """Which parts to ask for again. Raises what one means that no other try will mend."""
    again = []
    for each, part in failed.items():
        if part.status == HTTPStatus.NOT_FOUND:
            continue  # deleted since it was listed
        refusal = refusal_of(part.status, part.headers, part.content)
        # A token may run out between two parts of a batch; the next batch brings another.
        if not refusal.is_passing and refusal.status != HTTPStatus.UNAUTHORIZED:
            raise failure_of(refusal)
        again.append(each)
    return again


async def _ask(api: GmailApi, ids: Sequence[str], form: str) -> dict[str, Part] | None:
    body, content_type = gmail_batch.compose([f"/gmail/v1/users/me/messages/{each}?{form}" for each in ids])
    limits = LIMITS if len(ids) > 1 else LIMITS_OF_ONE
    try:
        answer = await api.batch(body, content_type, units=UNITS["get"] * len(ids), limits=limits)
        given = await asyncio.to_thread(
            gmail_batch.read, answer.content, answer.headers.get("content-type", ""), count=len(ids)
        )
    except ReadFailed as error:
        if isinstance(error.__cause__, EgressTooLarge):
            return None
        raise
    except ApiError as error:
        raise failure_of(error.refusal) from error
    except gmail_batch.Garbled as error:
        raise ReadFailed(f"Google's answer to a batch can't be read: {error}.", is_lost=False) from error
    return {each: part for each, part in zip(ids, given, strict=True) if part is not None}


async def _header_only(api: GmailApi, message_id: str) -> list[Fetched]:
    """A message beyond all limits: its header, put together from what Google tells of it."""
    params = {"format": "metadata", "fields": f"{FIELDS},payload/headers"}
    try:
        message = await api.read(f"messages/{message_id}", units=UNITS["get"], params=params)
    except ApiError as error:
        if error.refusal.status == HTTPStatus.NOT_FOUND:
            return []
        raise failure_of(error.refusal) from error
    return _of(message, raw=None)


def _messages(answers: Sequence[bytes]) -> list[Fetched]:
    messages: list[Fetched] = []
    for answer in answers:
        try:
            message = json.loads(answer)
            encoded = message["raw"]
            raw = base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4))
            messages += _of(message, raw=raw)
        except (ValueError, LookupError, TypeError, binascii.Error) as error:
            raise malformed("Google") from error
    return messages


def _of(message: Mapping[str, Any], *, raw: bytes | None) -> list[Fetched]:
    labels = set(message.get("labelIds", ()))
    if labels & LEFT_OUT:
        return []
    header = _header_block(raw) if raw is not None else header_of(message)
    size = len(raw) if raw is not None else int(message.get("sizeEstimate", 0))
    return [
        Fetched(
            id=str(message["id"]),
            received_at=datetime.fromtimestamp(int(message["internalDate"]) / 1000, UTC),
            size=size,
            header=header,
            raw=raw if size <= MAX_RAW else None,
            thread_id=str(message["threadId"]),
            roles=frozenset(ROLES[each] for each in labels & ROLES.keys()),
        )
    ]


def _header_block(raw: bytes) -> bytes:
    end = raw.find(b"\r\n\r\n", 0, MAX_HEADER_BLOCK)
    return raw[: end + 4] if end >= 0 else raw[:MAX_HEADER_BLOCK]


def header_of(message: Mapping[str, Any]) -> bytes:
    headers = message.get("payload", {}).get("headers", [])
    lines = [f"{each['name']}: {' '.join(each['value'].split())}" for each in headers]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("utf-8", "surrogateescape")[:MAX_HEADER_BLOCK]
