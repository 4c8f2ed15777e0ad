"""A mailbox at Microsoft browsed: folders, searches by pages, single messages; every question held to Microsoft's types."""

import base64
from collections.abc import AsyncIterator

import pytest

from outrider.core.egress import Egress
from outrider.providers.mail import graph_api
from outrider.providers.mail.graph import Graph
from outrider.providers.mail.graph_browse import GraphBrowser
from outrider.providers.mail.interface import Browser, Browsing, ConnectFailed, GrantedAccount, NotUnderstood
from tests.providers.mail.test_gmail import mail
from tests.providers.mail.test_graph import ADA, Tokens
from tests.stand_ins.graph_mail import Mail, running
from tests.stand_ins.microsoft import Microsoft

LETTER = b"From: =?utf-8?q?Zo=C3=AB?= Hopper <zoe@hopper.test>\nTo: ada@contoso.test\nSubject: Offer\n\nHello there\n"


@pytest.fixture
async def both() -> AsyncIterator[tuple[Microsoft, Mail]]:
    async with running() as served:
        served[1].box(ADA)
        yield served
        assert served[0].wrong == []
        assert served[0].busiest <= graph_api.AT_ONCE


@pytest.fixture
def microsoft(both: tuple[Microsoft, Mail]) -> Microsoft:
    return both[0]


@pytest.fixture
def box(both: tuple[Microsoft, Mail]) -> Mail:
    return both[1]


@pytest.fixture
async def browser(microsoft: Microsoft) -> AsyncIterator[GraphBrowser]:
    egress = Egress(allow=("127.0.0.1",))
    provider = Graph(egress, f"{microsoft.url}/v1.0", jitter=0)
    assert isinstance(provider, Browsing)
    async with provider.browse(GrantedAccount(ADA, Tokens(microsoft))) as opened:
        assert isinstance(opened, Browser)
        yield opened
    await egress.aclose()


def deliver(box: Mail, count: int, **known: str) -> list[str]:
    """Returns ids, newest first."""
    return [box.deliver(ADA, mail(n), at=1_700_000_000 + n, **known).id for n in range(count)][::-1]


async def test_folders_are_labels_with_the_names_of_what_they_lie_in(browser: GraphBrowser, box: Mail) -> None:
    clients = box.box(ADA).make_folder("Clients")
    acme = box.box(ADA).make_folder("Acme", within="Clients")
    found = {each.id: (each.name, each.is_system) for each in await browser.labels()}
    assert found[clients] == ("Clients", False)
    assert found[acme] == ("Clients/Acme", False)
    assert found[box.box(ADA).ids["inbox"]] == ("inbox", True)


async def test_a_list_goes_on_page_by_page_newest_first(browser: GraphBrowser, box: Mail) -> None:
    ids = deliver(box, 25)
    pages, page = [], None
    while not pages or page:
        listed = await browser.search(label="INBOX", query="", page=page, size=10)
        page = listed.next_page
        pages.append(listed.ids)
        assert listed.estimate == 25
    assert [len(each) for each in pages] == [10, 10, 5]
    assert [each for part in pages for each in part] == ids


async def test_a_search_goes_on_page_by_page_too(browser: GraphBrowser, box: Mail) -> None:
    ids = deliver(box, 12)
    box.deliver(ADA, LETTER)
    first = await browser.search(label=None, query="from:b.test", page=None, size=8)
    second = await browser.search(label=None, query="from:b.test", page=first.next_page, size=8)
    assert [*first.ids, *second.ids] == ids
    assert second.next_page is None


async def test_a_folder_of_the_owners_is_searched_by_its_id(browser: GraphBrowser, box: Mail) -> None:
    folder = box.box(ADA).make_folder("Clients")
    box.deliver(ADA, LETTER)
    here = box.deliver(ADA, LETTER, folder="Clients")
    assert (await browser.search(label=folder, query='subject:"offer"', page=None, size=10)).ids == (here.id,)
    assert (await browser.search(label=folder, query="", page=None, size=10)).ids == (here.id,)


