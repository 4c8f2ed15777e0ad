"""Imports worked off: counters, cursors, what a crash and a second import leave."""

from datetime import timedelta

import pytest
from sqlalchemy import func, select, text, update

from outrider.core.clock import now
from outrider.core.errors import Limited
from outrider.domain.imports import actions, jobs, queries
from outrider.domain.imports.models import Action, ImportedContact, ImportEnded, ImportFile, ImportJob, Status
from outrider.domain.imports.reading import UnreadableFile
from outrider.runtime import Runtime
from tests.factories.accounts import Someone, make_user
from tests.factories.imports import contacts, count, counters, finish, start, state

MIXED = b"""Name,Email,Phone
Grace Hopper,grace@b.test,+44 20 7946 0018
Grace again,GRACE@b.test,
G. Hopper,,+442079460018
No way to know,,
Mistyped,not an address,
"""


async def test_ten_thousand_are_counted_right_and_a_second_import_creates_none(runtime: Runtime) -> None:
    ada = await make_user(runtime)
    first = await finish(runtime, ada, (await start(runtime, ada, contacts(10_000))).id)
    assert counters(first) == (10_000, 10_000, 10_000, 0, 0)
    assert (first.status, first.progress_percent) == (Status.COMPLETED, 100.0)
    second = await finish(runtime, ada, (await start(runtime, ada, contacts(10_000))).id)
    assert counters(second) == (10_000, 10_000, 0, 10_000, 0)
    assert await count(runtime, ada) == 10_000


async def test_each_row_keeps_what_became_of_it(runtime: Runtime) -> None:
    ada = await make_user(runtime)
    job = await finish(runtime, ada, (await start(runtime, ada, MIXED)).id)
    assert counters(job) == (5, 5, 1, 3, 1)
    async with runtime.db.begin(ada.scope) as db:
        rows = list(await db.scalars(select(ImportedContact).order_by(ImportedContact.row)))
    assert [(each.row, each.action, each.skip_reason) for each in rows] == [
        (1, Action.CREATED, None),
        (2, Action.SKIPPED, "duplicate"),
        (3, Action.SKIPPED, "duplicate"),
        (4, Action.SKIPPED, "no_email_or_phone"),
        (5, Action.FAILED, None),
    ]
    assert rows[4].raw_data == "Mistyped,not an address,"
    assert "not an address" in (rows[4].error_message or "")
    assert rows[0].contact_id == rows[1].contact_id == rows[2].contact_id


async def test_progress_moves_with_every_part_and_the_file_goes_with_the_last(runtime: Runtime) -> None:
    ada = await make_user(runtime)
    job = await start(runtime, ada, contacts(2500))
    seen = []
    for _ in range(3):
        await jobs.take_in(runtime, workspace_id=ada.workspace_id, job_id=job.id)
        seen.append((await state(runtime, ada, job.id)).progress_percent)
    assert seen == [40.0, 80.0, 100.0]
    async with runtime.db.begin(ada.scope) as db:
        assert await db.scalar(select(ImportFile.id)) is None


