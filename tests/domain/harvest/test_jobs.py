"""Batches worked off: what becomes of each mail, what a crash leaves, what waits for a provider."""

import asyncio
from uuid import UUID

import pytest
from sqlalchemy import select

from outrider.core.ids import new_id
from outrider.domain.harvest import actions, jobs, queries, taking
from outrider.domain.harvest.actions import BatchEnded, NothingToRetry
from outrider.domain.harvest.models import Item, Outcome
from outrider.domain.mailboxes import queries as mailboxes
from outrider.domain.mailboxes.models import State
from outrider.domain.operations.models import Operation, OperationStatus
from outrider.domain.people import queries as people
from outrider.domain.people.models import Contact, ContactEmail, ContactPhone
from outrider.domain.people.person import Email
from outrider.runtime import Addresses, Runtime
from outrider.settings import Settings
from tests.factories.accounts import Someone, make_user
from tests.factories.google import connect_gmail
from tests.factories.harvest import finish, letter, start, state
from tests.factories.outlook import connect_outlook, outlook_runtime, retire_boxes
from tests.stand_ins.google import Google
from tests.stand_ins.graph_mail import running as running_microsoft

# A sandboxed reader takes it for poison: more header lines than any mail has.
POISON = b"X: y\n" * 200_000 + b"\nhello"


def counters(operation: Operation) -> tuple[int, ...]:
    return operation.total, operation.processed, operation.succeeded, operation.skipped, operation.failed


async def items(runtime: Runtime, owner: Someone, batch_id: UUID) -> list[Item]:
    async with runtime.db.begin(owner.scope) as db:
        return list(await db.scalars(select(Item).where(Item.batch_id == batch_id).order_by(Item.position)))


async def begin_messages(runtime: Runtime, owner: Someone, mailbox_id: UUID, ids: list[str]) -> UUID:
    async with runtime.db.begin(owner.scope) as db:
        batch, _ = await actions.start_messages(db, owner.workspace_id, owner.user.id, mailbox_id, ids)
    return batch.id


async def retry(runtime: Runtime, owner: Someone, batch_id: UUID) -> int:
    async with runtime.db.begin(owner.scope) as db:
        standing = await queries.get(db, owner.workspace_id, owner.user.id, batch_id, lock=True)
        return await actions.retry(db, *standing)


async def test_a_letter_becomes_a_lead_with_everything_it_says(runtime: Runtime) -> None:
    ada = await make_user(runtime)
    _, operation = await finish(runtime, ada, await start(runtime, ada, [letter(18)]))
    assert (operation.status, operation.progress, counters(operation)) == (
        OperationStatus.SUCCEEDED,
        100,
        (1, 1, 1, 0, 0),
    )
    async with runtime.db.begin(ada.scope) as db:
        [contact] = await db.scalars(select(Contact))
        [email] = await db.scalars(select(ContactEmail))
        [phone] = await db.scalars(select(ContactPhone))
    assert (contact.name, contact.source, contact.owner_id) == ("Grace Hopper", "harvest", ada.user.id)
    assert contact.organisations[0]["name"] == "Hopper Computing Ltd"
    assert (email.address, phone.number) == ("grace18@hopper18.test", "+442079460018")


async def test_each_mail_keeps_what_became_of_it_and_why(runtime: Runtime) -> None:
    ada = await make_user(runtime)
    mails = [
        letter(1),
        letter(2, sender="grace1@hopper1.test"),
        letter(1),
        letter(3, extra="Auto-Submitted: auto-replied\n"),
        letter(4, sender=ada.user.email),
        POISON,
        b"Subject: nobody\n\nhello",
    ]
    batch_id = await start(runtime, ada, mails)
    _, operation = await finish(runtime, ada, batch_id)
    assert counters(operation) == (7, 7, 2, 4, 1)
    became = await items(runtime, ada, batch_id)
    assert [(each.ref, each.outcome, each.code) for each in became] == [
        ("email-1", Outcome.CREATED, None),
        ("email-2", Outcome.UPDATED, None),
        ("email-3", Outcome.SKIPPED, "nothing_new"),
        ("email-4", Outcome.SKIPPED, "no_lead"),
        ("email-5", Outcome.SKIPPED, "own_mail"),
        ("email-6", Outcome.FAILED, "unreadable_mail"),
        ("email-7", Outcome.SKIPPED, "no_lead"),
    ]
    assert became[0].contact_id == became[1].contact_id == became[2].contact_id
    assert "auto" in (became[3].message or "").lower()
    assert [each.content is None for each in became] == [True] * 5 + [False, True]
    assert became[0].lead is not None
    assert became[0].lead["email"]["evidence"]["source"] == "from"
    phone = became[0].lead["phones"][0]
    assert phone["evidence"]["end"] > phone["evidence"]["start"] > 0


