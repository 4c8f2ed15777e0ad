"""CalDAV against a real Radicale: found from any address, followed by its tokens, and to no other server."""

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from outrider.core.egress import Egress
from outrider.providers.calendar.caldav import Caldav
from outrider.providers.calendar.interface import CalendarFailed, DavCalendars
from tests.real.radicale import PASSWORD, USER, Radicale, running
from tests.stand_ins.serving import serve

SINCE, UNTIL = datetime(2026, 11, 1, tzinfo=UTC), datetime(2027, 3, 1, tzinfo=UTC)
SOON = "DTSTART:20261201T090000Z\r\nDTEND:20261201T100000Z\r\nSUMMARY:{}"


@pytest.fixture(scope="module")
def radicale() -> Iterator[Radicale]:
    with running() as server:
        yield server


@pytest.fixture
async def caldav() -> AsyncIterator[Caldav]:
    egress = Egress(allow=("127.0.0.1",))
    yield Caldav(egress, unencrypted=("127.0.0.1",))
    await egress.aclose()


def account(radicale: Radicale, path: str = "/", *, password: str = PASSWORD) -> DavCalendars:
    return DavCalendars(radicale.url + path, USER, password)


@pytest.mark.parametrize("path", ["", "/", f"/{USER}/"], ids=["bare", "root", "principal"])
async def test_calendars_are_found_from_any_address_of_the_server(
    radicale: Radicale, caldav: Caldav, path: str
) -> None:
    work = radicale.make(f"found{len(path)}")
    radicale.make(f"chores{len(path)}", kind="VTODO")
    listed = await caldav.calendars(account(radicale, path))
    assert listed.address == USER
    assert (work, f"Found{len(path)}") in [(each.id, each.name) for each in listed.calendars]
    assert not [each for each in listed.calendars if each.name.startswith("Chores")]


async def test_a_single_calendars_address_will_do(radicale: Radicale, caldav: Caldav) -> None:
    address = radicale.make("single")
    listed = await caldav.calendars(account(radicale, f"/{USER}/single/"))
    assert [each.id for each in listed.calendars] == [address]


async def test_what_changes_is_told_once(radicale: Radicale, caldav: Caldav) -> None:
    calendar = radicale.make("news")
    radicale.put(calendar, "old", "DTSTART:20200101T090000Z\r\nSUMMARY:Long ago")
    radicale.put(calendar, "weekly", "DTSTART:20200106T090000Z\r\nRRULE:FREQ=WEEKLY\r\nSUMMARY:Weekly")
    for number in range(60):
        radicale.put(calendar, f"soon{number}", SOON.format(f"No. {number}"))

    async def changes(cursor: str | None) -> tuple[list[str], list[str], bool, str]:
        got = await caldav.changes(account(radicale), calendar, cursor, since=SINCE, until=UNTIL)
        names = sorted(each.id.rpartition("/")[2] for each in got.sources)
        return names, [each.rpartition("/")[2] for each in got.removed], got.is_everything, got.cursor

    first, removed, is_everything, cursor = await changes(None)
    assert (len(first), removed, is_everything) == (61, [], True)
    assert "old.ics" not in first

    assert (await changes(cursor))[:3] == ([], [], False)

    radicale.put(calendar, "soon1", SOON.format("Renamed"))
    radicale.delete(f"{calendar}soon2.ics")
    assert (await changes(cursor))[:3] == (["soon1.ics"], ["soon2.ics"], False)


async def test_a_token_that_is_no_longer_known_has_everything_read_again(radicale: Radicale, caldav: Caldav) -> None:
    calendar = radicale.make("stale")
    radicale.put(calendar, "one", SOON.format("One"))
    stale = '{"token": "http://radicale.org/ns/sync/0000", "ctag": ""}'
    got = await caldav.changes(account(radicale), calendar, stale, since=SINCE, until=UNTIL)
    assert (len(got.sources), got.is_everything) == (1, True)


