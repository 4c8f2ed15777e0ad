"""Files of contacts, and imports of them worked off without a queue."""

from typing import Any
from uuid import UUID

from outrider.domain.imports import actions, jobs, queries
from outrider.domain.imports.models import ImportJob, Provider
from outrider.domain.imports.reading import examine
from outrider.runtime import Runtime
from tests.factories.accounts import Someone


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


async def finish(runtime: Runtime, owner: Someone, job_id: UUID) -> ImportJob:
    """Does what a worker does until the import has ended."""
    while (job := await state(runtime, owner, job_id)).is_open:
        await jobs.take_in(runtime, workspace_id=owner.workspace_id, job_id=job_id)
    return job


async def state(runtime: Runtime, owner: Someone, job_id: UUID) -> ImportJob:
    async with runtime.db.begin(owner.scope) as db:
        return await queries.get(db, owner.workspace_id, owner.user.id, job_id)
