"""Imports of contacts, from files and accounts: begun here, watched, stopped and taken up again."""

import asyncio
from typing import Annotated, Literal
from uuid import UUID

from fastapi import File, Form, Query, Request, UploadFile
from starlette.responses import RedirectResponse, Response

from outrider.api.deps import App, Caller, Db
from outrider.api.enveloped import LAST_PAGE
from outrider.console.pages import go_back, go_to, show
from outrider.console.routing import Router
from outrider.core.pages import PageRequest
from outrider.domain.accounts.permissions import Permission
from outrider.domain.imports import actions, consent, queries
from outrider.domain.imports.models import Provider
from outrider.domain.imports.reading import examine

router = Router()

SIZE, MOST_PROBLEMS = 25, 100
PAGE = "/console/imports"
PROVIDERS = {"google": "Google", "microsoft": "Microsoft"}


@router.get("/imports", needs=Permission.CONTACTS_READ)
async def list_imports(
    request: Request, app: App, db: Db, actor: Caller, page: Annotated[int, Query(ge=1, le=LAST_PAGE)] = 1
) -> Response:
    asked = PageRequest(page, SIZE)
    found = await queries.search(
        db, actor.workspace_id, actor.user_id, limit=SIZE, offset=asked.offset, provider=None, status=None
    )
    providers = {name: shown for name, shown in PROVIDERS.items() if consent.is_set_up(app, name)}
    return show(request, "imports.html", page=found, providers=providers)


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


@router.post("/imports/with/{provider}", needs=Permission.CONTACTS_WRITE)
async def start_with(app: App, db: Db, actor: Caller, provider: Literal["google", "microsoft"]) -> Response:
    """Sends the browser to a provider, which sends it back to the callback that begins to fetch."""
    _, url = await consent.begin(app, db, actor, Provider(provider), page=PAGE)
    return RedirectResponse(url, 303)


@router.get("/imports/{job_id}", needs=Permission.CONTACTS_READ)
async def read_import(request: Request, db: Db, actor: Caller, job_id: UUID) -> Response:
    """How far it is, and the first rows of which something could not be taken."""
    job = await queries.get(db, actor.workspace_id, actor.user_id, job_id)
    problems = await queries.problems(db, actor.workspace_id, job.id, at_most=MOST_PROBLEMS)
    return show(request, "import.html", job=job, problems=problems, most=MOST_PROBLEMS)


@router.post("/imports/{job_id}/cancel", needs=Permission.CONTACTS_WRITE)
async def cancel(request: Request, db: Db, actor: Caller, job_id: UUID) -> Response:
    await actions.cancel(db, await queries.get(db, actor.workspace_id, actor.user_id, job_id, lock=True))
    return go_back(request, "imports")


@router.post("/imports/{job_id}/retry", needs=Permission.CONTACTS_WRITE)
async def retry(request: Request, db: Db, actor: Caller, job_id: UUID) -> Response:
    await actions.retry(db, await queries.get(db, actor.workspace_id, actor.user_id, job_id, lock=True))
    return go_back(request, "imports")
