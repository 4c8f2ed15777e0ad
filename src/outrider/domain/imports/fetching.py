"""Taking an account's contacts in page by page, and what becomes of the import when the provider gives none."""

from collections.abc import Sequence
from datetime import timedelta

import orjson
from sqlalchemy.ext.asyncio import AsyncSession

from outrider.core.clock import now
from outrider.core.ids import new_id
from outrider.domain.grants import actions as grants
from outrider.domain.grants import queries as grant_queries
from outrider.domain.imports import actions, queries
from outrider.domain.imports.models import Action, ImportJob
from outrider.domain.imports.reading import Part, Row
from outrider.domain.people.person import make_person
from outrider.providers.contacts.interface import ContactPage, ContactsFailed, Failure, ProviderContact

ATTEMPTS = 3
FIRST_WAIT, LONGEST_WAIT = 2.0, 300.0  # seconds, where the provider names no time
# A provider that asks for more quiet than this is heeded by stopping.
LONGEST_PAUSE = timedelta(days=1).total_seconds()
MOST_PAUSES, MOST_RESTARTS = 200, 3


def rows_of(contacts: Sequence[ProviderContact]) -> list[Row]:
    """A provider's contacts as rows, which takes a thousand of them a quarter of a second."""
    return [_row(each) for each in contacts]


async def take_page(db: AsyncSession, job: ImportJob, page: ContactPage, rows: list[Row], *, keeps_grant: bool) -> None:
    """Takes a page in, moves the walk on and queues its next step, or ends it."""
    # A walk that had to begin anew, or a list that moved meanwhile, brings some contacts again.
    before = await queries.taken(db, job.workspace_id, job.id, [*(row.person.remote_id for row in rows), *page.deleted])
    fresh = list({row.person.remote_id: row for row in rows if row.person.remote_id not in before}.values())
    gone = [each for each in dict.fromkeys(page.deleted) if each not in before]
    results = await actions.weigh(db, job, Part(fresh, 0), after=job.row)
    results += [_gone(job, number, each) for number, each in enumerate(gone, job.row + len(fresh) + 1)]
    await actions.record(db, job, results, 0)
    job.total_contacts = max(page.total or 0, job.processed_contacts)
    job.step, job.attempts, job.pauses, job.error_message = job.step + 1, 0, 0, None
    if page.next_cursor is not None:
        job.page_cursor = page.next_cursor
        await actions.queue(db, job)
        return
    job.page_cursor, job.sync_cursor = None, page.sync_cursor
    await actions.complete(db, job)
    if not keeps_grant:
        await _let_go(db, job)


async def meet(db: AsyncSession, job: ImportJob, failure: ContactsFailed, *, keeps_grant: bool) -> None:
    """Waits, tries again, begins anew or gives up, and says so in the job."""
    job.step += 1
    match failure.failure:
        case Failure.LIMITED:
            await _pause(db, job, failure)
        case Failure.UNREACHABLE:
            await _try_again(db, job, failure)
        case Failure.EXPIRED:
            await _begin_anew(db, job, failure)
        case Failure.REFUSED:
            job.fail(now(), failure.message)
    if not job.is_open and not keeps_grant:
        await _let_go(db, job)
    await db.flush()


async def _pause(db: AsyncSession, job: ImportJob, failure: ContactsFailed) -> None:
    job.pauses += 1
    wait = failure.retry_after or min(FIRST_WAIT * 2.0**job.pauses, LONGEST_WAIT)
    if wait > LONGEST_PAUSE or job.pauses > MOST_PAUSES:
        job.fail(now(), f"{failure.message} Retry the import tomorrow: it goes on where it stopped.")
        return
    job.error_message = f"{failure.message} The import is paused and goes on by itself {_at(wait)}."
    await actions.queue(db, job, delay=wait)


async def _try_again(db: AsyncSession, job: ImportJob, failure: ContactsFailed) -> None:
    job.attempts += 1
    if job.attempts >= ATTEMPTS:
        job.fail(now(), f"{failure.message} Tried {ATTEMPTS} times; a retry goes on where the import stopped.")
        return
    wait = min(failure.retry_after or FIRST_WAIT * 2.0**job.attempts, LONGEST_WAIT)
    job.error_message = f"{failure.message} Attempt {job.attempts} of {ATTEMPTS}; tried again {_at(wait)}."
    await actions.queue(db, job, delay=wait)


async def _begin_anew(db: AsyncSession, job: ImportJob, failure: ContactsFailed) -> None:
    job.restarts += 1
    job.page_cursor = None
    if job.restarts > MOST_RESTARTS:
        job.fail(now(), f"{failure.message} Begun anew {MOST_RESTARTS} times; retry the import later.")
        return
    job.error_message = f"{failure.message} It begins anew; what it has brought is not brought twice."
    await actions.queue(db, job)


async def _let_go(db: AsyncSession, job: ImportJob) -> None:
    """Ends the permission at the provider and erases it, where the operator wants none kept."""
    grant = await grant_queries.of_account(
        db, job.workspace_id, job.user_id, grant_name(job.provider), job.provider_account_id or ""
    )
    if grant is not None:
        await grants.let_go(db, grant)


def grant_name(provider: str) -> str:
    """Under which name `Runtime.oauth` has, and grants keep, the permission to read an address book."""
    return f"{provider}_contacts"


def _at(wait: float) -> str:
    return f"at {now() + timedelta(seconds=wait):%Y-%m-%d %H:%M:%S} UTC"


def _gone(job: ImportJob, number: int, remote_id: str) -> actions.Result:
    # Whoever tidies up a phone has not said that nobody should write to them any more: our contact stays.
    return {
        "workspace_id": job.workspace_id,
        "id": new_id(),
        "import_job_id": job.id,
        "row": number,
        "contact_id": None,
        "provider_contact_id": remote_id,
        "provider_etag": None,
        "action": Action.SKIPPED,
        "skip_reason": "deleted_at_provider",
        "error_message": None,
        "raw_data": None,
        "created_at": now(),
    }


def _row(contact: ProviderContact) -> Row:
    person = make_person(
        name=contact.name,
        given_name=contact.given_name,
        family_name=contact.family_name,
        notes=contact.notes,
        birthday=contact.birthday,
        photo_url=contact.photo_url,
        emails=contact.emails,
        phones=contact.phones,
        urls=contact.urls,
        addresses=contact.addresses,
        organisations=contact.organisations,
        remote_id=contact.id,
        etag=contact.etag,
    )
    return Row(person, orjson.dumps(contact.raw).decode())
