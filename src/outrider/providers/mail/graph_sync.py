"""Reading a folder by Microsoft Graph: what there is once, from then on its changes; everything again where they are gone.

https://learn.microsoft.com/graph/delta-query-messages. A round that begins now gives the place to go on from; what came
before is listed and read meanwhile, from the newest message down, and what arrives in between. A cursor is such a
place, and while everything is being read how far that has come.
"""

import asyncio
import json
import random
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from http import HTTPStatus
from typing import Any, Self

from outrider.providers.mail.answers import bounded, malformed
from outrider.providers.mail.graph_api import ApiError, GraphApi
from outrider.providers.mail.graph_fetch import SELECT, Listed, fetch
from outrider.providers.mail.graph_sent import look
from outrider.providers.mail.interface import Changes, Cursor, Folder, ReadFailed, Role

# By the names that every mailbox knows them by, whatever its language (mailFolder, well-known names).
FOLDERS = {
    "inbox": Folder("inbox", Role.INBOX),
    "sentitems": Folder("sentitems", Role.SENT),
    "archive": Folder("archive", Role.ARCHIVE),
    "junkemail": Folder("junkemail", Role.JUNK),
}
LIST_PAGE = 1_000
CHANGES_PAGE = 100
CHUNK = 6  # messages held beside a batch while they are fetched
MOST_PAGES = 2_000
# A filtered round gives at most 5,000 messages and does not say what it left out.
MOST_IN_A_ROUND = 5_000
SLACK = timedelta(hours=1)  # between Microsoft's clock and ours


@dataclass(frozen=True, slots=True)
class Position:
    """What a cursor says. `link` is where to go on, `read` what was taken of its page already, `count` how much its
    round has given. `is_complete` is False while everything is read for the first time or again; `downto` is the
    message that was reached, newest first.
    """

    link: str
    is_complete: bool = True
    downto: str | None = None
    read: tuple[str, ...] = ()
    count: int = 0

    @classmethod
    def of(cls, cursor: Cursor) -> Self:
        said = json.loads(cursor)
        said.pop("upto", None)  # of a release that read the oldest first: it begins at the newest again
        return cls(**{**said, "read": tuple(said["read"])})

    def written(self) -> Cursor:
        return json.dumps(asdict(self))


