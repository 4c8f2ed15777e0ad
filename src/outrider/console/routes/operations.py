"""Operations: long pieces of work, watched while they go on."""

from fastapi import Request
from starlette.responses import Response

from outrider.api.deps import Caller, Db
from outrider.console.pages import show
from outrider.console.routing import Router
from outrider.domain.accounts.permissions import Permission
from outrider.domain.operations import queries

router = Router()

SHOWN = 50
NAMES = {
    "mailbox.sync": "Reading a mailbox",
    "senders.scan": "Sorting mail by sender",
    "harvest.batch": "Reading leads out of mail",
}


@router.get("/operations", needs=Permission.ACCOUNT_READ)
async def list_operations(request: Request, db: Db, actor: Caller) -> Response:
    found = await queries.recent(db, actor.workspace_id, actor.user_id, at_most=SHOWN)
    return show(request, "operations.html", operations=found, names=NAMES)
