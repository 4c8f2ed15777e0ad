"""Reading a Gmail mailbox: everything once, from then on its history; everything again where the history is gone.

https://developers.google.com/workspace/gmail/api/guides/sync. A cursor is a history id; while everything is being read
it also says how far that has come, from the newest message down; what arrives meanwhile is read in between.
"""

import asyncio
import json
import random
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from functools import partial
from http import HTTPStatus
from itertools import takewhile
from typing import Any, Self

from outrider.providers.mail import gmail_browse
from outrider.providers.mail.answers import bounded, malformed
from outrider.providers.mail.gmail_api import UNITS, ApiError, GmailApi, failure_of
from outrider.providers.mail.gmail_batch import MOST
from outrider.providers.mail.gmail_fetch import LEFT_OUT, fetch
from outrider.providers.mail.interface import (
    Changes,
    Cursor,
    Fetched,
    Folder,
    Glimpse,
    Label,
    Listed,
    ReadFailed,
    Role,
)

EVERYTHING = Folder("All Mail", Role.ALL)
PAGE = 500
MOST_PAGES = 2_000
NOT_MAIL = "-in:trash -in:drafts -in:chats"
_MESSAGE_ID = re.compile(r"<([\x21-\x7e]+)>")
_ID = re.compile(r"[0-9a-f]{1,16}")
_QUERY_SYNTAX = frozenset("\"'(){}<>|")


@dataclass(frozen=True, slots=True)
class Position:
    """What a cursor says. `is_complete` is False while everything is read for the first time or again; `downto` is the
    message that was reached, newest first.
    """

    history: str
    is_complete: bool = True
    downto: str | None = None

    @classmethod
    def read(cls, cursor: Cursor) -> Self:
        said = json.loads(cursor)
        said.pop("upto", None)  # of a release that read the oldest first: it begins at the newest again
        return cls(**said)

    def written(self) -> Cursor:
        return json.dumps(asdict(self))


