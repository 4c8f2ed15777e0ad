"""Leads move along the pipeline by what happens to them, forward only and never against a person's word."""

from uuid import UUID

import pytest
from sqlalchemy import text

from outrider.core.clock import now
from outrider.core.events import emit
from outrider.core.ids import new_id
from outrider.domain.people import actions as people
from outrider.domain.people import advancing, editing
from outrider.domain.people import queries as contacts
from outrider.domain.people.models import Status
from outrider.domain.people.person import Lead, make_person
from outrider.domain.pipeline import jobs
from outrider.domain.sending.events import Sent
from outrider.domain.sequences.events import Replied
from outrider.runtime import Runtime
from tests.factories.accounts import Someone, make_user
from tests.factories.mailboxes import make_mailbox, make_message
from tests.factories.sequences import make_enrollment, make_sequence


@pytest.fixture(scope="module")
async def ada(runtime: Runtime) -> Someone:
    return await make_user(runtime)


async def take(runtime: Runtime, owner: Someone, address: str, status: Status | None) -> UUID:
    lead = Lead(status=status) if status else None
    person = make_person(name="Grace Hopper", emails=[(address, ""), (f"alias-{address}", "")], lead=lead)
    async with runtime.db.begin(owner.scope) as db:
        (taken,) = await people.upsert(
            db, owner.workspace_id, owner.user.id, [person], provider="csv", account="contacts.csv"
        )
    return taken.contact_id


async def status_of(runtime: Runtime, owner: Someone, contact_id: UUID) -> Status | None:
    async with runtime.db.begin(owner.scope) as db:
        return (await contacts.get(db, owner.workspace_id, contact_id)).status


def sent(owner: Someone, recipient: str) -> Sent:
    return Sent(
        workspace_id=owner.workspace_id, send_id=new_id(), mailbox_id=new_id(), origin="test", origin_id=new_id(), step=1,
        message_id="<1@a.test>", recipient=recipient, at=now(), proof="250 taken",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("status", "contacted", "replied"),
    [
        (None, None, None),
        (Status.NEW, Status.CONTACTED, Status.REPLIED),
        (Status.CONTACTED, Status.CONTACTED, Status.REPLIED),
        (Status.REPLIED, Status.REPLIED, Status.REPLIED),
        (Status.QUALIFIED, Status.QUALIFIED, Status.QUALIFIED),
        (Status.CONVERTED, Status.CONVERTED, Status.CONVERTED),
        (Status.LOST, Status.LOST, Status.LOST),
    ],
    ids=str,
)
async def test_facts_move_a_lead_forward_only(
    runtime: Runtime, ada: Someone, status: Status | None, contacted: Status | None, replied: Status | None
) -> None:
    address = f"grace-{new_id().hex}@b.test"
    grace = await take(runtime, ada, address, status)
    for fact, expected in [(Status.CONTACTED, contacted), (Status.REPLIED, replied), (Status.CONTACTED, replied)]:
        for _ in range(2):  # a job may run twice
            await jobs.advance(runtime, workspace_id=ada.workspace_id, addresses=[f"alias-{address}"], status=fact)
            assert await status_of(runtime, ada, grace) is expected


async def test_what_a_person_typed_stays(runtime: Runtime, ada: Someone) -> None:
    address = f"grace-{new_id().hex}@b.test"
    grace = await take(runtime, ada, address, Status.CONTACTED)
    async with runtime.db.begin(ada.scope) as db:
        await editing.type_in(db, await contacts.get(db, ada.workspace_id, grace), status=Status.NEW)
    await jobs.advance(runtime, workspace_id=ada.workspace_id, addresses=[address], status=Status.REPLIED)
    assert await status_of(runtime, ada, grace) is Status.NEW


async def test_only_the_leads_of_this_workspace_move(runtime: Runtime, ada: Someone) -> None:
    bob, address = await make_user(runtime), f"grace-{new_id().hex}@b.test"
    grace, other = await take(runtime, ada, address, Status.NEW), await take(runtime, bob, address, Status.NEW)
    await jobs.advance(runtime, workspace_id=ada.workspace_id, addresses=[address], status=Status.CONTACTED)
    assert await status_of(runtime, ada, grace) is Status.CONTACTED
    assert await status_of(runtime, bob, other) is Status.NEW


async def test_mails_that_left_together_queue_one_job_for_the_leads_among_them(runtime: Runtime) -> None:
    ada = await make_user(runtime)
    for address, status in (("one@b.test", Status.NEW), ("two@b.test", Status.NEW), ("three@b.test", Status.REPLIED)):
        await take(runtime, ada, address, status)
    async with runtime.db.begin(ada.scope) as db:
        await emit(db, *(sent(ada, each) for each in ("one@b.test", "two@b.test", "three@b.test", "stranger@b.test")))
        found = await advancing.behind(db, ada.workspace_id, ["one@b.test", "two@b.test"], Status.CONTACTED)
        assert set(found) == {"one@b.test", "two@b.test"}, "nothing moves in the sender's own transaction"
    assert await queued(runtime, ada) == 1
    async with runtime.db.begin(ada.scope) as db:
        await emit(db, sent(ada, "three@b.test"), sent(ada, "stranger@b.test"))
    assert await queued(runtime, ada) == 1, "nobody to move, nothing to do"


async def test_an_answer_in_a_follow_ups_thread_moves_its_recipient(runtime: Runtime) -> None:
    ada = await make_user(runtime)
    mailbox = await make_mailbox(runtime, ada)
    enrollment = await make_enrollment(
        runtime, ada, await make_message(runtime, mailbox), await make_sequence(runtime, ada, steps=1)
    )
    grace = await take(runtime, ada, enrollment.recipient, Status.NEW)
    fact = Replied(
        workspace_id=ada.workspace_id, enrollment_id=enrollment.id, sequence_id=enrollment.sequence_id, at=now(), proof={}
    )  # fmt: skip
    await jobs.on_replied(runtime, fact)
    assert await status_of(runtime, ada, grace) is Status.REPLIED
    assert await actor_of_last_change(runtime, ada, grace) == "pipeline"


async def queued(runtime: Runtime, owner: Someone) -> int:
    async with runtime.db.begin(owner.scope) as db:
        found = await db.scalar(
            text("select count(*) from pgqueuer where entrypoint = 'pipeline.advance' and payload like :ws"),
            {"ws": f"%{owner.workspace_id}%".encode()},
        )
    return found or 0


async def actor_of_last_change(runtime: Runtime, owner: Someone, contact_id: UUID) -> str | None:
    async with runtime.db.begin(owner.scope) as db:
        found: str | None = await db.scalar(
            text("select actor from audit_entries where object_id = :id order by at desc limit 1"),
            {"id": str(contact_id)},
        )
    return found
