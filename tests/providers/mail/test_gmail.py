"""Reading and sending by the Gmail API, on a stand-in that holds every request to Google's own description."""

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from outrider.core.egress import Egress
from outrider.providers.mail import answers, gmail, gmail_api, gmail_fetch, gmail_sync
from outrider.providers.mail.gmail import Gmail
from outrider.providers.mail.gmail_sync import EVERYTHING, GmailReader, Position
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
from tests.stand_ins.google import SCOPES, Google, running

ADA = "ada@gmail.test"


class Never:
    def has_passed(self) -> bool:
        return False


class Tokens:
    """A supplier that renews at the stand-in."""

    def __init__(self, google: Google, scopes: str = "") -> None:
        self.google, self.grant = google, google.granted(ADA, scopes)
        self.token, self.renewals = google.token_of(self.grant), 0

    async def __call__(self, *, refused: str | None = None) -> str:
        if refused == self.token:
            self.renewals += 1
            self.token = self.google.token_of(self.grant)
        return self.token


def mail(number: int, *, answers: str = "", text: str = "Hello", to: str = ADA) -> bytes:
    reference = f"In-Reply-To: {answers}\r\nReferences: {answers}\r\n" if answers else ""
    return (
        f"From: bob@b.test\r\nTo: {to}\r\nSubject: {number}\r\nMessage-ID: <{number}@b.test>\r\n{reference}\r\n{text}\r\n"
    ).encode()


@pytest.fixture
async def egress() -> AsyncIterator[Egress]:
    egress = Egress(allow=("127.0.0.1",))
    yield egress
    await egress.aclose()


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gmail_api, "FIRST_WAIT", 0.01)


@pytest.fixture
def provider(egress: Egress, google: Google) -> Gmail:
    google.box(ADA)
    return Gmail(egress, google.url, jitter=0.0, per_minute=1_000_000)


@pytest.fixture
def tokens(google: Google) -> Tokens:
    return Tokens(google)


@pytest.fixture
async def reader(provider: Gmail, tokens: Tokens) -> AsyncIterator[GmailReader]:
    async with provider.open(GrantedAccount(ADA, tokens)) as opened:
        yield opened


async def step(
    reader: GmailReader, cursor: Cursor | None = None, *, batch: int = 100, since: datetime | None = None, at_most: int = 5_000,
) -> Changes:  # fmt: skip
    return await reader.changes(EVERYTHING.name, cursor, batch=batch, since=since, at_most=at_most)


async def read_up(reader: GmailReader, cursor: Cursor | None = None, **options: int) -> tuple[list[Fetched], Cursor]:
    """Reads until there is nothing more."""
    messages: list[Fetched] = []
    while True:
        changes = await step(reader, cursor, **options)  # type: ignore[arg-type]
        messages += changes.messages
        cursor = changes.cursor
        if not changes.more:
            return messages, cursor


def numbers(messages: list[Fetched] | tuple[Fetched, ...]) -> list[int]:
    return [int(each.header.split(b"Subject: ")[1].split(b"\r\n")[0]) for each in messages]


async def test_a_message_is_read_as_google_holds_it(reader: GmailReader, google: Google) -> None:
    stored = google.deliver(ADA, mail(1))
    [message], _ = await read_up(reader)
    assert (message.id, message.thread_id, message.raw) == (stored.id, stored.thread_id, mail(1))
    assert message.header == mail(1).removesuffix(b"Hello\r\n")
    assert message.size == len(mail(1))
    assert abs(datetime.now(UTC) - message.received_at) < timedelta(minutes=1)
    assert message.roles == {Role.INBOX}


async def test_labels_say_what_a_message_is_and_drafts_and_trash_are_left_out(
    reader: GmailReader, google: Google
) -> None:
    for number, labels in enumerate((("SENT",), ("SPAM",), ("DRAFT",), ("TRASH",), ("Label_7",), ("CHAT",))):
        google.deliver(ADA, mail(number), labels=labels)
    messages, cursor = await read_up(reader)
    assert {number: each.roles for number, each in zip(numbers(messages), messages, strict=True)} == {
        0: {Role.SENT}, 1: {Role.JUNK}, 4: frozenset(),
    }  # fmt: skip
    google.deliver(ADA, mail(8), labels=("DRAFT",))
    google.deliver(ADA, mail(9), labels=("SENT", "INBOX"))
    later, _ = await read_up(reader, cursor)
    assert [(each.roles) for each in later] == [{Role.SENT, Role.INBOX}]
    assert google.count("/batch of 1$") == 1, "a draft is not even asked for"


