"""Starting imports, and taking rows in part by part: contacts, outcomes and cursor in one transaction."""

import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import delete, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from outrider.core import jobs
from outrider.core.clock import now
from outrider.core.encoding import encode
from outrider.core.errors import Limited
from outrider.core.ids import new_id
from outrider.domain.imports import queries
from outrider.domain.imports.models import (
    Action,
    ImportedContact,
    ImportFile,
    ImportJob,
    ImportNotStopped,
    Provider,
    Status,
)
from outrider.domain.imports.reading import Part, Row, Source
from outrider.domain.people import actions as people
from outrider.domain.people import models as people_models
from outrider.domain.people.actions import Outcome, Taken

JOB = "imports.take_in"
FETCH = "imports.fetch"
STARTS_AN_HOUR = 5
HOUR = timedelta(hours=1)
LONGEST_RAW = 100_000  # characters
FORGOTTEN_AT_ONCE = 1_000
Result = dict[str, Any]
LOCK = text("select pg_advisory_xact_lock(hashtextextended('imports:' || :user, 0))")
KEEP = text("""
    insert into imported_contacts
    select r.* from jsonb_populate_recordset(cast(null as imported_contacts), cast(:rows as jsonb)) r
""")
TAKEN = {Taken.CREATED: Action.CREATED, Taken.UPDATED: Action.UPDATED, Taken.UNCHANGED: Action.SKIPPED}


async def start(
    db: AsyncSession, workspace_id: UUID, user_id: UUID, source: Source, *, provider: Provider, name: str, dry_run: bool
) -> ImportJob:
    """Stores a file and queues its import. Raises Limited for a user's sixth within an hour."""
    await count_start(db, workspace_id, user_id)
    job = ImportJob(
        workspace_id=workspace_id,
        id=new_id(),
        user_id=user_id,
        provider=provider,
        provider_account_name=name,
        dry_run=dry_run,
        options=source.options,
        cursor=source.start,
        total_contacts=source.total,
        status=Status.PENDING,
    )
    db.add(job)
    await db.flush()
    db.add(ImportFile(workspace_id=workspace_id, id=job.id, content=source.content))
    await db.flush()
    await queue(db, job)
    return job


async def count_start(db: AsyncSession, workspace_id: UUID, user_id: UUID) -> None:
    """Raises Limited for a user's sixth import within an hour, whatever of."""
    await db.execute(LOCK, {"user": str(user_id)})
    begun = await queries.begun_since(db, workspace_id, user_id, now() - HOUR)
    if len(begun) >= STARTS_AN_HOUR:
        wait = max(1, int((begun[-STARTS_AN_HOUR] + HOUR - now()).total_seconds()) + 1)
        raise Limited(
            f"{STARTS_AN_HOUR} imports were started within the last hour. Start the next in {wait} seconds.",
            retry_after=wait,
            limit=STARTS_AN_HOUR,
        )


async def queue(db: AsyncSession, job: ImportJob, *, delay: float = 0) -> None:
    """Has a worker take in the next part of a file, or fetch the next page of an account."""
    if job.is_of_account:
        await jobs.enqueue(db, FETCH, delay=delay, workspace_id=job.workspace_id, job_id=job.id, step=job.step)
    else:
        await jobs.enqueue(db, JOB, delay=delay, workspace_id=job.workspace_id, job_id=job.id)


async def retry(db: AsyncSession, job: ImportJob) -> None:
    """Goes on with what was not taken in yet. Raises ImportNotStopped."""
    job.retry()
    if not (job.is_of_account or await queries.has_file(db, job.workspace_id, job.id)):
        raise ImportNotStopped("The file of this import was erased with a person who was in it. Upload it anew.")
    await db.flush()
    await queue(db, job)


async def cancel(db: AsyncSession, job: ImportJob) -> None:
    """Keeps what was taken in. Raises ImportEnded."""
    job.cancel(now())
    await db.flush()


async def take_in(db: AsyncSession, job: ImportJob, part: Part, *, is_last: bool) -> None:
    """Takes a part in at the job's cursor and moves it on."""
    await record(db, job, await weigh(db, job, part, after=job.row), part.size)
    if is_last:
        await complete(db, job)


