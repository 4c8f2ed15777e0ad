"""Walking through an address book of the stand-in, which holds every request and answer to Google's description."""

import json
from typing import Any

import pytest

from outrider.core.egress import Egress
from outrider.providers.contacts.google import GoogleBook, GooglePeople
from outrider.providers.contacts.interface import ContactPage, ContactsFailed, Failure
from outrider.providers.oauth.google import CONTACTS, READ_OTHER_CONTACTS
from tests.stand_ins.google import Google
from tests.stand_ins.google_people import OTHERS, AddressBook, person

ADDRESS = "ada@gmail.test"
SCOPES = CONTACTS.scopes


def book_of(google: Google, *, scopes: frozenset[str] = SCOPES, **settings: Any) -> tuple[AddressBook, GoogleBook]:
    kept = google.book(ADDRESS, **settings)
    grant = google.granted(ADDRESS, " ".join(scopes))
    tokens = [google.token_of(grant)]

    async def supply(*, refused: str | None = None) -> str:
        if refused == tokens[-1]:
            tokens.append(google.token_of(grant))
        return tokens[-1]

    return kept, GooglePeople(Egress(allow=("127.0.0.1",)), google.url).book(supply, scopes)


async def walk(book: GoogleBook, cursor: str | None = None) -> list[ContactPage]:
    pages = [await book.page(cursor)]
    while (following := pages[-1].next_cursor) is not None:
        pages.append(await book.page(following))
    return pages


def ids(pages: list[ContactPage]) -> list[str]:
    return [each.id for page in pages for each in page.contacts]


async def failure_of(book: GoogleBook, cursor: str | None = None) -> ContactsFailed:
    with pytest.raises(ContactsFailed) as caught:
        await book.page(cursor)
    return caught.value


async def test_a_walk_gives_everybody_once_and_knows_from_the_start_how_many(google: Google) -> None:
    kept, book = book_of(google)
    kept.add_many(2300)
    saved = [kept.add(at=OTHERS, **person("", f"o{number}@c.test")) for number in range(20)]
    pages = await walk(book)
    assert [len(page.contacts) for page in pages] == [1000, 1000, 300, 20]
    assert {page.total for page in pages} == {2320}
    assert len(set(ids(pages))) == 2320
    assert ids(pages)[2300:] == saved
    assert pages[-1].sync_cursor is not None
    assert all(page.sync_cursor is None for page in pages[:-1])


async def test_what_google_saved_by_itself_is_left_alone_unless_that_was_granted(google: Google) -> None:
    kept, book = book_of(google, scopes=SCOPES - {READ_OTHER_CONTACTS})
    kept.add_many(3)
    kept.add(at=OTHERS, **person("", "o@c.test"))
    [page] = await walk(book)
    assert (len(page.contacts), page.total) == (3, 3)
    assert google.count("otherContacts") == 0


async def test_afterwards_only_changes_are_told(google: Google) -> None:
    kept, book = book_of(google)
    first = kept.add(**person("Grace Hopper", "grace@b.test"))
    second = kept.add(**person("Alan Turing", "alan@b.test"))
    cursor = (await walk(book))[-1].sync_cursor
    assert ids(await walk(book, cursor)) == []
    kept.change(first, **person("Grace Hopper", "hopper@b.test"))
    kept.delete(second)
    late = kept.add(at=OTHERS, **person("", "late@c.test"))
    pages = await walk(book, cursor)
    assert ids(pages) == [first, late]
    assert [each for page in pages for each in page.deleted] == [second]
    again = pages[-1].sync_cursor
    assert ids(await walk(book, again)) == []


async def test_tokens_that_google_has_forgotten_void_the_cursor(google: Google) -> None:
    kept, book = book_of(google)
    kept.add_many(1500)
    pages = await walk(book)
    begun = await book.page(None)
    kept.expire_pages()
    kept.expire_syncs()
    assert (await failure_of(book, begun.next_cursor)).failure is Failure.EXPIRED
    assert (await failure_of(book, pages[-1].sync_cursor)).failure is Failure.EXPIRED
    google.fail("connections", 410, reason="expired")
    assert (await failure_of(book, pages[-1].sync_cursor)).failure is Failure.EXPIRED
    assert len(ids(await walk(book))) == 1500


@pytest.mark.parametrize(
    ("status", "reason", "meaning"),
    [
        (429, "RATE_LIMIT_EXCEEDED", Failure.LIMITED),
        (403, "rateLimitExceeded", Failure.LIMITED),
        (403, "quotaExceeded", Failure.LIMITED),
        (503, "backendError", Failure.UNREACHABLE),
        (0, "", Failure.UNREACHABLE),
        (200, "garbage", Failure.UNREACHABLE),
        (400, "badRequest", Failure.REFUSED),
        (403, "SERVICE_DISABLED", Failure.REFUSED),
        (403, "domainPolicy", Failure.REFUSED),
    ],
)
async def test_refusals_are_told_apart(google: Google, status: int, reason: str, meaning: Failure) -> None:
    _, book = book_of(google, scopes=SCOPES - {READ_OTHER_CONTACTS})
    google.fail("connections", status, reason=reason)
    assert (await failure_of(book)).failure is meaning


async def test_the_time_that_google_names_is_told(google: Google) -> None:
    kept, book = book_of(google, scopes=SCOPES - {READ_OTHER_CONTACTS}, limit=1, window=40)
    kept.add_many(1)
    await book.page(None)
    limited = await failure_of(book)
    assert limited.failure is Failure.LIMITED
    assert 30 < (limited.retry_after or 0) <= 41


async def test_a_token_that_ran_out_is_renewed_once_and_a_narrow_one_is_no_use(google: Google) -> None:
    kept, book = book_of(google)
    kept.add_many(3)
    google.expire_tokens()
    assert len(ids(await walk(book))) == 3
    _, narrow = book_of(google, scopes=frozenset({"openid"}))
    refused = await failure_of(narrow)
    assert (refused.failure, "boxes" in refused.message) == (Failure.REFUSED, True)


async def test_a_server_that_is_gone_can_not_be_reached() -> None:
    async def supply(*, refused: str | None = None) -> str:
        return "token"

    book = GooglePeople(Egress(allow=("127.0.0.1",)), "http://127.0.0.1:9").book(supply, frozenset())
    assert (await failure_of(book)).failure is Failure.UNREACHABLE


async def test_a_cursor_is_text_that_holds_no_secret(google: Google) -> None:
    kept, book = book_of(google)
    kept.add_many(1001)
    cursor = (await book.page(None)).next_cursor
    assert cursor is not None
    assert not any(token in cursor for token in google.access)
    assert json.loads(cursor)["list"] == "/v1/people/me/connections"
