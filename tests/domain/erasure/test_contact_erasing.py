"""Erasing one person: a canary in every table that knows contacts, and nothing of it afterwards but a digest."""

import asyncio
import contextlib
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import text

from outrider.core.clock import now
from outrider.core.embedded import EmbeddedServer
from outrider.core.ids import new_id
from outrider.domain.audit import jobs as audit_jobs
from outrider.domain.audit import trail
from outrider.domain.erasure import contact_erasing, subjects
from outrider.domain.erasure.contact_registry import HELD, MENTIONED
from outrider.domain.erasure.jobs import erase_contact
from outrider.domain.erasure.models import ContactErasure
from outrider.domain.erasure.subjects import OwnAddress
from outrider.domain.imports import actions as import_actions
from outrider.domain.imports.models import ImportJob, ImportNotStopped
from outrider.domain.mailboxes.models import Direction, Mailbox
from outrider.domain.people import actions as people
from outrider.domain.people.person import make_person
from outrider.domain.sending import claiming
from outrider.domain.sending.models import Send, State
from outrider.domain.sequences import scheduling
from outrider.domain.suppressions.actions import RecipientSuppressed
from outrider.runtime import Addresses, Runtime
from tests.api.test_unsubscribe import PACE
from tests.domain.erasure.test_purging import admin
from tests.factories import imports
from tests.factories.accounts import Someone, make_user
from tests.factories.canary import where_it_is
from tests.factories.contact_canary import furnish_contact
from tests.factories.mailboxes import make_mailbox, make_message
from tests.factories.sending import make_send
from tests.factories.sequences import make_enrollment, make_sequence

HOUR = timedelta(hours=1)


async def ask(runtime: Runtime, owner: Someone, contact_id: UUID) -> ContactErasure:
    async with runtime.db.begin(owner.scope) as db:
        subject = await subjects.of_contact(db, owner.workspace_id, contact_id)
        erasure, _ = await contact_erasing.begin(db, runtime.keyring, owner.actor, subject)
    return erasure


async def test_after_the_erasure_nothing_of_them_is_left_in_any_table(
    runtime: Runtime, database: Addresses, server: EmbeddedServer
) -> None:
    mine, theirs = (f"canary{new_id().hex}" for _ in range(2))
    canary, _ = await furnish_contact(runtime, mine), await furnish_contact(runtime, theirs)
    before = await where_it_is(database, admin(server), mine)
    known = {each.table for each in (*HELD, *MENTIONED)}
    assert known - before.keys() <= {"contact_tags", "judgement_corrections", "suppressions"}, "of ids alone"
    of_others = await where_it_is(database, admin(server), theirs)
    erasure = await ask(runtime, canary.owner, canary.contact_id)
    assert await contact_erasing.erase(runtime.db, canary.owner.workspace_id, erasure.id)
    after = await where_it_is(database, admin(server), mine)
    print(f"\na person in {len(before)} tables, {sum(before.values())} rows; after the erasure: {after or 0}")
    assert after == {}
    assert await where_it_is(database, admin(server), theirs) == of_others
    async with runtime.db.begin(canary.owner.scope) as db:
        done, operation = await contact_erasing.get(db, canary.owner.workspace_id, erasure.id)
    assert (operation.status, operation.progress) == ("succeeded", 100)
    assert done.proof["left"] == {}
    assert done.proof["erased"]["messages"] == 1


