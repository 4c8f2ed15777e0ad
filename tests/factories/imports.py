"""Files of contacts and address books of the stand-in, and imports of them worked off without a queue."""

from typing import Any
from uuid import UUID

from outrider.domain.accounts.models import Role
from outrider.domain.accounts.permissions import Actor
from outrider.domain.imports import actions, consent, jobs, queries
from outrider.domain.imports.models import ImportJob, Provider
from outrider.domain.imports.reading import examine
from outrider.domain.people import queries as people
from outrider.runtime import Runtime
from tests.factories.accounts import Someone
from tests.stand_ins.google import Google
from tests.stand_ins.microsoft import Microsoft


def contacts(count: int, *, start: int = 0) -> bytes:
    """A spreadsheet of people whom nothing but their number tells apart."""
    rows = (f"Person {n},p{n}@b.test,+4420{70_000_000 + n}\n" for n in range(start, start + count))
    return ("Name,E-mail Address,Mobile Phone\n" + "".join(rows)).encode()


async def start(
    runtime: Runtime, owner: Someone, content: bytes, *, name: str = "contacts.csv", dry_run: bool = False, **how: Any
) -> ImportJob:
    source = examine(content, **({"format": None, "mapping": None, "region": None} | how))
    async with runtime.db.begin(owner.scope) as db:
        return await actions.start(
            db, owner.workspace_id, owner.user.id, source, provider=Provider.CSV, name=name, dry_run=dry_run
        )


async def sign_in(
    runtime: Runtime,
    vendor: Google | Microsoft,
    owner: Someone,
    address: str,
    *,
    provider: Provider = Provider.GOOGLE,
    **choices: Any,
) -> ImportJob:
    """An import of an account whose owner has just agreed."""
    actor = Actor(owner.user.id, owner.workspace_id, owner.user.email, Role.OWNER)
    async with runtime.db.begin(owner.scope) as db:
        _, url = await consent.begin(runtime, db, actor, provider)
    back = await vendor.agree(url, address, **choices)
    job = await consent.take_back(runtime, provider, back["state"])
    await consent.finish(runtime, job, state=back["state"], code=back["code"])
    return await state(runtime, owner, job.id)


async def finish(runtime: Runtime, owner: Someone, job_id: UUID) -> ImportJob:
    """Does what a worker does until the import has ended, without waiting where it would wait."""
    while (job := await state(runtime, owner, job_id)).is_open:
        await work(runtime, job)
    return job


async def work(runtime: Runtime, job: ImportJob) -> None:
    """Takes in what comes next."""
    if job.is_of_account:
        await jobs.fetch(runtime, workspace_id=job.workspace_id, job_id=job.id, step=job.step)
    else:
        await jobs.take_in(runtime, workspace_id=job.workspace_id, job_id=job.id)


async def state(runtime: Runtime, owner: Someone, job_id: UUID) -> ImportJob:
    async with runtime.db.begin(owner.scope) as db:
        return await queries.get(db, owner.workspace_id, owner.user.id, job_id)


def counters(job: ImportJob) -> tuple[int, ...]:
    return (
        job.total_contacts,
        job.processed_contacts,
        job.imported_contacts,
        job.skipped_contacts,
        job.failed_contacts,
    )


async def count(runtime: Runtime, owner: Someone) -> int:
    async with runtime.db.begin(owner.scope) as db:
        return await people.count(db, owner.workspace_id)
