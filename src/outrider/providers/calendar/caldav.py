"""Reading calendars over CalDAV (RFC 4791): found from any address of the server, followed by sync tokens (RFC 6578)
or, where the server has none, by its ctag.
"""

import asyncio
import base64
import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from urllib.parse import urljoin, urlsplit

from outrider.core.domains import registrable
from outrider.core.egress import Answer, Egress, EgressBlocked, EgressFailed, EgressUnresolved, Limits
from outrider.providers.calendar import dav_xml
from outrider.providers.calendar.dav_xml import CALDAV, DAV, SERVER, Entry, Multistatus, NotDav
from outrider.providers.calendar.interface import (
    LONGEST_SOURCE,
    MOST_SOURCES,
    Calendar,
    CalendarFailed,
    Changes,
    Cursor,
    DavCalendars,
    Listed,
    Source,
)
from outrider.providers.calendar.splitting import split

AT_A_TIME = 50  # bodies asked for in one request
MOST_ROUNDS = 100  # of a change list that the server gives in parts
_LIMITS = Limits(read=30, total=60, body=16 * 2**20)
_CHECK = "Check the address, the user name and the password; some servers want a password made for programs."
_NO_CALENDAR = "Give the address of your calendars as your provider's help page for CalDAV names it."


@dataclass(frozen=True, slots=True)
class State:
    """How far a calendar has been read, in the server's words; empty where it has none."""

    token: str = ""
    ctag: str = ""


class _StaleToken(Exception):
    """The server does not know the sync token any more."""


class Caldav:
    """A `CalendarProvider`. Calendars are known by their addresses.

    `unencrypted` are the hosts that the operator lets passwords be sent to without TLS.
    """

    can_change = True

    def __init__(self, egress: Egress, *, unencrypted: Collection[str] = ()) -> None:
        self._egress, self._unencrypted = egress, frozenset(unencrypted)

    async def calendars(self, account: DavCalendars) -> Listed:
        start = await self._start(account)
        address = account.username
        if start.has_type(f"{CALDAV}calendar"):
            homes = [start.href]
        else:
            principal = start.href_in(f"{DAV}current-user-principal") or start.href
            about = await self._one(account, principal, dav_xml.HOME)
            homes = about.hrefs_in(f"{CALDAV}calendar-home-set") or [principal]
            address = _address(about) or address
        found = [each for home in homes[:5] for each in await self._in(account, home)]
        if not found:
            raise CalendarFailed("There is no calendar at this address.", _NO_CALENDAR, is_terminal=True)
        return Listed(address, tuple(found))

    async def changes(
        self, account: DavCalendars, calendar: str, cursor: Cursor | None, *, since: datetime, until: datetime
    ) -> Changes:
        known = State(**json.loads(cursor)) if cursor else None
        if known is not None and known.token:
            try:
                return await self._news(account, calendar, known.token)
            except _StaleToken:
                known = None
        state = await self._state(account, calendar)
        if known is not None and known.ctag and known.ctag == state.ctag:
            return Changes((), (), _written(state), is_everything=False)
        # The state was taken first: what changes meanwhile is told again.
        listed = await self._report(account, calendar, dav_xml.since_query(since), depth="1")
        hrefs = [each.href for each in listed.entries]
        sources, _ = await self._fetch(account, calendar, hrefs)
        return Changes(tuple(sources), (), _written(state), is_everything=True)

    async def _start(self, account: DavCalendars) -> Entry:
        """The resource at the given address, or where the server says that CalDAV begins (RFC 6764)."""
        path = urlsplit(account.url).path
        try:
            return await self._one(account, account.url, dav_xml.PRINCIPAL)
        except CalendarFailed as failure:
            if path not in {"", "/"} or failure.is_terminal:
                raise
        return await self._one(account, urljoin(account.url, "/.well-known/caldav"), dav_xml.PRINCIPAL)

    async def _in(self, account: DavCalendars, home: str) -> list[Calendar]:
        base = self._bound(account, home)
        answer = await self._ask(account, "PROPFIND", base, dav_xml.CALENDARS, depth="1")
        return [
            Calendar(
                urljoin(base, each.href),
                each.text(f"{DAV}displayname")[:200] or urlsplit(each.href).path.rstrip("/").rpartition("/")[2],
                _zone(each.text(f"{CALDAV}calendar-timezone")),
            )
            for each in answer.entries
            if each.has_type(f"{CALDAV}calendar") and each.holds_events
        ]

    async def _state(self, account: DavCalendars, calendar: str) -> State:
        about = await self._one(account, calendar, dav_xml.STATE)
        return State(about.text(f"{DAV}sync-token"), about.text(f"{SERVER}getctag"))

    async def _news(self, account: DavCalendars, calendar: str, token: str) -> Changes:
        changed: dict[str, bool] = {}
        for _ in range(MOST_ROUNDS):
            answer = await self._report(account, calendar, dav_xml.sync_collection(token), depth="0")
            is_cut, token = False, answer.sync_token or token
            for each in answer.entries:
                if each.status == HTTPStatus.INSUFFICIENT_STORAGE:
                    is_cut = True  # there is more (RFC 6578 3.6)
                else:
                    changed[each.href] = each.status == HTTPStatus.NOT_FOUND
            if not is_cut:
                break
        removed = [href for href, is_gone in changed.items() if is_gone]
        sources, empty = await self._fetch(
            account, calendar, [href for href, is_gone in changed.items() if not is_gone and not href.endswith("/")]
        )
        return Changes(tuple(sources), tuple(removed + empty), _written(State(token)), is_everything=False)

    async def _fetch(
        self, account: DavCalendars, calendar: str, hrefs: Sequence[str]
    ) -> tuple[list[Source], list[str]]:
        """Returns what lies at addresses, and those where no event lies (any more)."""
        if len(hrefs) > MOST_SOURCES:
            raise CalendarFailed(f"The calendar has more than {MOST_SOURCES:,} events to come.")
        sources: list[Source] = []
        for start in range(0, len(hrefs), AT_A_TIME):
            body = dav_xml.multiget(hrefs[start : start + AT_A_TIME])
            answer = await self._report(account, calendar, body, depth="1")
            sources += await asyncio.to_thread(_sources, answer.entries)
        found = {each.id for each in sources}
        return sources, [href for href in hrefs if href not in found]

    async def _one(self, account: DavCalendars, url: str, body: str) -> Entry:
        base = self._bound(account, url)
        answer = await self._ask(account, "PROPFIND", base, body, depth="0")
        if not answer.entries:
            raise CalendarFailed("The server's answer names no calendar.", _NO_CALENDAR)
        return answer.entries[0]

    async def _report(self, account: DavCalendars, url: str, body: str, *, depth: str) -> Multistatus:
        return await self._ask(account, "REPORT", self._bound(account, url), body, depth=depth)

    async def _ask(self, account: DavCalendars, method: str, url: str, body: str, *, depth: str) -> Multistatus:
        credentials = base64.b64encode(f"{account.username}:{account.password}".encode()).decode()
        headers = {
            "Authorization": f"Basic {credentials}",
            "Content-Type": 'application/xml; charset="utf-8"',
            "Depth": depth,
        }
        try:
            answer = await self._egress.request(method, url, headers=headers, content=body, redirects=5, limits=_LIMITS)
        except EgressBlocked as error:
            raise CalendarFailed(error.message, _CHECK, is_terminal=True) from error
        except (EgressFailed, EgressUnresolved) as error:
            raise CalendarFailed(error.message) from error
        _check(answer, is_sync="sync-collection" in body)
        try:
            return await asyncio.to_thread(dav_xml.read, answer.content)
        except NotDav as error:
            raise CalendarFailed("The server does not answer in CalDAV.", _NO_CALENDAR) from error

    def _bound(self, account: DavCalendars, url: str) -> str:
        """An address of the account's server: a password goes nowhere else, whatever an answer says."""
        address = urljoin(account.url, url)
        own, other = urlsplit(account.url), urlsplit(address)
        host = other.hostname or ""
        is_encrypted = other.scheme == "https" or (other.scheme == "http" and host in self._unencrypted)
        if not is_encrypted:
            raise CalendarFailed(
                "The password would be sent unencrypted.", "Use an address with https.", is_terminal=True
            )
        if other.netloc != own.netloc and not (other.scheme == "https" and _are_siblings(host, own.hostname or "")):
            message = f"The server sends us to {host}, which is another one."
            raise CalendarFailed(message, f"Connect {host} itself if it is yours.", is_terminal=True)
        return address