class GraphReader:
    """A `Reader`. `room` bounds how many mailboxes are read whole at the same time, so that none starves the others;
    `jitter` (seconds) spreads those whose cursors died together.
    """

    can_push = False  # Microsoft calls us by its own way; nothing is waited for on a connection

    def __init__(self, api: GraphApi, room: AbstractAsyncContextManager[Any], *, jitter: float) -> None:
        self._api, self._room, self._jitter = api, room, jitter
        self._listed: dict[str, list[Listed]] = {}

    async def folders(self) -> tuple[Folder, ...]:
        async with said_as_reading():
            found = await asyncio.gather(*(self._has(name) for name in FOLDERS))
        return tuple(folder for folder, is_there in zip(FOLDERS.values(), found, strict=True) if is_there)

    async def changes(
        self, folder: str, cursor: Cursor | None, *, batch: int, since: datetime | None, at_most: int
    ) -> Changes:
        if folder not in FOLDERS:
            raise ReadFailed(f"There is no {folder} in a mailbox at Microsoft.", is_lost=False)
        async with said_as_reading():
            position = Position.of(cursor) if cursor is not None else await self._beginning(folder)
            if cursor is not None:
                try:
                    news = await self._news(folder, position, batch=batch)
                    if position.is_complete or news.messages:
                        return news
                    position = Position.of(news.cursor)
                except ApiError as error:
                    if not error.refusal.is_dead_cursor:
                        raise
                    await asyncio.sleep(random.uniform(0, self._jitter))  # noqa: S311  # spreads load
                    position = await self._beginning(folder)
            async with self._room:
                return await self._everything(folder, position, batch=batch, since=since, at_most=max(at_most, 1))

    async def wait(self, folder: str, *, seconds: float) -> bool:
        return False

    async def find(self, message_id: str) -> bool:
        async with said_as_reading():
            return (await look(self._api, message_id)).sent is not None

    async def keep_copy(self, raw: bytes) -> None:
        """Nothing to do: Microsoft keeps what it sends."""

    async def _has(self, name: str) -> bool:
        try:
            await self._api.read(f"/me/mailFolders/{name}", params={"$select": "id"})
        except ApiError as error:
            if error.refusal.status != HTTPStatus.NOT_FOUND:
                raise
            return False  # not every mailbox has an archive
        return True

    async def _beginning(self, folder: str) -> Position:
        # Taken before anything is listed: what comes in meanwhile is among the changes after it.
        self._listed.pop(folder, None)
        params = {
            "$select": SELECT,
            "$filter": f"receivedDateTime ge {_moment(datetime.now(UTC) - SLACK)}",
            "changeType": "created",
        }
        page = await self._api.read(f"/me/mailFolders/{folder}/messages/delta", params=params, page=LIST_PAGE)
        for _ in range(MOST_PAGES):
            if "@odata.deltaLink" in page:
                return Position(str(page["@odata.deltaLink"]), is_complete=False)
            page = await self._api.read(str(page["@odata.nextLink"]), page=LIST_PAGE)
        raise ReadFailed("Microsoft's list of what is new does not end.", is_lost=False)

    async def _everything(
        self, folder: str, position: Position, *, batch: int, since: datetime | None, at_most: int
    ) -> Changes:
        if folder not in self._listed:
            self._listed[folder] = await self._list(folder, since, at_most)
        left = self._left(folder, position)
        messages, count = await bounded(partial(fetch, self._api), left[:batch], at_once=CHUNK)
        remaining = len(left) - count
        reached = replace(position, is_complete=True, downto=None)
        if remaining:
            reached = replace(position, is_complete=False, downto=left[count - 1].id)
        else:
            del self._listed[folder]
        # Complete or not, the changes are still to be looked at.
        oldest_first = tuple(reversed(messages))
        return Changes(oldest_first, reached.written(), more=True, reset=False, remaining=remaining)

    def _left(self, folder: str, position: Position) -> list[Listed]:
        """What was listed and is still to be read, the newest first."""
        listed = self._listed.get(folder, [])
        start = next((place for place, each in enumerate(listed, 1) if each.id == position.downto), 0)
        return listed[start:]

    async def _list(self, folder: str, since: datetime | None, at_most: int) -> list[Listed]:
        """Returns the newest messages, the newest first."""
        # What is sorted by has to be filtered by too, and first.
        oldest = _moment(since) if since else "1900-01-01T00:00:00Z"
        params = {
            "$select": SELECT,
            "$filter": f"receivedDateTime ge {oldest}",
            "$orderby": "receivedDateTime desc",
            "$top": str(min(LIST_PAGE, at_most)),
        }
        page = await self._api.read(f"/me/mailFolders/{folder}/messages", params=params)
        found = {each.id: each for each in _mail(page)}
        for _ in range(MOST_PAGES):
            if len(found) >= at_most or "@odata.nextLink" not in page:
                break
            page = await self._api.read(str(page["@odata.nextLink"]))
            found |= {each.id: each for each in _mail(page)}
        return list(found.values())[:at_most]

    async def _news(self, folder: str, position: Position, *, batch: int) -> Changes:
        page = await self._api.read(position.link, page=min(batch, CHANGES_PAGE))
        mail = sorted((each for each in _mail(page) if each.id not in position.read), key=lambda each: each.received_at)
        messages, count = await bounded(partial(fetch, self._api), mail, at_once=CHUNK)
        left = 0 if position.is_complete else len(self._left(folder, position))
        if count < len(mail):  # the rest of the page is read from the same place again
            read = (*position.read, *(each.id for each in mail[:count]))
            reached = replace(position, read=read)
            remaining = len(mail) - count + left
            return Changes(tuple(messages), reached.written(), more=True, reset=False, remaining=remaining)
        given = position.count + len(page["value"])
        if "@odata.nextLink" in page:
            reached = replace(position, link=str(page["@odata.nextLink"]), read=(), count=given)
            return Changes(tuple(messages), reached.written(), more=True, reset=False, remaining=1 + left)
        if given >= MOST_IN_A_ROUND:
            beginning = await self._beginning(folder)
            return Changes(tuple(messages), beginning.written(), more=True, reset=False, remaining=1)
        reached = replace(position, link=str(page["@odata.deltaLink"]), read=(), count=0)
        more = not position.is_complete
        return Changes(tuple(messages), reached.written(), more=more, reset=False, remaining=left)


@asynccontextmanager
async def said_as_reading() -> AsyncIterator[None]:
    try:
        yield
    except ApiError as error:
        raise error.refusal.failure() from error
    except (LookupError, TypeError) as error:
        raise malformed("Microsoft") from error


def _mail(page: Mapping[str, Any]) -> list[Listed]:
    # Each time a draft is saved it changes: what is not mail is not even asked for.
    return [Listed.of(each) for each in page["value"] if "@removed" not in each and not each.get("isDraft")]


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
