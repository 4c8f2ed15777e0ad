"""Walking through an address book of the stand-in, which holds every request and answer to Microsoft's types."""

import json

import pytest

from outrider.core.egress import Egress
from outrider.providers.contacts.interface import ContactPage, ContactsFailed, Failure
from outrider.providers.contacts.microsoft import PAGE, OutlookBook, OutlookContacts
from tests.stand_ins.graph import GARBAGE, LOST
from tests.stand_ins.graph_contacts import AddressBook, book_of
from tests.stand_ins.microsoft import Microsoft

ADDRESS = "ada@outlook.test"


def opened(microsoft: Microsoft, *scopes: str) -> tuple[AddressBook, OutlookBook]:
    grant = microsoft.granted(ADDRESS, *(scopes or ("Contacts.Read", "User.Read")))
    tokens = [microsoft.token_of(grant)]

    async def supply(*, refused: str | None = None) -> str:
        if refused == tokens[-1]:
            tokens.append(microsoft.token_of(grant))
        return tokens[-1]

    book = OutlookContacts(Egress(allow=("127.0.0.1",)), microsoft.url).book(supply, frozenset(scopes))
    return book_of(microsoft.account(ADDRESS)), book


def fill(kept: AddressBook, count: int, *, folder: str | None = None) -> list[str]:
    return [
        kept.add({"displayName": f"N {number}", "emailAddresses": [{"address": f"n{number}@b.test"}]}, folder=folder)
        for number in range(count)
    ]


async def walk(book: OutlookBook, cursor: str | None = None) -> list[ContactPage]:
    pages = [await book.page(cursor)]
    while (following := pages[-1].next_cursor) is not None:
        pages.append(await book.page(following))
    return pages


def ids(pages: list[ContactPage]) -> list[str]:
    return [each.id for page in pages for each in page.contacts]


async def failure_of(book: OutlookBook, cursor: str | None = None) -> ContactsFailed:
    with pytest.raises(ContactsFailed) as caught:
        await walk(book, cursor)
    return caught.value


async def test_a_walk_gives_everybody_of_every_folder_once(microsoft: Microsoft) -> None:
    kept, book = opened(microsoft)
    customers = kept.folder("Customers")
    former = kept.folder("Former", inside=customers)
    deep = kept.folder("Deep", inside=former)
    empty = kept.folder("Empty")
    put = (
        fill(kept, PAGE + 7)
        + fill(kept, 3, folder=customers)
        + fill(kept, 2, folder=former)
        + fill(kept, 1, folder=deep)
    )
    pages = await walk(book)
    assert sorted(ids(pages)) == sorted(put)
    with_contacts = [page for page in pages if page.contacts]
    assert {page.total for page in with_contacts} == {len(put)}, "known before the first contact is fetched"
    assert sorted(len(page.contacts) for page in with_contacts) == [1, 2, 3, 7, PAGE]
    assert pages[-1].sync_cursor is not None
    assert all(page.sync_cursor is None for page in pages[:-1])
    assert microsoft.count(f"{empty}/contacts/delta") == 1


async def test_more_folders_than_one_page_tells_are_found(microsoft: Microsoft) -> None:
    kept, book = opened(microsoft)
    folders = [kept.folder(f"F {number}") for number in range(120)]
    put = [fill(kept, 1, folder=folder)[0] for folder in folders]
    assert sorted(ids(await walk(book))) == sorted(put)


async def test_an_empty_address_book_is_walked_through_too(microsoft: Microsoft) -> None:
    _, book = opened(microsoft)
    pages = await walk(book)
    assert (ids(pages), pages[-1].sync_cursor) == ([], None)


async def test_afterwards_only_changes_are_told(microsoft: Microsoft) -> None:
    kept, book = opened(microsoft)
    customers = kept.folder("Customers")
    first, second, third = fill(kept, 3)
    [moved] = fill(kept, 1, folder=customers)
    cursor = (await walk(book))[-1].sync_cursor
    assert ids(await walk(book, cursor)) == []
    kept.change(first, displayName="Another")
    kept.remove(second)
    kept.remove(third)
    kept.remove(moved)
    late = fill(kept, 1, folder=kept.folder("Late"))
    pages = await walk(book, cursor)
    assert ids(pages) == [first, *late]
    assert sorted(each for page in pages for each in page.deleted) == sorted([second, third, moved])
    assert {page.total for page in pages} == {None}
    assert ids(await walk(book, pages[-1].sync_cursor)) == []


