"""Takes imports in, a part at a time: what a killed worker had committed stays, and the next goes on from there."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from uuid import UUID

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from outrider.core import jobs
from outrider.core.clock import database_now, now
from outrider.core.db import Database, Scope
from outrider.core.events import during
from outrider.domain.accounts.events import AccountDeleted
from outrider.domain.grants import actions as grants
from outrider.domain.grants import queries as grant_queries
from outrider.domain.imports import actions, consent, fetching, queries
from outrider.domain.imports.models import ENDED, ImportJob, Status
from outrider.domain.imports.reading import PART, Part, UnreadableFile, read_part
from outrider.providers.contacts.interface import ContactPage, ContactsFailed, Failure
from outrider.providers.mail.interface import ConnectFailed
from outrider.runtime import Runtime

ACTOR = "import"
SET_ASIDE = "A part of this import ended its worker, or failed, several times, and was set aside. A retry begins with that part."


async def set_aside(app: Runtime, *, workspace_id: UUID, job_id: UUID, step: int | None = None) -> None:
    """Ends an import whose part nobody can take in; a step that is long past ends nothing."""
    async with app.db.begin(Scope(workspace_id, actor=ACTOR)) as db:
        job = await queries.of_worker(db, workspace_id, job_id, lock=True)
        if job is not None and job.is_open and step in {None, job.step}:
            job.fail(now(), SET_ASIDE)


@jobs.job(actions.JOB, set_aside=set_aside)
async def take_in(app: Runtime, *, workspace_id: UUID, job_id: UUID) -> None:
    """Takes one part in and queues the next, in the same transaction."""
    try:
        await _take_in(app.db, workspace_id, job_id)
    except UnreadableFile as error:
        async with app.db.begin(Scope(workspace_id, actor=ACTOR)) as db:
            job = await queries.of_worker(db, workspace_id, job_id, lock=True)
            if job is not None and job.is_open:
                job.fail(now(), error.message)


@jobs.job(actions.FETCH, set_aside=set_aside)
async def fetch(app: Runtime, *, workspace_id: UUID, job_id: UUID, step: int) -> None:
    """Fetches one page of an account, takes it in and queues the next, the latter two in the same transaction."""
    async with app.db.begin(Scope(workspace_id, actor=ACTOR)) as db:
        job = await queries.of_worker(db, workspace_id, job_id)
        if job is None or not job.awaits(step):
            return
    keeps_grant = app.settings.keep_contact_grants
    try:
        page = await _page(app, job)
    except ContactsFailed as failure:
        async with app.db.begin(Scope(workspace_id, job.user_id, actor=ACTOR)) as db:
            locked = await queries.of_worker(db, workspace_id, job_id, lock=True)
            if locked is not None and locked.awaits(step):
                await fetching.meet(db, locked, failure, keeps_grant=keeps_grant)
        return
    rows = await asyncio.to_thread(fetching.rows_of, page.contacts)
    async with app.db.begin(Scope(workspace_id, job.user_id, actor=ACTOR)) as db:
        locked = await queries.of_worker(db, workspace_id, job_id, lock=True)
        # Somebody else may have taken the page in, or the user cancelled, since it was fetched.
        if locked is not None and locked.awaits(step):
            await fetching.take_page(db, locked, page, rows, keeps_grant=keeps_grant)


@jobs.job(consent.EXPIRE)
async def expire(app: Runtime, *, workspace_id: UUID, job_id: UUID) -> None:
    """Ends an import for which nobody signed in, or whose sign-in broke off half way."""
    async with app.db.begin(Scope(workspace_id, actor=ACTOR)) as db:
        job = await queries.of_worker(db, workspace_id, job_id, lock=True)
        if job is not None and job.status is Status.AUTHENTICATING:
            job.come_back()
            job.fail(now(), consent.TOO_LATE)


async def _page(app: Runtime, job: ImportJob) -> ContactPage:
    """Raises ContactsFailed."""
    provider = app.contacts.get(job.provider)
    async with app.db.begin(Scope(job.workspace_id, actor=ACTOR)) as db:
        grant = await grant_queries.of_account(
            db, job.workspace_id, job.user_id, fetching.grant_name(job.provider), job.provider_account_id or ""
        )
    if provider is None or grant is None:
        raise ContactsFailed(Failure.REFUSED, "The permission to read these contacts has ended. Start a new import.")
    book = provider.book(grants.Supplier(app, job.workspace_id, grant.id), frozenset(grant.scopes))
    try:
        return await book.page(job.page_cursor)
    except ConnectFailed as failure:
        if failure.is_terminal:
            raise ContactsFailed(Failure.REFUSED, f"{failure.message} Start a new import.") from failure
        raise ContactsFailed(Failure.UNREACHABLE, failure.message) from failure


@jobs.periodic("imports.forget_raw", every=600.0)
async def forget_raw(app: Runtime) -> None:
    """Contacts stay; what their sources said beyond them was kept for mending an import, and its time is over."""
    async with app.db.begin() as db:
        before = await database_now(db) - app.settings.keep_raw_contacts
        workspaces = await queries.workspaces_with_raw_rows(db, before)
    for workspace_id in workspaces:
        is_all = False
        while not is_all:
            async with app.db.begin(Scope(workspace_id, actor=ACTOR)) as db:
                is_all = await actions.forget_raw(db, workspace_id, before=before) < actions.FORGOTTEN_AT_ONCE


@during(AccountDeleted)
async def on_account_deleted(db: AsyncSession, facts: Sequence[AccountDeleted]) -> None:
    """Stops their imports where they are."""
    for fact in facts:
        await db.execute(
            update(ImportJob)
            .where(
                ImportJob.workspace_id == fact.workspace_id,
                ImportJob.user_id == fact.user_id,
                ImportJob.status.not_in(ENDED),
            )
            .values(status=Status.CANCELLED, completed_at=now())
            .execution_options(synchronize_session=False)
        )


async def _take_in(database: Database, workspace_id: UUID, job_id: UUID) -> None:
    async with database.begin(Scope(workspace_id, actor=ACTOR)) as db:
        job = await queries.of_worker(db, workspace_id, job_id)
        if job is None or not job.is_open:
            return
        part, is_last = (None, False) if job.dry_run else await _read(db, job, job.cursor)
    async with database.begin(Scope(workspace_id, job.user_id, actor=ACTOR)) as db:
        locked = await queries.of_worker(db, workspace_id, job_id, lock=True)
        # Somebody else may have taken the part in, or the user cancelled, since it was read.
        if locked is None or not locked.is_open or locked.cursor != job.cursor:
            return
        if part is None:
            await actions.rehearse(db, locked, _parts(db, locked))
            return
        await actions.take_in(db, locked, part, is_last=is_last)
        if not is_last:
            await actions.queue(db, locked)


async def _parts(db: AsyncSession, job: ImportJob) -> AsyncIterator[Part]:
    cursor, is_last = job.cursor, False
    while not is_last:
        part, is_last = await _read(db, job, cursor)
        cursor += part.size
        yield part


async def _read(db: AsyncSession, job: ImportJob, cursor: int) -> tuple[Part, bool]:
    """Returns the part at a cursor and whether it is the file's last."""
    data, ends_here = await queries.part_of_file(db, job.workspace_id, job.id, cursor, PART)
    # Reading numbers and addresses takes a thousand rows a quarter of a second: not on the event loop.
    part = await asyncio.to_thread(read_part, data, job.options, is_last=ends_here)
    return part, ends_here and part.size == len(data)
