"""Mailboxes: what is connected and how far it is read, connecting by IMAP in place or with a provider."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import BackgroundTasks, Form, Request
from pydantic import BaseModel, Field
from starlette.responses import RedirectResponse, Response

from outrider.api.browsers import remember
from outrider.api.deps import App, Caller, Db
from outrider.console.pages import go_to, show
from outrider.console.routing import Router
from outrider.core.errors import AppError
from outrider.domain.accounts.actions import normalise_email
from outrider.domain.accounts.permissions import Actor, Permission
from outrider.domain.grants import actions as grants
from outrider.domain.grants import signing_in
from outrider.domain.mailboxes import connecting, connections, queries, syncing
from outrider.domain.operations import queries as operations
from outrider.domain.sequences import actions as sequences
from outrider.providers.mail.interface import Server, ServerAccount, usual_security
from outrider.runtime import Runtime

router = Router()

PROVIDERS = {"google": "Google", "microsoft": "Microsoft"}
Port = Annotated[int, Field(ge=1, le=65535)]


class Servers(BaseModel):
    """Of a mailbox; SMTP's host is IMAP's unless it is given."""

    email: Annotated[str, Field(max_length=320)] = ""
    password: Annotated[str, Field(max_length=1024)] = ""
    name: Annotated[str, Field(max_length=200)] = ""
    username: Annotated[str, Field(max_length=320)] = ""
    host: Annotated[str, Field(max_length=253)] = ""
    port: Port = 993
    smtp_host: Annotated[str, Field(max_length=253)] = ""
    smtp_port: Port = 465

    def account(self) -> ServerAccount:
        smtp_host = self.smtp_host or self.host
        return ServerAccount(
            address=normalise_email(self.email),
            username=self.username or self.email,
            imap=Server(self.host, self.port, usual_security(self.port)),
            smtp=Server(smtp_host, self.smtp_port, usual_security(self.smtp_port)),
            password=self.password,
            access_token=None,
        )


@router.get("/mailboxes", needs=Permission.MAILBOXES_READ)
async def list_mailboxes(request: Request, app: App, db: Db, actor: Caller) -> Response:
    connected = await queries.of_user(db, actor.workspace_id, actor.user_id)
    syncs = await operations.latest_of_each(db, actor.workspace_id, syncing.OPERATION, [each.id for each in connected])
    return show(
        request, "mailboxes.html", mailboxes=connected, syncs=syncs, providers=_providers(app), form=Servers(), error=None
    )  # fmt: skip


@router.post("/mailboxes", needs=Permission.MAILBOXES_WRITE, reaches_out=True)
async def connect(request: Request, app: App, actor: Caller, form: Annotated[Servers, Form()]) -> Response:
    """Tries both servers before anything is stored; what they refuse is told beside the form."""
    try:
        await connecting.connect_servers(
            app, actor, actor.scope(request.state.request_id), form.account(), name=form.name
        )
    except AppError as refusal:
        return await _refused(request, app, actor, form, refusal)
    return go_to("mailboxes")


@router.post("/mailboxes/with/{provider}", needs=Permission.MAILBOXES_WRITE, reaches_out=True)
async def connect_with(request: Request, app: App, actor: Caller, provider: Literal["google", "microsoft"]) -> Response:
    """Sends the browser to a provider, which sends it back to the callback that connects the mailbox."""
    begun = await signing_in.begin(
        app, provider=provider, actor=actor, redirect_uri=None, request_id=request.state.request_id
    )
    response = RedirectResponse(begun.auth_url, 303)
    remember(app, response, begun)
    return response


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


async def _refused(request: Request, app: Runtime, actor: Actor, form: Servers, refusal: AppError) -> Response:
    async with app.db.begin(actor.scope(request.state.request_id)) as db:
        connected = await queries.of_user(db, actor.workspace_id, actor.user_id)
        syncs = await operations.latest_of_each(
            db, actor.workspace_id, syncing.OPERATION, [each.id for each in connected]
        )
    return show(
        request, "mailboxes.html", status=refusal.status, mailboxes=connected, syncs=syncs,
        providers=_providers(app), form=form, error=refusal,
    )  # fmt: skip


def _providers(app: Runtime) -> dict[str, str]:
    return {name: shown for name, shown in PROVIDERS.items() if name in app.oauth}