async def rehearse(db: AsyncSession, job: ImportJob, parts: AsyncIterator[Part]) -> None:
    """Finds out what a whole import would do, and undoes it."""
    results: list[Result] = []
    size = 0
    with contextlib.suppress(_Undone):
        async with db.begin_nested():
            async for part in parts:
                results += await weigh(db, job, part, after=len(results))
                size += part.size
            raise _Undone
    # The contacts are none.
    await record(db, job, [{**each, "contact_id": None} for each in results], size)
    await complete(db, job)


class _Undone(Exception):
    """Ends a rehearsal's inner transaction."""


async def weigh(db: AsyncSession, job: ImportJob, part: Part, *, after: int) -> list[Result]:
    """Takes the people in and says what became of each."""
    outcomes = iter(await _upsert(db, job, [row for row in part.rows if _can_be_taken(job, row)]))
    return [
        _result(job, number, row, next(outcomes) if _can_be_taken(job, row) else None)
        for number, row in enumerate(part.rows, after + 1)
    ]


async def forget_raw(db: AsyncSession, workspace_id: UUID, *, before: datetime) -> int:
    """Forgets what sources said in rows of before a moment, a few at a time; returns how many had something."""
    old = (
        select(ImportedContact.id)
        .where(
            ImportedContact.workspace_id == workspace_id,
            ImportedContact.raw_data.is_not(None),
            ImportedContact.created_at < before,
        )
        .order_by(ImportedContact.created_at)
        .limit(FORGOTTEN_AT_ONCE)
        .with_for_update(skip_locked=True)
    )
    forgotten = await db.execute(
        update(ImportedContact)
        .where(ImportedContact.workspace_id == workspace_id, ImportedContact.id.in_(old))
        .values(raw_data=None)
        .returning(ImportedContact.id)
        .execution_options(synchronize_session=False)
    )
    return len(forgotten.all())


def _can_be_taken(job: ImportJob, row: Row) -> bool:
    # An account knows each of its contacts by an id; one with no way to be reached is left to it all the same.
    is_reached = bool(row.person.emails or row.person.phones)
    return row.person.can_be_known_again and (is_reached or not job.is_of_account)


async def record(db: AsyncSession, job: ImportJob, results: list[Result], size: int) -> None:
    """Keeps what became of rows, and counts them."""
    job.begin(now())
    if results:
        await db.execute(KEEP, {"rows": encode(results).decode()})
    counted = Counter(each["action"] for each in results)
    job.row += len(results)
    job.cursor += size
    job.processed_contacts += len(results)
    job.imported_contacts += counted[Action.CREATED] + counted[Action.UPDATED]
    job.skipped_contacts += counted[Action.SKIPPED]
    job.failed_contacts += counted[Action.FAILED]
    await db.flush()


async def complete(db: AsyncSession, job: ImportJob) -> None:
    """Ends an import well; its file is not needed any more."""
    job.complete(now())
    await db.execute(delete(ImportFile).where(ImportFile.workspace_id == job.workspace_id, ImportFile.id == job.id))
    await db.flush()


async def _upsert(db: AsyncSession, job: ImportJob, rows: Sequence[Row]) -> list[Outcome]:
    if not rows:
        return []
    return await people.upsert(
        db,
        job.workspace_id,
        job.user_id,
        [row.person for row in rows],
        provider=_source_of(job),
        account=job.provider_account_id or "",
    )


def _source_of(job: ImportJob) -> str:
    is_card = job.provider is Provider.CSV and job.options.get("format") == "vcard"
    return people_models.Source.VCARD if is_card else job.provider


def _result(job: ImportJob, number: int, row: Row, outcome: Outcome | None) -> Result:
    problems = " ".join(row.person.problems) or None
    action = TAKEN[outcome.taken] if outcome else Action.FAILED if problems else Action.SKIPPED
    reasons = {Action.SKIPPED: "duplicate" if outcome else "no_email_or_phone"}
    return {
        "workspace_id": job.workspace_id,
        "id": new_id(),
        "import_job_id": job.id,
        "row": number,
        "contact_id": outcome.contact_id if outcome else None,
        "provider_contact_id": row.person.remote_id or None,
        "provider_etag": row.person.etag or None,
        "action": action,
        "skip_reason": reasons.get(action),
        "error_message": problems,
        "raw_data": row.raw.replace("\0", "")[:LONGEST_RAW] if _keeps_raw(job, action) else None,
        "created_at": now(),
    }


def _keeps_raw(job: ImportJob, action: Action) -> bool:
    return action is Action.FAILED or (job.is_of_account and action is not Action.SKIPPED)
