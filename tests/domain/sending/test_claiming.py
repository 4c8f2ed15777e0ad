"""Who may take a row, and what is said of those that may not leave yet."""

import asyncio
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP

import pytest
from sqlalchemy import func, select

from outrider.core.clock import now
from outrider.domain.mailboxes.models import Direction, Folder, Mailbox, Message
from outrider.domain.mailboxes.verdict import Kind
from outrider.domain.sending import claiming, letterhead, looking, rules
from outrider.domain.sending.models import Claim, Hold, MailboxPace, Send, State, Waiting
from outrider.domain.sending.pacing import Pace
from outrider.domain.sequences import scheduling
from outrider.runtime import Runtime
from tests.domain.mailboxes.test_recording import folder_of
from tests.factories.accounts import Someone, make_user
from tests.factories.bulk import make_due_enrollments
from tests.factories.mailboxes import make_mailbox, make_message
from tests.factories.sending import make_send

PACE = Pace(domain_limit=1000, lease=timedelta(minutes=15), worker="test")


async def claim(
    runtime: Runtime, owner: Someone, mailbox: Mailbox, *, at: datetime | None = None, pace: Pace = PACE
) -> Claim | None:
    async with runtime.db.begin(owner.scope) as db:
        claims = await claiming.claim(db, mailbox.workspace_id, [mailbox.id], now=at or now(), pace=pace)
    return claims.get(mailbox.id)


async def reload(runtime: Runtime, owner: Someone, send: Send) -> Send:
    async with runtime.db.begin(owner.scope) as db:
        return await db.get_one(Send, (send.workspace_id, send.id))


async def test_a_claim_is_the_whole_mail_under_the_rows_message_id(runtime: Runtime) -> None:
    ada = await make_user(runtime)
    mailbox = await make_mailbox(runtime, ada)
    send = await make_send(runtime, ada, mailbox, await make_message(runtime, mailbox))
    taken = await claim(runtime, ada, mailbox)
    assert taken is not None
    async with runtime.db.begin(ada.scope) as db:
        paper = await letterhead.of(runtime, db, mailbox)
    mail = message_from_bytes(rules.compose(mailbox, taken.send, paper, at=taken.at))
    assert mail["Message-ID"] == send.message_id
    assert re.fullmatch(r"<[^<>@\s]+@a\.test>", send.message_id)
    assert mail["To"] == "Bob Baker <bob@b.test>"
    assert mail["References"] == send.in_reply_to
    stored = await reload(runtime, ada, send)
    assert (stored.state, stored.attempts, stored.worker) == (State.SENDING, 1, "test")


@pytest.mark.parametrize(
    "subject",
    ["A plan", "Über den Plan", "=?utf-8?q?Bcc=3A_x=40y.test?=", "w" * 200, "A plan\r\nBcc: x@y.test", 'a "b", <c@d>'],
    ids=["plain", "umlaut", "encoded", "long", "two lines", "specials"],
)
async def test_a_header_reads_as_the_library_writes_it_whatever_stands_in_it(runtime: Runtime, subject: str) -> None:
    ada = await make_user(runtime)
    mailbox = await make_mailbox(runtime, ada)
    send = await make_send(runtime, ada, mailbox, await make_message(runtime, mailbox))
    send.subject = send.recipient_name = subject
    async with runtime.db.begin(ada.scope) as db:
        raw = rules.compose(mailbox, send, await letterhead.of(runtime, db, mailbox), at=now())
    theirs = EmailMessage(policy=SMTP)
    theirs["To"] = Address(" ".join(subject.split()), addr_spec=send.recipient)
    theirs["Subject"] = " ".join(subject.split())
    assert raw.split(b"\r\n", 1)[1].startswith(theirs.as_bytes().rstrip())


@pytest.mark.parametrize(
    "text",
    ["", "Hello.", "Hello.\n", "a\r\nb\rc\n\nd\x0be\x1cf\n", ".\n..\nFrom me\n", "w" * 78, "w" * 79, "Grüße\n"],
    ids=["none", "no end", "one line", "line ends", "dots", "long", "too long", "umlaut"],
)
async def test_a_body_is_written_as_the_library_writes_it(runtime: Runtime, text: str) -> None:
    ada = await make_user(runtime)
    mailbox = await make_mailbox(runtime, ada)
    send = await make_send(runtime, ada, mailbox, await make_message(runtime, mailbox))
    send.body = text
    async with runtime.db.begin(ada.scope) as db:
        raw = rules.compose(mailbox, send, await letterhead.of(runtime, db, mailbox), at=now())
    theirs = EmailMessage(policy=SMTP)
    theirs.set_content(text)
    ours = raw.partition(b"\r\n\r\n")
    assert ours[2] == theirs.as_bytes().partition(b"\r\n\r\n")[2]
    said = message_from_bytes(raw)
    assert [said[name] for name in theirs] == list(theirs.values())