class GmailReader:
    """A `Reader` and a `Browser`. `room` bounds how many mailboxes are read whole at the same time, so that none starves the others;
    `jitter` (seconds) spreads those whose history was lost together.
    """

    can_push = False  # Google calls us by its own way; nothing is waited for on a connection

    def __init__(self, api: GmailApi, room: AbstractAsyncContextManager[Any], *, jitter: float) -> None:
        self._api, self._room, self._jitter = api, room, jitter
        self._listed: list[str] | None = None

    async def folders(self) -> tuple[Folder, ...]:
        return (EVERYTHING,)

    async def changes(
        self, folder: str, cursor: Cursor | None, *, batch: int, since: datetime | None, at_most: int
    ) -> Changes:
        if folder != EVERYTHING.name:
            raise ReadFailed(f"There is no {folder} in a Gmail mailbox.", is_lost=False)
        async with _said_as_reading():
            position = Position.read(cursor) if cursor is not None else await self._beginning()
            if cursor is not None:
                try:
                    news = await self._news(position, batch=batch)
                    if position.is_complete or news.messages:
                        return news
                    position = Position.read(news.cursor)
                except ApiError as error:
                    if error.refusal.status != HTTPStatus.NOT_FOUND:
                        raise
                    # Older than Google remembers.
                    await asyncio.sleep(random.uniform(0, self._jitter))  # noqa: S311  # spreads load
                    position = await self._beginning()
            async with self._room:
                return await self._everything(position, batch=batch, since=since, at_most=max(at_most, 1))

    async def wait(self, folder: str, *, seconds: float) -> bool:
        return False

    async def find(self, message_id: str) -> bool:
        found = _MESSAGE_ID.fullmatch(message_id)
        if found is None or _QUERY_SYNTAX & set(found[1]):
            raise ValueError("a Message-ID is printable ASCII in angle brackets")
        params = {"q": f"rfc822msgid:{found[1]}", "includeSpamTrash": "true", "maxResults": "1"}
        async with _said_as_reading():
            listed = await self._api.read("messages", units=UNITS["list"], params=params)
            return bool(_ids(listed.get("messages", [])))

    async def keep_copy(self, raw: bytes) -> None:
        """Nothing to do: Gmail keeps what it sends."""

    async def fetch(self, folder: str, ids: Sequence[str]) -> list[Fetched]:
        # They may be anybody's words, and go into an address; Google calls its messages so.
        async with _said_as_reading():
            return await fetch(self._api, [each for each in ids if _ID.fullmatch(each)])

    async def labels(self) -> tuple[Label, ...]:
        async with _said_as_reading():
            return await gmail_browse.labels(self._api)

    async def search(self, *, label: str | None, query: str, page: str | None, size: int) -> Listed:
        async with _said_as_reading():
            return await gmail_browse.search(self._api, label=label, query=query, page=page, size=size)

    async def glimpse(self, ids: Sequence[str]) -> list[Glimpse]:
        async with _said_as_reading():
            return await gmail_browse.glimpse(self._api, ids)

    async def _beginning(self) -> Position:
        # Taken before anything is listed: what comes in meanwhile is in the history after it.
        self._listed = None
        profile = await self._api.read("profile", units=UNITS["profile"])
        return Position(str(profile["historyId"]), is_complete=False)

    async def _everything(self, position: Position, *, batch: int, since: datetime | None, at_most: int) -> Changes:
        if self._listed is None:
            self._listed = await self._list(since, at_most)
        left = self._left(position)
        messages, count = await bounded(partial(fetch, self._api), left[:batch], at_once=MOST)
        remaining = len(left) - count
        reached = Position(position.history)
        if remaining:
            reached = Position(position.history, is_complete=False, downto=left[count - 1])
        # Complete or not, the history is still to be looked at.
        oldest_first = tuple(reversed(messages))
        return Changes(oldest_first, reached.written(), more=True, reset=False, remaining=remaining)

    def _left(self, position: Position) -> list[str]:
        """What was listed and is still to be read, the newest first."""
        listed = self._listed or []
        return listed[listed.index(position.downto) + 1 :] if position.downto in listed else listed

    async def _list(self, since: datetime | None, at_most: int) -> list[str]:
        """Returns the ids of the newest messages, the newest first."""
        query = f"after:{int(since.timestamp())} {NOT_MAIL}" if since else NOT_MAIL
        params = {"q": query, "includeSpamTrash": "true", "maxResults": str(min(PAGE, at_most))}
        ids: list[str] = []
        for _ in range(MOST_PAGES):
            page = await self._api.read("messages", units=UNITS["list"], params=params)
            ids += _ids(page.get("messages", []))
            if len(ids) >= at_most or not page.get("nextPageToken"):
                break
            params["pageToken"] = str(page["nextPageToken"])
        return list(dict.fromkeys(ids))[:at_most]

    async def _news(self, position: Position, *, batch: int) -> Changes:
        params = {
            "startHistoryId": position.history,
            "historyTypes": "messageAdded",
            "maxResults": str(min(batch, PAGE)),
        }
        page: Mapping[str, Any] = {}
        for _ in range(MOST_PAGES):
            page = await self._api.read("history", units=UNITS["history"], params=params)
            if page.get("history") or not page.get("nextPageToken"):
                break
            params["pageToken"] = str(page["nextPageToken"])
        records = [(str(each["id"]), _added(each)) for each in page.get("history", [])]
        ids = list(dict.fromkeys(message_id for _, added in records for message_id in added))
        messages, count = await bounded(partial(fetch, self._api), ids, at_once=MOST)
        read = set(ids[:count])
        left = 0 if position.is_complete else len(self._left(position))
        whole = list(takewhile(lambda record: read.issuperset(record[1]), records))
        if records and not whole:  # one change of very many messages: it can't be gone on from in the middle
            rest = [each for each in records[0][1] if each not in read]
            messages += await fetch(self._api, rest)
            whole, count = records[:1], count + len(rest)
        if whole and (len(whole) < len(records) or page.get("nextPageToken")):
            # A history id is a place to go on from; page tokens die sooner.
            reached = replace(position, history=whole[-1][0])
            remaining = max(len(ids) - count, 1) + left
            return Changes(tuple(messages), reached.written(), more=True, reset=False, remaining=remaining)
        reached = replace(position, history=str(page["historyId"]))
        more = not position.is_complete
        return Changes(tuple(messages), reached.written(), more=more, reset=False, remaining=left)


@asynccontextmanager
async def _said_as_reading() -> AsyncIterator[None]:
    try:
        yield
    except ApiError as error:
        raise failure_of(error.refusal) from error
    except (LookupError, TypeError) as error:
        raise malformed("Google") from error


def _ids(listed: object) -> list[str]:
    return [str(each["id"]) for each in listed] if isinstance(listed, list) else []


def _added(record: Mapping[str, Any]) -> list[str]:
    # Each time a draft is saved it is another message: what is not mail is not even asked for.
    return [
        str(each["message"]["id"])
        for each in record.get("messagesAdded", [])
        if not LEFT_OUT & set(each["message"].get("labelIds", ()))
    ]
