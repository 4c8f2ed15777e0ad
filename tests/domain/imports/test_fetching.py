"""Imports of an account: page by page, with pauses, tries and restarts; each contact once, a second one only changes."""

import json
from typing import Any

import pytest
from sqlalchemy import select, text

from outrider.domain import all_jobs
from outrider.domain.grants import actions as grant_actions
from outrider.domain.grants.models import Grant, State
from outrider.domain.imports import actions, jobs, queries
from outrider.domain.imports.models import Action, ImportedContact, ImportJob, Status
from outrider.domain.people.models import Contact, ContactSource
from outrider.runtime import Addresses, Runtime
from outrider.settings import Settings
from tests.factories.accounts import Someone, make_user
from tests.factories.google import connect_gmail, google_runtime
from tests.factories.imports import count, counters, finish, sign_in, state, work
from tests.stand_ins.google import Google
from tests.stand_ins.google_people import OTHERS, AddressBook, person

all_jobs.load()
Begun = tuple[Someone, AddressBook, ImportJob]


async def begin(runtime: Runtime, google: Google, count: int = 0, **settings: Any) -> Begun:
    ada = await make_user(runtime)
    book = google.book(ada.user.email, **settings)
    book.add_many(count)
    return ada, book, await sign_in(runtime, google, ada, ada.user.email)


async def outcomes(runtime: Runtime, owner: Someone, job: ImportJob) -> list[ImportedContact]:
    async with runtime.db.begin(owner.scope) as db:
        rows = await db.scalars(
            select(ImportedContact).where(ImportedContact.import_job_id == job.id).order_by(ImportedContact.row)
        )
        return list(rows)


async def test_progress_moves_with_every_page_and_a_second_import_asks_for_changes_alone(
    connected: Runtime, google: Google
) -> None:
    ada, book, job = await begin(connected, google, 2500)
    assert (job.status, job.provider_account_name) == (Status.FETCHING, ada.user.email)
    seen = []
    for _ in range(3):
        await work(connected, await state(connected, ada, job.id))
        told = await state(connected, ada, job.id)
        seen.append((told.status, told.progress_percent, told.total_contacts))
    assert seen == [(Status.PROCESSING, 40.0, 2500), (Status.PROCESSING, 80.0, 2500), (Status.PROCESSING, 100.0, 2500)]
    first = await finish(connected, ada, job.id)
    assert (first.status, counters(first)) == (Status.COMPLETED, (2500, 2500, 2500, 0, 0))
    given = book.given
    second = await finish(connected, ada, (await sign_in(connected, google, ada, ada.user.email)).id)
    assert (second.status, counters(second), book.given) == (Status.COMPLETED, (0, 0, 0, 0, 0), given)
    assert await count(connected, ada) == 2500


async def test_everything_a_contact_has_is_kept(connected: Runtime, google: Google) -> None:
    ada = await make_user(connected)
    name = google.book(ada.user.email).add(
        **person(
            "Grace Hopper", "grace@b.test", "+44 20 7946 0018",
            addresses=[{"streetAddress": "1 Main St", "city": "Arlington", "type": "home"}],
            organizations=[{"name": "US Navy", "title": "Rear Admiral"}],
            urls=[{"value": "https://grace.example", "type": "homePage"}],
            birthdays=[{"date": {"year": 1906, "month": 12, "day": 9}}],
            biographies=[{"value": "Found the first bug."}],
            photos=[{"url": "https://lh3.test/grace"}],
            userDefined=[{"key": "Ship", "value": "Mark I"}],
        )
    )  # fmt: skip
    job = await finish(connected, ada, (await sign_in(connected, google, ada, ada.user.email)).id)
    async with connected.db.begin(ada.scope) as db:
        grace = (await db.scalars(select(Contact))).one()
        source = (await db.scalars(select(ContactSource))).one()
    assert (grace.name, grace.birthday, grace.notes) == ("Grace Hopper", "1906-12-09", "Found the first bug.")
    assert (grace.photo_url, grace.source) == ("https://lh3.test/grace", "google")
    assert grace.addresses == [{"street": "1 Main St", "city": "Arlington", "label": "home"}]
    assert grace.organisations == [{"name": "US Navy", "title": "Rear Admiral"}]
    assert grace.urls == [{"url": "https://grace.example", "label": "homePage"}]
    assert (source.remote_id, source.account) == (name, job.provider_account_id)
    [row] = await outcomes(connected, ada, job)
    assert (row.provider_contact_id, row.provider_etag) == (name, source.etag)
    assert json.loads(row.raw_data or "")["userDefined"] == [{"key": "Ship", "value": "Mark I"}]