async def test_a_part_that_was_not_committed_is_taken_in_again_and_nothing_twice(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada = await make_user(runtime)
    job = await start(runtime, ada, contacts(3000))
    await jobs.take_in(runtime, workspace_id=ada.workspace_id, job_id=job.id)

    async def die(*_: object) -> None:
        raise ConnectionResetError

    with monkeypatch.context() as patched:
        patched.setattr(actions, "queue", die)
        with pytest.raises(ConnectionResetError):
            await jobs.take_in(runtime, workspace_id=ada.workspace_id, job_id=job.id)
    assert (await state(runtime, ada, job.id)).processed_contacts == 1000
    assert await count(runtime, ada) == 1000
    assert counters(await finish(runtime, ada, job.id)) == (3000, 3000, 3000, 0, 0)
    assert await count(runtime, ada) == 3000


async def test_a_rehearsal_counts_as_the_import_would_and_leaves_nothing(runtime: Runtime) -> None:
    ada = await make_user(runtime)
    twice = contacts(1500) + contacts(1500).split(b"\n", 1)[1]
    job = await finish(runtime, ada, (await start(runtime, ada, twice, dry_run=True)).id)
    assert counters(job) == (3000, 3000, 1500, 1500, 0)
    assert await count(runtime, ada) == 0
    real = await finish(runtime, ada, (await start(runtime, ada, twice)).id)
    assert counters(real) == counters(job)


async def test_a_cancelled_import_stops_and_goes_on_where_it_stopped(runtime: Runtime) -> None:
    ada = await make_user(runtime)
    job = await start(runtime, ada, contacts(2000))
    await jobs.take_in(runtime, workspace_id=ada.workspace_id, job_id=job.id)
    async with runtime.db.begin(ada.scope) as db:
        await actions.cancel(db, await queries.get(db, ada.workspace_id, ada.user.id, job.id, lock=True))
    await jobs.take_in(runtime, workspace_id=ada.workspace_id, job_id=job.id)
    assert (await state(runtime, ada, job.id)).processed_contacts == 1000
    with pytest.raises(ImportEnded):
        async with runtime.db.begin(ada.scope) as db:
            await actions.cancel(db, await queries.get(db, ada.workspace_id, ada.user.id, job.id, lock=True))
    async with runtime.db.begin(ada.scope) as db:
        await actions.retry(db, await queries.get(db, ada.workspace_id, ada.user.id, job.id, lock=True))
    assert counters(await finish(runtime, ada, job.id)) == (2000, 2000, 2000, 0, 0)


async def test_a_file_that_can_not_be_read_on_fails_with_words(runtime: Runtime) -> None:
    ada = await make_user(runtime)
    endless = contacts(1) + b'"' + b"x" * 100_000 + b"\n" + b"y\n" * 400_000
    with pytest.raises(UnreadableFile):
        await start(runtime, ada, endless)
    job = await start(runtime, ada, contacts(10))
    async with runtime.db.begin(ada.scope) as db:
        await db.execute(text("update contact_import_files set content = :c"), {"c": endless})
        await db.execute(text("update contact_import_jobs set cursor = :at"), {"at": len(contacts(1))})
    failed = await finish(runtime, ada, job.id)
    assert failed.status is Status.FAILED
    assert "quotation mark" in (failed.error_message or "")


async def test_the_sixth_start_within_an_hour_is_refused(runtime: Runtime) -> None:
    ada = await make_user(runtime)
    for _ in range(5):
        await start(runtime, ada, contacts(1))
    with pytest.raises(Limited) as refused:
        await start(runtime, ada, contacts(1))
    assert 3500 < refused.value.retry_after <= 3601


async def test_a_contact_says_by_what_kind_of_file_it_came(runtime: Runtime) -> None:
    ada = await make_user(runtime)
    card = b"BEGIN:VCARD\nVERSION:4.0\nUID:u1\nFN:Grace\nEMAIL:grace@b.test\nEND:VCARD\n"
    await finish(runtime, ada, (await start(runtime, ada, card, name="grace.vcf")).id)
    await finish(runtime, ada, (await start(runtime, ada, b"name,email\nJoan,joan@b.test\n")).id)
    async with runtime.db.begin(ada.scope) as db:
        rows = await db.execute(text("select name, source from contacts order by name"))
        assert rows.all() == [("Grace", "vcard"), ("Joan", "csv")]
        assert await db.scalar(text("select provider from contact_sources")) == "vcard"


async def test_what_a_source_said_is_forgotten_after_its_time_and_the_contacts_stay(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = MIXED + b"Mistyped too,nor this,\n"
    ada, bob = await make_user(runtime), await make_user(runtime)
    old, new = [await finish(runtime, ada, (await start(runtime, ada, rows)).id) for _ in range(2)]
    of_bob = await finish(runtime, bob, (await start(runtime, bob, rows)).id)
    limit = runtime.settings.keep_raw_contacts
    for owner, job in ((ada, old), (bob, of_bob)):
        async with runtime.db.begin(owner.scope) as db:
            await db.execute(
                update(ImportedContact)
                .where(ImportedContact.workspace_id == owner.workspace_id, ImportedContact.import_job_id == job.id)
                .values(created_at=now() - limit - timedelta(hours=1))
            )
    assert [await said_of(runtime, *each) for each in ((ada, old), (ada, new), (bob, of_bob))] == [2, 2, 2]
    monkeypatch.setattr(actions, "FORGOTTEN_AT_ONCE", 1)
    await jobs.forget_raw(runtime)
    assert [await said_of(runtime, *each) for each in ((ada, old), (ada, new), (bob, of_bob))] == [0, 2, 0]
    assert await count(runtime, ada) == 1
    async with runtime.db.begin(ada.scope) as db:
        problems = await queries.problems(db, ada.workspace_id, old.id, at_most=10)
    assert [bool(each.error_message) for each in problems] == [True, True], "why a row failed is still told"


async def said_of(runtime: Runtime, owner: Someone, job: ImportJob) -> int:
    async with runtime.db.begin(owner.scope) as db:
        query = select(func.count(ImportedContact.raw_data)).where(
            ImportedContact.workspace_id == owner.workspace_id, ImportedContact.import_job_id == job.id
        )
        return await db.scalar(query) or 0
