"""Reading and sending by Microsoft Graph, on a stand-in that holds every request and answer to Microsoft's own types."""

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from email import message_from_bytes

import pytest

from outrider.core.egress import Egress
from outrider.providers.mail import answers, graph, graph_api, graph_fetch, graph_sync
from outrider.providers.mail.graph import Graph
from outrider.providers.mail.graph_push import GraphPush
from outrider.providers.mail.graph_sync import GraphReader, Position
from outrider.providers.mail.interface import (
    Changes,
    ConnectFailed,
    Cursor,
    Fetched,
    GrantedAccount,
    Outcome,
    ReadFailed,
    Role,
    SendFailed,
)
from tests.providers.mail.test_gmail import Never, mail, numbers
from tests.stand_ins.graph_mail import SCOPES, Mail, running
from tests.stand_ins.microsoft import Microsoft

ADA, BOB = "ada@contoso.test", "bob@contoso.test"


class Tokens:
    """A supplier that renews at the stand-in."""

    def __init__(self, microsoft: Microsoft, *without: str) -> None:
        self.microsoft = microsoft
        self.grant = microsoft.granted(ADA, *(each for each in SCOPES if each not in without))
        self.token, self.renewals = microsoft.token_of(self.grant), 0

    async def __call__(self, *, refused: str | None = None) -> str:
        if refused == self.token:
            self.renewals += 1
            self.token = self.microsoft.token_of(self.grant)
        return self.token


@pytest.fixture
async def egress() -> AsyncIterator[Egress]:
    egress = Egress(allow=("127.0.0.1",))
    yield egress
    await egress.aclose()


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graph_api, "FIRST_WAIT", 0.01)


@pytest.fixture
async def both() -> AsyncIterator[tuple[Microsoft, Mail]]:
    async with running() as served:
        served[1].box(ADA)
        yield served


@pytest.fixture
def microsoft(both: tuple[Microsoft, Mail]) -> Microsoft:
    return both[0]


@pytest.fixture
def box(both: tuple[Microsoft, Mail]) -> Mail:
    return both[1]


def provider_of(egress: Egress, microsoft: Microsoft) -> Graph:
    return Graph(egress, f"{microsoft.url}/v1.0", jitter=0.0, per_minute=1_000_000)


@pytest.fixture
def provider(egress: Egress, microsoft: Microsoft) -> Graph:
    return provider_of(egress, microsoft)


@pytest.fixture
def tokens(microsoft: Microsoft) -> Tokens:
    return Tokens(microsoft)


@pytest.fixture
async def reader(provider: Graph, tokens: Tokens) -> AsyncIterator[GraphReader]:
    async with provider.open(GrantedAccount(ADA, tokens)) as opened:
        yield opened


async def step(
    reader: GraphReader, cursor: Cursor | None = None, *, folder: str = "inbox", batch: int = 100,
    since: datetime | None = None, at_most: int = 10_000,
) -> Changes:  # fmt: skip
    return await reader.changes(folder, cursor, batch=batch, since=since, at_most=at_most)


async def read_up(reader: GraphReader, cursor: Cursor | None = None, **options: int) -> tuple[list[Fetched], Cursor]:
    """Reads until there is nothing more."""
    messages: list[Fetched] = []
    while True:
        changes = await step(reader, cursor, **options)  # type: ignore[arg-type]
        messages += changes.messages
        cursor = changes.cursor
        if not changes.more:
            return messages, cursor


async def send(provider: Graph, tokens: Tokens, raw: bytes, *, to: str = BOB):  # type: ignore[no-untyped-def]
    async with provider.sender(GrantedAccount(ADA, tokens)) as sender:
        return await sender.send(raw, sender=ADA, recipient=to, deadline=Never())


async def test_a_message_is_read_as_microsoft_holds_it(reader: GraphReader, box: Mail) -> None:
    stored = box.deliver(ADA, mail(1))
    [message], _ = await read_up(reader)
    assert (message.id, message.thread_id, message.raw) == (stored.id, stored.conversation, mail(1))
    assert message.header == mail(1).removesuffix(b"Hello\r\n")
    assert message.size == len(mail(1))
    assert abs(datetime.now(UTC) - message.received_at) < timedelta(minutes=1)


