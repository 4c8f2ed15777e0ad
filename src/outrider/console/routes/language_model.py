"""The language model: where it is, whether the workspace agrees to it, and what has gone there."""

from datetime import timedelta
from typing import Annotated, Literal

from fastapi import Form, Request
from starlette.responses import Response

from outrider.api.deps import App, Caller, Db
from outrider.console.pages import go_to, show
from outrider.console.routing import Router
from outrider.core.clock import now
from outrider.domain.accounts import queries as accounts
from outrider.domain.accounts.permissions import Permission
from outrider.domain.llm import consent, queries

router = Router()

COUNTED = timedelta(days=30)


@router.get("/language-model", needs=Permission.WORKSPACE_READ)
async def read(request: Request, app: App, db: Db, actor: Caller) -> Response:
    model = app.language_model
    given = await consent.find(db, actor.workspace_id)
    stands = given is not None and model is not None and given.host == model.host
    return show(
        request,
        "language_model.html",
        model=model,
        given=given if stands else None,
        giver=await accounts.get_user(db, given.user_id) if given and stands else None,
        wording=consent.wording(model.host) if model else "",
        used=await queries.used(db, actor.workspace_id, now() - COUNTED),
        may_change=actor.may(Permission.WORKSPACE_WRITE),
    )


@router.post("/language-model", needs=Permission.WORKSPACE_WRITE)
async def change(app: App, db: Db, actor: Caller, consents: Annotated[Literal["yes", "no"], Form()]) -> Response:
    if consents == "yes":
        await consent.give(db, actor.workspace_id, actor.user_id, app.language_model)
    else:
        await consent.withdraw(db, actor.workspace_id, actor.user_id)
    return go_to("language-model")