def _are_siblings(one: str, other: str) -> bool:
    """Whether both hosts are of one owner: large providers keep calendars beside the host that everybody names."""
    is_named = not any(each.replace(".", "").isdigit() or ":" in each for each in (one, other))
    return is_named and registrable(one) == registrable(other)


def _check(answer: Answer, *, is_sync: bool) -> None:
    status = answer.status_code
    if status == HTTPStatus.MULTI_STATUS:
        return
    if status == HTTPStatus.UNAUTHORIZED:
        raise CalendarFailed("The server refuses the user name or password.", _CHECK, is_terminal=True)
    if is_sync and HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR:
        raise _StaleToken
    if status in {HTTPStatus.FORBIDDEN, HTTPStatus.METHOD_NOT_ALLOWED, HTTPStatus.NOT_FOUND}:
        raise CalendarFailed(f"The server answered {status}: there are no calendars at this address.", _NO_CALENDAR)
    raise CalendarFailed(f"The server answered {status} when asked for calendars.")


def _sources(entries: Sequence[Entry]) -> list[Source]:
    """Each resource's event; one event a resource (RFC 4791 4.1)."""
    sources = []
    for each in entries:
        stream = split(each.text(f"{CALDAV}calendar-data"))
        sources += [
            Source(each.href, each.href, source.ical)
            for source in stream.sources()
            if len(source.ical) <= LONGEST_SOURCE
        ][:1]
    return sources


def _address(about: Entry) -> str | None:
    addresses = (each.removeprefix("mailto:") for each in about.hrefs_in(f"{CALDAV}calendar-user-address-set"))
    return next((each.lower() for each in addresses if "@" in each and ":" not in each), None)


def _zone(definition: str) -> str | None:
    return next(iter(split(definition).zones), None) if definition else None


def _written(state: State) -> Cursor:
    return json.dumps({"token": state.token, "ctag": state.ctag})
