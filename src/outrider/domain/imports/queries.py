"""Reads of imports; each belongs to the user who began it."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ARRAY, Text, any_, func, literal, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from outrider.core.errors import NotFound
from outrider.core.pages import Page
from outrider.domain.imports.models import ImportedContact, ImportFile, ImportJob, Provider, Status

WORKSPACES_WITH_RAW_ROWS = text("select * from workspaces_with_raw_rows(:before)")


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


async def workspaces_with_raw_rows(db: AsyncSession, before: datetime) -> list[UUID]:
    """Works without a scope; gives away only identifiers."""
    return list(await db.scalars(WORKSPACES_WITH_RAW_ROWS, {"before": before}))


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


async def sync_cursor(
    db: AsyncSession, workspace_id: UUID, user_id: UUID, provider: Provider, account_id: str
) -> str | None:
    """Returns where the last whole import of an account ended, if its provider tells what has changed since."""
    found: str | None = await db.scalar(
        select(ImportJob.sync_cursor)
        .where(
            ImportJob.workspace_id == workspace_id,
            ImportJob.user_id == user_id,
            ImportJob.provider == provider,
            ImportJob.provider_account_id == account_id,
            ImportJob.status == Status.COMPLETED,
        )
        .order_by(ImportJob.created_at.desc())
        .limit(1)
    )
    return found


async def taken(db: AsyncSession, workspace_id: UUID, job_id: UUID, remote_ids: list[str]) -> set[str]:
    """Returns which of an account's contacts this import has taken in before."""
    rows = await db.scalars(
        select(ImportedContact.provider_contact_id).where(
            ImportedContact.workspace_id == workspace_id,
            ImportedContact.import_job_id == job_id,
            # An array is one parameter, however many there are.
            ImportedContact.provider_contact_id == any_(literal(remote_ids, ARRAY(Text))),
        )
    )
    return {each for each in rows if each is not None}


async def has_file(db: AsyncSession, workspace_id: UUID, job_id: UUID) -> bool:
    query = select(ImportFile.id).where(ImportFile.workspace_id == workspace_id, ImportFile.id == job_id)
    return await db.scalar(query) is not None


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
