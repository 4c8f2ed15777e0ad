"""A mailbox at Microsoft as its owner sees it: folders as labels, searches in Outlook's own words, what a list shows.

https://learn.microsoft.com/graph/search-query-parameter: a search takes neither filter nor order, and gives 1,000 messages.
"""

import asyncio
import base64
import re
from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus
from typing import Any

from outrider.providers.mail.graph_api import ApiError
from outrider.providers.mail.graph_fetch import SIZE, by_ids, described, header_of, size_of, together
from outrider.providers.mail.graph_fetch import Listed as Told
from outrider.providers.mail.graph_sync import LIST_PAGE, MOST_PAGES, GraphReader, said_as_reading
from outrider.providers.mail.interface import Fetched, Glimpse, Label, Listed, NotUnderstood, ReadFailed

# By the names that every mailbox knows them by (mailFolder, well-known names).
SYSTEM = ("inbox", "drafts", "sentitems", "archive", "junkemail", "deleteditems", "outbox")
THROWN_AWAY = "deleteditems"
UNWANTED = (THROWN_AWAY, "junkemail")  # seen only by who looks there
SHOWN = {
    "$select": "id,receivedDateTime,sentDateTime,conversationId,parentFolderId,isDraft,"
    "internetMessageId,subject,from,toRecipients,bodyPreview",
    "$expand": f"singleValueExtendedProperties($filter=id eq '{SIZE}')",
}
# What is sorted by has to be filtered by too; only so is it counted.
NEWEST = {"$filter": "receivedDateTime ge 1900-01-01T00:00:00Z", "$orderby": "receivedDateTime desc", "$count": "true"}
MOST_FOUND = 1_000
MOST_DEEP = 50
_NONSENSE = frozenset({HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND, HTTPStatus.GONE})
_FOLDER = re.compile(r"[\w=-]{1,500}", re.ASCII)
# Longer than an id of ours, which is no question to Microsoft.
_ID = re.compile(r"[\w=-]{40,1000}", re.ASCII)
_LIST = re.compile(r"/(?:me|users)(?:[/(][^?#]*)?/messages\?[^#]*")
_ELSEWHERE = re.compile(r"\.\.|%2e|%2f|%5c|\\", re.IGNORECASE)