async def test_a_first_sync_of_1000_messages_resumed_at_each_cursor_gives_each_once_newest_first(
    provider: Gmail, tokens: Tokens, google: Google
) -> None:
    for number in range(1_000):
        google.deliver(ADA, mail(number), at=google.now() - 10_000 + number)
    seen: list[int] = []
    cursor, more = None, True
    while more:
        async with provider.open(GrantedAccount(ADA, tokens)) as reader:  # as after a crash: only the cursor is left
            changes = await step(reader, cursor, batch=130)
        seen = numbers(changes.messages) + seen
        cursor, more = changes.cursor, changes.more
        assert not changes.reset
    assert seen == list(range(1_000)), "each batch is older than the one before it"


async def test_what_comes_in_during_the_first_sync_is_read_between_two_batches(
    reader: GmailReader, google: Google
) -> None:
    for number in range(60):
        google.deliver(ADA, mail(number), at=google.now() - 1_000 + number)
    first = await step(reader, batch=20)
    google.deliver(ADA, mail(100))
    second = await step(reader, first.cursor, batch=20)
    assert (numbers(first.messages), numbers(second.messages)) == ([*range(40, 60)], [100])
    rest, cursor = await read_up(reader, second.cursor, batch=20)
    assert sorted(numbers(rest)) == [*range(40)]
    assert (await read_up(reader, cursor))[0] == []


async def test_a_first_sync_takes_the_newest_and_nothing_older_than_asked_for(
    reader: GmailReader, google: Google
) -> None:
    for number in range(20):
        google.deliver(ADA, mail(number), at=google.now() - (20 - number) * 86_400)
    newest, _ = await read_up(reader, at_most=5)
    assert numbers(newest) == [15, 16, 17, 18, 19]
    recent = await step(reader, since=datetime.now(UTC) - timedelta(days=3, hours=1))
    assert numbers(recent.messages) == [17, 18, 19]


async def test_after_the_first_sync_only_the_history_is_asked_for(reader: GmailReader, google: Google) -> None:
    _, cursor = await read_up(reader)
    google.calls.clear()
    assert (await read_up(reader, cursor))[0] == []
    assert google.calls == [("GET", "/gmail/v1/users/me/history")]
    for number in range(250):
        google.deliver(ADA, mail(number))
    seen, cursor = await read_up(reader, cursor)
    assert numbers(seen) == list(range(250))
    assert (await read_up(reader, cursor))[0] == []