async def test_a_server_without_tokens_is_asked_by_its_ctag(radicale: Radicale, caldav: Caldav) -> None:
    calendar = radicale.make("tags")
    radicale.put(calendar, "one", SOON.format("One"))
    got = await caldav.changes(account(radicale), calendar, None, since=SINCE, until=UNTIL)
    without = got.cursor.replace(got.cursor.partition('"token": "')[2].partition('"')[0], "")
    again = await caldav.changes(account(radicale), calendar, without, since=SINCE, until=UNTIL)
    assert (again.sources, again.is_everything) == ((), False)
    radicale.put(calendar, "two", SOON.format("Two"))
    changed = await caldav.changes(account(radicale), calendar, without, since=SINCE, until=UNTIL)
    assert (len(changed.sources), changed.is_everything) == (2, True)


async def test_a_wrong_password_is_for_its_owner_to_mend(radicale: Radicale, caldav: Caldav) -> None:
    with pytest.raises(CalendarFailed, match="refuses") as failure:
        await caldav.calendars(account(radicale, password="wrong"))
    assert failure.value.is_terminal


async def test_a_password_leaves_unencrypted_only_where_the_operator_lets_it(radicale: Radicale) -> None:
    egress = Egress(allow=("127.0.0.1",))
    with pytest.raises(CalendarFailed, match="unencrypted"):
        await Caldav(egress).calendars(account(radicale))
    await egress.aclose()


HOSTILE = {
    "another host": "<d:href>https://elsewhere.test/dav/</d:href>",
    "an address beside": "<d:href>https://127.1.0.1/dav/</d:href>",
    "another port": "<d:href>http://127.0.0.1:1/dav/</d:href>",
}


@pytest.mark.parametrize("href", HOSTILE.values(), ids=HOSTILE)
async def test_no_answer_sends_the_password_to_another_server(caldav: Caldav, href: str) -> None:
    body = (
        '<d:multistatus xmlns:d="DAV:"><d:response><d:href>/</d:href><d:propstat><d:prop><d:current-user-principal>'
        f"{href}</d:current-user-principal></d:prop><d:status>HTTP/1.1 200 OK</d:status></d:propstat></d:response>"
        "</d:multistatus>"
    )
    async with answering(body) as url:
        with pytest.raises(CalendarFailed, match="another one"):
            await caldav.calendars(DavCalendars(url, USER, PASSWORD))


BOMBS = {
    "entities": '<!DOCTYPE a [<!ENTITY b "c"><!ENTITY d "&b;&b;&b;&b;">]><d:multistatus xmlns:d="DAV:">&d;</d:multistatus>',
    "outside": '<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><d:multistatus xmlns:d="DAV:">&b;</d:multistatus>',
    "a page": "<html><body>Welcome</body></html>",
    "no XML": "{}",
    "cut off": '<d:multistatus xmlns:d="DAV:"><d:response>',
}


@pytest.mark.parametrize("body", BOMBS.values(), ids=BOMBS)
async def test_an_answer_that_is_none_is_said_to_be_none(caldav: Caldav, body: str) -> None:
    async with answering(body) as url:
        with pytest.raises(CalendarFailed, match="does not answer in CalDAV"):
            await caldav.calendars(DavCalendars(url, USER, PASSWORD))


async def test_a_server_in_trouble_is_tried_again_by_itself(caldav: Caldav) -> None:
    async with answering("", status=503) as url:
        with pytest.raises(CalendarFailed, match="503") as failure:
            await caldav.calendars(DavCalendars(url, USER, PASSWORD))
    assert not failure.value.is_terminal


def answering(body: str, *, status: int = 207):
    async def answer(_: Request) -> Response:
        return Response(body, status, media_type="application/xml")

    methods = ["PROPFIND", "REPORT"]
    return serve(Starlette(routes=[Route("/{path:path}", answer, methods=methods)]))