async def test_whoever_can_not_be_reached_is_left_out_and_twins_become_one(connected: Runtime, google: Google) -> None:
    ada = await make_user(connected)
    book = google.book(ada.user.email)
    book.add(**person("Grace Hopper", "grace@b.test"))
    book.add(**person("Grace at work", "GRACE@b.test"))
    book.add(**person("Nobody"))
    book.add(**person("Mistyped", "not an address"))
    book.add(at=OTHERS, **person("", "grace@b.test"))
    job = await finish(connected, ada, (await sign_in(connected, google, ada, ada.user.email)).id)
    assert counters(job) == (5, 5, 1, 3, 1)
    told = [(each.action, each.skip_reason) for each in await outcomes(connected, ada, job)]
    assert told == [
        (Action.CREATED, None),
        (Action.SKIPPED, "duplicate"),
        (Action.SKIPPED, "no_email_or_phone"),
        (Action.FAILED, None),
        (Action.SKIPPED, "duplicate"),
    ]


async def test_what_changed_at_google_is_merged_and_what_was_deleted_there_stays(
    connected: Runtime, google: Google
) -> None:
    ada = await make_user(connected)
    book = google.book(ada.user.email)
    grace = book.add(**person("Grace Hopper", "grace@b.test"))
    alan = book.add(**person("Alan Turing", "alan@b.test"))
    await finish(connected, ada, (await sign_in(connected, google, ada, ada.user.email)).id)
    book.change(grace, **person("Grace Hopper", "hopper@b.test"))
    book.delete(alan)
    job = await finish(connected, ada, (await sign_in(connected, google, ada, ada.user.email)).id)
    assert counters(job) == (2, 2, 1, 1, 0)
    told = [(each.provider_contact_id, each.action, each.skip_reason) for each in await outcomes(connected, ada, job)]
    assert told == [(grace, Action.UPDATED, None), (alan, Action.SKIPPED, "deleted_at_provider")]
    assert await count(connected, ada) == 2


async def test_a_limit_pauses_the_import_visibly_and_takes_nothing_from_its_tries(
    connected: Runtime, google: Google
) -> None:
    ada, book, job = await begin(connected, google, 1500)
    await work(connected, job)
    book.limit, book.window = 0, 40
    for _ in range(5):
        await work(connected, await state(connected, ada, job.id))
    paused = await state(connected, ada, job.id)
    assert (paused.status, paused.processed_contacts, paused.pauses) == (Status.PROCESSING, 1000, 5)
    assert "paused" in (paused.error_message or "")
    assert "UTC" in (paused.error_message or "")
    async with connected.db.begin() as db:
        waits = await db.scalar(
            text(
                "select extract(epoch from max(execute_after) - now()) from pgqueuer where entrypoint = 'imports.fetch'"
            )
        )
    assert 30 < float(waits) <= 41, "as long as Google said"
    book.limit = None
    done = await finish(connected, ada, job.id)
    assert (counters(done), done.error_message, done.pauses) == ((1500, 1500, 1500, 0, 0), None, 0)


async def test_three_failures_in_a_row_end_it_and_a_retry_goes_on_where_it_stopped(
    connected: Runtime, google: Google
) -> None:
    ada, book, job = await begin(connected, google, 1500)
    await work(connected, job)
    google.fail("connections", 503, times=2)
    for attempt in (1, 2):
        await work(connected, await state(connected, ada, job.id))
        told = await state(connected, ada, job.id)
        assert f"Attempt {attempt} of 3" in (told.error_message or "")
    google.fail("connections", 0)
    await work(connected, await state(connected, ada, job.id))
    failed = await state(connected, ada, job.id)
    assert (failed.status, failed.processed_contacts) == (Status.FAILED, 1000)
    assert "Tried 3 times" in (failed.error_message or "")
    given = book.given
    await retry(connected, ada, failed)
    assert counters(await finish(connected, ada, job.id)) == (1500, 1500, 1500, 0, 0)
    assert book.given == given + 500


async def retry(runtime: Runtime, owner: Someone, job: ImportJob) -> None:
    async with runtime.db.begin(owner.scope) as db:
        await actions.retry(db, await queries.get(db, owner.workspace_id, owner.user.id, job.id, lock=True))


async def test_a_forgotten_page_begins_anew_and_doubles_nothing(connected: Runtime, google: Google) -> None:
    ada, book, job = await begin(connected, google, 2500)
    await work(connected, job)
    await work(connected, await state(connected, ada, job.id))
    book.expire_pages()
    done = await finish(connected, ada, job.id)
    assert (done.status, counters(done), done.restarts) == (Status.COMPLETED, (2500, 2500, 2500, 0, 0), 1)
    ids = [each.provider_contact_id for each in await outcomes(connected, ada, job)]
    assert len(ids) == len(set(ids)) == 2500
    assert await count(connected, ada) == 2500


