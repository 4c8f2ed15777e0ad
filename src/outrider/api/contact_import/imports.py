"""Starting an import of a file; watching any import, stopping it and going on with it."""

import asyncio
from typing import Annotated, Literal
from uuid import UUID

from fastapi import Form, Query, Request, UploadFile
from pydantic import BaseModel, ConfigDict, Field, Json, TypeAdapter, ValidationError

from outrider.api.contact_import.contract import Out, contract
from outrider.api.deps import Caller, Db
from outrider.api.idempotency import KeyReused
from outrider.api.limits import RateLimiter
from outrider.api.moments import Moment
from outrider.core.errors import Invalid, Limited
from outrider.core.pages import Page
from outrider.domain.accounts.permissions import Permission
from outrider.domain.imports import actions, queries
from outrider.domain.imports.models import ImportedContact, ImportEnded, ImportJob, ImportNotStopped, Provider, Status
from outrider.domain.imports.queries import ImportNotFound
from outrider.domain.imports.reading import UnreadableFile, examine

router = contract.router(tag="import")

NOT_FOUND = ImportNotFound("Import job not found or access denied")
ENDED = ImportEnded("This import has ended (completed); there is nothing to cancel.", status="completed")
NOT_STOPPED = ImportNotStopped("This import is completed: only one that failed or was cancelled can go on.")
UNREADABLE = UnreadableFile("The file holds no contact: no row below its header, no vCard.", field="file")
TOO_MANY = Limited(
    "5 imports were started within the last hour. Start the next in 1800 seconds.", retry_after=1800, limit=5
)
KEY_REUSED = KeyReused("This Idempotency-Key was used with another body. Use a new key for a new request.")
MAPPING = TypeAdapter(Json[dict[str, str]])
MOST_ROWS_TOLD, LONGEST_RAW = 100, 10_000
LATEST_OFFSET = 1_000_000


class CsvForm(BaseModel):
    """`format` and the columns' meaning are found out where they are not given."""

    model_config = ConfigDict(extra="forbid")

    file: UploadFile = Field(description="A CSV or vCard file of at most 25 MiB and 100,000 contacts.")
    format: Literal["csv", "vcard"] | None = Field(None, description="What the file is.")
    provider: Literal["csv", "icloud"] = Field("csv", description="Where the file came from.")
    mapping: str | None = Field(
        None, max_length=20_000, description="JSON: for each column to take, the field that it holds."
    )
    region: str | None = Field(
        None,
        pattern="^[A-Z]{2}$",
        description="The country (ISO 3166) of phone numbers that are written without its code.",
    )


class RowError(Out):
    row: int
    message: str
    raw: str | None


class ImportOut(Out):
    """`errors` are the first hundred rows that failed or lost something."""

    id: UUID
    provider: Provider
    status: Status
    dry_run: bool
    total_contacts: int
    processed_contacts: int
    imported_contacts: int
    skipped_contacts: int
    failed_contacts: int
    progress_percent: float
    provider_account_name: str | None
    created_at: Moment
    started_at: Moment | None
    completed_at: Moment | None
    error_message: str | None
    errors: list[RowError] = Field(default_factory=list)


class ImportList(Out):
    jobs: list[ImportOut]
    total: int
    limit: int
    offset: int


@router.post(
    "/csv",
    needs=Permission.CONTACTS_WRITE,
    model=ImportOut,
    status_code=202,
    errors=[UNREADABLE, TOO_MANY, KEY_REUSED],
)
async def import_csv(
    db: Db,
    actor: Caller,
    form: Annotated[CsvForm, Form(media_type="multipart/form-data")],
    dry_run: Annotated[bool, Query(description="Counts what the import would do, and keeps nothing.")] = False,
) -> ImportOut:
    """Imports a CSV or vCard file; the answer is its job, to be watched at `status`."""
    source = await asyncio.to_thread(
        examine, await form.file.read(), format=form.format, mapping=_mapping(form.mapping), region=form.region
    )
    job = await actions.start(
        db,
        actor.workspace_id,
        actor.user_id,
        source,
        provider=Provider(form.provider),
        name=(form.file.filename or "").replace("\0", "")[:255],
        dry_run=dry_run,
    )
    return import_out(job)


@router.get("/status/{jobId}", needs=Permission.CONTACTS_READ, model=ImportOut, errors=[NOT_FOUND])
async def import_status(request: Request, db: Db, actor: Caller, jobId: UUID) -> ImportOut:  # noqa: N803
    """Says how far an import has come, and which rows failed."""
    limiter: RateLimiter = request.state.limiter
    await limiter.hit("import_status", str(actor.user_id))
    job = await queries.get(db, actor.workspace_id, actor.user_id, jobId)
    return import_out(job, await queries.problems(db, actor.workspace_id, job.id, at_most=MOST_ROWS_TOLD))


@router.get("/list", needs=Permission.CONTACTS_READ, model=ImportList)
async def list_imports(
    db: Db,
    actor: Caller,
    limit: Annotated[int, Query(ge=1, le=100, description="Imports to return.")] = 20,
    offset: Annotated[int, Query(ge=0, le=LATEST_OFFSET, description="Imports to leave out.")] = 0,
    provider: Provider | None = None,
    status: Status | None = None,
) -> ImportList:
    """Returns your imports, the newest first."""
    found: Page[ImportJob] = await queries.search(
        db, actor.workspace_id, actor.user_id, limit=limit, offset=offset, provider=provider, status=status
    )
    return ImportList(jobs=[import_out(each) for each in found.items], total=found.total, limit=limit, offset=offset)


@router.post("/{jobId}/cancel", needs=Permission.CONTACTS_WRITE, model=ImportOut, errors=[NOT_FOUND, ENDED])
async def cancel_import(db: Db, actor: Caller, jobId: UUID) -> ImportOut:  # noqa: N803
    """Stops an import; the contacts that it has brought stay."""
    job = await queries.get(db, actor.workspace_id, actor.user_id, jobId, lock=True)
    await actions.cancel(db, job)
    return import_out(job)


@router.post(
    "/{jobId}/retry", needs=Permission.CONTACTS_WRITE, model=ImportOut, status_code=202, errors=[NOT_FOUND, NOT_STOPPED]
)
async def retry_import(db: Db, actor: Caller, jobId: UUID) -> ImportOut:  # noqa: N803
    """Goes on with an import that failed or was cancelled, from where it stopped."""
    job = await queries.get(db, actor.workspace_id, actor.user_id, jobId, lock=True)
    await actions.retry(db, job)
    return import_out(job)


def import_out(job: ImportJob, problems: list[ImportedContact] | None = None) -> ImportOut:
    made = ImportOut.model_validate(job)
    made.errors = [
        RowError(row=each.row, message=each.error_message or "", raw=each.raw_data and each.raw_data[:LONGEST_RAW])
        for each in problems or []
    ]
    return made


def _mapping(text: str | None) -> dict[str, str] | None:
    if text is None:
        return None
    try:
        return MAPPING.validate_python(text)
    except ValidationError:
        raise Invalid('The mapping must be JSON such as {"Mail": "email"}.', field="mapping") from None