async def test_of_fifty_claims_at_once_one_gets_the_row(runtime: Runtime) -> None:
    ada = await make_user(runtime)
    mailbox = await make_mailbox(runtime, ada)
    await make_send(runtime, ada, mailbox, await make_message(runtime, mailbox))
    taken = await asyncio.gather(*(claim(runtime, ada, mailbox) for _ in range(50)))
    assert sum(each is not None for each in taken) == 1


async def test_nothing_leaves_after_an_answer_was_read(runtime: Runtime) -> None:
    ada = await make_user(runtime)
    mailbox = await make_mailbox(runtime, ada)
    email = await make_message(runtime, mailbox)
    send = await make_send(runtime, ada, mailbox, email)
    await make_message(runtime, mailbox, direction=Direction.IN, thread_id=email.thread_id, minutes_ago=1)
    assert await claim(runtime, ada, mailbox) is None
    stopped = await reload(runtime, ada, send)
    assert stopped.state is State.CANCELLED
    assert stopped.last_error == "Somebody answered in the thread."


async def test_an_automatic_reply_stops_nothing(runtime: Runtime) -> None:
    ada = await make_user(runtime)
    mailbox = await make_mailbox(runtime, ada)
    email = await make_message(runtime, mailbox)
    await make_send(runtime, ada, mailbox, email)
    for kind in (Kind.AUTO_REPLY, Kind.OUT_OF_OFFICE, Kind.DELAY):
        await make_message(
            runtime, mailbox, direction=Direction.IN, kind=kind, thread_id=email.thread_id, minutes_ago=1
        )
    assert await claim(runtime, ada, mailbox) is not None


@pytest.mark.parametrize(
    ("bounced", "returns_ours", "is_stopped"),
    [(["bob@b.test"], True, True), (["carol@c.test"], True, False), ([], True, False), (["bob@b.test"], False, False)],
)
async def test_a_bounce_stops_only_whom_it_is_about(
    runtime: Runtime, bounced: list[str], returns_ours: bool, is_stopped: bool
) -> None:
    ada = await make_user(runtime)
    mailbox = await make_mailbox(runtime, ada)
    email = await make_message(runtime, mailbox)
    await make_send(runtime, ada, mailbox, email)
    report = await make_message(
        runtime, mailbox, direction=Direction.IN, kind=Kind.BOUNCE, thread_id=email.thread_id, minutes_ago=1
    )
    async with runtime.db.begin(ada.scope) as db:
        stored = await db.merge(report)
        stored.bounced, stored.in_reply_to = bounced, [email.message_id or "" if returns_ours else "<forged@c.test>"]
    assert (await claim(runtime, ada, mailbox) is None) is is_stopped


async def test_who_asked_for_no_more_mail_gets_none(runtime: Runtime) -> None:
    ada = await make_user(runtime)
    mailbox = await make_mailbox(runtime, ada)
    email = await make_message(runtime, mailbox)
    await make_send(runtime, ada, mailbox, email)
    await make_message(
        runtime, mailbox, direction=Direction.IN, kind=Kind.UNSUBSCRIBE, thread_id=email.thread_id, minutes_ago=1
    )
    assert await claim(runtime, ada, mailbox) is None


async def test_a_full_mailbox_says_until_when(runtime: Runtime) -> None:
    ada = await make_user(runtime)
    mailbox = await make_mailbox(runtime, ada, daily_limit=2)
    email = await make_message(runtime, mailbox)
    first = now() - timedelta(hours=20)
    for hours in (20, 3):
        await make_send(
            runtime, ada, mailbox, email, state=State.SENT, sent_at=first if hours == 20 else now() - timedelta(hours=3)
        )
    waiting = await make_send(runtime, ada, mailbox, email)
    assert await claim(runtime, ada, mailbox) is None
    async with runtime.db.begin(ada.scope) as db:
        held = await db.get_one(MailboxPace, (mailbox.workspace_id, mailbox.id))
    assert (held.held_for, held.held_until) == (Hold.DAILY_LIMIT, first + timedelta(days=1))
    assert (await reload(runtime, ada, waiting)).state is State.QUEUED
    assert await claim(runtime, ada, mailbox, at=first + timedelta(days=1, seconds=1)) is not None


