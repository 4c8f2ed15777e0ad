"""Outlook's calendars by Microsoft Graph, followed by delta links of a calendar's view.

https://learn.microsoft.com/graph/delta-query-events. Microsoft works recurring events out itself, within a window that
a delta link is bound to: when its end comes near, a new one is begun.
"""

import asyncio
import json
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from outrider.core.egress import Egress
from outrider.providers.calendar import writing
from outrider.providers.calendar.bearer import Reader, Refused
from outrider.providers.calendar.interface import (
    MOST_SOURCES,
    Calendar,
    CalendarFailed,
    Changes,
    Cursor,
    GrantedCalendars,
    Listed,
    Source,
)
from outrider.providers.calendar.occurrences import TEMPLATE
from outrider.providers.calendar.splitting import wrapped

PAGE = 50  # events come with their bodies, which can't be left out of a delta
WINDOW_LEFT = timedelta(days=28)  # how much further the view may be wanted before a new window is begun
_PREFER = {"Prefer": f'outlook.timezone="UTC", odata.maxpagesize={PAGE}'}
_RESPONSES = {
    "accepted": "ACCEPTED",
    "organizer": "ACCEPTED",
    "declined": "DECLINED",
    "tentativelyAccepted": "TENTATIVE",
}
_PRIORITIES = {"high": "PRIORITY:1", "low": "PRIORITY:9"}
Told = Mapping[str, Any]


class MicrosoftCalendars:
    """A `CalendarProvider` for all calendars of an account."""

    can_change = True

    def __init__(self, egress: Egress, base_url: str) -> None:
        self._egress, self._base_url = egress, base_url

    async def calendars(self, account: GrantedCalendars) -> Listed:
        reader = self._reader(account)
        found: list[Calendar] = []
        address = ""
        path: str | None = "/v1.0/me/calendars?$top=100&$select=id,name,isDefaultCalendar,owner"
        while path is not None and len(found) < MOST_SOURCES:
            try:
                page = await reader.get(path)
            except Refused as refused:
                raise _failure(refused) from refused
            for each in page.get("value", []):
                is_default = bool(each.get("isDefaultCalendar"))
                found.append(Calendar(str(each["id"]), str(each.get("name") or "")[:200], is_primary=is_default))
                if is_default:
                    address = str((each.get("owner") or {}).get("address") or "").lower()
            path = page.get("@odata.nextLink")
        return Listed(address, tuple(sorted(found, key=lambda each: not each.is_primary)))

    async def changes(
        self, account: GrantedCalendars, calendar: str, cursor: Cursor | None, *, since: datetime, until: datetime
    ) -> Changes:
        reader = self._reader(account)
        known = json.loads(cursor) if cursor else None
        if known is not None and until - datetime.fromisoformat(known["until"]) < WINDOW_LEFT:
            try:
                return await self._read(reader, known["link"], until=known["until"], is_everything=False)
            except Refused as refused:
                if not _is_lost(refused):
                    raise _failure(refused) from refused
        path = (
            f"/v1.0/me/calendars/{quote(calendar, safe='')}/calendarView/delta"
            f"?startDateTime={_plain(since)}&endDateTime={_plain(until)}"
        )
        try:
            return await self._read(reader, path, until=until.isoformat(), is_everything=True)
        except Refused as refused:
            raise _failure(refused) from refused

    async def _read(self, reader: Reader, path: str, *, until: str, is_everything: bool) -> Changes:
        sources: dict[str, Source] = {}
        removed: dict[str, None] = {}
        while True:
            page = await reader.get(path, headers=_PREFER)
            for each in await asyncio.to_thread(_sources, page.get("value", [])):
                # The same event may come more than once; the last word counts.
                if isinstance(each, Source):
                    sources[each.id] = each
                    removed.pop(each.id, None)
                else:
                    sources.pop(each, None)
                    removed[each] = None
            if len(sources) > MOST_SOURCES:
                raise CalendarFailed(f"The calendar has more than {MOST_SOURCES:,} events to come.")
            if "@odata.deltaLink" in page:
                written = json.dumps({"link": page["@odata.deltaLink"], "until": until})
                return Changes(tuple(sources.values()), tuple(removed), written, is_everything)
            if "@odata.nextLink" not in page:
                raise CalendarFailed("Microsoft's answer has no end.")
            path = page["@odata.nextLink"]

    def _reader(self, account: GrantedCalendars) -> Reader:
        return Reader(self._egress, "Microsoft", self._base_url, account)


