"""Contacts: files are imported here, watched, stopped and taken up again."""

import asyncio
from typing import Annotated, Literal
from uuid import UUID

from fastapi import File, Form, Query, Request, UploadFile
from starlette.responses import Response

from outrider.api.deps import Caller, Db
from outrider.api.enveloped import LAST_PAGE
from outrider.console.pages import go_to, show
from outrider.console.routing import Router
from outrider.core.pages import PageRequest
from outrider.domain.accounts.permissions import Permission
from outrider.domain.imports import actions, queries
from outrider.domain.imports.models import Provider
from outrider.domain.imports.reading import examine

router = Router()

SIZE = 25


@router.get("/imports", needs=Permission.CONTACTS_READ)
async def list_imports(
    request: Request, db: Db, actor: Caller, page: Annotated[int, Query(ge=1, le=LAST_PAGE)] = 1
) -> Response:
    asked = PageRequest(page, SIZE)
    found = await queries.search(
        db, actor.workspace_id, actor.user_id, limit=SIZE, offset=asked.offset, provider=None, status=None
    )
    return show(request, "imports.html", page=found)


@router.post("/imports", needs=Permission.CONTACTS_WRITE)
async def start(
    db: Db,
    actor: Caller,
    file: Annotated[UploadFile, File()],
    rehearse: Annotated[Literal["", "yes"], Form()] = "",
) -> Response:
    source = await asyncio.to_thread(examine, await file.read(), format=None, mapping=None, region=None)
    await actions.start(
        db,
        actor.workspace_id,
        actor.user_id,
        source,
        provider=Provider.CSV,
        name=(file.filename or "").replace("\0", "")[:255],
        dry_run=bool(rehearse),
    )
    return go_to("imports")


@router.post("/imports/{job_id}/cancel", needs=Permission.CONTACTS_WRITE)
async def cancel(db: Db, actor: Caller, job_id: UUID) -> Response:
    await actions.cancel(db, await queries.get(db, actor.workspace_id, actor.user_id, job_id, lock=True))
    return go_to("imports")


@router.post("/imports/{job_id}/retry", needs=Permission.CONTACTS_WRITE)
async def retry(db: Db, actor: Caller, job_id: UUID) -> Response:
    await actions.retry(db, await queries.get(db, actor.workspace_id, actor.user_id, job_id, lock=True))
    return go_to("imports")