async def test_bytes_that_are_no_text_come_as_they_are(reader: GraphReader, box: Mail) -> None:
    raw = mail(1) + bytes(range(256)) * 10
    box.deliver(ADA, raw)
    [message], _ = await read_up(reader)
    assert message.raw == raw


async def test_the_folders_where_answers_can_lie_are_found_by_what_they_are(reader: GraphReader, box: Mail) -> None:
    assert {each.name: each.role for each in await reader.folders()} == {
        "inbox": Role.INBOX, "sentitems": Role.SENT, "archive": Role.ARCHIVE, "junkemail": Role.JUNK,
    }  # fmt: skip
    del box.box(ADA).ids["archive"]
    assert Role.ARCHIVE not in {each.role for each in await reader.folders()}
    with pytest.raises(ReadFailed, match="no calendar"):
        await step(reader, folder="calendar")


async def test_a_first_sync_of_1000_messages_resumed_at_each_cursor_gives_each_once_newest_first(
    provider: Graph, tokens: Tokens, box: Mail, microsoft: Microsoft
) -> None:
    for number in range(1_000):
        box.deliver(ADA, mail(number), at=microsoft.now() - 100_000 + number)
    seen: list[int] = []
    cursor, more = None, True
    while more:
        async with provider.open(GrantedAccount(ADA, tokens)) as reader:  # as after a crash: only the cursor is left
            changes = await step(reader, cursor, batch=130)
        seen = numbers(changes.messages) + seen
        cursor, more = changes.cursor, changes.more
        assert not changes.reset
    assert seen == list(range(1_000)), "each batch is older than the one before it"
    assert microsoft.busiest <= 3


async def test_what_comes_in_during_the_first_sync_is_read_between_two_batches(
    reader: GraphReader, box: Mail, microsoft: Microsoft
) -> None:
    for number in range(60):
        box.deliver(ADA, mail(number), at=microsoft.now() - 100_000 + number)
    first = await step(reader, batch=20)
    box.deliver(ADA, mail(100))
    second = await step(reader, first.cursor, batch=20)
    assert (numbers(first.messages), numbers(second.messages)) == ([*range(40, 60)], [100])
    rest, cursor = await read_up(reader, second.cursor, batch=20)
    assert sorted(numbers(rest)) == [*range(40)]
    assert (await read_up(reader, cursor))[0] == []


async def test_a_first_sync_takes_the_newest_and_nothing_older_than_asked_for(
    reader: GraphReader, box: Mail, microsoft: Microsoft
) -> None:
    for number in range(20):
        box.deliver(ADA, mail(number), at=microsoft.now() - (20 - number) * 86_400)
    newest, _ = await read_up(reader, at_most=5)
    assert numbers(newest) == [15, 16, 17, 18, 19]
    recent = await step(reader, since=datetime.now(UTC) - timedelta(days=3, hours=1))
    assert numbers(recent.messages) == [17, 18, 19]


async def test_after_the_first_sync_only_the_changes_are_asked_for(
    reader: GraphReader, box: Mail, microsoft: Microsoft
) -> None:
    _, cursor = await read_up(reader)
    microsoft.calls.clear()
    assert (await read_up(reader, cursor))[0] == []
    assert microsoft.calls == [("GET", "/me/mailFolders/inbox/messages/delta")]
    for number in range(250):
        box.deliver(ADA, mail(number), at=microsoft.now() + number)
    seen, cursor = await read_up(reader, cursor)
    assert numbers(seen) == list(range(250))
    assert (await read_up(reader, cursor))[0] == []


