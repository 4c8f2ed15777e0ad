"""Google's address book by the People API: the contacts of an account, those it saved by itself, and what changed since.

https://developers.google.com/people/v1/contacts. A walk goes through the contacts first and then, where that was
granted, through the "other contacts"; each of the two lists pages and tells changes on its own.
"""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from http import HTTPStatus
from typing import Any

import orjson

from outrider.core.egress import Answer, Egress, EgressBlocked, EgressFailed, EgressTooLarge, EgressUnresolved, Limits
from outrider.providers.contacts.google_person import contact_of, is_deleted
from outrider.providers.contacts.interface import ContactPage, ContactsFailed, Cursor, Failure
from outrider.providers.google_refusal import OFF_REASONS, SCOPE_REASONS, SPENT_REASONS, Refusal, refusal_of
from outrider.providers.mail.interface import TokenSupplier
from outrider.providers.oauth.google import READ_OTHER_CONTACTS

PAGE = 1000
LIMITS = Limits(read=60, total=120, body=64 * 2**20)
# All of a contact that one can read out or look up later; what it is to other services is left out.
FIELDS = (
    "addresses,biographies,birthdays,emailAddresses,events,externalIds,imClients,metadata,names,nicknames,"
    "occupations,organizations,phoneNumbers,photos,relations,sipAddresses,urls,userDefined"
)
OTHER_FIELDS = "emailAddresses,metadata,names,phoneNumbers,photos"
CONTACTS, OTHERS = "/v1/people/me/connections", "/v1/otherContacts"
UNREADABLE = "Google's answer could not be understood."
SWITCHED_OFF = "The People API is switched off: the operator has to switch it on in this server's Google project."
TOO_NARROW = "The permission does not reach the contacts. Import anew and leave the boxes ticked on Google's page."


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a walk stands. `since` are the sync tokens it began with, `kept` those it has been given, by list."""

    list: str = CONTACTS
    page: str | None = None
    since: dict[str, str] = field(default_factory=dict)
    kept: dict[str, str] = field(default_factory=dict)
    total: int = 0


class GooglePeople:
    """A `ContactProvider`."""

    def __init__(self, egress: Egress, base_url: str) -> None:
        self._egress, self._base_url = egress, base_url

    def book(self, tokens: TokenSupplier, scopes: frozenset[str]) -> "GoogleBook":
        lists = (CONTACTS, OTHERS) if READ_OTHER_CONTACTS in scopes else (CONTACTS,)
        return GoogleBook(self._egress, self._base_url, tokens, lists)


class GoogleBook:
    """A `ContactBook`."""

    def __init__(self, egress: Egress, base_url: str, tokens: TokenSupplier, lists: tuple[str, ...]) -> None:
        self._egress, self._base_url, self._tokens, self._lists = egress, base_url, tokens, lists

    async def page(self, cursor: Cursor | None) -> ContactPage:
        place = _Place(**json.loads(cursor)) if cursor else _Place()
        if cursor is None and OTHERS in self._lists:
            # Asked beforehand, so that what is done never seems to shrink half way.
            counted = await self._ask(OTHERS, {"readMask": "metadata", "pageSize": "1"})
            place = replace(place, total=_number(_body(counted), "totalSize"))
        answer = await self._ask(place.list, _query(place), has_token=bool(place.page or place.since.get(place.list)))
        # A thousand contacts are megabytes of JSON: not on the event loop.
        return await asyncio.to_thread(self._page_of, answer, place)

    def _page_of(self, answer: Answer, place: _Place) -> ContactPage:
        body = _body(answer)
        listed = body.get("connections" if place.list == CONTACTS else "otherContacts") or []
        people = [each for each in listed if isinstance(each, dict) and each.get("resourceName")]
        gone = tuple(str(each["resourceName"]) for each in people if is_deleted(each))
        contacts = tuple(contact_of(each) for each in people if not is_deleted(each))
        total = place.total
        if place.list == CONTACTS and place.page is None:
            total += _number(body, "totalItems", "totalPeople")
        following = self._after(replace(place, total=total), body)
        is_changes = bool(place.since)
        return ContactPage(
            contacts=contacts,
            deleted=gone,
            next_cursor=None if following is None else json.dumps(asdict(following)),
            sync_cursor=_sync_cursor(place, body) if following is None else None,
            # Of changes the lists tell how many contacts there are, not how many have changed.
            total=None if is_changes else total,
        )

    def _after(self, place: _Place, body: Mapping[str, Any]) -> _Place | None:
        if token := body.get("nextPageToken"):
            return replace(place, page=str(token))
        following = self._lists.index(place.list) + 1 if place.list in self._lists else len(self._lists)
        if following >= len(self._lists):
            return None
        return replace(place, list=self._lists[following], page=None, kept=_kept(place, body))

    async def _ask(self, path: str, query: Mapping[str, str], *, has_token: bool = False) -> Answer:
        """One request; a second one only for an access token that Google no longer takes."""
        refused: str | None = None
        while True:
            token = await self._tokens(refused=refused)
            try:
                answer = await self._egress.request(
                    "GET",
                    self._base_url + path,
                    params=query,
                    headers={"Authorization": f"Bearer {token}"},
                    limits=LIMITS,
                )
            except EgressTooLarge as error:
                raise ContactsFailed(Failure.REFUSED, "A page of contacts is too large to be read.") from error
            except (EgressBlocked, EgressUnresolved, EgressFailed) as error:
                raise ContactsFailed(Failure.UNREACHABLE, f"Google can't be reached: {error.message}") from error
            if answer.is_success:
                return answer
            refusal = refusal_of(answer.status_code, answer.headers, answer.content)
            if refusal.status != HTTPStatus.UNAUTHORIZED or refused is not None:
                raise _failure(refusal, has_token=has_token)
            refused = token


def _query(place: _Place) -> dict[str, str]:
    mask = {"personFields": FIELDS} if place.list == CONTACTS else {"readMask": OTHER_FIELDS}
    # Every page repeats what the first one asked for: Google refuses anything else.
    query = {**mask, "pageSize": str(PAGE), "requestSyncToken": "true"}
    if since := place.since.get(place.list):
        query["syncToken"] = since
    if place.page:
        query["pageToken"] = place.page
    return query


def _kept(place: _Place, body: Mapping[str, Any]) -> dict[str, str]:
    token = body.get("nextSyncToken")
    return {**place.kept, place.list: token} if isinstance(token, str) and token else place.kept


def _sync_cursor(place: _Place, body: Mapping[str, Any]) -> Cursor | None:
    kept = _kept(place, body)
    return json.dumps(asdict(_Place(since=kept))) if CONTACTS in kept else None


def _body(answer: Answer) -> Mapping[str, Any]:
    try:
        body = orjson.loads(answer.content)
    except ValueError as error:
        raise ContactsFailed(Failure.UNREACHABLE, UNREADABLE) from error
    if not isinstance(body, dict):
        raise ContactsFailed(Failure.UNREACHABLE, UNREADABLE)
    return body


def _number(body: Mapping[str, Any], *names: str) -> int:
    found = (body.get(name) for name in names)
    return next((each for each in found if isinstance(each, int) and each >= 0), 0)


def _failure(refusal: Refusal, *, has_token: bool) -> ContactsFailed:
    if refusal.is_rate or refusal.reason in SPENT_REASONS:
        return ContactsFailed(Failure.LIMITED, "Google asks for fewer requests.", retry_after=refusal.retry_after)
    # A page's token holds for some minutes, a sync token for seven days; which error tells so has changed before.
    if refusal.status == HTTPStatus.GONE or (refusal.status == HTTPStatus.BAD_REQUEST and has_token):
        return ContactsFailed(Failure.EXPIRED, "Google no longer knows where the import stood.")
    if refusal.reason in SCOPE_REASONS:
        return ContactsFailed(Failure.REFUSED, TOO_NARROW)
    if refusal.reason in OFF_REASONS:
        return ContactsFailed(Failure.REFUSED, SWITCHED_OFF)
    said = f"Google answered {refusal.status}: {refusal.message}"
    if refusal.is_passing or refusal.status == HTTPStatus.UNAUTHORIZED:
        return ContactsFailed(Failure.UNREACHABLE, said, retry_after=refusal.retry_after)
    return ContactsFailed(Failure.REFUSED, said)