async def test_what_others_wrote_stays_without_them(runtime: Runtime) -> None:
    canary = await furnish_contact(runtime, f"canary{new_id().hex}")
    erasure = await ask(runtime, canary.owner, canary.contact_id)
    await contact_erasing.erase(runtime.db, canary.owner.workspace_id, erasure.id)
    async with runtime.db.begin(canary.owner.scope) as db:
        rows = {}
        for table, row_id in canary.others.items():
            rows[table] = (
                (await db.execute(text(f"select * from {table} where id = :id"), {"id": row_id})).mappings().one()
            )
    ours = "Ask <[erased]>, or mailto%3A[erased], about it; not jim-plain@canary.test."
    assert rows["messages"]["text"] == rows["sends"]["body"] == rows["contacts"]["notes"] == ours
    assert [each["address"] for each in rows["messages"]["recipients"]] == ["carol@c.test", "dan@d.test"]
    assert (rows["messages"]["cc"], rows["messages"]["successor"]) == ([], None)
    assert rows["enrollments"]["reply"] == {"snippet": ours}
    event = rows["calendar_occurrences"]
    assert (event["organizer"], [each["address"] for each in event["attendees"]]) == (
        None,
        ["carol@c.test", "dan@d.test"],
    )
    assert rows["calendar_sources"]["ical"].split() == [
        "BEGIN:VEVENT", "ATTENDEE:mailto:carol@c.test", "END:VEVENT",
    ]  # fmt: skip
    assert rows["calls"]["content"] == f"Good morning. {ours}", "it is still to be said"


async def test_who_comes_back_by_an_import_gets_no_mail(runtime: Runtime) -> None:
    ada, mailbox, contact_id = await with_bob(runtime)
    email = await make_message(runtime, mailbox)
    sequence = await make_sequence(runtime, ada)
    await make_enrollment(runtime, ada, email, sequence, is_due=True)
    erasure = await ask(runtime, ada, contact_id)
    # From the moment they asked, before anything is erased.
    async with runtime.db.begin(ada.scope) as db:
        await scheduling.schedule_due(db, ada.workspace_id, now=now())
        claims = await claiming.claim(db, ada.workspace_id, [mailbox.id], now=now(), pace=PACE)
    assert claims == {}
    assert await contact_erasing.erase(runtime.db, ada.workspace_id, erasure.id)
    assert await take_in(runtime, ada) != contact_id
    again = await make_message(runtime, mailbox)
    with pytest.raises(RecipientSuppressed, match="erased when they asked"):
        await make_enrollment(runtime, ada, again, sequence)
    async with runtime.db.begin(ada.scope) as db:
        left = [await db.scalar(text(f"select count(*) from {each}")) for each in ("sends", "enrollments")]
        kept = (await db.execute(text("select value, proof, reason, octet_length(digest) from suppressions"))).all()
    assert left == [0, 0]
    assert [tuple(each) for each in kept] == [(None, {}, "erased", 32)]


async def test_what_was_cut_off_is_gone_on_with(runtime: Runtime, database: Addresses, server: EmbeddedServer) -> None:
    mine = f"canary{new_id().hex}"
    canary = await furnish_contact(runtime, mine)
    erasure = await ask(runtime, canary.owner, canary.contact_id)
    cut = 0
    for milliseconds in (20, 60, 120):
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(milliseconds / 1000):
                await contact_erasing.erase(runtime.db, canary.owner.workspace_id, erasure.id)
                break
        cut += 1
    await erase_contact(runtime, workspace_id=canary.owner.workspace_id, erasure_id=erasure.id)
    await erase_contact(runtime, workspace_id=canary.owner.workspace_id, erasure_id=erasure.id)  # again does no harm
    print(f"\ncut off {cut} times")
    assert await where_it_is(database, admin(server), mine) == {}


async def test_a_mail_that_is_leaving_is_waited_for(runtime: Runtime) -> None:
    ada, mailbox, contact_id = await with_bob(runtime)
    send = await make_send(
        runtime, ada, mailbox, await make_message(runtime, mailbox), state=State.SENDING, lease_until=now() + HOUR
    )
    erasure = await ask(runtime, ada, contact_id)
    assert not await contact_erasing.erase(runtime.db, ada.workspace_id, erasure.id)
    async with runtime.db.begin(ada.scope) as db:
        (await db.get_one(Send, (ada.workspace_id, send.id))).state = State.SENT
    assert await contact_erasing.erase(runtime.db, ada.workspace_id, erasure.id)


async def test_asking_twice_is_asking_once(runtime: Runtime) -> None:
    ada, _, contact_id = await with_bob(runtime)
    first, second = await ask(runtime, ada, contact_id), await ask(runtime, ada, contact_id)
    assert first.id == second.id