async def test_a_hundred_mails_with_three_failures_that_alone_are_done_again(
    connected: Runtime, google: Google
) -> None:
    ada = await make_user(connected)
    mailbox = await connect_gmail(connected, google, ada)
    ids = [google.deliver(mailbox.address, letter(n)).id for n in range(100)]
    box = google.boxes[mailbox.address]
    lost = {each: box.messages.pop(each) for each in (ids[3], ids[50], ids[99])}
    batch_id = await begin_messages(connected, ada, mailbox.id, ids)
    _, operation = await finish(connected, ada, batch_id)
    assert (operation.status, counters(operation)) == (OperationStatus.SUCCEEDED, (100, 100, 97, 0, 3))
    failed = [each for each in await items(connected, ada, batch_id) if each.outcome is Outcome.FAILED]
    assert [(each.ref, each.code, each.attempts) for each in failed] == [
        (each, "message_not_found", 1) for each in lost
    ]
    box.messages |= lost
    asked = google.count("/messages/")
    assert await retry(connected, ada, batch_id) == 3
    _, operation = await finish(connected, ada, batch_id)
    assert counters(operation) == (100, 100, 100, 0, 0)
    assert google.count("/messages/") == asked + 3
    assert [each.attempts for each in await items(connected, ada, batch_id) if each.ref in lost] == [2, 2, 2]
    with pytest.raises(NothingToRetry):
        await retry(connected, ada, batch_id)


async def test_a_search_takes_the_newest_and_no_more_than_asked(connected: Runtime, google: Google) -> None:
    ada = await make_user(connected)
    mailbox = await connect_gmail(connected, google, ada)
    ids = [google.deliver(mailbox.address, letter(n), at=1_700_000_000 + n).id for n in range(30)]
    google.deliver(mailbox.address, letter(99), labels=("SENT",))
    async with connected.db.begin(ada.scope) as db:
        batch, _ = await actions.start_search(
            db, ada.workspace_id, ada.user.id, mailbox.id, query="after:1690000000", label="INBOX", at_most=12
        )
    _, operation = await finish(connected, ada, batch.id)
    assert counters(operation) == (12, 12, 12, 0, 0)
    assert {each.ref for each in await items(connected, ada, batch.id)} == set(ids[-12:])


async def test_a_search_that_finds_nothing_is_done(connected: Runtime, google: Google) -> None:
    ada = await make_user(connected)
    mailbox = await connect_gmail(connected, google, ada)
    async with connected.db.begin(ada.scope) as db:
        batch, _ = await actions.start_search(
            db, ada.workspace_id, ada.user.id, mailbox.id, query="nothing", label=None, at_most=12
        )
    _, operation = await finish(connected, ada, batch.id)
    assert (operation.status, operation.total, operation.progress) == (OperationStatus.SUCCEEDED, 0, 100)


async def test_a_query_that_gmail_does_not_understand_ends_the_batch_with_words(
    connected: Runtime, google: Google
) -> None:
    ada = await make_user(connected)
    mailbox = await connect_gmail(connected, google, ada)
    async with connected.db.begin(ada.scope) as db:
        batch, _ = await actions.start_search(
            db, ada.workspace_id, ada.user.id, mailbox.id, query="", label="Label_404", at_most=12
        )
    _, operation = await finish(connected, ada, batch.id)
    assert operation.status is OperationStatus.FAILED
    assert "does not understand" in (operation.error or "")


