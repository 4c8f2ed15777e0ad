"""Calendars at plain addresses, from a server on loopback: fetched again only when changed, refused when they are none."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from outrider.core.egress import Egress
from outrider.providers.calendar.ics import PublishedCalendars, web_address
from outrider.providers.calendar.interface import CalendarFailed, Changes, PublishedCalendar
from tests.stand_ins.serving import serve

SINCE, UNTIL = datetime(2026, 11, 1, tzinfo=UTC), datetime(2027, 3, 1, tzinfo=UTC)


def file(*titles: str) -> str:
    events = "".join(
        f"BEGIN:VEVENT\r\nUID:{each}\r\nDTSTAMP:{datetime.now(UTC):%Y%m%dT%H%M%S%fZ}\r\nDTSTART:20261201T090000Z\r\n"
        f"SUMMARY:{each}\r\nEND:VEVENT\r\n"
        for each in titles
    )
    return f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nX-WR-CALNAME:Team\r\n{events}END:VCALENDAR\r\n"


@dataclass
class Publisher:
    body: str = ""
    status: int = 200
    etag: str | None = '"1"'
    modified: str | None = None
    url: str = ""
    asked: list[dict[str, str]] = field(default_factory=list)

    async def answer(self, request: Request) -> Response:
        self.asked.append(dict(request.headers))
        headers = {"etag": self.etag} if self.etag else {}
        headers |= {"last-modified": self.modified} if self.modified else {}
        known = (request.headers.get("if-none-match"), request.headers.get("if-modified-since"))
        if (self.etag and known[0] == self.etag) or (self.modified and known[1] == self.modified):
            return Response(status_code=304, headers=headers)
        return Response(self.body, self.status, headers, "text/calendar; charset=utf-8")

    async def move(self, _: Request) -> Response:
        return RedirectResponse("/team.ics")


@pytest.fixture
async def publisher() -> AsyncIterator[Publisher]:
    made = Publisher(file("one", "two"))
    routes = [Route("/team.ics", made.answer), Route("/old.ics", made.move)]
    async with serve(Starlette(routes=routes)) as made.url:
        yield made


@pytest.fixture
async def calendars() -> AsyncIterator[PublishedCalendars]:
    egress = Egress(allow=("127.0.0.1",))
    yield PublishedCalendars(egress)
    await egress.aclose()


async def read(calendars: PublishedCalendars, publisher: Publisher, cursor: str | None) -> Changes:
    account = PublishedCalendar(f"{publisher.url}/team.ics")
    return await calendars.changes(account, calendars.ONLY, cursor, since=SINCE, until=UNTIL)


async def test_a_calendar_is_known_by_the_name_it_gives_itself(
    calendars: PublishedCalendars, publisher: Publisher
) -> None:
    listed = await calendars.calendars(PublishedCalendar(f"{publisher.url}/old.ics"))
    assert (listed.address, [each.name for each in listed.calendars]) == ("127.0.0.1", ["Team"])


@pytest.mark.parametrize("by", ["etag", "date", "content"])
async def test_an_unchanged_file_says_nothing_new(calendars: PublishedCalendars, publisher: Publisher, by: str) -> None:
    publisher.etag = '"1"' if by == "etag" else None
    publisher.modified = "Sat, 21 Nov 2026 10:00:00 GMT" if by == "date" else None
    first = await read(calendars, publisher, None)
    assert (len(first.sources), first.is_everything) == (2, True)
    again = await read(calendars, publisher, first.cursor)
    assert (again.sources, again.is_everything) == ((), False)
    publisher.body, publisher.etag, publisher.modified = file("one", "three"), None, None
    changed = await read(calendars, publisher, again.cursor)
    assert [each.id for each in changed.sources] == ["one", "three"]
    assert changed.is_everything
    assert changed.sources[0] == first.sources[0], "the same event of another copy is the same"


@pytest.mark.parametrize(("status", "is_terminal"), [(404, False), (410, True), (403, True), (500, False)])
async def test_an_address_that_gives_nothing_says_why(
    calendars: PublishedCalendars, publisher: Publisher, status: int, *, is_terminal: bool
) -> None:
    publisher.status = status
    with pytest.raises(CalendarFailed, match=str(status)) as failure:
        await read(calendars, publisher, None)
    assert failure.value.is_terminal == is_terminal


async def test_a_page_is_no_calendar(calendars: PublishedCalendars, publisher: Publisher) -> None:
    publisher.body = "<!doctype html><title>Sign in</title>"
    with pytest.raises(CalendarFailed, match="no calendar"):
        await read(calendars, publisher, None)


async def test_addresses_inside_are_not_reached(calendars: PublishedCalendars) -> None:
    for url in ("http://10.0.0.1/a.ics", "file:///etc/passwd", "http://169.254.169.254/latest", "nonsense"):
        with pytest.raises(CalendarFailed):
            await calendars.calendars(PublishedCalendar(url))


def test_webcal_is_the_web() -> None:
    assert web_address(" webcal://a.test/b.ics ") == "https://a.test/b.ics"
    assert web_address("https://a.test/b.ics") == "https://a.test/b.ics"
