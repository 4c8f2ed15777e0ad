"""Outlook's address book by Microsoft Graph: the contacts of all folders, and what changed since.

https://learn.microsoft.com/graph/api/contact-delta. A walk first finds the folders, one request at a time, and then
reads one after the other; each folder tells changes on its own, by a link that holds its state.
"""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import orjson

from outrider.core.egress import Answer, Egress, EgressBlocked, EgressFailed, EgressTooLarge, EgressUnresolved, Limits
from outrider.providers.contacts.interface import ContactPage, ContactsFailed, Cursor, Failure
from outrider.providers.contacts.microsoft_contact import SELECT, contact_of, is_deleted
from outrider.providers.mail.graph_api import NO_MAILBOX_CODES, SCOPE_CODES, Refusal, refusal_of
from outrider.providers.mail.interface import TokenSupplier

VERSION = "/v1.0"
PAGE = 500
LIMITS = Limits(read=60, total=120, body=64 * 2**20)
MOST_FOLDERS = 1_000
# A contact keeps its id when it is moved; folders always do.
PREFER = f'IdType="ImmutableId", odata.maxpagesize={PAGE}'
# The folder that everybody has is in no list of folders; a contact in it tells which one it is.
DEFAULT = "/me/contacts?$top=1&$select=parentFolderId&$count=true"
FOLDERS = "/me/contactFolders?$select=id&$top=100"
MISSING_CODES = frozenset({"ErrorItemNotFound", "itemNotFound", "ErrorFolderNotFound"})
UNREADABLE = "Microsoft's answer could not be understood."
ELSEWHERE = "Microsoft's answer leads to another server."
TOO_NARROW = "The permission does not reach the contacts. Import anew and accept what Microsoft's page lists."
NO_MAILBOX = "This Microsoft account has no mailbox in Microsoft 365 or Outlook.com, and so no contacts."
TOO_MANY_FOLDERS = f"The address book has more than {MOST_FOLDERS} folders."


@dataclass(frozen=True, slots=True)
class _Step:
    """One request of a walk: `kind` is "default", "folders", "count" or "contacts"; `folder` is whose contacts."""

    kind: str
    path: str
    folder: str = ""


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a walk stands. `since` and `kept` are the links that tell changes, by folder: old ones and new ones."""

    todo: tuple[_Step, ...] = (_Step("default", DEFAULT), _Step("folders", FOLDERS))
    folders: tuple[str, ...] = ()
    since: dict[str, str] = field(default_factory=dict)
    kept: dict[str, str] = field(default_factory=dict)
    total: int = 0

    @classmethod
    def read(cls, cursor: Cursor | None) -> "_Place":
        if cursor is None:
            return cls()
        said = json.loads(cursor)
        steps = tuple(_Step(**each) for each in said.pop("todo"))
        return cls(**{**said, "todo": steps, "folders": tuple(said["folders"])})

    def written(self) -> Cursor:
        return json.dumps(asdict(self))


class OutlookContacts:
    """A `ContactProvider`."""

    def __init__(self, egress: Egress, base_url: str) -> None:
        self._egress, self._base_url = egress, base_url + VERSION

    def book(self, tokens: TokenSupplier, scopes: frozenset[str]) -> "OutlookBook":
        return OutlookBook(self._egress, self._base_url, tokens)


class OutlookBook:
    """A `ContactBook`."""

    def __init__(self, egress: Egress, base_url: str, tokens: TokenSupplier) -> None:
        self._egress, self._base_url, self._tokens = egress, base_url, tokens

    async def page(self, cursor: Cursor | None) -> ContactPage:
        place = _Place.read(cursor)
        step, rest = place.todo[0], place.todo[1:]
        answer = await self._ask(step)
        place = replace(place, todo=rest)
        if answer is None:
            return _page_at(place)
        # Hundreds of contacts are a megabyte of JSON: not on the event loop.
        return await asyncio.to_thread(self._page_of, answer, step, place)

    def _page_of(self, answer: Answer, step: _Step, place: _Place) -> ContactPage:
        body = _body(answer)
        match step.kind:
            case "default":
                return _page_at(_with_default(place, body))
            case "folders":
                return _page_at(_with_folders(place, body, self._link(body, "@odata.nextLink")))
            case "count":
                return _page_at(replace(place, total=place.total + _count(body)))
        listed = [each for each in _listed(body) if each.get("id")]
        gone = tuple(str(each["id"]) for each in listed if is_deleted(each))
        contacts = tuple(contact_of(each) for each in listed if not is_deleted(each))
        if following := self._link(body, "@odata.nextLink"):
            place = replace(place, todo=(replace(step, path=following), *place.todo))
        elif since := self._link(body, "@odata.deltaLink"):
            place = replace(place, kept={**place.kept, step.folder: since})
        return replace(_page_at(place), contacts=contacts, deleted=gone)

    def _link(self, body: Mapping[str, Any], name: str) -> str:
        """A link's path below our address of Graph, "" where there is none; the token goes along, so nowhere else."""
        link = body.get(name)
        if link is None:
            return ""
        if not isinstance(link, str) or not link.startswith(f"{self._base_url}/me/"):
            raise ContactsFailed(Failure.UNREACHABLE, ELSEWHERE)
        return link.removeprefix(self._base_url)

    async def _ask(self, step: _Step) -> Answer | None:
        """One request; a second one only for an access token that Microsoft no longer takes. None: the folder is gone."""
        refused: str | None = None
        while True:
            token = await self._tokens(refused=refused)
            headers = {"Authorization": f"Bearer {token}", "Prefer": PREFER}
            try:
                answer = await self._egress.request("GET", self._base_url + step.path, headers=headers, limits=LIMITS)
            except EgressTooLarge as error:
                raise ContactsFailed(Failure.REFUSED, "A page of contacts is too large to be read.") from error
            except (EgressBlocked, EgressUnresolved, EgressFailed) as error:
                raise ContactsFailed(Failure.UNREACHABLE, f"Microsoft can't be reached: {error.message}") from error
            if answer.is_success:
                return answer
            refusal = refusal_of(answer.status_code, answer.headers, answer.content)
            if refusal.code in MISSING_CODES and step.kind != "default":
                return None
            if refusal.status != HTTPStatus.UNAUTHORIZED or refused is not None:
                raise _failure(refusal, has_token="token=" in step.path)
            refused = token


