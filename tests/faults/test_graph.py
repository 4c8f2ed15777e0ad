"""A mailbox at Microsoft, whole: the main job, and what happens to it when Microsoft fails, forgets, slows down or says no."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, update

from outrider.core.clock import now
from outrider.domain.grants.models import Grant
from outrider.domain.mailboxes import jobs as reading
from outrider.domain.mailboxes.models import Mailbox, Message, Place, Thread
from outrider.domain.mailboxes.models import State as MailboxState
from outrider.domain.sending import jobs as sending
from outrider.domain.sending import results, settling_jobs
from outrider.domain.sending.models import MailboxPace, Send, State
from outrider.main import create_app
from outrider.providers.mail import graph_api
from outrider.providers.mail.graph import Graph
from outrider.runtime import Addresses, Runtime
from outrider.settings import Settings
from tests.client import Client
from tests.factories.accounts import Someone, make_user, retire
from tests.factories.mailboxes import make_message
from tests.factories.outlook import connect_outlook, outlook_runtime, retire_boxes
from tests.factories.sending import make_send
from tests.faults.test_gmail import a_mail, at_work, until
from tests.stand_ins.graph_mail import Mail, running
from tests.stand_ins.microsoft import Microsoft

BOB = "bob@b.test"
Both = tuple[Microsoft, Mail]


@pytest.fixture
async def both() -> AsyncIterator[Both]:
    async with running() as served:
        yield served


@pytest.fixture
async def connected(settings: Settings, database: Addresses, both: Both) -> AsyncIterator[Runtime]:
    async with outlook_runtime(settings, database, both[0]) as opened:
        yield quick(opened, both[0])


def quick(runtime: Runtime, microsoft: Microsoft) -> Runtime:
    """With nothing to wait for but what Microsoft asks for."""
    own = Graph(runtime.egress, f"{microsoft.url}/v1.0", per_minute=10_000_000, jitter=0.0)
    return replace(runtime, mail={**runtime.mail, "microsoft": own})


async def sync(runtime: Runtime, ada: Someone, mailbox: Mailbox) -> None:
    async with runtime.db.begin(ada.scope) as db:
        await db.execute(update(Mailbox).values(sync_due_at=now() - timedelta(seconds=1)))
    await reading.sync_one(runtime, mailbox.workspace_id, mailbox.id)


async def count(runtime: Runtime, ada: Someone, model: type, *where: Any) -> int:
    async with runtime.db.begin(ada.scope) as db:
        return await db.scalar(select(func.count()).select_from(model).where(*where)) or 0


async def signed_in(runtime: Runtime, microsoft: Microsoft, address: str) -> Client:
    async with Client(create_app(runtime)) as browser:
        begun = (await browser.post("/auth/connect", json={"provider": "microsoft"})).json()
        session = await browser.get("/auth/callback", params=await microsoft.agree(begun["authUrl"], address))
        assert session.status_code == 200, session.text
    return Client(create_app(runtime)).signed_in(session.json()["accessToken"])


async def test_the_main_job_over_microsoft(connected: Runtime, both: Both) -> None:
    """Connect, find the sent mail, follow up in its conversation, and stop at the answer."""
    microsoft, box = both
    address = f"ada-{now().timestamp()}@contoso.test"
    own, bobs = box.box(address), box.box(BOB)
    original = box.deliver(address, a_mail(address, BOB), folder="sentitems")
    async with at_work(connected):
        client = await signed_in(connected, microsoft, address)

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
        [ours] = own.of_message_id(follow_up.message_id)
        assert (ours.folder, ours.conversation) == ("sentitems", original.conversation), "it left in the conversation"
        assert original.message_id.encode() in follow_up.raw
        answer = a_mail(BOB, address, subject="Re: A proposal", answers=follow_up.message_id, text="Gladly.")
        box.deliver(address, answer)
        assert (await client.post("/emails/check-replies", json={"emailIds": [email["id"]]})).status_code == 200

        async def current() -> dict[str, Any]:
            return dict((await client.get(f"/enrollments/{enrollment['id']}")).json())

        ended = await until(current, lambda found: found["status"] == "replied")
        assert ended["reply"]["matchedBy"] == "message_id"
        assert len(await emails()) == 2, "the follow-up is known when it comes back"
        async with client:
            await client.delete("/auth/disconnect")
        await asyncio.sleep(1)
        calls = len(microsoft.calls)
        await asyncio.sleep(2)
    print(f"\ncalls to Microsoft from a second after disconnecting on: {len(microsoft.calls) - calls}")
    assert len(microsoft.calls) == calls


async def test_an_answer_whose_program_left_the_references_out_is_matched_by_the_conversation(
    connected: Runtime, both: Both
) -> None:
    _, box = both
    ada = await make_user(connected)
    mailbox = await connect_outlook(connected, *both, ada)
    first = box.deliver(mailbox.address, a_mail(mailbox.address, BOB), folder="sentitems")
    await sync(connected, ada, mailbox)
    answer = a_mail(BOB, mailbox.address, subject="Quite another subject")
    box.deliver(mailbox.address, answer, conversation=first.conversation)
    await sync(connected, ada, mailbox)
    await sync(connected, ada, mailbox)
    assert await count(connected, ada, Thread) == 1
    assert await count(connected, ada, Message, Message.replied_at.is_not(None)) == 1


@pytest.mark.parametrize("rounds", [5, pytest.param(20, marks=pytest.mark.faults)])
async def test_changes_that_are_forgotten_while_mail_arrives_lose_and_double_nothing(
    connected: Runtime, both: Both, rounds: int
) -> None:
    """Microsoft writes a mail out a little differently each time it is asked for it."""
    _, box = both
    ada = await make_user(connected)
    mailbox = await connect_outlook(connected, *both, ada)
    own = box.box(mailbox.address)
    own.is_flighty = True
    await sync(connected, ada, mailbox)
    sizes = [50 // rounds + (number < 50 % rounds) for number in range(rounds)]
    for size in sizes:
        own.forget_changes()

        async def arrive(count: int = size) -> None:
            for _ in range(count):
                box.deliver(mailbox.address, a_mail(BOB, mailbox.address))
                await asyncio.sleep(0.003)

        await asyncio.gather(arrive(), sync(connected, ada, mailbox))
    await sync(connected, ada, mailbox)
    stored, places = await count(connected, ada, Message), await count(connected, ada, Place)
    print(f"\n{rounds} times forgotten while 50 mails arrived: {50 - stored} missing, {places - 50} doubled")
    assert (stored, places) == (50, 50)


async def test_a_mail_that_is_moved_is_not_another_one(connected: Runtime, both: Both) -> None:
    _, box = both
    ada = await make_user(connected)
    mailbox = await connect_outlook(connected, *both, ada)
    stored = box.deliver(mailbox.address, a_mail(BOB, mailbox.address))
    await sync(connected, ada, mailbox)
    box.box(mailbox.address).is_flighty = True
    box.box(mailbox.address).move(stored, "archive")
    await sync(connected, ada, mailbox)
    assert await count(connected, ada, Message) == 1


async def test_a_first_sync_that_is_killed_again_and_again_stores_each_mail_once(
    connected: Runtime, both: Both, monkeypatch: pytest.MonkeyPatch
) -> None:
    microsoft, box = both
    monkeypatch.setattr("outrider.domain.mailboxes.syncing.BATCH", 25)
    ada = await make_user(connected)
    mailbox = await connect_outlook(connected, *both, ada)
    for number in range(300):
        box.deliver(mailbox.address, a_mail(BOB, mailbox.address), at=microsoft.now() - 100_000 + number)
    kills = 0
    while await count(connected, ada, Message) < 300:
        reading_it = asyncio.create_task(sync(connected, ada, mailbox))
        await asyncio.wait([reading_it], timeout=0.3 + 0.1 * kills)  # a busy machine has to come to its first batch
        kills += reading_it.cancel()
        await asyncio.gather(reading_it, return_exceptions=True)
    await sync(connected, ada, mailbox)
    stored, places = await count(connected, ada, Message), await count(connected, ada, Place)
    print(f"\n{kills} times ended in the middle of 300 mails: {stored} stored, {places} places")
    assert (stored, places) == (300, 300)
    assert kills >= 3


async def work(runtime: Runtime, ada: Someone) -> int:
    """One round of everything that sends, nothing of which waits; returns how many are not sent yet."""
    await asyncio.gather(sending.pump(runtime), settling_jobs.settle(runtime))
    async with runtime.db.begin(ada.scope) as db:
        await db.execute(update(MailboxPace).values(held_until=None))
        await db.execute(update(Send).where(Send.state == State.QUEUED).values(due_at=now() - timedelta(minutes=1)))
        # A look that failed is tried again after a minute.
        soon = func.clock_timestamp() + timedelta(seconds=0.5)
        await db.execute(update(Send).where(Send.state == State.UNKNOWN, Send.look_at > soon).values(look_at=soon))
    return await count(runtime, ada, Send, Send.state != State.SENT)


@pytest.mark.parametrize("number", [40, pytest.param(500, marks=pytest.mark.faults)])
async def test_sends_whose_answers_are_lost_are_settled_by_looking(
    settings: Settings, database: Addresses, number: int
) -> None:
    """Half of them left, a third of the rest lie among the drafts, and what left lies in the outbox for a while."""
    looks = {"unknown_first_look": timedelta(seconds=0.5), "unknown_last_look": timedelta(seconds=3)}
    async with running(rate=60) as both, outlook_runtime(settings, database, both[0], **looks) as opened:
        microsoft, box = both
        runtime = quick(opened, microsoft)
        ada = await make_user(runtime)
        box.box(ada.user.email, lag=90.0)
        mailbox = await connect_outlook(runtime, *both, ada)
        email = await make_message(runtime, mailbox)
        sends = [await make_send(runtime, ada, mailbox, email, recipient=f"{each}@b.test") for each in range(number)]
        chance = random.Random(5)
        left = set(chance.sample([each.id for each in sends], number // 2))
        async with runtime.db.begin(ada.scope) as db:
            at = func.clock_timestamp()
            unknown = {"unknown_since": at, "look_at": at + looks["unknown_first_look"]}
            await db.execute(update(Send).values(state=State.UNKNOWN, **unknown))
        for send in sends:
            raw = a_mail(mailbox.address, send.recipient, message_id=send.message_id)
            if send.id in left:
                box.deliver(ada.user.email, raw, folder=chance.choice(["sentitems", "deleteditems", "outbox"]))
                box.sent.append(send.message_id)
            elif chance.random() < 0.3:
                box.box(ada.user.email).add(raw, folder="drafts", at=microsoft.now(), is_draft=True)

        async def unknown_ones() -> int:
            await settling_jobs.settle(runtime)
            return await count(runtime, ada, Send, Send.state == State.UNKNOWN)

        await until(unknown_ones, lambda still: not still, seconds=90)
        async with runtime.db.begin(ada.scope) as db:
            states = {row.id: row.state for row in await db.execute(select(Send.id, Send.state))}
        right = sum((states[each.id] is State.SENT) == (each.id in left) for each in sends)
        await until(lambda: work(runtime, ada), lambda still: not still, seconds=90)
        await sending.stop_sending(runtime)
        await retire(runtime, ada)
    copies = Counter(box.sent)
    doubled = sum(copies[each.message_id] > 1 for each in sends)
    print(f"\n{number} unknown sends: {right} right verdicts; then all sent, {doubled} of them twice")
    assert (right, doubled, set(copies)) == (number, 0, {each.message_id for each in sends})


async def test_a_send_whose_answer_was_lost_leaves_once(settings: Settings, database: Addresses) -> None:
    looks = {"unknown_first_look": timedelta(seconds=0.2), "unknown_last_look": timedelta(seconds=1)}
    async with running() as both, outlook_runtime(settings, database, both[0], **looks) as opened:
        microsoft, box = both
        runtime = quick(opened, microsoft)
        ada = await make_user(runtime)
        mailbox = await connect_outlook(runtime, *both, ada)
        email = await make_message(runtime, mailbox)
        microsoft.fail("/send", 0, after=True)  # taken, and the connection ends
        microsoft.fail("/send", 500)  # not taken
        microsoft.fail("POST /me/messages$", 0, after=True)  # a draft of which we do not hear
        sends = [await make_send(runtime, ada, mailbox, email, recipient=f"{each}@b.test") for each in range(3)]
        await until(lambda: work(runtime, ada), lambda still: not still)
        await sending.stop_sending(runtime)
        await retire(runtime, ada)
    assert sorted(box.sent) == sorted(each.message_id for each in sends)
    assert {each.folder for each in box.box(ada.user.email).messages.values()} == {"sentitems"}, "no draft is left over"


async def test_a_withdrawn_permission_parks_the_sends(connected: Runtime, both: Both) -> None:
    microsoft, _ = both
    ada = await make_user(connected)
    mailbox = await connect_outlook(connected, *both, ada)
    email = await make_message(connected, mailbox)
    for number in range(5):
        await make_send(connected, ada, mailbox, email, recipient=f"{number}@b.test")
    [dead] = [token for token, each in microsoft.grants.items() if each.account.address == ada.user.email]
    microsoft.withdraw(ada.user.email)
    async with connected.db.begin(ada.scope) as db:
        await db.execute(update(Grant).values(expires_at=now() - timedelta(minutes=1)))
    await sending.pump(connected)

    async def state() -> Any:
        async with connected.db.begin(ada.scope) as db:
            return await db.scalar(select(Mailbox.state))

    await until(state, lambda found: found is MailboxState.REAUTH_REQUIRED)
    assert await count(connected, ada, Send, Send.state == State.QUEUED) == 5
    assert microsoft.refreshes[dead] == 1
    await retire_boxes(connected, microsoft)


TROUBLES = [
    (429, "ApplicationThrottled", False), (500, "ErrorInternalServerError", False), (500, "ErrorInternalServerError", True),
    (503, "ErrorServerBusy", False), (504, "", True), (0, "", False), (0, "", True), (-1, "", True),
]  # fmt: skip


@pytest.mark.parametrize(("mails", "sends"), [(60, 10), pytest.param(300, 60, marks=pytest.mark.faults)])
async def test_a_microsoft_that_fails_three_times_in_ten_loses_and_doubles_nothing(
    settings: Settings, database: Addresses, monkeypatch: pytest.MonkeyPatch, mails: int, sends: int
) -> None:
    """Limits, hiccups, dropped connections and garbage, before and after the work was done."""
    monkeypatch.setattr(graph_api, "FIRST_WAIT", 0.002)
    monkeypatch.setattr(results.rules, "RETRIES", (timedelta(0),))
    looks = {"unknown_first_look": timedelta(seconds=0.1), "unknown_last_look": timedelta(seconds=0.4)}
    async with running() as both, outlook_runtime(settings, database, both[0], **looks) as opened:
        microsoft, box = both
        runtime = quick(opened, microsoft)
        ada = await make_user(runtime)
        mailbox = await connect_outlook(runtime, *both, ada)
        email = await make_message(runtime, mailbox)
        queued = [await make_send(runtime, ada, mailbox, email, recipient=f"{each}@c.test") for each in range(sends)]
        for _ in range(mails):
            box.deliver(mailbox.address, a_mail(BOB, mailbox.address))
        microsoft.trouble, microsoft.troubles = 0.3, TROUBLES

        async def read_and_send() -> int:
            _, still = await asyncio.gather(sync(runtime, ada, mailbox), work(runtime, ada))
            return still

        await until(read_and_send, lambda still: not still, seconds=120)
        microsoft.trouble = 0.0
        await sync(runtime, ada, mailbox)
        await sending.stop_sending(runtime)
        came = await count(runtime, ada, Message, Message.from_address == BOB)
        await retire(runtime, ada)
    copies = Counter(box.sent)
    doubled = sum(copies[each.message_id] > 1 for each in queued)
    lost = sum(not copies[each.message_id] for each in queued)
    kinds = len(microsoft.troubled)
    print(
        f"\n{sum(microsoft.troubled.values())} troubles of {kinds} kinds: {mails - came} of {mails} mails missing,"
        f" {lost} of {sends} sends lost, {doubled} doubled"
    )
    assert kinds >= 6, "the drill did not fire"
    assert (came, lost, doubled) == (mails, 0, 0)
