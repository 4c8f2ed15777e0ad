"""Who may take a row, and what is said of those that may not leave yet."""

import asyncio
import re
from datetime import UTC, datetime, timedelta
from email import message_from_bytes

from sqlalchemy import func, select

from outrider.core.clock import now
from outrider.core.db import Scope
from outrider.domain.mailboxes.classify import Kind
from outrider.domain.mailboxes.models import Direction, Mailbox, Message
from outrider.domain.sending import claiming
from outrider.domain.sending.claiming import Pace
from outrider.domain.sending.models import Claim, Send, State, Waiting
from outrider.domain.sequences import scheduling
from outrider.runtime import Runtime
from tests.factories.accounts import Someone, make_user
from tests.factories.bulk import make_due_enrollments
from tests.factories.mailboxes import make_mailbox, make_message
from tests.factories.sending import make_send

PACE = Pace(domain_limit=1000, lease=timedelta(minutes=15), worker="test")


async def claim(
    runtime: Runtime, owner: Someone, mailbox: Mailbox, *, at: datetime | None = None, pace: Pace = PACE
) -> Claim | None:
    async with runtime.db.begin(owner.scope) as db:
        current = await db.get_one(Mailbox, (mailbox.workspace_id, mailbox.id))
        return await claiming.claim(db, current, now=at or now(), pace=pace)


async def reload(runtime: Runtime, owner: Someone, send: Send) -> Send:
    async with runtime.db.begin(owner.scope) as db:
        return await db.get_one(Send, (send.workspace_id, send.id))


async def test_a_claim_is_the_whole_mail_under_the_rows_message_id(runtime: Runtime) -> None:
    ada = await make_user(runtime)
    mailbox = await make_mailbox(runtime, ada)
    send = await make_send(runtime, ada, mailbox, await make_message(runtime, mailbox))
    taken = await claim(runtime, ada, mailbox)
    assert taken is not None
    mail = message_from_bytes(taken.raw)
    assert mail["Message-ID"] == send.message_id
    assert re.fullmatch(r"<[^<>@\s]+@a\.test>", send.message_id)
    assert mail["To"] == "Bob Baker <bob@b.test>"
    assert mail["References"] == send.in_reply_to
    stored = await reload(runtime, ada, send)
    assert (stored.state, stored.attempts, stored.worker) == (State.SENDING, 1, "test")


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
    stored = await reload(runtime, ada, waiting)
    assert stored.waiting_for is Waiting.MAILBOX_DAILY_LIMIT
    assert stored.due_at == first + timedelta(days=1)
    assert await claim(runtime, ada, mailbox, at=stored.due_at + timedelta(seconds=1)) is not None


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
    assert taken.recipient == "dave@c.test"
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


async def test_every_row_that_waits_says_why(runtime: Runtime) -> None:
    ada = await make_user(runtime)
    mailbox = await make_mailbox(runtime, ada, daily_limit=1)
    email = await make_message(runtime, mailbox)
    await make_send(runtime, ada, mailbox, email, state=State.SENT, sent_at=now())
    for _ in range(3):
        await make_send(runtime, ada, mailbox, email)
    await claim(runtime, ada, mailbox)
    async with runtime.db.begin(Scope(ada.workspace_id)) as db:
        silent = await db.scalar(
            select(func.count()).select_from(Send).where(Send.state == State.QUEUED, Send.waiting_for.is_(None))
        )
    assert silent == 0


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
