"""Senders: who writes, and one key each for what becomes of their mail."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import Form, Query, Request
from starlette.responses import Response

from outrider.api.deps import Caller, Db
from outrider.api.enveloped import LAST_PAGE
from outrider.console.pages import go_to, show
from outrider.console.routing import Router
from outrider.core.pages import PageRequest
from outrider.domain.accounts.permissions import Permission
from outrider.domain.mailboxes import queries as mailboxes
from outrider.domain.senders import actions, queries, rules
from outrider.domain.senders.models import Category

router = Router()

SIZE = 50
# The category, what it is called here and on its button, and what it means; the key is its place.
CHOICES = (
    (Category.CALL_ME, "Call me", "Call", "Rings, whatever they write"),
    (Category.REMIND_ME, "Remind me", "Remind", "Comes in the digest; rings when it can't wait"),
    (Category.KEEP_QUIET, "Keep quiet", "Quiet", "Stays in the mailbox"),
    (Category.WHY_DID_I_SIGNUP, "Why did I sign up?", "Noise", "Something to get rid of"),
    (Category.DONT_TELL_ANYONE, "Don't tell anyone", "Secret", "Never leaves this server"),
)


@router.get("/senders", needs=Permission.MAILBOXES_READ)
async def list_senders(
    request: Request,
    db: Db,
    actor: Caller,
    page: Annotated[int, Query(ge=1, le=LAST_PAGE)] = 1,
    category: Category | Literal[""] = "",
    search: Annotated[str, Query(max_length=200)] = "",
) -> Response:
    own = (actor.workspace_id, actor.user_id)
    words = search.replace("\0", "").strip()
    counts = await queries.count_by_category(db, *own)
    total = counts.get(category, 0) if category else sum(counts.values())
    found = await queries.search(
        db, *own, PageRequest(page, SIZE), category=category or None, words=words or None, total=total
    )
    habits = await queries.habits(db, *own, [each.domain for each in found.items])
    return show(
        request,
        "senders.html",
        page=found,
        choices=CHOICES,
        category=category,
        search=words,
        counts=counts,
        total=sum(counts.values()),
        proposals={each.id: rules.propose(each, habits) for each in found.items},
        has_mailbox=bool(await mailboxes.of_user(db, *own)),
    )


@router.post("/senders/scan", needs=Permission.MAILBOXES_WRITE)
async def scan(db: Db, actor: Caller) -> Response:
    await actions.scan(db, actor.workspace_id, actor.user_id)
    return go_to("operations")


@router.post("/senders/{sender_id}", needs=Permission.MAILBOXES_WRITE)
async def categorise(db: Db, actor: Caller, sender_id: UUID, category: Annotated[Category, Form()]) -> Response:
    """Answers nothing: the row shows the choice before it is sent, and takes it back if this fails."""
    sender = await queries.get(db, actor.workspace_id, actor.user_id, sender_id)
    await actions.categorise(db, sender, category)
    return Response(status_code=204)
