"""Drafts of answers: what waits for its user's word, and what became of the rest."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import Form, Query, Request
from starlette.responses import Response

from outrider.api.deps import App, Caller, Db
from outrider.api.enveloped import LAST_PAGE
from outrider.console.pages import go_to, show
from outrider.console.routing import Router
from outrider.core.errors import Invalid
from outrider.core.pages import PageRequest
from outrider.domain.accounts.permissions import Permission
from outrider.domain.drafts import actions, queries
from outrider.domain.drafts.models import State
from outrider.domain.llm import consent

router = Router()

SIZE = 25
LONGEST_SUBJECT, LONGEST_BODY = 500, 50_000
Act = Literal["approve", "save", "decline"]


@router.get("/drafts", needs=Permission.DRAFTS_READ)
async def list_drafts(
    request: Request,
    app: App,
    db: Db,
    actor: Caller,
    page: Annotated[int, Query(ge=1, le=LAST_PAGE)] = 1,
    status: State | Literal[""] = "",
    draft: UUID | None = None,
) -> Response:
    """`draft` is the one that lies open."""
    own = (actor.workspace_id, actor.user_id)
    found = await queries.page(db, *own, PageRequest(page, SIZE), state=status or None)
    counts = await queries.counts(db, *own)
    shown = await queries.get(db, *own, draft) if draft else None
    ids = {each.message_id for each in found.items} | ({shown.message_id} if shown else set())
    return show(
        request,
        "drafts.html",
        page=found,
        shown=shown,
        mails=await queries.answered(db, actor.workspace_id, list(ids)),
        waiting=await queries.waiting(db, actor.workspace_id, found.items, await app.clock.due_now(db)),
        chosen=status,
        statuses=[each for each in State if counts[each]],
        counts=counts,
        total=sum(counts.values()),
        may_ask=app.language_model is not None and await consent.stands(db, actor.workspace_id, app.language_model),
    )


@router.post("/drafts/{draft_id}", needs=Permission.DRAFTS_WRITE)
async def decide(
    app: App,
    db: Db,
    actor: Caller,
    draft_id: UUID,
    act: Annotated[Act, Form()],
    subject: Annotated[str, Form(max_length=LONGEST_SUBJECT)] = "",
    body: Annotated[str, Form(max_length=LONGEST_BODY)] = "",
) -> Response:
    """What is approved is what stands in the form: whoever looks at it sends no other words."""
    own = (actor.workspace_id, actor.user_id, draft_id)
    if act == "decline":
        await actions.decline(db, *own)
        return go_to("drafts")
    await _keep(db, *own, subject=_plain(subject), body=_plain(body))
    if act == "save":
        return go_to(f"drafts?draft={draft_id}")
    await actions.approve(db, *own, due_at=await app.clock.due_now(db))
    return go_to("drafts")


async def _keep(db: Db, workspace_id: UUID, user_id: UUID, draft_id: UUID, *, subject: str, body: str) -> None:
    draft = await queries.get(db, workspace_id, user_id, draft_id, lock=True)
    if not body.strip() or not subject.strip():
        raise Invalid("An answer needs a subject and some words.", field="body")
    if (subject, body) != (draft.subject, draft.body):
        await actions.edit(db, workspace_id, user_id, draft_id, subject=subject, body=body)


def _plain(text: str) -> str:
    # Browsers end the lines of a form as mail does.
    return text.replace("\r\n", "\n").replace("\0", "").strip()
