"""A calendar at a plain address: one file, fetched again only where its server says that it has changed."""

import asyncio
import json
from datetime import datetime
from hashlib import sha256
from http import HTTPStatus
from urllib.parse import urlsplit

from outrider.core.egress import Answer, Egress, EgressBlocked, EgressFailed, EgressTooLarge, EgressUnresolved, Limits
from outrider.providers.calendar.interface import (
    MOST_BYTES,
    MOST_SOURCES,
    Calendar,
    CalendarFailed,
    Changes,
    Cursor,
    Listed,
    PublishedCalendar,
)
from outrider.providers.calendar.splitting import Stream, split

_LIMITS = Limits(read=30, total=60, body=MOST_BYTES)
_ACCEPT = {"Accept": "text/calendar, text/plain;q=0.5, */*;q=0.1"}
_ASK_ANEW = "Connect the calendar again with the address its owner publishes now."
_GONE = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND, HTTPStatus.GONE})


class PublishedCalendars:
    """A `CalendarProvider` for addresses. The file is the only calendar, whatever its address."""

    ONLY = "file"
    can_change = False

    def __init__(self, egress: Egress) -> None:
        self._egress = egress

    async def calendars(self, account: PublishedCalendar) -> Listed:
        stream = await _read(await self._get(account, {}))
        host = urlsplit(account.url).hostname or ""
        return Listed(host, (Calendar(self.ONLY, stream.name or host, stream.zone, is_primary=True),))

    async def changes(
        self, account: PublishedCalendar, calendar: str, cursor: Cursor | None, *, since: datetime, until: datetime
    ) -> Changes:
        known = json.loads(cursor) if cursor else {}
        answer = await self._get(account, known)
        digest = sha256(answer.content).hexdigest()
        if answer.status_code == HTTPStatus.NOT_MODIFIED or digest == known.get("digest"):
            return Changes((), (), cursor or "{}", is_everything=False)
        stream = await _read(answer)
        sources = await asyncio.to_thread(lambda: tuple(stream.sources(since)))
        if len(sources) > MOST_SOURCES:
            raise CalendarFailed(f"The calendar has more than {MOST_SOURCES:,} events to come.")
        stamps = {"etag": answer.headers.get("etag"), "modified": answer.headers.get("last-modified"), "digest": digest}
        return Changes(sources, (), json.dumps(stamps), is_everything=True)

    async def _get(self, account: PublishedCalendar, known: dict[str, str | None]) -> Answer:
        asked = {"If-None-Match": known.get("etag"), "If-Modified-Since": known.get("modified")}
        headers = {**_ACCEPT, **{name: value for name, value in asked.items() if value}}
        try:
            answer = await self._egress.request(
                "GET", web_address(account.url), headers=headers, redirects=5, limits=_LIMITS
            )
        except EgressBlocked as error:
            raise CalendarFailed(error.message, _ASK_ANEW, is_terminal=True) from error
        except EgressTooLarge as error:
            raise CalendarFailed("The calendar's file is larger than 32 MiB.") from error
        except (EgressFailed, EgressUnresolved) as error:
            raise CalendarFailed(error.message) from error
        if answer.status_code in _GONE:
            message = f"The server answered {answer.status_code}: the calendar is not published at this address."
            raise CalendarFailed(message, _ASK_ANEW, is_terminal=answer.status_code != HTTPStatus.NOT_FOUND)
        if answer.status_code not in {HTTPStatus.OK, HTTPStatus.NOT_MODIFIED}:
            raise CalendarFailed(f"The server answered {answer.status_code} when asked for the calendar.")
        return answer


def web_address(url: str) -> str:
    """What a calendar program makes of `webcal://`, which is no protocol of its own."""
    scheme, separator, rest = url.strip().partition("://")
    return f"https{separator}{rest}" if scheme.lower() in {"webcal", "webcals"} else url.strip()


async def _read(answer: Answer) -> Stream:
    # A large file takes a second: not on the event loop.
    text = await asyncio.to_thread(answer.content.decode, "utf-8-sig", "replace")
    if not text.lstrip()[:15].upper().startswith("BEGIN:VCALENDAR"):
        raise CalendarFailed("What lies at this address is no calendar (text/calendar).", _ASK_ANEW)
    return await asyncio.to_thread(split, text)
