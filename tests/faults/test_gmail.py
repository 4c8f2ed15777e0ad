"""Gmail as a mailbox, whole: the main job, and what happens to it when Google fails, forgets, slows down or says no."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid
from typing import Any

import pytest
from sqlalchemy import func, select, text, update

from outrider import worker
from outrider.core.clock import now
from outrider.domain.grants.models import Grant
from outrider.domain.mailboxes import jobs as reading
from outrider.domain.mailboxes.models import Mailbox, Message, Place, Thread
from outrider.domain.mailboxes.models import State as MailboxState
from outrider.domain.sending import jobs as sending
from outrider.domain.sending import results, settling_jobs
from outrider.domain.sending.models import MailboxPace, Send, State
from outrider.main import create_app
from outrider.providers.mail import gmail_api
from outrider.providers.mail.gmail import Gmail
from outrider.runtime import Addresses, Runtime
from outrider.settings import Settings
from tests.client import Client
from tests.factories.accounts import Someone, make_user, retire
from tests.factories.google import connect_gmail, google_runtime, retire_boxes
from tests.factories.mailboxes import make_message
from tests.factories.sending import make_send
from tests.stand_ins.google import Google, running

BOB = "bob@b.test"


def a_mail(
    sender: str, to: str, *, subject: str = "A proposal", answers: str = "", text: str = "Hello", message_id: str = ""
) -> bytes:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = sender, to, subject
    message["Message-ID"], message["Date"] = message_id or make_msgid(domain="b.test"), format_datetime(now())
    if answers:
        message["In-Reply-To"] = message["References"] = answers
    message.set_content(text)
    return message.as_bytes()


@asynccontextmanager
async def at_work(runtime: Runtime) -> AsyncIterator[None]:
    async with runtime.db.begin() as db:
        await db.execute(text("delete from pgqueuer"))  # hundreds of jobs that other tests have queued come first else
    stop = asyncio.Event()
    task = asyncio.create_task(worker.run(runtime, stop))
    try:
        yield
    finally:
        stop.set()
        await task


async def until(look: Callable[[], Awaitable[Any]], is_so: Callable[[Any], bool], seconds: float = 20) -> Any:
    async with asyncio.timeout(seconds):
        while not is_so(found := await look()):
            await asyncio.sleep(0.05)
    return found


async def signed_in(runtime: Runtime, google: Google, address: str) -> Client:
    async with Client(create_app(runtime)) as browser:
        begun = (await browser.post("/auth/connect", json={})).json()
        session = await browser.get("/auth/callback", params=await google.agree(begun["authUrl"], address))
        assert session.status_code == 200, session.text
    return Client(create_app(runtime)).signed_in(session.json()["accessToken"])


async def test_the_main_job_over_gmail(connected: Runtime, google: Google) -> None:
    """Connect, find the sent mail, follow up in its thread, and stop at the answer."""
    address = f"ada-{now().timestamp()}@gmail.test"
    box, bobs = google.box(address), google.box(BOB)
    original = google.deliver(address, a_mail(address, BOB), labels=("SENT",))
    async with at_work(connected):
        client = await signed_in(connected, google, address)

        async def emails() -> list[dict[str, Any]]:
            return list((await client.get("/emails/sent")).json()["data"])

        [email] = await until(emails, lambda found: len(found) == 1)
        steps = [{"delayDays": 1, "body": "Any news?"}, {"delayDays": 3, "body": "Last try."}]
        sequence = (await client.post("/sequences", json={"name": "Two", "steps": steps})).json()
        enrolled = await client.post("/enrollments", json={"emailId": email["id"], "sequenceId": sequence["id"]})
        enrollment = enrolled.json()
        assert (await client.post(f"/schedules/{enrollment['id']}/trigger")).status_code == 202

        async def arrived() -> list[Any]:
            return list(bobs.messages.values())

        [follow_up] = await until(arrived, lambda found: len(found) == 1)
        ours = next(each for each in box.messages.values() if each.message_id == follow_up.message_id)
        assert ours.thread_id == original.thread_id, "it left in the thread"
        assert original.message_id.encode() in follow_up.raw
        google.deliver(
            address, a_mail(BOB, address, subject="Re: A proposal", answers=follow_up.message_id, text="Gladly.")
        )
        assert (await client.post("/emails/check-replies", json={"emailIds": [email["id"]]})).status_code == 200

        async def current() -> dict[str, Any]:
            return dict((await client.get(f"/enrollments/{enrollment['id']}")).json())

        ended = await until(current, lambda found: found["status"] == "replied")
        assert ended["reply"]["matchedBy"] == "message_id"
        async with client:
            await client.delete("/auth/disconnect")
        await asyncio.sleep(1)
        calls = len(google.calls)
        await asyncio.sleep(2)
    print(f"\ncalls to Google from a second after disconnecting on: {len(google.calls) - calls}")
    assert google.count("/revoke") == 1
    assert len(google.calls) == calls


async def test_an_answer_whose_program_left_the_references_out_is_matched_by_the_thread(
    connected: Runtime, google: Google
) -> None:
    ada = await make_user(connected)
    mailbox = await connect_gmail(connected, google, ada)
    first = google.deliver(mailbox.address, a_mail(mailbox.address, BOB), labels=("SENT",))
    await sync(connected, ada, mailbox)
    google.boxes[mailbox.address].add(
        a_mail(BOB, mailbox.address, subject="Quite another subject"), at=google.now(), labels=["INBOX"], thread_id=first.thread_id
    )  # fmt: skip
    await sync(connected, ada, mailbox)
    async with connected.db.begin(ada.scope) as db:
        assert await db.scalar(select(func.count()).select_from(Thread)) == 1
        assert await db.scalar(select(func.count()).select_from(Message).where(Message.replied_at.is_not(None))) == 1


async def sync(runtime: Runtime, ada: Someone, mailbox: Mailbox) -> None:
    async with runtime.db.begin(ada.scope) as db:
        await db.execute(update(Mailbox).values(sync_due_at=now() - timedelta(seconds=1)))
    await reading.sync_one(runtime, mailbox.workspace_id, mailbox.id)


@pytest.mark.parametrize("rounds", [5, pytest.param(20, marks=pytest.mark.faults)])
async def test_a_history_that_is_lost_while_mail_arrives_loses_and_doubles_nothing(
    connected: Runtime, google: Google, rounds: int
) -> None:
    quick = replace(connected, mail={**connected.mail, "google": Gmail(connected.egress, google.url, jitter=0.0)})
    ada = await make_user(quick)
    mailbox = await connect_gmail(quick, google, ada)
    await sync(quick, ada, mailbox)
    sizes = [50 // rounds + (number < 50 % rounds) for number in range(rounds)]
    for size in sizes:
        google.boxes[mailbox.address].forget_history()

        async def arrive(count: int = size) -> None:
            for _ in range(count):
                google.deliver(mailbox.address, a_mail(BOB, mailbox.address))
                await asyncio.sleep(0.003)

        await asyncio.gather(arrive(), sync(quick, ada, mailbox))
    await sync(quick, ada, mailbox)
    async with quick.db.begin(ada.scope) as db:
        stored = await db.scalar(select(func.count()).select_from(Message)) or 0
        places = await db.scalar(select(func.count()).select_from(Place)) or 0
    print(f"\n{rounds} lost histories while 50 mails arrived: {50 - stored} missing, {places - 50} doubled")
    assert (stored, places) == (50, 50)


async def unknown_sends(runtime: Runtime, ada: Someone, mailbox: Mailbox, count: int) -> list[Send]:
    email = await make_message(runtime, mailbox)
    return [await make_send(runtime, ada, mailbox, email, recipient=f"{number}@b.test") for number in range(count)]


@pytest.mark.parametrize("count", [40, pytest.param(500, marks=pytest.mark.faults)])
@pytest.mark.parametrize("lag", [30.0, 90.0], ids=["lag below the first look", "lag above it"])
async def test_unknown_sends_are_settled_by_looking(
    settings: Settings, database: Addresses, count: int, lag: float
) -> None:
    """Half of them left. The clock runs sixty times as fast: looks at a minute and at ten are at 1 s and 10 s."""
    speed = 60
    looks = {"unknown_first_look": timedelta(seconds=60 / speed), "unknown_last_look": timedelta(seconds=600 / speed)}
    async with running(rate=speed) as google, google_runtime(settings, database, google, **looks) as opened:
        quick = Gmail(opened.egress, google.url, per_minute=1_000_000)
        runtime = replace(opened, mail={**opened.mail, "google": quick})
        ada = await make_user(runtime)
        google.box(ada.user.email, lag=lag)
        mailbox = await connect_gmail(runtime, google, ada)
        sends = await unknown_sends(runtime, ada, mailbox, count)
        left = set(random.Random(5).sample([each.id for each in sends], count // 2))
        async with runtime.db.begin(ada.scope) as db:
            await db.execute(
                update(Send).values(
                    state=State.UNKNOWN,
                    unknown_since=func.clock_timestamp(),
                    look_at=func.clock_timestamp() + looks["unknown_first_look"],
                )
            )
        for send in sends:
            if send.id in left:
                google.deliver(
                    ada.user.email,
                    a_mail(mailbox.address, send.recipient, message_id=send.message_id),
                    labels=("SENT",),
                )

        async def unknown() -> int:
            await settling_jobs.settle(runtime)
            async with runtime.db.begin(ada.scope) as db:
                query = select(func.count()).select_from(Send).where(Send.state == State.UNKNOWN)
                return await db.scalar(query) or 0

        await until(unknown, lambda still: not still, seconds=90)
        async with runtime.db.begin(ada.scope) as db:
            states = {row.id: row.state for row in await db.execute(select(Send.id, Send.state))}
        await retire(runtime, ada)
    right = sum((states[each.id] is State.SENT) == (each.id in left) for each in sends)
    queued = sum(state is State.QUEUED for state in states.values())
    print(f"\n{count} unknown sends, index {lag:g} s behind: {right} right verdicts, {queued} due again")
    assert right == count
    assert queued == count - len(left)


async def test_a_send_whose_answer_was_lost_leaves_once(
    settings: Settings, database: Addresses, google: Google
) -> None:
    looks = {"unknown_first_look": timedelta(seconds=0.2), "unknown_last_look": timedelta(seconds=1)}
    async with google_runtime(settings, database, google, **looks) as runtime:
        ada = await make_user(runtime)
        mailbox = await connect_gmail(runtime, google, ada)
        email = await make_message(runtime, mailbox)
        google.fail("/send", 0, after=True)  # taken, and the connection ends
        google.fail("/send", 500, reason="backendError")  # not taken
        sends = [await make_send(runtime, ada, mailbox, email, recipient=f"{number}@b.test") for number in range(2)]

        async def all_sent() -> int:
            await sending.pump(runtime)
            await settling_jobs.settle(runtime)
            async with runtime.db.begin(ada.scope) as db:
                return await db.scalar(select(func.count()).select_from(Send).where(Send.state == State.SENT)) or 0

        await until(all_sent, lambda sent: sent == 2)
        await sending.stop_sending(runtime)
        await retire(runtime, ada)
    copies = [each.message_id for each in google.boxes[ada.user.email].messages.values()]
    assert sorted(copies) == sorted(each.message_id for each in sends)


async def test_a_withdrawn_permission_parks_the_sends_until_the_owner_comes_back(
    connected: Runtime, google: Google
) -> None:
    ada = await make_user(connected)
    mailbox = await connect_gmail(connected, google, ada)
    email = await make_message(connected, mailbox)
    for number in range(5):
        await make_send(connected, ada, mailbox, email, recipient=f"{number}@b.test")
    stale = await make_send(connected, ada, mailbox, email, recipient="stale@b.test", due_at=now() - timedelta(days=8))
    [dead] = [token for token, each in google.grants.items() if each.address == ada.user.email]
    google.withdraw(ada.user.email)
    async with connected.db.begin(ada.scope) as db:
        await db.execute(update(Grant).values(expires_at=now() - timedelta(minutes=1)))
    await sending.pump(connected)
    await until(lambda: state_of(connected, ada), lambda state: state is MailboxState.REAUTH_REQUIRED)
    asked = google.refreshes[dead]
    for hours in range(24):  # as if a day went by: every periodic job, hour by hour
        connected.clock.freeze(now() + timedelta(hours=hours))
        await sending.pump(connected)
        await reading.sync_due(connected)
        await reading.watch(connected)
        await settling_jobs.settle(connected)
    connected.clock.freeze(None)
    async with connected.db.begin(ada.scope) as db:
        states = (await db.scalars(select(Send.state))).all()
        told = await db.scalar(text("select count(*) from events where name = 'mailbox.needs_reconnect'"))
    print(f"\na dead grant for 24 hours: told {told} time, {google.refreshes[dead] - asked} calls with it")
    assert (set(states), told, google.refreshes[dead]) == ({State.QUEUED}, 1, asked)
    assert asked == 1
    async with connected.db.begin(ada.scope) as db:
        await db.execute(update(Send).where(Send.id == stale.id).values(due_at=now() - timedelta(days=8)))
    async with at_work(connected):
        client = await signed_in(connected, google, ada.user.email)

        async def sent() -> list[State]:
            async with connected.db.begin(ada.scope) as db:
                return list(await db.scalars(select(Send.state).order_by(Send.id)))

        await until(sent, lambda found: found.count(State.SENT) == 5)
        async with client:
            await client.get("/auth/status")
    async with connected.db.begin(ada.scope) as db:
        asks = await db.get_one(Send, (ada.workspace_id, stale.id))
    assert asks.state is State.PAUSED
    assert "seven days" in (asks.last_error or "")
    await retire_boxes(connected, google)


async def state_of(runtime: Runtime, ada: Someone) -> MailboxState | None:
    async with runtime.db.begin(ada.scope) as db:
        found: MailboxState | None = await db.scalar(select(Mailbox.state))
        return found


@pytest.mark.parametrize(("mails", "sends"), [(60, 10), pytest.param(300, 60, marks=pytest.mark.faults)])
async def test_a_google_that_fails_three_times_in_ten_loses_and_doubles_nothing(
    settings: Settings, database: Addresses, monkeypatch: pytest.MonkeyPatch, mails: int, sends: int
) -> None:
    """Limits, hiccups, dropped connections and garbage, before and after the work was done."""
    monkeypatch.setattr(gmail_api, "FIRST_WAIT", 0.002)
    monkeypatch.setattr(results.rules, "RETRIES", (timedelta(0),))
    looks = {"unknown_first_look": timedelta(seconds=0.1), "unknown_last_look": timedelta(seconds=0.4)}
    async with running() as google, google_runtime(settings, database, google, **looks) as opened:
        quick = Gmail(opened.egress, google.url, per_minute=10_000_000, jitter=0.0)
        runtime = replace(opened, mail={**opened.mail, "google": quick})
        ada = await make_user(runtime)
        mailbox = await connect_gmail(runtime, google, ada)
        email = await make_message(runtime, mailbox)
        queued = [
            await make_send(runtime, ada, mailbox, email, recipient=f"{number}@c.test") for number in range(sends)
        ]
        google.trouble = 0.3
        for _ in range(mails):
            google.deliver(mailbox.address, a_mail(BOB, mailbox.address))

        async def work() -> int:
            await asyncio.gather(sync(runtime, ada, mailbox), sending.pump(runtime), settling_jobs.settle(runtime))
            async with runtime.db.begin(ada.scope) as db:
                await db.execute(update(MailboxPace).values(held_until=None))
                await db.execute(
                    update(Send).where(Send.state == State.QUEUED).values(due_at=now() - timedelta(minutes=1))
                )
                still = select(func.count()).select_from(Send).where(Send.state != State.SENT)
                return await db.scalar(still) or 0

        await until(work, lambda still: not still, seconds=120)
        google.trouble = 0.0
        await sync(runtime, ada, mailbox)
        await sending.stop_sending(runtime)
        async with runtime.db.begin(ada.scope) as db:
            came = await db.scalar(select(func.count()).select_from(Message).where(Message.from_address == BOB)) or 0
            failed = await db.scalar(select(func.count()).select_from(Send).where(Send.state != State.SENT)) or 0
        await retire(runtime, ada)
    copies = Counter(each.message_id for each in google.boxes[mailbox.address].messages.values())
    doubled = sum(copies[each.message_id] - 1 for each in queued if copies[each.message_id] > 1)
    lost = sum(not copies[each.message_id] for each in queued)
    print(
        f"\n{sum(google.troubles.values())} troubles of {len(google.troubles)} kinds: {mails - came} of {mails} mails missing,"
        f" {lost} of {sends} sends lost, {doubled} doubled, {failed} not sent"
    )
    assert len(google.troubles) >= 6, "the drill did not fire"
    assert (came, lost, doubled, failed) == (mails, 0, 0, 0)
