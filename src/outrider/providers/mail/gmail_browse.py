"""A Gmail mailbox as its owner sees it: labels, searches in Gmail's own words, and what a list shows of messages.

https://developers.google.com/workspace/gmail/api/guides/filtering.
"""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from http import HTTPStatus

from outrider.providers.mail.answers import malformed
from outrider.providers.mail.gmail_api import UNITS, ApiError, GmailApi
from outrider.providers.mail.gmail_batch import MOST
from outrider.providers.mail.gmail_fetch import header_of, several
from outrider.providers.mail.interface import Glimpse, Label, Listed, NotUnderstood, ReadFailed

SHOWN = ("From", "To", "Subject", "Date", "Message-ID")
FIELDS = "id,threadId,labelIds,snippet,internalDate,sizeEstimate,payload/headers"
FORM = f"format=metadata&fields={FIELDS}&" + "&".join(f"metadataHeaders={name}" for name in SHOWN)
_NONSENSE = frozenset({HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND})


async def labels(api: GmailApi) -> tuple[Label, ...]:
    answer = await api.read("labels", units=UNITS["labels"])
    return tuple(
        Label(str(each["id"]), str(each["name"]), is_system=each.get("type") == "system")
        for each in answer.get("labels", [])
    )


async def search(api: GmailApi, *, label: str | None, query: str, page: str | None, size: int) -> Listed:
    """Raises NotUnderstood where Gmail says that the question is wrong."""
    params = {"maxResults": str(size)}
    params |= {"q": query} if query else {}
    params |= {"labelIds": label} if label else {}
    params |= {"pageToken": page} if page else {}
    try:
        answer = await api.read("messages", units=UNITS["list"], params=params)
    except ApiError as error:
        if error.refusal.status in _NONSENSE:
            raise NotUnderstood(f"Gmail does not understand this: {error.refusal.message}") from error
        raise
    ids = tuple(str(each["id"]) for each in answer.get("messages", []))
    next_page = answer.get("nextPageToken")
    return Listed(ids, str(next_page) if next_page else None, int(answer.get("resultSizeEstimate", len(ids))))


async def glimpse(api: GmailApi, ids: Sequence[str]) -> list[Glimpse]:
    """Returns what there still is of the messages, in their order, in as few requests as Google advises."""
    shown: list[Glimpse] = []
    for start in range(0, len(ids), MOST):
        found = await several(api, ids[start : start + MOST], FORM, _glimpses)
        if found is None:
            raise ReadFailed("Google's answer is too large.", is_lost=False)
        shown += found
    return shown


def _glimpses(answers: Sequence[bytes]) -> list[Glimpse]:
    try:
        return [_glimpse(json.loads(answer)) for answer in answers]
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise malformed("Google") from error


def _glimpse(message: dict[str, object]) -> Glimpse:
    labels = message.get("labelIds", [])
    return Glimpse(
        id=str(message["id"]),
        thread_id=str(message["threadId"]),
        received_at=datetime.fromtimestamp(int(str(message["internalDate"])) / 1000, UTC),
        size=int(str(message.get("sizeEstimate", 0))),
        snippet=str(message.get("snippet", "")),
        labels=tuple(str(each) for each in labels) if isinstance(labels, list) else (),
        header=header_of(message),
    )
