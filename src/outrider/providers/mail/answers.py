"""What the mail APIs have in common: answers read as JSON objects, and lists of messages fetched within a bound of memory."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

from outrider.core.egress import Answer
from outrider.providers.mail.interface import Fetched, ReadFailed
from outrider.providers.mail.limits import MAX_BATCH_BYTES

T = TypeVar("T")


def object_of(answer: Answer, *, whose: str) -> dict[str, Any]:
    """Raises ReadFailed, in a sentence about `whose` answer it is."""
    try:
        body = answer.json()
    except ValueError as error:
        raise ReadFailed(f"{whose}'s answer is no JSON.", is_lost=False) from error
    if not isinstance(body, dict):
        raise malformed(whose)
    return body


def malformed(whose: str) -> ReadFailed:
    return ReadFailed(f"{whose}'s answer has another form than it describes.", is_lost=False)


async def bounded(
    fetch: Callable[[Sequence[T]], Awaitable[list[Fetched]]], listed: Sequence[T], *, at_once: int
) -> tuple[list[Fetched], int]:
    """Returns messages up to a bound of bytes, and how many of the list were looked at."""
    messages: list[Fetched] = []
    count = 0
    for start in range(0, len(listed), at_once):
        chunk = listed[start : start + at_once]
        messages += await fetch(chunk)
        count += len(chunk)
        if sum(len(each.raw or each.header) for each in messages) > MAX_BATCH_BYTES:
            break
    return messages, count