async def test_batches_of_an_outlook_mailbox_by_ids_and_by_search(settings: Settings, database: Addresses) -> None:
    async with (
        running_microsoft() as (microsoft, mail),
        outlook_runtime(settings, database, microsoft) as runtime,
    ):
        ada = await make_user(runtime)
        mailbox = await connect_outlook(runtime, microsoft, mail, ada)
        ids = [mail.deliver(mailbox.address, letter(n), at=1_700_000_000 + n).id for n in range(40)]
        mail.box(mailbox.address).remove(ids[3])
        _, operation = await finish(runtime, ada, await begin_messages(runtime, ada, mailbox.id, ids[:30]))
        assert (operation.status, counters(operation)) == (OperationStatus.SUCCEEDED, (30, 30, 29, 0, 1))
        async with runtime.db.begin(ada.scope) as db:
            batch, _ = await actions.start_search(
                db, ada.workspace_id, ada.user.id, mailbox.id, query="subject:offer", label="INBOX", at_most=12
            )
        _, operation = await finish(runtime, ada, batch.id)
        assert counters(operation) == (12, 12, 10, 2, 0)  # two of them were harvested before
        assert {each.ref for each in await items(runtime, ada, batch.id)} == set(ids[-12:])
        async with runtime.db.begin(ada.scope) as db:
            assert (await mailboxes.get(db, ada.workspace_id, ada.user.id, mailbox.id)).state is State.CONNECTED
        assert (microsoft.wrong, microsoft.over_limit) == ([], 0)
        await retire_boxes(runtime, microsoft)


async def test_a_provider_that_is_down_delays_and_a_withdrawn_permission_stops(
    connected: Runtime, google: Google
) -> None:
    ada = await make_user(connected)
    mailbox = await connect_gmail(connected, google, ada)
    message = google.deliver(mailbox.address, letter(1))
    batch_id = await begin_messages(connected, ada, mailbox.id, [message.id])
    google.fail("/batch", 503, headers={"Retry-After": "3600"})
    batch, operation = await finish(connected, ada, batch_id)
    assert (operation.is_open, batch.waits, operation.processed) == (True, 1, 0)
    assert "Google answered 503" in (batch.waiting_for or "")
    await jobs.work(connected, workspace_id=ada.workspace_id, batch_id=batch_id, step=batch.step)
    assert counters((await finish(connected, ada, batch_id))[1]) == (1, 1, 1, 0, 0)

    second = await begin_messages(connected, ada, mailbox.id, [message.id])
    google.withdraw(mailbox.address)
    _, operation = await finish(connected, ada, second)
    assert operation.status is OperationStatus.FAILED
    assert "withdrawn" in (operation.error or "")