class GraphBrowser(GraphReader):
    """A `Browser`: what a search has shown already is not asked for again."""

    _shown: Mapping[str, Glimpse] = {}

    async def fetch(self, folder: str, ids: Sequence[str]) -> list[Fetched]:
        # They may be anybody's words, and go into an address.
        asked = [each for each in ids if _ID.fullmatch(each)]
        if not asked:
            return []
        async with said_as_reading():
            places = await self._places([THROWN_AWAY])
            return await by_ids(self._api, asked, without=places.keys())

    async def labels(self) -> tuple[Label, ...]:
        async with said_as_reading():
            known, system = await asyncio.gather(self._folders(), self._places(SYSTEM))
            by_id = {str(each["id"]): each for each in known}
            return tuple(
                Label(name, _full_name(by_id, name), is_system=name in system)
                for name, each in by_id.items()
                if not each.get("isHidden")
            )

    async def search(self, *, label: str | None, query: str, page: str | None, size: int) -> Listed:
        """`query` is in KQL. Without a label neither what was thrown away nor junk is shown, and never a draft."""
        if label is not None and not _FOLDER.fullmatch(label):
            raise NotUnderstood("There is no such folder in this mailbox.")
        path = f"/me/mailFolders/{_folder(label)}/messages" if label else "/me/messages"
        async with said_as_reading():
            try:
                answer = await self._api.read(_path_of(page) if page else path, params=_question(query, size, page))
            except ApiError as error:
                if error.refusal.status in _NONSENSE and isinstance(error.refusal.failure(), ReadFailed):
                    raise NotUnderstood(f"Microsoft does not understand this: {error.refusal.message}") from error
                raise
            unwanted = {} if label else await self._places(UNWANTED)
            mail = [each for each in answer["value"] if not each.get("isDraft")]
            found = [_glimpse(each) for each in mail if each.get("parentFolderId") not in unwanted]
            following = answer.get("@odata.nextLink")
            next_page = _page_of(self._api.path_of(str(following))) if following else None
        self._shown = {each.id: each for each in found}
        return Listed(tuple(self._shown), next_page, int(answer.get("@odata.count", len(found))))

    async def glimpse(self, ids: Sequence[str]) -> list[Glimpse]:
        missing = [each for each in ids if each not in self._shown and _ID.fullmatch(each)]
        async with said_as_reading():
            told = await together([described(self._api, each, SHOWN) for each in missing])
            asked = {name: _glimpse({**each, "id": name}) for name, each in zip(missing, told, strict=True) if each}
        known = {**self._shown, **asked}
        return [known[each] for each in ids if each in known]

    async def _places(self, names: Iterable[str]) -> dict[str, str]:
        """Ids of well-known folders, and their names; not every mailbox has all of them."""
        asked = list(names)
        found = await together([self._place(each) for each in asked])
        return {place: name for name, place in zip(asked, found, strict=True) if place}

    async def _place(self, name: str) -> str | None:
        try:
            return str((await self._api.read(f"/me/mailFolders/{name}", params={"$select": "id"}))["id"])
        except ApiError as error:
            if error.refusal.status != HTTPStatus.NOT_FOUND:
                raise
            return None

    async def _folders(self) -> list[dict[str, Any]]:
        """All of them, however deep: a list would give one level alone, a round of changes begins with everything."""
        params = {"$select": "id,displayName,parentFolderId,isHidden"}
        page = await self._api.read("/me/mailFolders/delta", params=params, page=LIST_PAGE)
        found = list(page["value"])
        for _ in range(MOST_PAGES):
            if "@odata.nextLink" not in page:
                break
            page = await self._api.read(str(page["@odata.nextLink"]), page=LIST_PAGE)
            found += page["value"]
        return [each for each in found if "@removed" not in each]


def _full_name(folders: Mapping[str, Mapping[str, Any]], folder: str) -> str:
    """With the names of the folders it lies in."""
    names: list[str] = []
    while folder in folders and len(names) < MOST_DEEP:
        names.append(str(folders[folder].get("displayName") or ""))
        folder = str(folders[folder].get("parentFolderId"))
    return "/".join(reversed(names))


def _folder(label: str) -> str:
    return label.lower() if label.lower() in SYSTEM else label


def _question(query: str, size: int, page: str | None) -> dict[str, str] | None:
    if page:
        return None  # it says everything
    asked = {**SHOWN, "$top": str(min(size, MOST_FOUND))}
    if not query.strip():
        return asked | NEWEST
    escaped = query.replace("\\", "\\\\").replace('"', '\\"')
    return asked | {"$search": f'"{escaped}"'}


def _page_of(path: str) -> str:
    return base64.urlsafe_b64encode(path.encode()).decode().rstrip("=")


def _path_of(page: str) -> str:
    """It comes back from outside, and the mailbox's token goes along: it leads to lists of messages alone."""
    try:
        path = base64.urlsafe_b64decode(page + "=" * (-len(page) % 4)).decode()
    except ValueError:
        path = ""
    if not _LIST.fullmatch(path) or _ELSEWHERE.search(path.partition("?")[0]):
        raise NotUnderstood("There is no such page: take the one that the page before names.")
    return path


def _glimpse(message: Mapping[str, Any]) -> Glimpse:
    told, folder = Told.of(message), message.get("parentFolderId")
    return Glimpse(
        id=told.id,
        thread_id=told.thread_id or "",
        received_at=told.received_at,
        size=size_of(message),
        snippet=" ".join(str(message.get("bodyPreview") or "").split()),
        labels=(str(folder),) if folder else (),
        header=header_of(message),
    )