async def test_what_a_list_shows_costs_no_further_request(
    browser: GraphBrowser, box: Mail, microsoft: Microsoft
) -> None:
    stored = box.deliver(ADA, LETTER, conversation="AAQk1")
    listed = await browser.search(label="inbox", query="", page=None, size=10)
    asked = len(microsoft.calls)
    [glimpse] = await browser.glimpse(listed.ids)
    assert len(microsoft.calls) == asked
    assert (glimpse.thread_id, glimpse.size, glimpse.snippet) == ("AAQk1", len(LETTER), "Hello there")
    assert glimpse.labels == (box.box(ADA).ids["inbox"],)
    assert b"<zoe@hopper.test>" in glimpse.header
    assert b"Subject: Offer" in glimpse.header
    [again] = await GraphBrowser(browser._api, browser._room, jitter=0).glimpse([stored.id, "unknown"])
    assert again == glimpse


@pytest.mark.parametrize("query", ["", "offer"])
async def test_drafts_junk_and_what_was_thrown_away_are_not_listed(
    browser: GraphBrowser, box: Mail, query: str
) -> None:
    kept = box.deliver(ADA, LETTER)
    junk = box.deliver(ADA, LETTER, folder="junkemail")
    box.deliver(ADA, LETTER, folder="deleteditems")
    box.box(ADA).add(LETTER, folder="drafts", at=1_700_000_000, is_draft=True)
    assert (await browser.search(label=None, query=query, page=None, size=10)).ids == (kept.id,)
    assert (await browser.search(label="junkemail", query=query, page=None, size=10)).ids == (junk.id,)


async def test_messages_come_by_their_ids_in_order_without_what_is_gone(browser: GraphBrowser, box: Mail) -> None:
    ids = deliver(box, 8)
    gone, thrown, kept = ids[1], ids[2], [ids[0], *ids[3:]]
    box.box(ADA).remove(gone)
    box.box(ADA).move(box.box(ADA).messages[thrown], "deleteditems")
    draft = box.box(ADA).add(LETTER, folder="drafts", at=1_700_000_000, is_draft=True).id
    found = await browser.fetch("", [*ids, draft, "0193e2a0-0000-7000-8000-000000000000", "../../users"])
    assert [each.id for each in found] == kept
    assert found[0].raw == mail(7)
    assert await browser.fetch("", ["unknown"]) == []


async def test_an_id_of_another_kind_is_no_message(browser: GraphBrowser, microsoft: Microsoft) -> None:
    microsoft.fail("/me/messages/", 400, code="ErrorInvalidIdMalformed")
    assert await browser.fetch("", ["A" * 120]) == []


def page(path: str) -> str:
    return base64.urlsafe_b64encode(path.encode()).decode()


@pytest.mark.parametrize("label", ["AQMkUnknown", "../contacts"])
async def test_a_folder_that_is_none_is_said_so(browser: GraphBrowser, label: str) -> None:
    with pytest.raises(NotUnderstood):
        await browser.search(label=label, query="", page=None, size=10)


@pytest.mark.parametrize(
    "token",
    ["nonsense", "ä", page("/me/contacts?$top=1"), page("/me/../users/b/messages?$top=1")],
    ids=["nonsense", "no-ascii", "other-list", "upwards"],
)
async def test_a_page_that_is_none_is_never_asked_for(browser: GraphBrowser, microsoft: Microsoft, token: str) -> None:
    with pytest.raises(NotUnderstood):
        await browser.search(label=None, query="", page=token, size=10)
    assert microsoft.calls == []


async def test_a_query_that_microsoft_can_not_read_is_told_from_a_mailbox_that_is_none(
    browser: GraphBrowser, microsoft: Microsoft
) -> None:
    microsoft.fail("/me/messages", 400, code="BadRequest", message="Syntax error: character ':' is not valid")
    with pytest.raises(NotUnderstood, match="is not valid"):
        await browser.search(label=None, query="a::b", page=None, size=10)
    microsoft.fail("/me/messages", 404, code="MailboxNotEnabledForRESTAPI")
    with pytest.raises(ConnectFailed):
        await browser.search(label=None, query="a", page=None, size=10)