async def test_a_message_deleted_between_list_and_read_is_left_out(
    reader: GmailReader, google: Google, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, cursor = await read_up(reader)
    gone = google.deliver(ADA, mail(1))
    google.deliver(ADA, mail(2))
    google.boxes[ADA].remove(gone.id)
    seen, _ = await read_up(reader, cursor)
    assert numbers(seen) == [2]


async def test_a_history_that_is_gone_means_reading_everything_again(reader: GmailReader, google: Google) -> None:
    google.deliver(ADA, mail(1))
    _, cursor = await read_up(reader)
    google.deliver(ADA, mail(2))
    google.boxes[ADA].forget_history()
    google.deliver(ADA, mail(3))
    changes = await step(reader, cursor)
    assert not changes.reset, "ids stay what they are"
    assert set(numbers(changes.messages)) == {1, 2, 3}
    _, cursor = await read_up(reader, changes.cursor)
    assert Position.read(cursor).is_complete


async def test_at_most_two_mailboxes_are_read_whole_at_the_same_time(egress: Egress, google: Google) -> None:
    provider = Gmail(egress, google.url, jitter=0.0)
    held = [await provider._room.acquire() for _ in range(2)]
    google.box(ADA)
    async with provider.open(GrantedAccount(ADA, Tokens(google))) as reader:
        waiting = asyncio.create_task(step(reader))
        await asyncio.sleep(0.2)
        assert not waiting.done()
        news = Position(str(google.boxes[ADA].history_id)).written()
        assert (await asyncio.wait_for(step(reader, news), 5)).messages == (), "news wait for nobody"
        for _ in held:
            provider._room.release()
        await asyncio.wait_for(waiting, 5)


async def test_a_token_that_ran_out_is_renewed_once_and_the_reading_goes_on(
    reader: GmailReader, tokens: Tokens, google: Google
) -> None:
    google.deliver(ADA, mail(1))
    google.expire_tokens()
    seen, _ = await read_up(reader)
    assert (numbers(seen), tokens.renewals) == ([1], 1)


async def test_a_token_that_runs_out_inside_a_batch_is_renewed(
    reader: GmailReader, tokens: Tokens, google: Google
) -> None:
    for number in range(10):
        google.deliver(ADA, mail(number))
    google.fail(r"messages/\w+", 401, reason="authError", times=3)
    seen, _ = await read_up(reader)
    assert sorted(numbers(seen)) == list(range(10))
    assert tokens.renewals == 1


@pytest.mark.parametrize(
    ("status", "reason"), [(429, "rateLimitExceeded"), (403, "userRateLimitExceeded"), (500, "backendError"), (503, "")]
)
@pytest.mark.parametrize("path", ["/history", "/batch", r"messages/\w+"])
async def test_limits_and_hiccups_are_waited_out(
    reader: GmailReader, google: Google, path: str, status: int, reason: str
) -> None:
    _, cursor = await read_up(reader)
    for number in range(10):
        google.deliver(ADA, mail(number))
    google.fail(path, status, reason=reason, times=2)
    seen, _ = await read_up(reader, cursor)
    assert numbers(seen) == list(range(10))


async def test_retry_after_is_obeyed_by_everybody_on_the_mailbox(
    provider: Gmail, reader: GmailReader, tokens: Tokens, google: Google
) -> None:
    google.fail("/profile", 429, reason="rateLimitExceeded", headers={"Retry-After": "1"})
    began = time.monotonic()
    waiting = asyncio.create_task(step(reader))
    await asyncio.sleep(0.2)
    assert await reader.find("<1@b.test>") is False
    assert time.monotonic() - began >= 1
    await waiting


async def test_a_wait_longer_than_patience_is_left_to_the_next_sync(reader: GmailReader, google: Google) -> None:
    google.fail("/profile", 429, reason="rateLimitExceeded", headers={"Retry-After": "3600"})
    with pytest.raises(ReadFailed, match="429"):
        await asyncio.wait_for(step(reader), 2)


async def test_a_hiccup_that_does_not_end_is_told(
    reader: GmailReader, google: Google, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gmail_api, "LONGEST_WAIT", 0.02)
    google.fail("/profile", 503, times=100)
    with pytest.raises(ReadFailed, match="503"):
        await step(reader)
    assert google.count("/profile") == gmail_api.ATTEMPTS


@pytest.mark.parametrize(
    ("reason", "is_terminal"),
    [("insufficientPermissions", True), ("domainPolicy", True), ("accessNotConfigured", False)],
)
async def test_what_only_a_person_can_mend_is_told_apart(
    provider: Gmail, tokens: Tokens, google: Google, reason: str, is_terminal: bool
) -> None:
    google.fail("/profile", 403, reason=reason)
    with pytest.raises(ConnectFailed) as caught:
        await provider.verify(GrantedAccount(ADA, tokens))
    assert caught.value.is_terminal is is_terminal
    assert caught.value.hint


async def test_verifying_finds_the_mailbox_and_refuses_another(provider: Gmail, tokens: Tokens) -> None:
    verified = await provider.verify(GrantedAccount(ADA.upper(), tokens))
    assert (verified.folders, verified.keeps_copies) == ((EVERYTHING,), True)
    with pytest.raises(ConnectFailed, match=r"not for eve@gmail\.test") as caught:
        await provider.verify(GrantedAccount("eve@gmail.test", tokens))
    assert caught.value.is_terminal


async def test_who_waits_for_a_connection_waits_no_longer_than_a_person_does(
    provider: Gmail, tokens: Tokens, google: Google, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gmail, "PATIENCE", 0.3)
    google.fail("/profile", 429, reason="rateLimitExceeded", headers={"Retry-After": "30"})
    with pytest.raises(ConnectFailed, match="too long"):
        await asyncio.wait_for(provider.verify(GrantedAccount(ADA, tokens)), 5)


async def test_large_messages_come_in_smaller_batches(
    reader: GmailReader, google: Google, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gmail_fetch, "LIMITS", gmail_fetch.Limits(read=10, total=20, body=60_000))
    for number in range(20):
        google.deliver(ADA, mail(number, text="a line\r\n" * 1_000), at=google.now() - 100 + number)
    seen, _ = await read_up(reader)
    assert numbers(seen) == list(range(20))


async def test_of_a_message_beyond_all_limits_only_the_header_is_read(
    reader: GmailReader, google: Google, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gmail_fetch, "LIMITS", gmail_fetch.Limits(read=10, total=20, body=20_000))
    monkeypatch.setattr(gmail_fetch, "LIMITS_OF_ONE", gmail_fetch.Limits(read=10, total=20, body=20_000))
    for number in range(3):
        text = "a line\r\n" * 10_000 if number == 1 else "Hello"
        google.deliver(ADA, mail(number, text=text), at=google.now() - 100 + number)
    seen, _ = await read_up(reader)
    assert numbers(seen) == [0, 1, 2]
    assert [each.raw is None for each in seen] == [False, True, False]
    assert seen[1].size > 80_000


async def test_a_batch_of_changes_ends_early_where_its_messages_are_large(
    reader: GmailReader, google: Google, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, cursor = await read_up(reader)
    monkeypatch.setattr(answers, "MAX_BATCH_BYTES", 1_000)
    monkeypatch.setattr(gmail_sync, "MOST", 2)
    for number in range(7):
        google.deliver(ADA, mail(number, text="x" * 600))
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
    provider: Gmail, tokens: Tokens, reader: GmailReader, google: Google
) -> None:
    google.box(ADA).lag = 0.0
    async with provider.sender(GrantedAccount(ADA, tokens)) as sender:
        receipt = await sender.send(mail(1, to="bob@b.test"), sender=ADA, recipient="bob@b.test", deadline=Never())
    stored = google.boxes[ADA].messages[receipt.id or ""]
    assert (stored.raw, stored.labels, stored.thread_id) == (mail(1, to="bob@b.test"), ["SENT"], receipt.thread_id)
    assert receipt.id in receipt.proof
    assert await reader.find("<1@b.test>")
    assert not await reader.find("<2@b.test>")


@pytest.mark.parametrize("message_id", ["no brackets", "<a b@c>", "<a@b> OR in:inbox", '<a"b@c>', "<a(b)@c>", "<é@b>"])
async def test_no_message_id_smuggles_in_a_search(reader: GmailReader, google: Google, message_id: str) -> None:
    google.calls.clear()
    with pytest.raises(ValueError, match="Message-ID"):
        await reader.find(message_id)
    assert google.calls == []


async def test_an_answer_goes_into_its_thread_and_lives_without_it(
    provider: Gmail, tokens: Tokens, google: Google
) -> None:
    first = google.deliver(ADA, mail(1))
    raw = mail(2, answers="<1@b.test>", to="bob@b.test")
    async with provider.sender(GrantedAccount(ADA, tokens)) as sender:
        in_thread = await sender.send(
            raw, sender=ADA, recipient="bob@b.test", deadline=Never(), thread_id=first.thread_id
        )
        assert in_thread.thread_id == first.thread_id
        alone = await sender.send(
            mail(3), sender=ADA, recipient="bob@b.test", deadline=Never(), thread_id="18fdeadbeef"
        )
    assert alone.id != in_thread.id
    assert google.count("/send") == 3


@pytest.mark.parametrize(
    ("status", "reason", "message", "outcome", "enhanced"),
    [
        (500, "backendError", "x", Outcome.UNKNOWN, None),
        (503, "", "x", Outcome.UNKNOWN, None),
        (400, "invalidArgument", "Invalid To header", Outcome.REFUSED, None),
        (429, "rateLimitExceeded", "User-rate limit exceeded.  Retry after 2099-01-01T00:00:00.000Z", Outcome.DEFERRED, "4.7.28"),
    ],
    ids=["broken", "away", "malformed", "sending limit"],
)  # fmt: skip
async def test_a_refused_send_says_what_can_have_happened(
    provider: Gmail, tokens: Tokens, google: Google, status: int, reason: str, message: str, outcome: Outcome, enhanced: str | None,
) -> None:  # fmt: skip
    google.fail("/send", status, reason=reason, message=message)
    async with provider.sender(GrantedAccount(ADA, tokens)) as sender:
        with pytest.raises(SendFailed) as caught:
            await sender.send(mail(1), sender=ADA, recipient="bob@b.test", deadline=Never())
    assert (caught.value.outcome, caught.value.enhanced) == (outcome, enhanced)
    assert google.count("/send") == 1, "never twice on a guess"


async def test_a_send_that_is_too_fast_waits_and_goes(provider: Gmail, tokens: Tokens, google: Google) -> None:
    google.fail("/send", 403, reason="rateLimitExceeded", times=2)
    async with provider.sender(GrantedAccount(ADA, tokens)) as sender:
        receipt = await sender.send(mail(1, to="bob@b.test"), sender=ADA, recipient="bob@b.test", deadline=Never())
    assert receipt.id
    assert len(google.boxes[ADA].messages) == 1


async def test_a_connection_that_ends_in_the_middle_leaves_it_unknown(
    provider: Gmail, tokens: Tokens, google: Google
) -> None:
    google.fail("/send", 0, after=True)
    async with provider.sender(GrantedAccount(ADA, tokens)) as sender:
        with pytest.raises(SendFailed) as caught:
            await sender.send(mail(1, to="bob@b.test"), sender=ADA, recipient="bob@b.test", deadline=Never())
    assert caught.value.outcome is Outcome.UNKNOWN
    assert len(google.boxes[ADA].messages) == 1


async def test_a_google_that_can_not_be_reached_took_nothing(egress: Egress, tokens: Tokens) -> None:
    async with Gmail(egress, "http://127.0.0.1:1").sender(GrantedAccount(ADA, tokens)) as sender:
        with pytest.raises(SendFailed) as caught:
            await sender.send(mail(1), sender=ADA, recipient="bob@b.test", deadline=Never())
    assert caught.value.outcome is Outcome.DEFERRED


async def test_past_the_deadline_nothing_is_given_away(provider: Gmail, tokens: Tokens, google: Google) -> None:
    class Past:
        def has_passed(self) -> bool:
            return True

    async with provider.sender(GrantedAccount(ADA, tokens)) as sender:
        with pytest.raises(SendFailed) as caught:
            await sender.send(mail(1), sender=ADA, recipient="bob@b.test", deadline=Past())
    assert caught.value.outcome is Outcome.OVERDUE
    assert google.count("/send") == 0


async def test_without_the_permission_to_send_the_mailbox_has_to_be_connected_again(
    provider: Gmail, google: Google
) -> None:
    narrow = Tokens(google, SCOPES.replace(" https://www.googleapis.com/auth/gmail.send", ""))
    async with provider.sender(GrantedAccount(ADA, narrow)) as sender:
        with pytest.raises(ConnectFailed) as caught:
            await sender.send(mail(1), sender=ADA, recipient="bob@b.test", deadline=Never())
    assert caught.value.is_terminal


async def test_google_calls_only_where_a_topic_is_set(egress: Egress, tokens: Tokens, google: Google) -> None:
    google.box(ADA)
    account = GrantedAccount(ADA, tokens)
    assert await Gmail(egress, google.url).subscribe(account) is False
    assert google.count("/watch") == 0
    assert await Gmail(egress, google.url, topic="projects/a/topics/b").subscribe(account) is True
    assert google.count("/watch") == 1


@pytest.mark.parametrize("count", [1_000, pytest.param(10_000, marks=pytest.mark.faults)])
async def test_a_backfill_stays_under_the_quota_and_near_the_ideal_time(egress: Egress, count: int) -> None:
    """Twenty times as fast as in life, on both sides."""
    speed = 20
    async with running(rate=speed, limit=15_000) as google:
        google.box(ADA)
        for number in range(count):
            google.deliver(ADA, mail(number), at=google.now() - 100_000 + number)
        provider = Gmail(egress, google.url, per_minute=gmail_api.PER_MINUTE * speed, jitter=0.0)
        async with provider.open(GrantedAccount(ADA, Tokens(google))) as reader:
            began = time.monotonic()
            seen, _ = await read_up(reader, at_most=count)
            took = (time.monotonic() - began) * speed
    ideal = count * gmail_api.UNITS["get"] / 9_000 * 60
    print(f"\n{count} messages: {took / ideal:.2f} of the ideal time, {google.over_quota} answers over the quota")
    assert len(seen) == count
    assert google.over_quota == 0
    if count == 10_000:
        assert took <= 1.3 * ideal


async def test_a_quota_that_is_smaller_than_thought_is_found_and_kept_to(egress: Egress) -> None:
    async with running(rate=60, limit=3_000) as google:
        google.box(ADA)
        for number in range(1_000):
            google.deliver(ADA, mail(number), at=google.now() - 100_000 + number)
        provider = Gmail(egress, google.url, per_minute=gmail_api.PER_MINUTE * 60, jitter=0.0)
        async with provider.open(GrantedAccount(ADA, Tokens(google))) as reader:
            seen, _ = await read_up(reader, at_most=1_000)
    assert len(seen) == 1_000
