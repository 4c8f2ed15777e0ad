"""Who writes to the caller, scanning for them, and what becomes of their mail."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import Query
from pydantic import AfterValidator, Field

from outrider.api.bodies import without_nul
from outrider.api.concierge.contract import contract
from outrider.api.deps import Caller, Db
from outrider.api.enveloped import DEFAULT_LIMIT, LAST_PAGE, MOST, In, Out
from outrider.api.moments import Moment
from outrider.core.errors import Invalid
from outrider.core.pages import PageRequest
from outrider.domain.accounts.permissions import Permission
from outrider.domain.mailboxes.sender_types import SenderType
from outrider.domain.operations import queries as operations
from outrider.domain.operations.models import Operation, OperationStatus
from outrider.domain.operations.queries import OperationNotFound
from outrider.domain.senders import actions, queries, rules
from outrider.domain.senders.actions import NoMailbox
from outrider.domain.senders.models import Category, Sender
from outrider.domain.senders.queries import Order, SenderNotFound
from outrider.domain.senders.rules import Habits

router = contract.router("/senders", tag="senders")

MOST_UPDATES = 1_000
NOT_FOUND = SenderNotFound("There is no such sender.")
MISSING = SenderNotFound(
    "1 of 3 senders are not there; none was changed.",
    errors=[{"index": 2, "sender_id": "01a9c6f4-2b10-7c44-9a11-6f2f1b7a0fff", "message": "There is no such sender."}],
)
NO_MAILBOX = NoMailbox("Connect a mailbox first: POST /api/integrations/email/connect.")
SHOWN = {
    OperationStatus.QUEUED: "processing",
    OperationStatus.RUNNING: "processing",
    OperationStatus.SUCCEEDED: "completed",
}
ScanState = Literal["processing", "completed", "failed"]


class ProposalOut(Out):
    category: Category
    reasons: list[str]


class SenderOut(Out):
    """`proposed` is what the user would probably choose; only their choice becomes the `category`."""

    id: UUID
    user_id: UUID
    email: str
    domain: str
    name: str
    category: Category
    proposed: ProposalOut
    email_count: int
    latest_subject: str
    latest_date: Moment | None
    latest_preview: str
    sender_type: SenderType
    type_reasons: list[str]
    created_at: Moment
    updated_at: Moment

    @classmethod
    def of(cls, sender: Sender, habits: Habits) -> "SenderOut":
        known = {name: getattr(sender, name) for name in cls.model_fields if name != "proposed"}
        return cls(**known, proposed=ProposalOut.model_validate(rules.propose(sender, habits)))


class SendersOut(Out):
    senders: list[SenderOut]
    total: int
    page: int
    limit: int
    pages: int


class ScanOut(Out):
    job_id: UUID
    status: ScanState


class ScanStatusOut(Out):
    job_id: UUID
    status: ScanState
    progress: Annotated[int, Field(ge=0, le=100)]
    processed: int
    total: int
    error: str | None

    @classmethod
    def of(cls, operation: Operation) -> "ScanStatusOut":
        return cls(
            job_id=operation.id,
            status=state_of(operation),
            progress=operation.progress,
            processed=operation.processed,
            total=operation.total,
            error=operation.error,
        )


class CategoryEdit(In):
    category: Category


class ChangedOut(Out):
    sender: SenderOut


class UpdateIn(In):
    sender_id: UUID
    category: Category


class BulkIn(In):
    updates: Annotated[list[UpdateIn], Field(min_length=1, max_length=MOST_UPDATES)]


class BulkOut(Out):
    updated_count: int


@router.get("", needs=Permission.MAILBOXES_READ, model=SendersOut)
async def list_senders(
    db: Db,
    actor: Caller,
    page: Annotated[int, Query(ge=1, le=LAST_PAGE, description="Counts from 1.")] = 1,
    limit: Annotated[int, Query(ge=1, le=MOST, description="Senders on a page.")] = DEFAULT_LIMIT,
    category: Category | None = None,
    sender_type: SenderType | None = None,
    search: Annotated[
        str | None, AfterValidator(without_nul), Query(max_length=200, description="Part of an address or a name.")
    ] = None,
    sort: Order = Order.LATEST,
) -> SendersOut:
    """Returns who writes to the caller, with what they probably want to hear of them."""
    found = await queries.search(
        db, actor.workspace_id, actor.user_id, PageRequest(page, limit),
        category=category, sender_type=sender_type, words=search, order=sort,
    )  # fmt: skip
    habits = await queries.habits(db, actor.workspace_id, actor.user_id, [each.domain for each in found.items])
    shown = [SenderOut.of(each, habits) for each in found.items]
    return SendersOut(senders=shown, total=found.total, page=page, limit=limit, pages=found.pages)


@router.post("/scan", needs=Permission.MAILBOXES_WRITE, model=ScanOut, status_code=202, errors=[NO_MAILBOX])
async def scan_senders(db: Db, actor: Caller) -> ScanOut:
    """Reads what is new in the connected mailboxes and sorts all their mail by sender; one scan runs at a time."""
    operation = await actions.scan(db, actor.workspace_id, actor.user_id)
    return ScanOut(job_id=operation.id, status=state_of(operation))


@router.get(
    "/scan/{job_id}", needs=Permission.MAILBOXES_READ, model=ScanStatusOut, errors=[OperationNotFound("There is no such job.")]
)  # fmt: skip
async def scan_status(db: Db, actor: Caller, job_id: UUID) -> ScanStatusOut:
    """Says how far a scan has come."""
    return ScanStatusOut.of(await operations.get(db, actor.workspace_id, actor.user_id, actions.OPERATION, job_id))


@router.put("/{id}/category", needs=Permission.MAILBOXES_WRITE, model=ChangedOut, errors=[NOT_FOUND])
async def categorise_sender(db: Db, actor: Caller, id: UUID, body: CategoryEdit) -> ChangedOut:
    """Chooses what becomes of a sender's mail from now on."""
    sender = await queries.get(db, actor.workspace_id, actor.user_id, id)
    changed = await actions.categorise(db, sender, body.category)
    habits = await queries.habits(db, actor.workspace_id, actor.user_id, [changed.domain])
    return ChangedOut(sender=SenderOut.of(changed, habits))


@router.post("/bulk-update", needs=Permission.MAILBOXES_WRITE, model=BulkOut, errors=[MISSING])
async def categorise_senders(db: Db, actor: Caller, body: BulkIn) -> BulkOut:
    """Chooses for up to a thousand senders at once: all of them or, where one is not there, none."""
    if contradictions := _contradictions(body.updates):
        raise Invalid("A sender is given two categories; none was changed.", errors=contradictions)
    choices = {each.sender_id: each.category for each in body.updates}
    return BulkOut(updated_count=await actions.categorise_many(db, actor.workspace_id, actor.user_id, choices))


def state_of(operation: Operation) -> ScanState:
    shown: ScanState = SHOWN.get(operation.status, "failed")  # type: ignore[assignment]
    return shown


def _contradictions(updates: list[UpdateIn]) -> list[dict[str, object]]:
    first: dict[UUID, Category] = {}
    return [
        {"index": index, "sender_id": str(each.sender_id), "message": "Another category was given before."}
        for index, each in enumerate(updates)
        if first.setdefault(each.sender_id, each.category) is not each.category
    ]