async def test_pages_that_are_forgotten_again_and_again_end_it(connected: Runtime, google: Google) -> None:
    ada, book, job = await begin(connected, google, 1500)
    while (told := await state(connected, ada, job.id)).is_open:
        await work(connected, told)
        book.expire_pages()
    assert (told.status, told.restarts) == (Status.FAILED, 4)
    assert "anew" in (told.error_message or "")


async def test_a_forgotten_sync_reads_everything_and_creates_nothing(connected: Runtime, google: Google) -> None:
    ada, book, job = await begin(connected, google, 1200)
    await finish(connected, ada, job.id)
    book.expire_syncs()
    second = await finish(connected, ada, (await sign_in(connected, google, ada, ada.user.email)).id)
    assert (second.status, counters(second)) == (Status.COMPLETED, (1200, 1200, 0, 1200, 0))
    assert await count(connected, ada) == 1200


async def test_whoever_comes_late_does_nothing(connected: Runtime, google: Google) -> None:
    ada, _, job = await begin(connected, google, 1500)
    await work(connected, job)
    await work(connected, job)
    assert (await state(connected, ada, job.id)).processed_contacts == 1000
    await jobs.set_aside(connected, workspace_id=ada.workspace_id, job_id=job.id, step=job.step)
    assert (await state(connected, ada, job.id)).is_open


async def test_a_part_that_kills_its_workers_ends_its_import(connected: Runtime, google: Google) -> None:
    ada, _, job = await begin(connected, google, 10)
    await jobs.set_aside(connected, workspace_id=ada.workspace_id, job_id=job.id, step=job.step)
    failed = await state(connected, ada, job.id)
    assert (failed.status, "retry" in (failed.error_message or "")) == (Status.FAILED, True)
    await retry(connected, ada, failed)
    assert (await finish(connected, ada, job.id)).status is Status.COMPLETED


async def test_a_cancelled_import_takes_no_further_page(connected: Runtime, google: Google) -> None:
    ada, _, job = await begin(connected, google, 1500)
    await work(connected, job)
    async with connected.db.begin(ada.scope) as db:
        await actions.cancel(db, await queries.get(db, ada.workspace_id, ada.user.id, job.id, lock=True))
    calls = len(google.calls)
    await work(connected, await state(connected, ada, job.id))
    assert len(google.calls) == calls
    await retry(connected, ada, job)
    assert counters(await finish(connected, ada, job.id)) == (1500, 1500, 1500, 0, 0)


async def test_a_permission_that_ended_ends_the_import_and_says_what_to_do(connected: Runtime, google: Google) -> None:
    ada, _, job = await begin(connected, google, 10)
    google.withdraw(ada.user.email)
    failed = await finish(connected, ada, job.id)
    assert (failed.status, "new import" in (failed.error_message or "")) == (Status.FAILED, True)
    again = await finish(connected, ada, (await sign_in(connected, google, ada, ada.user.email)).id)
    assert again.status is Status.COMPLETED


async def test_the_permission_is_kept_for_the_next_import(connected: Runtime, google: Google) -> None:
    ada, _, job = await begin(connected, google, 10)
    await finish(connected, ada, job.id)
    async with connected.db.begin(ada.scope) as db:
        grant = (await db.scalars(select(Grant))).one()
    assert (grant.provider, grant.state, grant.address) == ("google_contacts", State.ACTIVE, ada.user.email)
    assert google.count("/revoke") == 0


@pytest.mark.parametrize("has_mailbox", [False, True], ids=["alone", "with a mailbox"])
async def test_where_none_is_to_be_kept_it_is_given_up(
    settings: Settings, database: Addresses, google: Google, has_mailbox: bool
) -> None:
    async with google_runtime(settings, database, google, keep_contact_grants=False) as runtime:
        ada = await make_user(runtime)
        google.book(ada.user.email).add_many(10)
        if has_mailbox:
            await connect_gmail(runtime, google, ada)
        await finish(runtime, ada, (await sign_in(runtime, google, ada, ada.user.email)).id)
        async with runtime.db.begin(ada.scope) as db:
            left = {each.provider: each for each in await db.scalars(select(Grant))}
        if has_mailbox:
            # Google would end the mailbox's permission with it.
            assert (set(left), google.count("/revoke")) == ({"google"}, 0)
        else:
            assert left["google_contacts"].state is State.REVOKING
            await grant_actions.revoke(runtime, ada.workspace_id, left["google_contacts"].id)
            assert google.count("/revoke") == 1
