"""What both parts of the harvest show: batches, what became of their mails, and leads with their evidence."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from outrider.api.enveloped import Out
from outrider.api.moments import Moment
from outrider.domain.harvest.models import Batch, Item, Outcome, Source
from outrider.domain.harvest.queries import Standing
from outrider.domain.operations.models import Operation, OperationStatus

BatchStatus = Literal["queued", "processing", "completed", "failed", "cancelled"]
STATUSES: dict[OperationStatus, BatchStatus] = {
    OperationStatus.QUEUED: "queued",
    OperationStatus.RUNNING: "processing",
    OperationStatus.SUCCEEDED: "completed",
    OperationStatus.FAILED: "failed",
    OperationStatus.CANCELLED: "cancelled",
}
MEANT = {word: status for status, word in STATUSES.items()}


class StartedOut(Out):
    """`total` of a label or query is 0 until its messages have been listed."""

    batch_id: UUID
    total: int
    status: BatchStatus


class ErrorOut(Out):
    """A mail that failed, under the id that it was given by."""

    message_id: str
    code: str
    message: str
    attempts: int


class BatchOut(Out):
    """`error` says why a batch failed as a whole, `waiting_for` what it waits for while it is tried again."""

    batch_id: UUID
    status: BatchStatus
    source: Source
    query: str
    label: str | None
    mailbox_id: UUID | None
    total: int
    processed: int
    succeeded: int
    skipped: int
    failed: int
    progress: Annotated[int, Field(ge=0, le=100)]
    summary: str
    error: str | None
    waiting_for: str | None
    created_at: Moment
    started_at: Moment | None
    completed_at: Moment | None


class StatusOut(BatchOut):
    """`errors` are the first hundred mails that failed; all of them are among the results."""

    errors: list[ErrorOut]


class EvidenceOut(Out):
    """Where a value stands: `start` and `end` count the characters of the source's text, and are 0 in a header."""

    source: Literal["text", "forwarded", "from", "reply_to", "forwarded_from", "organization", "subject"]
    quote: str
    start: int
    end: int


class FieldOut(Out):
    """`confidence` runs from 0 to 1."""

    value: str
    confidence: float
    evidence: EvidenceOut


class LeadOut(Out):
    """Who wrote and how to reach them, as the mail has it. Phones are E.164 where their country could be told.

    `budget` and `date` stand as they are written; `sentiment` is positive, neutral or negative.
    """

    origin: Literal["form", "forward", "letter", "list"]
    name: FieldOut | None
    email: FieldOut | None
    phones: list[FieldOut]
    company: FieldOut | None
    title: FieldOut | None
    address: FieldOut | None
    websites: list[FieldOut]
    language: FieldOut | None
    message: FieldOut | None
    budget: FieldOut | None = None
    date: FieldOut | None = None
    sentiment: FieldOut | None = None


class ResultOut(Out):
    """What became of one mail; `reason` says why it was skipped or failed."""

    message_id: str
    outcome: Outcome
    code: str | None
    reason: str | None
    attempts: int
    contact_id: UUID | None
    lead: LeadOut | None


def started_out(batch: Batch, operation: Operation) -> StartedOut:
    return StartedOut(batch_id=batch.id, total=operation.total, status=STATUSES[operation.status])


def batch_out(standing: Standing) -> BatchOut:
    batch, operation = standing
    return BatchOut(
        batch_id=batch.id,
        status=STATUSES[operation.status],
        source=batch.source,
        query=batch.query,
        label=batch.label,
        mailbox_id=batch.mailbox_id,
        total=operation.total,
        processed=operation.processed,
        succeeded=operation.succeeded,
        skipped=operation.skipped,
        failed=operation.failed,
        progress=operation.progress,
        summary=f"{operation.processed} of {operation.total} completed",
        error=operation.error,
        waiting_for=batch.waiting_for if operation.is_open else None,
        created_at=batch.created_at,
        started_at=operation.started_at,
        completed_at=operation.finished_at,
    )


def status_out(standing: Standing, failures: list[Item]) -> StatusOut:
    errors = [
        ErrorOut(message_id=each.ref, code=each.code or "", message=each.message or "", attempts=each.attempts)
        for each in failures
    ]
    return StatusOut(**dict(batch_out(standing)), errors=errors)


def result_out(item: Item) -> ResultOut:
    return ResultOut(
        message_id=item.ref,
        outcome=item.outcome,
        code=item.code,
        reason=item.message,
        attempts=item.attempts,
        contact_id=item.contact_id,
        lead=None if item.lead is None else LeadOut.model_validate(item.lead),
    )
