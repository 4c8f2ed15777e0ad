"""Google's calendars by its API, followed by sync tokens (https://developers.google.com/workspace/calendar/api/guides/sync).

Recurring events come as rules with their exceptions and are worked out here, so that a token never ends with a window.
"""

import asyncio
from collections.abc import Awaitable, Mapping
from datetime import UTC, date, datetime
from http import HTTPStatus
from typing import Any, TypeVar
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
from outrider.providers.calendar.splitting import wrapped

PAGE = 250
_SCOPE_REASONS = frozenset({"insufficientPermissions", "ACCESS_TOKEN_SCOPE_INSUFFICIENT", "PERMISSION_DENIED"})
# What stands in a calendar without being an appointment.
_NO_APPOINTMENTS = frozenset({"workingLocation", "birthday"})
_RESPONSES = {
    "accepted": "ACCEPTED",
    "declined": "DECLINED",
    "tentative": "TENTATIVE",
    "needsAction": "NEEDS-ACTION",
}
Told = Mapping[str, Any]
T = TypeVar("T")


class GoogleCalendars:
    """A `CalendarProvider` for the calendars that an account's owner has on display."""

    can_change = True

    def __init__(self, egress: Egress, base_url: str) -> None:
        self._egress, self._base_url = egress, base_url

    async def calendars(self, account: GrantedCalendars) -> Listed:
        reader = self._reader(account)
        found: list[Calendar] = []
        params = {"maxResults": str(PAGE), "minAccessRole": "reader"}
        while True:
            page = await _said(reader.get("/calendar/v3/users/me/calendarList", params=params))
            found += [_calendar(each) for each in page.get("items", []) if each.get("primary") or each.get("selected")]
            if not page.get("nextPageToken") or len(found) >= PAGE:
                break
            params["pageToken"] = str(page["nextPageToken"])
        # The primary calendar is named by the account's address.
        address = next((each.id for each in found if each.is_primary), "")
        return Listed(address, tuple(sorted(found, key=lambda each: not each.is_primary)))

    async def changes(
        self, account: GrantedCalendars, calendar: str, cursor: Cursor | None, *, since: datetime, until: datetime
    ) -> Changes:
        reader = self._reader(account)
        if cursor is not None:
            try:
                return await self._read(reader, calendar, {"syncToken": cursor}, is_everything=False)
            except Refused as refused:
                if refused.status != HTTPStatus.GONE:
                    raise _failure(refused) from refused
        beginning = {"timeMin": since.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")}
        return await _said(self._read(reader, calendar, beginning, is_everything=True))

    async def _read(self, reader: Reader, calendar: str, beginning: Told, *, is_everything: bool) -> Changes:
        path = f"/calendar/v3/calendars/{quote(calendar, safe='')}/events"
        params = {"maxResults": str(PAGE), **beginning}
        sources: list[Source] = []
        removed: list[str] = []
        while True:
            page = await reader.get(path, params=params)
            for each in await asyncio.to_thread(_sources, page.get("items", [])):
                if isinstance(each, Source):
                    sources.append(each)
                else:
                    removed.append(each)
            if len(sources) > MOST_SOURCES:
                raise CalendarFailed(f"The calendar has more than {MOST_SOURCES:,} events to come.")
            if not page.get("nextPageToken"):
                return Changes(tuple(sources), tuple(removed), str(page.get("nextSyncToken", "")), is_everything)
            params["pageToken"] = str(page["nextPageToken"])

    def _reader(self, account: GrantedCalendars) -> Reader:
        return Reader(self._egress, "Google", self._base_url, account)


async def _said(asking: Awaitable[T]) -> T:
    try:
        return await asking
    except Refused as refused:
        raise _failure(refused) from refused


def _failure(refused: Refused) -> CalendarFailed:
    if refused.reason in _SCOPE_REASONS:
        hint = "Connect the calendar again and let Google's page allow reading calendars."
        return CalendarFailed("The permission does not reach far enough.", hint, is_terminal=True)
    if refused.status == HTTPStatus.UNAUTHORIZED:
        return CalendarFailed("Google refuses the token.", "Connect the calendar again.", is_terminal=True)
    if refused.reason in {"accessNotConfigured", "SERVICE_DISABLED"}:
        hint = "The operator has to switch the Google Calendar API on in this server's Google project."
        return CalendarFailed("The Google Calendar API is switched off.", hint)
    return CalendarFailed(f"Google answered {refused.status}: {refused.message}")


def _calendar(told: Told) -> Calendar:
    name = str(told.get("summaryOverride") or told.get("summary") or told["id"])
    return Calendar(str(told["id"]), name[:200], told.get("timeZone"), is_primary=bool(told.get("primary")))


def _sources(items: list[Told]) -> list[Source | str]:
    """Each event as a source, or the id of one that is no more."""
    return [_source(each) for each in items if "id" in each]


def _source(told: Told) -> Source | str:
    series = str(told.get("recurringEventId") or told["id"])
    is_cancelled = told.get("status") == "cancelled"
    if (is_cancelled and "recurringEventId" not in told) or told.get("eventType") in _NO_APPOINTMENTS:
        return str(told["id"])
    # Of a cancelled exception nothing else is certain.
    starts = told.get("start") or told["originalStartTime"]
    lines = [
        writing.text("UID", told.get("iCalUID")),
        writing.moment("DTSTART", *_time(starts)),
        writing.moment("DTEND", *_time(told["end"])) if told.get("end") else "",
        writing.moment("RECURRENCE-ID", *_time(told["originalStartTime"])) if "originalStartTime" in told else "",
        *writing.rules(told.get("recurrence")),
        f"STATUS:{str(told.get('status', 'confirmed')).upper()}",
        *_words(told),
        *_people(told),
    ]
    return Source(str(told["id"]), series, wrapped([writing.event(lines)]))


def _words(told: Told) -> list[str]:
    return [
        writing.text("SUMMARY", told.get("summary")),
        writing.text("LOCATION", told.get("location")),
        writing.text("URL", told.get("hangoutLink")),
        "TRANSP:TRANSPARENT" if told.get("transparency") == "transparent" else "",
    ]


def _people(told: Told) -> list[str]:
    organizer = told.get("organizer", {})
    return [
        writing.person("ORGANIZER", organizer.get("email"), organizer.get("displayName")),
        *(
            writing.person(
                "ATTENDEE",
                each.get("email"),
                each.get("displayName"),
                _RESPONSES.get(each.get("responseStatus", ""), "NEEDS-ACTION"),
            )
            for each in told.get("attendees", [])
            if not each.get("resource")
        ),
    ]


def _time(told: Told) -> tuple[date, str | None]:
    if "date" in told:
        return date.fromisoformat(told["date"]), None
    return datetime.fromisoformat(told["dateTime"]), told.get("timeZone")
