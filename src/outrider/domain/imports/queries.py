"""Reads of imports; each belongs to the user who began it."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from outrider.core.errors import NotFound
from outrider.core.pages import Page
from outrider.domain.imports.models import ImportedContact, ImportFile, ImportJob, Provider, Status


class ImportNotFound(NotFound):
    code = "import_not_found"


async def get(db: AsyncSession, workspace_id: UUID, user_id: UUID, job_id: UUID, *, lock: bool = False) -> ImportJob:
    """Raises ImportNotFound."""
    query = select(ImportJob).where(
        ImportJob.workspace_id == workspace_id, ImportJob.user_id == user_id, ImportJob.id == job_id
    )
    found: ImportJob | None = await db.scalar(query.with_for_update() if lock else query)
    if found is None:
        raise ImportNotFound("Import job not found or access denied")
    return found


async def of_worker(db: AsyncSession, workspace_id: UUID, job_id: UUID, *, lock: bool = False) -> ImportJob | None:
    """Returns an import whoever began it."""
    query = select(ImportJob).where(ImportJob.workspace_id == workspace_id, ImportJob.id == job_id)
    found: ImportJob | None = await db.scalar(query.with_for_update() if lock else query)
    return found


async def search(
    db: AsyncSession,
    workspace_id: UUID,
    user_id: UUID,
    *,
    limit: int,
    offset: int,
    provider: Provider | None,
    status: Status | None,
) -> Page[ImportJob]:
    """Returns a user's imports, the newest first. `Page.number` is of no meaning where an offset is free."""
    where = [ImportJob.workspace_id == workspace_id, ImportJob.user_id == user_id]
    if provider is not None:
        where.append(ImportJob.provider == provider)
    if status is not None:
        where.append(ImportJob.status == status)
    total = await db.scalar(select(func.count()).select_from(ImportJob).where(*where)) or 0
    rows = await db.scalars(
        select(ImportJob).where(*where).order_by(ImportJob.created_at.desc(), ImportJob.id.desc())
        .offset(offset).limit(limit)
    )  # fmt: skip
    return Page(list(rows), total, offset // limit + 1, limit)


async def problems(db: AsyncSession, workspace_id: UUID, job_id: UUID, *, at_most: int) -> list[ImportedContact]:
    """Returns the first rows of an import of which something could not be taken."""
    rows = await db.scalars(
        select(ImportedContact)
        .where(
            ImportedContact.workspace_id == workspace_id,
            ImportedContact.import_job_id == job_id,
            ImportedContact.error_message.is_not(None),
        )
        .order_by(ImportedContact.row)
        .limit(at_most)
    )
    return list(rows)


async def begun_since(db: AsyncSession, workspace_id: UUID, user_id: UUID, since: datetime) -> list[datetime]:
    """Returns when a user began imports, the earliest first."""
    rows = await db.scalars(
        select(ImportJob.created_at)
        .where(ImportJob.workspace_id == workspace_id, ImportJob.user_id == user_id, ImportJob.created_at > since)
        .order_by(ImportJob.created_at)
        .limit(100)
    )
    return list(rows)


async def part_of_file(db: AsyncSession, workspace_id: UUID, job_id: UUID, start: int, size: int) -> tuple[bytes, bool]:
    """Returns some bytes of an import's file and whether they are its last."""
    row = (
        await db.execute(
            select(func.substring(ImportFile.content, start + 1, size), func.octet_length(ImportFile.content)).where(
                ImportFile.workspace_id == workspace_id, ImportFile.id == job_id
            )
        )
    ).one()
    return bytes(row[0]), start + size >= row[1]