async def test_a_user_of_the_workspace_is_not_erased_as_a_contact(runtime: Runtime) -> None:
    ada = await make_user(runtime)
    async with runtime.db.begin(ada.scope) as db:
        subject = await subjects.at_address(db, ada.workspace_id, ada.user.email.upper())
        with pytest.raises(OwnAddress, match="delete their account instead"):
            await contact_erasing.begin(db, runtime.keyring, ada.actor, subject)


async def test_somebody_who_only_wrote_is_erased_by_their_address(runtime: Runtime) -> None:
    ada, mailbox = await with_mailbox(runtime)
    await make_message(runtime, mailbox, direction=Direction.IN, sender="zoe@z.test")
    async with runtime.db.begin(ada.scope) as db:
        subject = await subjects.at_address(db, ada.workspace_id, "Zoe@z.test")
        erasure, _ = await contact_erasing.begin(db, runtime.keyring, ada.actor, subject)
    assert await contact_erasing.erase(runtime.db, ada.workspace_id, erasure.id)
    async with runtime.db.begin(ada.scope) as db:
        assert await db.scalar(text("select count(*) from messages")) == 0


async def with_mailbox(runtime: Runtime) -> tuple[Someone, Mailbox]:
    ada = await make_user(runtime)
    return ada, await make_mailbox(runtime, ada)


async def with_bob(runtime: Runtime) -> tuple[Someone, Mailbox, UUID]:
    ada, mailbox = await with_mailbox(runtime)
    return ada, mailbox, await take_in(runtime, ada)


async def take_in(runtime: Runtime, owner: Someone) -> UUID:
    person = make_person(name="Bob Baker", emails=[("bob@b.test", "")])
    async with runtime.db.begin(owner.scope) as db:
        taken = await people.upsert(db, owner.workspace_id, owner.user.id, [person], provider="csv", account="")
    return taken[0].contact_id


async def test_the_sealed_trail_knows_an_erasure_for_what_it_is(runtime: Runtime) -> None:
    canary = await furnish_contact(runtime, f"canary{new_id().hex}")
    await seal(runtime)
    erasure = await ask(runtime, canary.owner, canary.contact_id)
    assert await contact_erasing.erase(runtime.db, canary.owner.workspace_id, erasure.id)
    await seal(runtime)
    async with runtime.db.begin() as db:
        assert await trail.problems(db, [canary.owner.workspace_id]) == []
    async with runtime.db.begin(canary.owner.scope) as db:
        erased = await db.scalar(text("select count(*) from audit_erased"))
        kept = await db.scalar(text("select count(*) from audit_entries where object = 'contacts' and before is null and after is null"))  # fmt: skip
    assert erased
    assert kept == 4, (
        "who was added, changed and erased is said, and no more: of them, and of who was noted down with them"
    )


async def seal(runtime: Runtime) -> None:
    await audit_jobs.seal(runtime)  # learns where the trail ends
    await audit_jobs.seal(runtime)


async def test_an_import_that_stopped_half_way_can_not_bring_them_back(runtime: Runtime) -> None:
    ada, _, contact_id = await with_bob(runtime)
    job = await imports.start(runtime, ada, b"Name,Mail\nBob Baker,Bob@b.test\nCarol,carol@c.test\n")
    erasure = await ask(runtime, ada, contact_id)
    assert not await contact_erasing.erase(runtime.db, ada.workspace_id, erasure.id), "it is reading the file"
    async with runtime.db.begin(ada.scope) as db:
        await import_actions.cancel(db, await db.get_one(ImportJob, (ada.workspace_id, job.id)))
    assert await contact_erasing.erase(runtime.db, ada.workspace_id, erasure.id)
    with pytest.raises(ImportNotStopped, match="Upload it anew"):
        async with runtime.db.begin(ada.scope) as db:
            await import_actions.retry(db, await db.get_one(ImportJob, (ada.workspace_id, job.id)))