async def test_what_is_read_or_thrown_away_or_only_a_draft_is_not_fetched(
    reader: GraphReader, box: Mail, microsoft: Microsoft
) -> None:
    old = box.deliver(ADA, mail(1))
    _, cursor = await read_up(reader)
    box.box(ADA).touch(old)
    box.box(ADA).remove(box.deliver(ADA, mail(2)).id)
    box.box(ADA).add(mail(3), folder="inbox", at=microsoft.now(), is_draft=True)
    microsoft.calls.clear()
    assert (await read_up(reader, cursor))[0] == []
    assert microsoft.count("/messages/AA") == 0


async def test_a_message_deleted_between_list_and_read_is_left_out(
    reader: GraphReader, box: Mail, microsoft: Microsoft
) -> None:
    box.deliver(ADA, mail(1), at=microsoft.now() - 10)
    box.deliver(ADA, mail(2))
    microsoft.fail(r"\$value", 404, code="ErrorItemNotFound")
    seen, _ = await read_up(reader)
    assert len(seen) == 1


async def test_a_mail_that_moves_keeps_its_id(reader: GraphReader, box: Mail) -> None:
    stored = box.deliver(ADA, mail(1))
    [first], _ = await read_up(reader)
    _, cursor = await read_up(reader, folder="archive")  # type: ignore[arg-type]
    box.box(ADA).move(stored, "archive")
    [moved], _ = await read_up(reader, cursor, folder="archive")  # type: ignore[arg-type]
    assert moved.id == first.id


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (410, "SyncStateNotFound"),
        (410, "resyncRequired"),
        (400, "ErrorInvalidSyncStateData"),
        (404, "SyncStateNotFound"),
    ],
)
async def test_a_place_to_go_on_from_that_is_gone_means_reading_everything_again(
    reader: GraphReader, box: Mail, microsoft: Microsoft, status: int, code: str
) -> None:
    box.deliver(ADA, mail(1))
    _, cursor = await read_up(reader)
    box.deliver(ADA, mail(2))
    microsoft.fail("/delta", status, code=code)
    changes = await step(reader, cursor)
    assert not changes.reset, "ids stay what they are"
    assert set(numbers(changes.messages)) == {1, 2}
    box.deliver(ADA, mail(3))
    later, cursor = await read_up(reader, changes.cursor)
    assert numbers(later) == [3]
    assert Position.of(cursor).is_complete