def _is_lost(refused: Refused) -> bool:
    """Whether Microsoft no longer knows the delta link, which may happen at any time."""
    return refused.status == HTTPStatus.GONE or "syncstate" in refused.reason.lower()


def _failure(refused: Refused) -> CalendarFailed:
    if refused.status == HTTPStatus.FORBIDDEN:
        hint = "Connect the calendar again and accept reading calendars on Microsoft's page."
        return CalendarFailed("The permission does not reach far enough.", hint, is_terminal=True)
    if refused.status == HTTPStatus.UNAUTHORIZED:
        return CalendarFailed("Microsoft refuses the token.", "Connect the calendar again.", is_terminal=True)
    return CalendarFailed(f"Microsoft answered {refused.status}: {refused.message}")


def _sources(items: list[Told]) -> list[Source | str]:
    """Each event as a source, or the id of one that is no more."""
    return [str(each["id"]) if "@removed" in each else _source(each) for each in items if "id" in each]


def _source(told: Told) -> Source:
    is_series = told.get("type") == "seriesMaster"
    series = str(told.get("seriesMasterId") or told["id"])
    starts = _time(told["start"], told)
    # An occurrence that nobody has changed comes with its times alone: the series says the rest.
    original = told.get("originalStart")
    instance = _original(str(original), told) if original else starts
    lines = [
        f"{TEMPLATE}:1" if is_series else "",
        writing.text("UID", told.get("iCalUId") or series),
        writing.moment("DTSTART", starts),
        writing.moment("DTEND", _time(told["end"], told)),
        writing.moment("RECURRENCE-ID", instance) if told.get("seriesMasterId") else "",
        "STATUS:CANCELLED" if told.get("isCancelled") else "",
        *_words(told),
        *_people(told),
    ]
    return Source(str(told["id"]), series, wrapped([writing.event(lines)]))


def _words(told: Told) -> list[str]:
    meeting = told.get("onlineMeeting") or {}
    return [
        writing.text("SUMMARY", told.get("subject")),
        writing.text("LOCATION", (told.get("location") or {}).get("displayName")),
        writing.text("URL", meeting.get("joinUrl") or told.get("onlineMeetingUrl")),
        _PRIORITIES.get(str(told.get("importance")), ""),
        "TRANSP:TRANSPARENT" if told.get("showAs") == "free" else "",
    ]


def _people(told: Told) -> list[str]:
    organizer = (told.get("organizer") or {}).get("emailAddress") or {}
    lines = [writing.person("ORGANIZER", organizer.get("address"), organizer.get("name"))]
    for each in told.get("attendees") or []:
        known, status = each.get("emailAddress") or {}, each.get("status") or {}
        if each.get("type") != "resource":
            response = _RESPONSES.get(str(status.get("response")), "NEEDS-ACTION")
            lines.append(writing.person("ATTENDEE", known.get("address"), known.get("name"), response))
    return lines


def _time(told: Told, event: Told) -> date:
    """A time in the zone that was asked for (UTC); Graph writes seven decimals, of which Python takes six."""
    at = datetime.fromisoformat(str(told["dateTime"])[:26]).replace(tzinfo=UTC)
    return at.date() if event.get("isAllDay") else at


def _original(at: str, event: Told) -> date:
    moment = datetime.fromisoformat(at).astimezone(UTC)
    return moment.date() if event.get("isAllDay") else moment


def _plain(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