async def test_a_domain_that_got_enough_waits_and_others_do_not(runtime: Runtime) -> None:
    ada = await make_user(runtime)
    mailbox = await make_mailbox(runtime, ada)
    email = await make_message(runtime, mailbox)
    await make_send(runtime, ada, mailbox, email, state=State.SENT, sent_at=now() - timedelta(hours=1))
    held = await make_send(runtime, ada, mailbox, email, recipient="carol@b.test")
    await make_send(runtime, ada, mailbox, email, recipient="dave@c.test")
    pace = Pace(domain_limit=1, lease=PACE.lease, worker="test")
    taken = await claim(runtime, ada, mailbox, pace=pace)
    assert taken is not None
    assert taken.send.recipient == "dave@c.test"
    assert (await reload(runtime, ada, held)).waiting_for is Waiting.DOMAIN_LIMIT


async def test_outside_its_window_a_row_waits_for_the_opening(runtime: Runtime) -> None:
    ada = await make_user(runtime)
    mailbox = await make_mailbox(runtime, ada)
    window = {"days": ["mon", "tue", "wed", "thu", "fri"], "start": "09:00", "end": "17:00"}
    sunday = datetime(2026, 11, 22, 12, tzinfo=UTC)
    send = await make_send(
        runtime,
        ada,
        mailbox,
        await make_message(runtime, mailbox),
        due_at=sunday,
        window=window,
        timezone="Europe/Berlin",
    )
    assert await claim(runtime, ada, mailbox, at=sunday) is None
    stored = await reload(runtime, ada, send)
    assert (stored.waiting_for, stored.due_at) == (Waiting.WINDOW, datetime(2026, 11, 23, 8, tzinfo=UTC))


async def test_four_workers_never_pass_the_daily_limit(runtime: Runtime) -> None:
    ada = await make_user(runtime)
    mailbox = await make_mailbox(runtime, ada, daily_limit=25)
    email = await make_message(runtime, mailbox)
    for _ in range(40):
        await make_send(runtime, ada, mailbox, email)

    async def take_all() -> int:
        taken = 0
        while await claim(runtime, ada, mailbox) is not None:
            taken += 1
        return taken

    assert sum(await asyncio.gather(*(take_all() for _ in range(4)))) == 25


async def test_of_1000_answered_just_before_their_claim_none_leaves(runtime: Runtime) -> None:
    ada = await make_user(runtime)
    mailbox = await make_mailbox(runtime, ada)
    await make_due_enrollments(runtime, ada, [mailbox], 1000)
    async with runtime.db.begin(ada.scope) as db:
        while await scheduling.schedule_due(db, ada.workspace_id, now=now()):
            pass
        originals = list(await db.scalars(select(Message)))
    async with runtime.db.begin(ada.scope) as db:
        for each in originals:
            db.add(
                Message(
                    workspace_id=each.workspace_id, mailbox_id=each.mailbox_id, user_id=each.user_id,
                    thread_id=each.thread_id, identity=b"answer" + each.identity, direction=Direction.IN,
                    kind=Kind.HUMAN, sent_at=now(), received_at=now(),
                )
            )  # fmt: skip
    left = 0
    while True:
        if await claim(runtime, ada, mailbox) is not None:
            left += 1
        async with runtime.db.begin(ada.scope) as db:
            if not await db.scalar(select(func.count()).select_from(Send).where(Send.state == State.QUEUED)):
                break
    print(f"\n1000 answered before the claim: {left} left")
    assert left == 0


