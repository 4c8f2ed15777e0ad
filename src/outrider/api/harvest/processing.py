"""Watching batches, stopping them, doing again what failed, and what became of each mail."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Query

from outrider.api.deps import Caller, Db
from outrider.api.enveloped import paging
from outrider.api.harvest.contract import processing as contract
from outrider.api.harvest.shapes import (
    MEANT,
    BatchOut,
    BatchStatus,
    ResultOut,
    StartedOut,
    StatusOut,
    batch_out,
    result_out,
    started_out,
    status_out,
)
from outrider.api.idempotency import KeyReused
from outrider.core.pages import Page, PageRequest
from outrider.domain.accounts.permissions import Permission
from outrider.domain.harvest import actions, queries
from outrider.domain.harvest.actions import BatchEnded, NothingToRetry
from outrider.domain.harvest.models import Outcome
from outrider.domain.harvest.queries import BatchNotFound

router = contract.router(tag="processing")

Paging = Annotated[PageRequest, Depends(paging)]
NOT_FOUND = BatchNotFound("There is no such batch.")
MOST_ERRORS = 100
KEY_REUSED = KeyReused("This Idempotency-Key was used with another body. Use a new key for a new request.")


@router.get("/status/{batchId}", needs=Permission.CONTACTS_READ, model=StatusOut, errors=[NOT_FOUND])
async def batch_status(db: Db, actor: Caller, batchId: UUID) -> StatusOut:  # noqa: N803  # the contract's name
    """Says how far a batch has come, and which mails failed."""
    standing = await queries.get(db, actor.workspace_id, actor.user_id, batchId)
    return status_out(standing, await queries.failures(db, actor.workspace_id, batchId, at_most=MOST_ERRORS))


@router.post(
    "/retry/{batchId}",
    needs=Permission.CONTACTS_WRITE,
    model=StartedOut,
    status_code=202,
    errors=[NOT_FOUND, NothingToRetry("No mail of this batch has failed."), KEY_REUSED],
)
async def retry_batch(db: Db, actor: Caller, batchId: UUID) -> StartedOut:  # noqa: N803
    """Does the mails that failed once more, those alone. A batch that was cancelled or failed goes on where it stopped."""
    batch, operation = await queries.get(db, actor.workspace_id, actor.user_id, batchId, lock=True)
    await actions.retry(db, batch, operation)
    return started_out(batch, operation)


@router.post(
    "/cancel/{batchId}",
    needs=Permission.CONTACTS_WRITE,
    model=BatchOut,
    errors=[NOT_FOUND, BatchEnded("This batch has ended; there is nothing to cancel."), KEY_REUSED],
)
async def cancel_batch(db: Db, actor: Caller, batchId: UUID) -> BatchOut:  # noqa: N803
    """Stops a batch; the leads that it has brought stay, and a retry goes on with it."""
    standing = await queries.get(db, actor.workspace_id, actor.user_id, batchId, lock=True)
    await actions.cancel(db, standing[1])
    return batch_out(standing)


@router.get("/history", needs=Permission.CONTACTS_READ, model=Page[BatchOut])
async def list_batches(
    db: Db, actor: Caller, page: Paging, status: Annotated[BatchStatus | None, Query()] = None
) -> Page[BatchOut]:
    """Returns your batches, the newest first."""
    found = await queries.search(db, actor.workspace_id, actor.user_id, page, status=MEANT[status] if status else None)
    return found.map(batch_out)


@router.get("/results/{batchId}", needs=Permission.CONTACTS_READ, model=Page[ResultOut], errors=[NOT_FOUND])
async def batch_results(
    db: Db,
    actor: Caller,
    page: Paging,
    batchId: UUID,  # noqa: N803
    outcome: Annotated[Outcome | None, Query()] = None,
) -> Page[ResultOut]:
    """Returns what became of each mail, and what was read out of it: every field with its confidence and evidence."""
    await queries.get(db, actor.workspace_id, actor.user_id, batchId)
    return (await queries.results(db, actor.workspace_id, batchId, page, outcome=outcome)).map(result_out)