async def test_a_round_that_microsoft_cuts_off_is_made_up_for(
    reader: GraphReader, box: Mail, microsoft: Microsoft, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(graph_sync, "MOST_IN_A_ROUND", 40)
    monkeypatch.setattr("tests.stand_ins.graph_mail.MOST_IN_A_ROUND", 40)
    _, cursor = await read_up(reader)
    for number in range(70):
        box.deliver(ADA, mail(number), at=microsoft.now() + number)
    seen, _ = await read_up(reader, cursor, batch=15)
    assert set(numbers(seen)) == set(range(70))


async def test_a_link_to_another_server_is_not_followed(reader: GraphReader, microsoft: Microsoft) -> None:
    microsoft.calls.clear()
    with pytest.raises(ReadFailed, match="another server"):
        await step(reader, Position("https://evil.test/v1.0/me/mailFolders/inbox/messages/delta").written())
    assert microsoft.calls == []


async def test_at_most_two_mailboxes_are_read_whole_at_the_same_time(
    provider: Graph, reader: GraphReader, box: Mail
) -> None:
    _, news = await read_up(reader)
    held = [await provider._room.acquire() for _ in range(2)]
    waiting = asyncio.create_task(step(reader))
    await asyncio.sleep(0.2)
    assert not waiting.done()
    assert (await asyncio.wait_for(step(reader, news), 5)).messages == (), "news wait for nobody"
    for _ in held:
        provider._room.release()
    await asyncio.wait_for(waiting, 5)


async def test_no_more_than_three_requests_of_a_mailbox_are_under_way(
    provider: Graph, tokens: Tokens, box: Mail, microsoft: Microsoft
) -> None:
    for number in range(30):
        box.deliver(ADA, mail(number))
    microsoft.delay = 0.02

    async def read() -> None:
        async with provider.open(GrantedAccount(ADA, tokens)) as reader:
            await read_up(reader)

    await asyncio.gather(read(), read(), *(send(provider, tokens, mail(100 + number, to=BOB)) for number in range(5)))
    assert (microsoft.busiest, microsoft.over_limit) == (3, 0)


async def test_a_token_that_ran_out_is_renewed_once_and_the_reading_goes_on(
    reader: GraphReader, tokens: Tokens, box: Mail, microsoft: Microsoft
) -> None:
    box.deliver(ADA, mail(1))
    microsoft.expire_tokens()
    seen, _ = await read_up(reader)
    assert (numbers(seen), tokens.renewals) == ([1], 1)


@pytest.mark.parametrize("status", [429, 500, 503, 504])
@pytest.mark.parametrize("path", ["/delta", "/messages$"])
async def test_limits_and_hiccups_are_waited_out(
    reader: GraphReader, box: Mail, microsoft: Microsoft, path: str, status: int
) -> None:
    for number in range(10):
        box.deliver(ADA, mail(number), at=microsoft.now() - 100 + number)
    microsoft.fail(path, status, code="ErrorServerBusy", times=2)
    seen, _ = await read_up(reader)
    assert numbers(seen) == list(range(10))


@pytest.mark.parametrize("path", ["/delta", "/messages$", r"\$value"])
async def test_a_request_that_is_cut_off_costs_the_others_nothing(
    reader: GraphReader, box: Mail, microsoft: Microsoft, path: str
) -> None:
    for number in range(10):
        box.deliver(ADA, mail(number), at=microsoft.now() - 100 + number)
    microsoft.fail(path, 0, times=2)
    assert numbers((await read_up(reader))[0]) == list(range(10))
    assert microsoft.count(r"\$value") <= 12
    microsoft.fail(path, 0, times=100)
    with pytest.raises(ReadFailed) as caught:
        await step(reader)
    assert caught.value.is_lost


async def test_a_last_try_that_is_cut_off_after_refusals_is_a_failure_like_any_other(
    reader: GraphReader, microsoft: Microsoft
) -> None:
    microsoft.fail("/delta", 503, times=5)
    microsoft.fail("/delta", 0)
    with pytest.raises(ReadFailed) as caught:
        await step(reader)
    assert caught.value.is_lost
    assert microsoft.count("/delta") == 6


async def test_retry_after_is_obeyed_by_everybody_on_the_mailbox(
    reader: GraphReader, tokens: Tokens, microsoft: Microsoft
) -> None:
    microsoft.fail("/delta", 429, code="ApplicationThrottled", headers={"Retry-After": "1"})
    began = time.monotonic()
    waiting = asyncio.create_task(step(reader))
    await asyncio.sleep(0.2)
    assert await reader.find("<1@b.test>") is False
    assert time.monotonic() - began >= 1
    await waiting


async def test_a_wait_longer_than_patience_is_left_to_the_next_sync(reader: GraphReader, microsoft: Microsoft) -> None:
    microsoft.fail("/delta", 429, code="ApplicationThrottled", headers={"Retry-After": "3600"})
    with pytest.raises(ReadFailed, match=r"429 ApplicationThrottled.*request-id [\w-]{36}"):
        await asyncio.wait_for(step(reader), 2)


async def test_an_answer_that_can_not_be_read_is_told(reader: GraphReader, microsoft: Microsoft) -> None:
    microsoft.fail("/delta", -1)
    with pytest.raises(ReadFailed, match="no JSON"):
        await step(reader)


async def test_a_page_of_somebody_in_between_is_not_taken_for_a_mail(
    reader: GraphReader, box: Mail, microsoft: Microsoft
) -> None:
    box.deliver(ADA, mail(1))
    microsoft.fail(r"\$value", -1, times=2)
    [message], _ = await read_up(reader)
    assert message.raw == mail(1)


@pytest.mark.parametrize(
    ("status", "code", "is_terminal"),
    [
        (403, "ErrorAccessDenied", True),
        (404, "MailboxNotEnabledForRESTAPI", True),
        (401, "InvalidAuthenticationToken", False),
    ],
)
async def test_what_only_a_person_can_mend_is_told_apart(
    provider: Graph, tokens: Tokens, microsoft: Microsoft, status: int, code: str, is_terminal: bool
) -> None:
    microsoft.fail("/me$", status, code=code, times=2)
    with pytest.raises(ConnectFailed) as caught:
        await provider.verify(GrantedAccount(ADA, tokens))
    assert caught.value.is_terminal is is_terminal
    assert caught.value.hint
    assert code in caught.value.message


async def test_verifying_finds_the_mailbox_and_refuses_another(provider: Graph, tokens: Tokens) -> None:
    verified = await provider.verify(GrantedAccount(ADA.upper(), tokens))
    assert (len(verified.folders), verified.keeps_copies) == (4, True)
    with pytest.raises(ConnectFailed, match=r"not for eve@contoso\.test") as caught:
        await provider.verify(GrantedAccount("eve@contoso.test", tokens))
    assert caught.value.is_terminal


async def test_who_waits_for_a_connection_waits_no_longer_than_a_person_does(
    provider: Graph, tokens: Tokens, microsoft: Microsoft, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(graph, "PATIENCE", 0.3)
    microsoft.fail("/me$", 429, headers={"Retry-After": "30"})
    with pytest.raises(ConnectFailed, match="too long"):
        await asyncio.wait_for(provider.verify(GrantedAccount(ADA, tokens)), 5)


@pytest.mark.parametrize("folder", ["inbox", "sentitems"])
async def test_of_a_message_beyond_all_limits_only_the_header_is_read(
    reader: GraphReader, box: Mail, microsoft: Microsoft, monkeypatch: pytest.MonkeyPatch, folder: str
) -> None:
    monkeypatch.setattr(graph_fetch, "LIMITS", graph_fetch.Limits(read=10, total=20, body=20_000))
    monkeypatch.setattr(graph_fetch, "MAX_RAW", 20_000)
    for number in range(3):
        text = "a line\r\n" * 10_000 if number == 1 else "Hello"
        box.deliver(ADA, mail(number, text=text), at=microsoft.now() - 100 + number, folder=folder)
    seen, _ = await read_up(reader, folder=folder)  # type: ignore[arg-type]
    assert numbers(seen) == [0, 1, 2]
    assert [each.raw is None for each in seen] == [False, True, False]
    assert seen[1].size > 80_000
    assert message_from_bytes(seen[1].header)["Message-ID"] == "<1@b.test>"
    assert message_from_bytes(seen[1].header)["From"] == "bob@b.test"


@pytest.mark.parametrize(
    ("status", "code"), [(500, "ErrorInternalServerError"), (400, "ErrorMimeContentConversionFailed")]
)
async def test_a_message_that_microsoft_can_not_write_out_stops_nothing(
    reader: GraphReader, box: Mail, microsoft: Microsoft, status: int, code: str
) -> None:
    bad = box.deliver(ADA, mail(1), at=microsoft.now() - 10)
    box.deliver(ADA, mail(2))
    microsoft.fail(rf"{bad.id}/\$value", status, code=code, times=100)
    seen, _ = await read_up(reader)
    assert [(number, each.raw is None) for number, each in zip(numbers(seen), seen, strict=True)] == [
        (1, True),
        (2, False),
    ]


async def test_a_batch_of_changes_ends_early_where_its_messages_are_large(
    reader: GraphReader, box: Mail, microsoft: Microsoft, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, cursor = await read_up(reader)
    monkeypatch.setattr(answers, "MAX_BATCH_BYTES", 1_000)
    monkeypatch.setattr(graph_sync, "CHUNK", 2)
    for number in range(7):
        box.deliver(ADA, mail(number, text="x" * 600), at=microsoft.now() + number)
    sizes, seen = [], []
    while True:
        changes = await step(reader, cursor)
        sizes.append(len(changes.messages))
        seen += numbers(changes.messages)
        cursor = changes.cursor
        if not changes.more:
            break
    assert (sizes, seen) == ([2, 2, 2, 1], list(range(7)))


async def test_a_message_sent_carries_its_message_id_and_is_found_by_it(
    provider: Graph, tokens: Tokens, reader: GraphReader, box: Mail
) -> None:
    receipt = await send(provider, tokens, mail(1, to=BOB))
    stored = box.box(ADA).messages[receipt.id or ""]
    assert (stored.raw, stored.folder, stored.conversation) == (mail(1, to=BOB), "sentitems", receipt.thread_id)
    assert receipt.id in receipt.proof
    assert await reader.find("<1@b.test>")
    assert not await reader.find("<2@b.test>")


@pytest.mark.parametrize("message_id", ["no brackets", "<a b@c>", "<a@b> or isDraft eq true", "<é@b>", "<a@b>\n"])
async def test_no_message_id_smuggles_in_a_search(reader: GraphReader, microsoft: Microsoft, message_id: str) -> None:
    microsoft.calls.clear()
    with pytest.raises(ValueError, match="Message-ID"):
        await reader.find(message_id)
    assert microsoft.calls == []


async def test_a_message_id_with_a_quote_is_looked_for_as_it_is(reader: GraphReader, box: Mail) -> None:
    box.deliver(ADA, mail(1).replace(b"<1@b.test>", b"<o'1@b.test>"), folder="sentitems")
    assert await reader.find("<o'1@b.test>")
    assert not await reader.find("<o''1@b.test>")


async def test_an_answer_goes_into_its_conversation(provider: Graph, tokens: Tokens, box: Mail) -> None:
    first = box.deliver(ADA, mail(1))
    receipt = await send(provider, tokens, mail(2, answers="<1@b.test>", to=BOB))
    assert receipt.thread_id == first.conversation


async def test_where_microsoft_names_a_draft_itself_it_gets_our_name_back(
    provider: Graph, tokens: Tokens, reader: GraphReader, box: Mail
) -> None:
    box.box(ADA).renames = True
    receipt = await send(provider, tokens, mail(1, to=BOB))
    assert box.box(ADA).messages[receipt.id or ""].message_id == "<1@b.test>"
    assert await reader.find("<1@b.test>")


async def test_what_lies_in_the_outbox_has_left_and_what_lies_among_the_drafts_has_not(
    provider: Graph, tokens: Tokens, reader: GraphReader, box: Mail, microsoft: Microsoft
) -> None:
    box.box(ADA).lag = 1_000
    await send(provider, tokens, mail(1, to=BOB))
    assert await reader.find("<1@b.test>")
    box.box(ADA).add(mail(2), folder="drafts", at=microsoft.now(), is_draft=True)
    assert not await reader.find("<2@b.test>")


async def test_a_mail_that_was_sent_and_thrown_away_is_found(reader: GraphReader, box: Mail) -> None:
    box.deliver(ADA, mail(1), folder="deleteditems")
    assert await reader.find("<1@b.test>")


async def test_a_try_that_was_cut_off_is_gone_on_with_and_never_doubled(
    provider: Graph, tokens: Tokens, box: Mail, microsoft: Microsoft
) -> None:
    microsoft.fail("GET /me/messages$", 0, times=3)
    microsoft.fail("POST /me/messages$", 0, after=True)
    outcomes = []
    for _ in range(2):
        with pytest.raises(SendFailed) as caught:
            await send(provider, tokens, mail(1, to=BOB))
        outcomes.append(caught.value.outcome)
    microsoft.fail("/send", 0, after=True)
    with pytest.raises(SendFailed) as caught:
        await send(provider, tokens, mail(1, to=BOB))
    outcomes.append(caught.value.outcome)
    receipt = await send(provider, tokens, mail(1, to=BOB))
    assert outcomes == [Outcome.DEFERRED, Outcome.DEFERRED, Outcome.UNKNOWN]
    assert box.sent == ["<1@b.test>"]
    assert list(box.box(ADA).messages) == [receipt.id], "one draft, which was gone on with"


async def test_a_draft_that_its_owner_threw_away_is_written_anew(
    provider: Graph, tokens: Tokens, box: Mail, microsoft: Microsoft
) -> None:
    thrown = box.box(ADA).add(mail(1, to=BOB), folder="deleteditems", at=microsoft.now(), is_draft=True)
    receipt = await send(provider, tokens, mail(1, to=BOB))
    assert receipt.id != thrown.id
    assert box.sent == ["<1@b.test>"]


SENT = [
    (500, "ErrorInternalServerError", Outcome.UNKNOWN, None),
    (503, "ErrorServerBusy", Outcome.UNKNOWN, None),
    (504, "", Outcome.UNKNOWN, None),
    (403, "ErrorSendAsDenied", Outcome.REFUSED, "5.7.60"),
    (400, "ErrorInvalidRecipients", Outcome.REFUSED, "5.1.3"),
    (400, "ErrorMessageSizeExceeded", Outcome.REFUSED, "5.3.4"),
    (400, "ErrorExceededMessageLimit", Outcome.DEFERRED, "4.7.28"),
    (404, "ErrorItemNotFound", Outcome.DEFERRED, None),
    (400, "ErrorInvalidRequest", Outcome.REFUSED, None),
]


@pytest.mark.parametrize(("status", "code", "outcome", "enhanced"), SENT, ids=[f"{each[0]} {each[1]}" for each in SENT])
async def test_a_refused_send_says_what_can_have_happened(
    provider: Graph, tokens: Tokens, box: Mail, microsoft: Microsoft, status: int, code: str, outcome: Outcome, enhanced: str | None,
) -> None:  # fmt: skip
    microsoft.fail("/send$", status, code=code)
    with pytest.raises(SendFailed, match=f"{status} {code}") as caught:
        await send(provider, tokens, mail(1, to=BOB))
    assert (caught.value.outcome, caught.value.enhanced) == (outcome, enhanced)
    assert microsoft.count("/send$") == 1, "never twice on a guess"
    left = [each.folder for each in box.box(ADA).messages.values()]
    assert left == (["deleteditems"] if outcome is Outcome.REFUSED else ["drafts"])


async def test_a_hiccup_before_anything_was_given_away_is_no_more_than_a_delay(
    provider: Graph, tokens: Tokens, microsoft: Microsoft
) -> None:
    microsoft.fail("GET /me/messages$", 503)  # waited out
    microsoft.fail("POST /me/messages$", 503)
    with pytest.raises(SendFailed) as caught:
        await send(provider, tokens, mail(1, to=BOB))
    assert caught.value.outcome is Outcome.DEFERRED


async def test_a_full_mailbox_waits_for_its_owner_and_not_the_recipient(
    provider: Graph, tokens: Tokens, microsoft: Microsoft
) -> None:
    microsoft.fail("/send$", 507, code="ErrorQuotaExceeded")
    with pytest.raises(ConnectFailed, match="full") as caught:
        await send(provider, tokens, mail(1, to=BOB))
    assert not caught.value.is_terminal


async def test_a_mail_larger_than_a_request_may_be_is_refused(provider: Graph, tokens: Tokens, box: Mail) -> None:
    with pytest.raises(SendFailed) as caught:
        await send(provider, tokens, mail(1, to=BOB, text="x" * 4 * 2**20))
    assert (caught.value.outcome, caught.value.enhanced) == (Outcome.REFUSED, "5.3.4")
    assert box.box(ADA).messages == {}


async def test_a_send_that_is_too_fast_waits_and_goes(
    provider: Graph, tokens: Tokens, box: Mail, microsoft: Microsoft
) -> None:
    microsoft.fail("/send$", 429, code="ApplicationThrottled", times=2)
    await send(provider, tokens, mail(1, to=BOB))
    assert box.sent == ["<1@b.test>"]


async def test_a_microsoft_that_can_not_be_reached_took_nothing(egress: Egress, tokens: Tokens) -> None:
    with pytest.raises(SendFailed) as caught:
        await send(Graph(egress, "http://127.0.0.1:1/v1.0"), tokens, mail(1, to=BOB))
    assert caught.value.outcome is Outcome.DEFERRED


async def test_past_the_deadline_nothing_is_given_away(
    provider: Graph, tokens: Tokens, box: Mail, microsoft: Microsoft
) -> None:
    class Soon:
        """Passes while the draft is being written."""

        def has_passed(self) -> bool:
            return bool(box.box(ADA).messages)

    async with provider.sender(GrantedAccount(ADA, tokens)) as sender:
        with pytest.raises(SendFailed) as caught:
            await sender.send(mail(1, to=BOB), sender=ADA, recipient=BOB, deadline=Soon())
    assert (caught.value.outcome, box.sent, microsoft.count("/send$")) == (Outcome.OVERDUE, [], 0)


async def test_an_address_that_would_be_read_otherwise_is_refused(provider: Graph, tokens: Tokens) -> None:
    with pytest.raises(SendFailed) as caught:
        await send(provider, tokens, mail(1), to="Bob <bob@b.test>")
    assert caught.value.enhanced == "5.1.3"


async def test_without_the_permission_to_send_the_mailbox_has_to_be_connected_again(
    provider: Graph, microsoft: Microsoft
) -> None:
    with pytest.raises(ConnectFailed) as caught:
        await send(provider, Tokens(microsoft, "Mail.Send"), mail(1, to=BOB))
    assert caught.value.is_terminal


async def test_microsoft_is_asked_to_call_only_where_it_can(
    provider: Graph, tokens: Tokens, microsoft: Microsoft
) -> None:
    assert await provider.subscribe(GrantedAccount(ADA, tokens)) is False
    assert microsoft.count("/subscriptions") == 0


async def test_a_place_that_does_not_answer_gets_no_calls(egress: Egress, tokens: Tokens, microsoft: Microsoft) -> None:
    push = GraphPush("http://127.0.0.1:1/webhooks/microsoft", "a secret")
    provider = Graph(egress, f"{microsoft.url}/v1.0", push=push)
    with pytest.raises(ConnectFailed, match="ValidationError"):
        await provider.subscribe(GrantedAccount(ADA, tokens))


@pytest.mark.parametrize("count", [200, pytest.param(2_000, marks=pytest.mark.faults)])
async def test_a_backfill_stays_under_the_limit_and_near_the_ideal_time(egress: Egress, count: int) -> None:
    """Four times as fast as in life, on both sides."""
    speed = 4
    async with running(rate=speed, limit=10_000, window=600) as (microsoft, box):
        for number in range(count):
            box.deliver(ADA, mail(number), at=microsoft.now() - 100_000 + number)
        provider = Graph(egress, f"{microsoft.url}/v1.0", per_minute=graph_api.PER_MINUTE * speed, jitter=0.0)
        async with provider.open(GrantedAccount(ADA, Tokens(microsoft))) as reader:
            began = time.monotonic()
            seen, _ = await read_up(reader, at_most=count)
            took = (time.monotonic() - began) * speed
    ideal = count / 600 * 60
    print(f"\n{count} messages: {took / ideal:.2f} of the ideal time, {microsoft.over_limit} answers over the limit")
    assert len(seen) == count
    assert (microsoft.over_limit, microsoft.busiest) == (0, 3)
    if count == 2_000:
        assert took <= 1.3 * ideal


async def test_a_limit_that_is_smaller_than_thought_is_found_and_kept_to(egress: Egress) -> None:
    async with running(rate=60, limit=100, window=60) as (microsoft, box):
        for number in range(300):
            box.deliver(ADA, mail(number), at=microsoft.now() - 100_000 + number)
        async with provider_of(egress, microsoft).open(GrantedAccount(ADA, Tokens(microsoft))) as reader:
            seen, _ = await read_up(reader)
    assert sorted(numbers(seen)) == list(range(300))
