"""Mailboxes: what is connected and how far it is read; connecting, also again, by IMAP in place or with a provider."""

from typing import Annotated, Literal, Self
from uuid import UUID

from fastapi import BackgroundTasks, Form, Query, Request
from pydantic import BaseModel, Field
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from outrider.api.deps import App, Caller, Db
from outrider.console.leaving import leave_for
from outrider.console.pages import go_to, show
from outrider.console.routing import Router
from outrider.core.errors import AppError
from outrider.domain.accounts.actions import normalise_email
from outrider.domain.accounts.permissions import Actor, Permission
from outrider.domain.grants import actions as grants
from outrider.domain.mailboxes import connecting, connections, queries, syncing
from outrider.domain.mailboxes.models import Mailbox
from outrider.domain.operations import queries as operations
from outrider.domain.sequences import actions as sequences
from outrider.providers.mail.interface import Security, Server, ServerAccount, usual_security
from outrider.runtime import Runtime

router = Router()

PROVIDERS = {"google": "Google", "microsoft": "Microsoft"}
PAGE = "/console/mailboxes"
Port = Annotated[int, Field(ge=1, le=65535)]
IMAPS, SMTPS = 993, 465


class Servers(BaseModel):
    """Of a mailbox; SMTP's host is IMAP's unless it is given, and how each is spoken to follows from its port."""

    email: Annotated[str, Field(max_length=320)] = ""
    password: Annotated[str, Field(max_length=1024)] = ""
    name: Annotated[str, Field(max_length=200)] = ""
    username: Annotated[str, Field(max_length=320)] = ""
    host: Annotated[str, Field(max_length=253)] = ""
    port: Port = IMAPS
    smtp_host: Annotated[str, Field(max_length=253)] = ""
    smtp_port: Port = SMTPS
    security: Security | Literal[""] = ""
    smtp_security: Security | Literal[""] = ""

    @classmethod
    def of(cls, mailbox: Mailbox) -> Self:
        """All that is known of a mailbox but its password, to connect it again."""
        known = mailbox.servers
        imap, smtp = known.get("imap", {}), known.get("smtp", {})
        return cls(
            email=mailbox.address, name=mailbox.name, username=known.get("username", ""),
            host=imap.get("host", ""), port=imap.get("port", IMAPS),
            smtp_host=smtp.get("host", ""), smtp_port=smtp.get("port", SMTPS),
            security=imap.get("security", ""), smtp_security=smtp.get("security", ""),
        )  # fmt: skip

    def account(self) -> ServerAccount:
        smtp_host = self.smtp_host or self.host
        return ServerAccount(
            address=normalise_email(self.email),
            username=self.username or self.email,
            imap=Server(self.host, self.port, self.security or usual_security(self.port)),
            smtp=Server(smtp_host, self.smtp_port, self.smtp_security or usual_security(self.smtp_port)),
            password=self.password,
            access_token=None,
        )


@router.get("/mailboxes", needs=Permission.MAILBOXES_READ)
async def list_mailboxes(
    request: Request, app: App, db: Db, actor: Caller, again: Annotated[UUID | None, Query()] = None
) -> Response:
    """With `again` the form is filled in with what is known of a mailbox, all but its password."""
    known = await queries.get(db, actor.workspace_id, actor.user_id, again) if again else None
    return await _page(request, app, db, actor, form=Servers.of(known) if known else Servers(), again=known)


@router.post("/mailboxes", needs=Permission.MAILBOXES_WRITE, reaches_out=True)
async def connect(request: Request, app: App, actor: Caller, form: Annotated[Servers, Form()]) -> Response:
    """Tries both servers before anything is stored; what they refuse is told beside the form."""
    try:
        await connecting.connect_servers(
            app, actor, actor.scope(request.state.request_id), form.account(), name=form.name
        )
    except AppError as refusal:
        async with app.db.begin(actor.scope(request.state.request_id)) as db:
            return await _page(request, app, db, actor, form=form, error=refusal)
    return go_to("mailboxes")


@router.post("/mailboxes/with/{provider}", needs=Permission.MAILBOXES_WRITE, reaches_out=True)
async def connect_with(
    request: Request, app: App, actor: Caller, provider: Literal["google", "microsoft"],
    hint: Annotated[str, Form(max_length=320)] = "",
) -> Response:  # fmt: skip
    """Sends the browser to a provider, which sends it back to the callback that connects the mailbox."""
    return await leave_for(request, app, actor, provider, page=PAGE, hint=hint)


@router.post("/mailboxes/{mailbox_id}/sync", needs=Permission.MAILBOXES_WRITE)
async def sync(db: Db, actor: Caller, mailbox_id: UUID) -> Response:
    mailbox = await queries.get(db, actor.workspace_id, actor.user_id, mailbox_id)
    if mailbox.is_usable:
        await syncing.request(db, mailbox)
    return go_to("mailboxes")


@router.post("/mailboxes/{mailbox_id}/disconnect", needs=Permission.MAILBOXES_WRITE)
async def disconnect(db: Db, app: App, actor: Caller, mailbox_id: UUID, after: BackgroundTasks) -> Response:
    """Forgets the credentials at once and pauses what would be sent from the mailbox."""
    mailbox = await queries.get(db, actor.workspace_id, actor.user_id, mailbox_id)
    grant_id = await connections.disconnect(db, mailbox)
    await sequences.pause_all(db, mailbox, reason="The mailbox was disconnected.")
    response = go_to("mailboxes")
    if grant_id is not None:
        after.add_task(grants.revoke, app, actor.workspace_id, grant_id)
        response.background = after
    return response


async def _page(
    request: Request,
    app: Runtime,
    db: AsyncSession,
    actor: Actor,
    *,
    form: Servers,
    again: Mailbox | None = None,
    error: AppError | None = None,
) -> Response:
    connected = await queries.of_user(db, actor.workspace_id, actor.user_id)
    syncs = await operations.latest_of_each(db, actor.workspace_id, syncing.OPERATION, [each.id for each in connected])
    return show(
        request, "mailboxes.html", status=error.status if error else 200, mailboxes=connected, syncs=syncs,
        providers={name: shown for name, shown in PROVIDERS.items() if name in app.oauth}, names=PROVIDERS, form=form,
        again=again, error=error, securities=list(Security),
    )  # fmt: skip