def _with_default(place: _Place, body: Mapping[str, Any]) -> _Place:
    found = next((str(each["parentFolderId"]) for each in _listed(body) if each.get("parentFolderId")), None)
    if found is None or found in place.folders:
        return place
    counted = replace(place, total=place.total + (0 if place.since else _count(body)))
    return _with_folder(counted, found, is_counted=True)


def _with_folders(place: _Place, body: Mapping[str, Any], following: str) -> _Place:
    """Takes in some folders, and the steps to look for folders inside them."""
    if following:
        place = replace(place, todo=(_Step("folders", following), *place.todo))
    for each in _listed(body):
        if (folder := str(each.get("id") or "")) and folder not in place.folders:
            place = _with_folder(place, folder, is_counted=bool(place.since))
    if len(place.folders) > MOST_FOLDERS:
        raise ContactsFailed(Failure.REFUSED, TOO_MANY_FOLDERS)
    return place


def _with_folder(place: _Place, folder: str, *, is_counted: bool) -> _Place:
    """Folders are looked for before contacts are counted, and counted before they are read."""
    name = f"/me/contactFolders/{quote(folder, safe='')}"
    start = place.since.get(folder) or f"{name}/contacts/delta?$select={SELECT}"
    steps = [_Step("folders", f"{name}/childFolders?$select=id&$top=100"), _Step("contacts", start, folder)]
    if not is_counted:
        steps.append(_Step("count", f"{name}/contacts?$top=1&$select=id&$count=true", folder))
    order = ("default", "folders", "count", "contacts")
    todo = sorted((*place.todo, *steps), key=lambda each: order.index(each.kind))
    return replace(place, todo=tuple(todo), folders=(*place.folders, folder))


def _page_at(place: _Place) -> ContactPage:
    """A page without contacts: the walk goes on from this place, or is over."""
    is_over = not place.todo
    return ContactPage(
        contacts=(),
        next_cursor=None if is_over else place.written(),
        sync_cursor=_changes_since(place.kept).written() if is_over and place.kept else None,
        # Of changes no folder tells how many there are.
        total=None if place.since else place.total,
    )


def _changes_since(kept: dict[str, str]) -> _Place:
    place = _Place(since=kept)
    for folder in kept:
        place = _with_folder(place, folder, is_counted=True)
    return place


def _body(answer: Answer) -> Mapping[str, Any]:
    try:
        body = orjson.loads(answer.content)
    except ValueError as error:
        raise ContactsFailed(Failure.UNREACHABLE, UNREADABLE) from error
    if not isinstance(body, dict) or not isinstance(body.get("value"), list):
        raise ContactsFailed(Failure.UNREACHABLE, UNREADABLE)
    return body


def _listed(body: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [each for each in body["value"] if isinstance(each, dict)]


def _count(body: Mapping[str, Any]) -> int:
    count = body.get("@odata.count")
    return count if isinstance(count, int) and count > 0 else 0


def _failure(refusal: Refusal, *, has_token: bool) -> ContactsFailed:
    status, retry_after = refusal.status, refusal.retry_after
    if refusal.is_rate or (status == HTTPStatus.SERVICE_UNAVAILABLE and retry_after):
        return ContactsFailed(Failure.LIMITED, "Microsoft asks for fewer requests.", retry_after=retry_after)
    if refusal.is_dead_cursor or (status == HTTPStatus.BAD_REQUEST and has_token):
        return ContactsFailed(Failure.EXPIRED, "Microsoft no longer knows where the import stood.")
    if refusal.code in NO_MAILBOX_CODES:
        return ContactsFailed(Failure.REFUSED, NO_MAILBOX)
    if refusal.code in SCOPE_CODES or status == HTTPStatus.FORBIDDEN:
        return ContactsFailed(Failure.REFUSED, f"{TOO_NARROW} {refusal.said}")
    if refusal.is_passing or status == HTTPStatus.UNAUTHORIZED:
        return ContactsFailed(Failure.UNREACHABLE, refusal.said, retry_after=retry_after)
    return ContactsFailed(Failure.REFUSED, refusal.said)