async def test_a_step_that_was_not_committed_is_done_again_and_nothing_twice(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada = await make_user(runtime)
    batch_id = await start(runtime, ada, [letter(n) for n in range(60)])
    await jobs.work(runtime, workspace_id=ada.workspace_id, batch_id=batch_id, step=0)

    async def die(*_: object, **__: object) -> None:
        raise ConnectionResetError

    with monkeypatch.context() as patched:
        patched.setattr(actions, "queue", die)
        with pytest.raises(ConnectionResetError):
            await jobs.work(runtime, workspace_id=ada.workspace_id, batch_id=batch_id, step=1)
    assert counters((await state(runtime, ada, batch_id))[1]) == (60, 25, 25, 0, 0)
    await jobs.work(runtime, workspace_id=ada.workspace_id, batch_id=batch_id, step=0)  # delivered once more
    assert counters((await state(runtime, ada, batch_id))[1]) == (60, 25, 25, 0, 0)
    assert counters((await finish(runtime, ada, batch_id))[1]) == (60, 60, 60, 0, 0)
    async with runtime.db.begin(ada.scope) as db:
        assert await people.count(db, ada.workspace_id) == 60


async def test_a_cancelled_batch_stops_and_goes_on_where_it_stopped(runtime: Runtime) -> None:
    ada = await make_user(runtime)
    batch_id = await start(runtime, ada, [letter(n) for n in range(40)])
    await jobs.work(runtime, workspace_id=ada.workspace_id, batch_id=batch_id, step=0)
    async with runtime.db.begin(ada.scope) as db:
        await actions.cancel(db, (await queries.get(db, ada.workspace_id, ada.user.id, batch_id, lock=True))[1])
    await jobs.work(runtime, workspace_id=ada.workspace_id, batch_id=batch_id, step=1)
    _, operation = await state(runtime, ada, batch_id)
    assert (operation.status, counters(operation)) == (OperationStatus.CANCELLED, (40, 25, 25, 0, 0))
    with pytest.raises(BatchEnded):
        async with runtime.db.begin(ada.scope) as db:
            await actions.cancel(db, (await queries.get(db, ada.workspace_id, ada.user.id, batch_id, lock=True))[1])
    assert await retry(runtime, ada, batch_id) == 15
    with pytest.raises(NothingToRetry):
        await retry(runtime, ada, batch_id)
    assert counters((await finish(runtime, ada, batch_id))[1]) == (40, 40, 40, 0, 0)


async def test_a_lead_that_the_database_refuses_fails_alone(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    ada = await make_user(runtime)
    kept = taking.as_contact

    # Longer than an index takes.
    wide = "".join(chr(0x4E00 + n % 20_000) for n in range(9_000))

    def unstorable(found: taking.lead.Person) -> taking.Person:
        person = kept(found)
        return taking.Person(emails=(Email(wide),)) if person.emails[0].address.startswith("grace2@") else person

    monkeypatch.setattr(taking, "as_contact", unstorable)
    batch_id = await start(runtime, ada, [letter(n) for n in range(1, 4)])
    _, operation = await finish(runtime, ada, batch_id)
    assert counters(operation) == (3, 3, 2, 0, 1)
    assert [each.code for each in await items(runtime, ada, batch_id)] == [None, "not_storable", None]


async def test_nothing_is_done_for_a_batch_that_is_unknown(runtime: Runtime) -> None:
    ada = await make_user(runtime)
    await jobs.work(runtime, workspace_id=ada.workspace_id, batch_id=new_id(), step=0)


async def test_a_worker_that_ends_leaves_its_step_to_the_next(connected: Runtime, google: Google) -> None:
    ada = await make_user(connected)
    mailbox = await connect_gmail(connected, google, ada)
    message = google.deliver(mailbox.address, letter(1))
    batch_id = await begin_messages(connected, ada, mailbox.id, [message.id])
    google.fail("/batch", 503, times=2)  # waited out for seconds
    working = asyncio.create_task(jobs.work(connected, workspace_id=ada.workspace_id, batch_id=batch_id, step=0))
    await asyncio.sleep(0.3)
    await jobs.stop_harvesting()
    await asyncio.wait_for(working, 0.5)
    assert counters((await finish(connected, ada, batch_id))[1]) == (1, 1, 1, 0, 0)


async def test_a_step_that_nobody_can_do_ends_its_batch_and_a_retry_goes_on(runtime: Runtime) -> None:
    ada = await make_user(runtime)
    batch_id = await start(runtime, ada, [letter(1), letter(2)])
    await jobs.set_aside(runtime, workspace_id=ada.workspace_id, batch_id=batch_id, step=7)
    assert (await state(runtime, ada, batch_id))[1].is_open
    await jobs.set_aside(runtime, workspace_id=ada.workspace_id, batch_id=batch_id, step=0)
    _, operation = await state(runtime, ada, batch_id)
    assert (operation.status, operation.error) == (OperationStatus.FAILED, jobs.SET_ASIDE)
    assert await retry(runtime, ada, batch_id) == 2
    _, operation = await finish(runtime, ada, batch_id)
    assert (operation.status, counters(operation)) == (OperationStatus.SUCCEEDED, (2, 2, 2, 0, 0))
