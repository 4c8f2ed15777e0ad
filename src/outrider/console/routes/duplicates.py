"""Duplicates: contacts that may be one person, merged by hand; nothing is merged by itself."""

from typing import Annotated
from uuid import UUID

from fastapi import Form, Query, Request
from starlette.responses import Response

from outrider.api.deps import Caller, Db
from outrider.console.pages import go_back, show
from outrider.console.routing import Router
from outrider.domain.accounts.permissions import Permission
from outrider.domain.people import duplicates, merges
from outrider.domain.people.duplicates import By

router = Router()

SIZE = 25
KINDS = {By.MAILBOX: "One mailbox", By.PHONE: "One number"}


@router.get("/duplicates", needs=Permission.CONTACTS_READ)
async def list_duplicates(
    request: Request, db: Db, actor: Caller, by: By = By.MAILBOX, after: Annotated[str, Query(max_length=400)] = ""
) -> Response:
    groups = await duplicates.duplicates(db, actor.workspace_id, by, limit=SIZE, after=after.replace("\0", ""))
    return show(request, "duplicates.html", groups=groups, by=by, kinds=KINDS, is_first=not after)


@router.post("/duplicates/merge", needs=Permission.CONTACTS_WRITE)
async def merge(
    request: Request, db: Db, actor: Caller, kept_id: Annotated[UUID, Form()], merged_id: Annotated[UUID, Form()]
) -> Response:
    """The first is kept and has its gaps filled; the other stays as it was, to be taken apart again."""
    await merges.merge(db, actor.workspace_id, kept_id, merged_id, by=actor.user_id)
    return go_back(request, "duplicates")
