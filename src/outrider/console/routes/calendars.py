"""Calendars: what is connected and how it is read, what lies ahead; connecting by an address or with a provider."""

from datetime import timedelta
from typing import Annotated, Literal, Self
from uuid import UUID

from fastapi import Form, Query, Request
from pydantic import BaseModel, Field
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from outrider.api.deps import App, Caller, Db
from outrider.console.leaving import leave_for
from outrider.console.pages import go_to, show
from outrider.console.routing import Router
from outrider.core.clock import now
from outrider.core.errors import AppError, Invalid
from outrider.domain.accounts.permissions import Actor, Permission
from outrider.domain.calendars import agenda, connections, queries
from outrider.domain.calendars.models import CalendarConnection
from outrider.domain.grants.signing_in import CALENDARS
from outrider.providers.calendar.ics import web_address
from outrider.providers.calendar.interface import DavCalendars, PublishedCalendar
from outrider.runtime import Runtime

router = Router()

PROVIDERS = {"google": "Google", "microsoft": "Microsoft"}
PAGE = "/console/calendars"
AHEAD = timedelta(days=14)
SHOWN = 40


class Address(BaseModel):
    """Where calendars lie: at a CalDAV server, or published for whoever knows the address."""

    kind: Literal["caldav", "ics"] = "caldav"
    url: Annotated[str, Field(max_length=2048)] = ""
    username: Annotated[str, Field(max_length=320)] = ""
    password: Annotated[str, Field(max_length=1024)] = ""

    @classmethod
    def of(cls, connection: CalendarConnection) -> Self:
        """What may be shown of a connection: a published address is a secret."""
        kind: Literal["caldav", "ics"] = "ics" if connection.provider == "ics" else "caldav"
        return cls(kind=kind, url=connection.url or "", username=connection.username or "")

    def account(self, email: str) -> DavCalendars | PublishedCalendar:
        """Raises Invalid."""
        if self.kind == "ics":
            return PublishedCalendar(web_address(self.url.strip()))
        if not self.password:
            raise Invalid("Write the password too; where there is one, a password made for programs.", field="password")
        return DavCalendars(web_address(self.url.strip()), self.username.strip() or email, self.password)


@router.get("/calendars", needs=Permission.CALENDARS_READ)
async def list_calendars(
    request: Request, app: App, db: Db, actor: Caller, again: Annotated[UUID | None, Query()] = None
) -> Response:
    """With `again` the form is filled in with what is known of a connection, all but its secret."""
    known = await queries.get(db, actor.workspace_id, actor.user_id, again) if again else None
    return await _page(request, app, db, actor, form=Address.of(known) if known else Address(), again=known)


@router.post("/calendars", needs=Permission.CALENDARS_WRITE, reaches_out=True)
async def connect(request: Request, app: App, actor: Caller, form: Annotated[Address, Form()]) -> Response:
    """Asks for the calendars before anything is stored; what is refused is told beside the form."""
    scope = actor.scope(request.state.request_id)
    try:
        account = form.account(actor.email)
        listed = await connections.verify(app, form.kind, account)
        async with app.db.begin(scope) as db:
            await connections.connect(
                db, app.keyring, workspace_id=actor.workspace_id, user_id=actor.user_id, provider=form.kind,
                account=account, listed=listed,
            )  # fmt: skip
    except AppError as refusal:
        async with app.db.begin(scope) as db:
            return await _page(request, app, db, actor, form=form, error=refusal)
    return go_to("calendars")


@router.post("/calendars/with/{provider}", needs=Permission.CALENDARS_WRITE, reaches_out=True)
async def connect_with(
    request: Request, app: App, actor: Caller, provider: Literal["google", "microsoft"],
    hint: Annotated[str, Form(max_length=320)] = "",
) -> Response:  # fmt: skip
    return await leave_for(request, app, actor, f"{provider}{CALENDARS}", page=PAGE, hint=hint)


@router.post("/calendars/{connection_id}/disconnect", needs=Permission.CALENDARS_WRITE)
async def disconnect(db: Db, actor: Caller, connection_id: UUID) -> Response:
    """Forgets the credentials and all that was read with them."""
    connection = await queries.get(db, actor.workspace_id, actor.user_id, connection_id, lock=True)
    await connections.disconnect(db, connection)
    return go_to("calendars")


async def _page(
    request: Request,
    app: Runtime,
    db: AsyncSession,
    actor: Actor,
    *,
    form: Address,
    again: CalendarConnection | None = None,
    error: AppError | None = None,
) -> Response:
    own = (actor.workspace_id, actor.user_id)
    calendars = [calendar for calendar, _ in (await queries.calendars_of_user(db, *own)).values()]
    connected = await queries.connections_of(db, *own)
    at = now()
    return show(
        request,
        "calendars.html",
        status=error.status if error else 200,
        connections=connected,
        calendars={
            each.id: [calendar for calendar in calendars if calendar.connection_id == each.id] for each in connected
        },
        ahead=(await agenda.ahead(db, *own, at, at + AHEAD))[:SHOWN],
        providers={name: shown for name, shown in PROVIDERS.items() if f"{name}{CALENDARS}" in app.oauth},
        names=PROVIDERS,
        form=form,
        again=again,
        error=error,
    )