async def test_a_gap_holds_the_next_mail_but_not_a_persons_own_push(runtime: Runtime) -> None:
    ada = await make_user(runtime)
    mailbox = await make_mailbox(runtime, ada)
    email = await make_message(runtime, mailbox)
    pace = replace(PACE, gap_min=timedelta(minutes=3), gap_max=timedelta(minutes=10))
    for priority in (0, 0, looking.URGENT):
        await make_send(runtime, ada, mailbox, email, priority=priority)
    first = await claim(runtime, ada, mailbox, pace=pace)
    assert first is not None
    assert first.send.priority == looking.URGENT
    assert await claim(runtime, ada, mailbox, pace=pace) is None
    pushed = await make_send(runtime, ada, mailbox, email, priority=looking.URGENT)
    second = await claim(runtime, ada, mailbox, pace=pace)
    assert second is not None
    assert second.send.id == pushed.id
    assert await claim(runtime, ada, mailbox, pace=pace, at=now() + timedelta(minutes=11)) is not None


async def test_a_company_that_got_enough_waits_but_users_of_a_public_provider_do_not(runtime: Runtime) -> None:
    ada = await make_user(runtime)
    mailbox = await make_mailbox(runtime, ada)
    email = await make_message(runtime, mailbox)
    pace = replace(PACE, company_limit=1)
    for recipient in ("a@acme.example", "b@mail.acme.example", "c@gmail.com", "d@gmail.com"):
        await make_send(runtime, ada, mailbox, email, recipient=recipient)
    taken = []
    while (each := await claim(runtime, ada, mailbox, pace=pace)) is not None:
        taken.append(each.send.recipient)
    assert taken == ["a@acme.example", "c@gmail.com", "d@gmail.com"]


async def test_one_claim_serves_many_mailboxes_within_their_common_limit(runtime: Runtime) -> None:
    ada = await make_user(runtime)
    mailboxes = [await make_mailbox(runtime, ada, address=f"sender{number}@a.test") for number in range(4)]
    for mailbox in mailboxes:
        await make_send(runtime, ada, mailbox, await make_message(runtime, mailbox))
    async with runtime.db.begin(ada.scope) as db:
        claims = await claiming.claim(
            db, ada.workspace_id, [each.id for each in mailboxes], now=now(), pace=replace(PACE, domain_limit=3)
        )
    assert len(claims) == 3


async def test_a_new_mailbox_begins_slowly_and_a_used_one_does_not(runtime: Runtime) -> None:
    ada = await make_user(runtime)
    pace = replace(PACE, ramp_start=2, ramp_step=1)
    new = await make_mailbox(runtime, ada, address="new@a.test")
    used = await make_mailbox(runtime, ada, address="used@a.test")
    for minutes in range(100):
        email = await make_message(runtime, used, minutes_ago=60 + minutes)
    fresh = await make_message(runtime, new)
    for _ in range(4):
        await make_send(runtime, ada, new, fresh)
        await make_send(runtime, ada, used, email)

    async def take_all(mailbox: Mailbox) -> int:
        taken = 0
        while await claim(runtime, ada, mailbox, pace=pace) is not None:
            taken += 1
        return taken

    assert (await take_all(new), await take_all(used)) == (2, 4)


async def test_a_follow_up_waits_until_the_latest_mail_of_a_new_mailbox_is_read(runtime: Runtime) -> None:
    ada = await make_user(runtime)
    mailbox = await make_mailbox(runtime, ada)
    email = await make_message(runtime, mailbox)
    inbox = await folder_of(runtime, mailbox)
    send = await make_send(runtime, ada, mailbox, email)
    assert await claim(runtime, ada, mailbox) is None
    waiting = await reload(runtime, ada, send)
    assert (waiting.state, waiting.waiting_for) == (State.QUEUED, Waiting.MAILBOX_UNREAD)
    assert waiting.due_at < now() + timedelta(seconds=10)
    async with runtime.db.begin(ada.scope) as db:
        folder = await db.get_one(Folder, (ada.workspace_id, inbox.id))
        folder.advance("1", remaining=9_000, more=True, at=now())  # the newest batch is the first
    assert await claim(runtime, ada, mailbox, at=waiting.due_at) is not None


async def test_nothing_waits_for_ever_for_a_mailbox_to_be_read(runtime: Runtime) -> None:
    ada = await make_user(runtime)
    mailbox = await make_mailbox(runtime, ada)
    await make_send(runtime, ada, mailbox, await make_message(runtime, mailbox))
    await folder_of(runtime, mailbox)
    async with runtime.db.begin(ada.scope) as db:
        stored = await db.get_one(Mailbox, (ada.workspace_id, mailbox.id))
        stored.connected_at = now() - looking.UNREAD_AT_MOST - timedelta(seconds=1)
    assert await claim(runtime, ada, mailbox) is not None