async def test_the_last_contact_of_the_default_folder_is_told_to_be_gone(microsoft: Microsoft) -> None:
    kept, book = opened(microsoft)
    [only] = fill(kept, 1)
    cursor = (await walk(book))[-1].sync_cursor
    kept.remove(only)
    assert [each for page in await walk(book, cursor) for each in page.deleted] == [only]


async def test_a_folder_that_goes_meanwhile_stops_nothing(microsoft: Microsoft) -> None:
    kept, book = opened(microsoft)
    customers = kept.folder("Customers")
    put = fill(kept, 2)
    fill(kept, 2, folder=customers)
    page = await book.page(None)
    while "contacts/delta" not in json.loads(page.next_cursor or "")["todo"][0]["path"]:
        page = await book.page(page.next_cursor)
    kept.remove_folder(customers)
    pages = await walk(book, page.next_cursor)
    assert sorted(ids(pages)) == sorted(put)
    assert customers not in json.loads(pages[-1].sync_cursor or "")["folders"]


async def test_a_page_may_be_asked_for_again(microsoft: Microsoft) -> None:
    kept, book = opened(microsoft)
    fill(kept, PAGE + 1)
    pages = await walk(book)
    again = await book.page(pages[-2].next_cursor)
    assert again == pages[-1]


async def test_state_that_microsoft_has_forgotten_voids_the_cursor(microsoft: Microsoft) -> None:
    kept, book = opened(microsoft)
    put = fill(kept, PAGE + 1)
    cursor = (await walk(book))[-1].sync_cursor
    kept.forget_tokens()
    assert (await failure_of(book, cursor)).failure is Failure.EXPIRED
    assert sorted(ids(await walk(book))) == sorted(put)


async def test_a_token_that_microsoft_can_not_read_voids_the_cursor(microsoft: Microsoft) -> None:
    kept, book = opened(microsoft)
    fill(kept, 1)
    cursor = (await walk(book))[-1].sync_cursor or ""
    assert (await failure_of(book, cursor.replace("deltatoken=", "deltatoken=x"))).failure is Failure.EXPIRED


@pytest.mark.parametrize(
    ("status", "code", "meaning"),
    [
        (429, "ApplicationThrottled", Failure.LIMITED),
        (503, "serviceNotAvailable", Failure.UNREACHABLE),
        (504, "gatewayTimeout", Failure.UNREACHABLE),
        (500, "generalException", Failure.UNREACHABLE),
        (LOST, "", Failure.UNREACHABLE),
        (GARBAGE, "", Failure.UNREACHABLE),
        (410, "resyncRequired", Failure.EXPIRED),
        (400, "syncStateNotFound", Failure.EXPIRED),
        (400, "BadRequest", Failure.REFUSED),
        (403, "ErrorAccessDenied", Failure.REFUSED),
        (404, "MailboxNotEnabledForRESTAPI", Failure.REFUSED),
        (404, "ErrorItemNotFound", Failure.REFUSED),
    ],
)
async def test_refusals_are_told_apart(microsoft: Microsoft, status: int, code: str, meaning: Failure) -> None:
    _, book = opened(microsoft)
    microsoft.fail("/me/contacts$", status, code=code)
    assert (await failure_of(book)).failure is meaning


@pytest.mark.parametrize("status", [429, 503])
async def test_the_pause_that_microsoft_asks_for_is_told(microsoft: Microsoft, status: int) -> None:
    _, book = opened(microsoft)
    microsoft.fail("/me/contacts$", status, headers={"Retry-After": "37"})
    failure = await failure_of(book)
    assert (failure.failure, failure.retry_after) == (Failure.LIMITED, 37.0)


async def test_a_token_that_ran_out_is_renewed_once(microsoft: Microsoft) -> None:
    kept, book = opened(microsoft)
    put = fill(kept, 2)
    begun = await book.page(None)
    microsoft.expire_tokens()
    assert sorted(ids(await walk(book, begun.next_cursor))) == sorted(put)
    microsoft.withdraw(ADDRESS)
    assert (await failure_of(book)).failure is Failure.UNREACHABLE


async def test_a_permission_for_mail_alone_does_not_reach_contacts(microsoft: Microsoft) -> None:
    _, book = opened(microsoft, "Mail.Send")
    failure = await failure_of(book)
    assert (failure.failure, "accept" in failure.message) == (Failure.REFUSED, True)


async def test_the_token_goes_nowhere_but_to_microsoft(microsoft: Microsoft) -> None:
    kept, book = opened(microsoft)
    fill(kept, PAGE + 1)
    true_url, microsoft.url = microsoft.url, "https://graph.evil.test"
    failure = await failure_of(book)
    microsoft.url = true_url
    assert "another server" in failure.message
    assert failure.failure is Failure.UNREACHABLE
