"""Google Calendar on loopback, beside the small Google that gives its tokens: calendars, events, sync tokens that die.

Events are kept as Google tells them. Each request and answer is held to Google's own description of the API.
"""

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl, unquote

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.stand_ins.discovery import CALENDAR
from tests.stand_ins.google import Google
from tests.stand_ins.serving import serve

READ = "https://www.googleapis.com/auth/calendar.readonly"
BASE = "/calendar/v3/"
NEVER_WITH_A_TOKEN = {"iCalUID", "orderBy", "privateExtendedProperty", "q", "timeMin", "timeMax", "updatedMin"}


@dataclass
class Kept:
    """One calendar's events by their ids, each with the number of the change that made it what it is."""

    summary: str
    zone: str = "Europe/Berlin"
    is_primary: bool = False
    changes: int = 0
    oldest: int = 0  # sync tokens below this are dead
    events: dict[str, tuple[int, dict[str, Any]]] = field(default_factory=dict)

    def put(self, **told: Any) -> dict[str, Any]:
        """Makes an event or changes one (`id`)."""
        event_id = told.pop("id", None) or secrets.token_hex(13)
        self.changes += 1
        known = self.events.get(event_id, (0, {"iCalUID": f"{event_id}@google.com", "status": "confirmed"}))[1]
        event = {"kind": "calendar#event", "etag": f'"{self.changes}"', **known, **told, "id": event_id}
        self.events[event_id] = (self.changes, event)
        return event

    def cancel(self, event_id: str) -> None:
        self.put(id=event_id, status="cancelled")

    def cancel_instance(self, series: str, original: dict[str, str]) -> None:
        """An exception of which nothing but its place is told."""
        self.changes += 1
        event_id = f"{series}_{original.get('dateTime', original.get('date', ''))}".replace(":", "").replace("+", "")
        told = {"kind": "calendar#event", "id": event_id, "status": "cancelled"}
        self.events[event_id] = (self.changes, {**told, "recurringEventId": series, "originalStartTime": original})


@dataclass
class GoogleCalendar:
    google: Google
    page: int = 250  # events to a page, however many were asked for
    calendars: dict[str, dict[str, Kept]] = field(default_factory=dict)  # by account, then by id

    def calendar(self, address: str, name: str | None = None, **known: Any) -> Kept:
        """A calendar of an account: its primary one, which is named by the address, or another."""
        own = self.calendars.setdefault(address, {})
        calendar_id = address if name is None else f"{name}@group.calendar.google.com"
        return own.setdefault(calendar_id, Kept(name or address, is_primary=name is None, **known))

    def app(self) -> Starlette:
        routes = [*self.google.app().routes, Route("/calendar/v3/{rest:path}", self._answer)]
        return Starlette(routes=routes)

    async def _answer(self, request: Request) -> Response:
        path = request.scope["raw_path"].decode().partition("?")[0]
        query = parse_qsl(request.url.query, keep_blank_values=True)
        self.google.calls.append((request.method, path))
        self.google.wrong += CALENDAR.wrong_with_request(request.method, path, query, None)
        status, body, headers = self._do(path, dict(query), request.headers.get("authorization", ""))
        if status == 0:
            raise ConnectionResetError
        if status == 200:
            self.google.wrong += CALENDAR.wrong_with_answer(request.method, path, body)
        return JSONResponse(body, status, headers=headers)

    def _do(self, path: str, asked: dict[str, str], authorization: str) -> tuple[int, Any, dict[str, str]]:
        grant, ends = self.google.access.get(authorization.removeprefix("Bearer "), (None, 0.0))
        if grant is None or grant.is_revoked or ends <= self.google.now():
            return _error(401, "authError", "Invalid Credentials")
        method = CALENDAR.method_of("GET", path)
        if method is None or not set(method["scopes"]) & set(grant.scopes.split()):
            return _error(403, "insufficientPermissions", "Request had insufficient authentication scopes.")
        if (fault := self.google._fault(path)) is not None:
            return _error(fault.status, fault.reason, fault.message, fault.headers)
        own = self.calendars.get(grant.address, {})
        if path == f"{BASE}users/me/calendarList":
            return 200, {"kind": "calendar#calendarList", "items": [_entry(*each) for each in own.items()]}, {}
        kept = own.get(unquote(path.split("/")[4]))
        return self._events(kept, asked) if kept else _error(404, "notFound", "Not Found")

    def _events(self, kept: Kept, asked: dict[str, str]) -> tuple[int, Any, dict[str, str]]:
        token = asked.get("syncToken")
        if token is not None and NEVER_WITH_A_TOKEN & asked.keys():
            self.google.wrong.append(f"a sync token together with {NEVER_WITH_A_TOKEN & asked.keys()}")
        since = int(token.removeprefix("sync-")) if token else 0
        if token is not None and since < kept.oldest:
            return _error(410, "fullSyncRequired", "Sync token is no longer valid, a full sync is required.")
        found = [event for number, event in kept.events.values() if number > since]
        if token is None:  # what is gone is told only to who knew it, save for exceptions of a series
            found = [each for each in found if each["status"] != "cancelled" or "recurringEventId" in each]
            found = [each for each in found if "timeMin" not in asked or _may_end_after(each, asked["timeMin"])]
        start, size = int(asked.get("pageToken", "0")), min(self.page, int(asked.get("maxResults", "250")))
        page = {"kind": "calendar#events", "timeZone": kept.zone, "items": found[start : start + size]}
        if start + size < len(found):
            return 200, {**page, "nextPageToken": str(start + size)}, {}
        return 200, {**page, "nextSyncToken": f"sync-{kept.changes}"}, {}


def _may_end_after(event: dict[str, Any], moment: str) -> bool:
    if "recurrence" in event or "recurringEventId" in event:
        return True
    end = event["end"].get("dateTime") or f"{event['end']['date']}T00:00:00+00:00"
    return datetime.fromisoformat(end) > datetime.fromisoformat(moment)


def _entry(calendar_id: str, kept: Kept) -> dict[str, Any]:
    told: dict[str, Any] = {
        "kind": "calendar#calendarListEntry", "id": calendar_id, "summary": kept.summary, "timeZone": kept.zone,
        "accessRole": "owner", "selected": True,
    }  # fmt: skip
    return {**told, "primary": True} if kept.is_primary else told


def _error(
    status: int, reason: str, message: str, headers: dict[str, str] | None = None
) -> tuple[int, Any, dict[str, str]]:
    error = {"code": status, "message": message, "errors": [{"reason": reason, "domain": "global"}]}
    return status, {"error": error}, headers or {}


@asynccontextmanager
async def running(**settings: Any) -> AsyncIterator[GoogleCalendar]:
    """Serves it, with the rest of the small Google; afterwards nothing may have broken Google's description."""
    made = GoogleCalendar(Google(**settings))
    async with serve(made.app()) as made.google.url:
        yield made
    assert made.google.wrong == [], made.google.wrong
