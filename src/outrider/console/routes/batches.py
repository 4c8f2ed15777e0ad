"""Batches: leads read out of a mailbox's mail, watched while they are, and what became of each mail."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import Form, Query, Request
from starlette.responses import Response

from outrider.api.deps import Caller, Db
from outrider.api.enveloped import LAST_PAGE
from outrider.console.pages import go_to, show
from outrider.console.routing import Router
from outrider.core.errors import Invalid
from outrider.core.pages import PageRequest
from outrider.domain.accounts.permissions import Permission
from outrider.domain.harvest import actions, queries
from outrider.domain.harvest.models import Outcome
from outrider.domain.mailboxes import queries as mailboxes

router = Router()

SIZE, USUAL, MOST = 25, 500, 10_000


@router.get("/batches", needs=Permission.CONTACTS_READ)
async def list_batches(
    request: Request, db: Db, actor: Caller, page: Annotated[int, Query(ge=1, le=LAST_PAGE)] = 1
) -> Response:
    own = (actor.workspace_id, actor.user_id)
    connected = await mailboxes.of_user(db, *own)
    return show(
        request,
        "batches.html",
        page=await queries.search(db, *own, PageRequest(page, SIZE)),
        mailboxes=[each for each in connected if each.is_usable],
        addresses={each.id: each.address for each in connected},
        usual=USUAL,
        most=MOST,
    )


@router.post("/batches", needs=Permission.CONTACTS_WRITE)
async def start(
    db: Db,
    actor: Caller,
    mailbox_id: Annotated[UUID, Form()],
    query: Annotated[str, Form(max_length=1_000)] = "",
    at_most: Annotated[str, Form(max_length=8)] = str(USUAL),
) -> Response:
    if not at_most.isascii() or not at_most.isdigit() or not 1 <= int(at_most) <= MOST:
        raise Invalid(f"Say how many mails at most: from 1 to {MOST:,}.", field="at_most")
    mailbox = await mailboxes.get(db, actor.workspace_id, actor.user_id, mailbox_id)
    batch, _ = await actions.start_search(
        db, actor.workspace_id, actor.user_id, mailbox.id, query=query.replace("\0", "").strip(), label=None,
        at_most=int(at_most),
    )  # fmt: skip
    return go_to(f"batches/{batch.id}")


@router.get("/batches/{batch_id}", needs=Permission.CONTACTS_READ)
async def read_batch(
    request: Request,
    db: Db,
    actor: Caller,
    batch_id: UUID,
    page: Annotated[int, Query(ge=1, le=LAST_PAGE)] = 1,
    outcome: Outcome | Literal[""] = "",
) -> Response:
    batch, operation = await queries.get(db, actor.workspace_id, actor.user_id, batch_id)
    found = await queries.results(db, actor.workspace_id, batch.id, PageRequest(page, SIZE), outcome=outcome or None)
    return show(
        request, "batch.html", batch=batch, operation=operation, page=found, outcome=outcome, outcomes=list(Outcome)
    )


@router.post("/batches/{batch_id}/cancel", needs=Permission.CONTACTS_WRITE)
async def cancel(db: Db, actor: Caller, batch_id: UUID) -> Response:
    _, operation = await queries.get(db, actor.workspace_id, actor.user_id, batch_id, lock=True)
    await actions.cancel(db, operation)
    return go_to(f"batches/{batch_id}")


@router.post("/batches/{batch_id}/retry", needs=Permission.CONTACTS_WRITE)
async def retry(db: Db, actor: Caller, batch_id: UUID) -> Response:
    """Does again what failed, or goes on with what was stopped."""
    batch, operation = await queries.get(db, actor.workspace_id, actor.user_id, batch_id, lock=True)
    await actions.retry(db, batch, operation)
    return go_to(f"batches/{batch_id}")
