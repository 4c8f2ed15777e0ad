"""The caller's calendars: connecting them, and what lies ahead."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Annotated, Literal
from uuid import UUID

from fastapi import Query, Request
from pydantic import Field, SecretStr

from outrider.api.concierge.contract import contract
from outrider.api.deps import App, Caller, Db
from outrider.api.enveloped import In, Out
from outrider.api.moments import Moment
from outrider.core.clock import now
from outrider.core.errors import Invalid, Unavailable
from outrider.domain.accounts.permissions import Permission
from outrider.domain.calendars import agenda, connections, queries
from outrider.domain.calendars.agenda import Entry
from outrider.domain.calendars.models import Calendar, CalendarConnection, State
from outrider.domain.grants.signing_in import ProviderUnavailable
from outrider.providers.calendar.ics import web_address
from outrider.providers.calendar.interface import (
    Account,
    CalendarFailed,
    DavCalendars,
    GrantedCalendars,
    PublishedCalendar,
)
from outrider.providers.oauth.interface import GrantFailed, Tokens

router = contract.router("/integrations/calendar", tag="integrations")

PROVIDERS = {
    "google": "google", "gmail": "google", "microsoft": "microsoft", "outlook": "microsoft", "caldav": "caldav",
    "ics": "ics",
}  # fmt: skip
MOST_DAYS = 90  # of the time ahead that calendars are worked out for
REFUSED = connections.CannotReadCalendar(
    CalendarFailed("The server refuses the user name or password.", "Use a password made for programs.")
)
NOT_SET_UP = ProviderUnavailable("Calendars of Outlook are not set up on this server.", field="provider")
TOO_MANY = connections.TooManyCalendars("You have connected 20 calendars. Disconnect one first.")
NOT_FOUND = queries.CalendarNotFound("There is no such connection to a calendar.")
BUSY = Unavailable("Google can't be asked just now. Try again in a minute.", retry_after=60)


class CalendarConnect(In):
    """`auth_token` is what opens the calendars: with `google` and `outlook` a refresh token of this server's client (or,
    until it expires, an access token), with `caldav` the password or app password. A published address needs none.
    """

    provider: Literal["google", "gmail", "microsoft", "outlook", "caldav", "ics"]
    auth_token: Annotated[SecretStr, Field(min_length=1, max_length=16384)] | None = None
    token_type: Literal["refresh_token", "access_token"] = Field(
        "refresh_token", description="google, outlook: what `auth_token` is; an access token is not renewed."
    )
    url: Annotated[str, Field(min_length=1, max_length=2048)] | None = Field(
        None, description="caldav: an address of the server, or of one calendar; ics: where the calendar is published."
    )
    username: Annotated[str, Field(min_length=1, max_length=320)] | None = Field(
        None, description="caldav: default your address."
    )


class CalendarConnectedOut(Out):
    integration_id: UUID
    status: Literal["connected"] = "connected"
    calendars: list[str]


class PersonOut(Out):
    email: str
    name: str
    response: str


class CalendarEventOut(Out):
    """Whole days have `all_day` and their first and last in `start_date` and `end_date`. `reminder_at` is null where the
    preferences ask for no reminder.
    """

    id: UUID
    calendar_id: UUID
    calendar_name: str
    provider: str
    title: str
    location: str
    meeting_url: str
    start_time: Moment
    end_time: Moment
    all_day: bool
    start_date: date | None
    end_date: date | None
    status: Literal["confirmed", "tentative"]
    organizer: PersonOut | None
    attendees: list[PersonOut]
    is_recurring: bool
    is_external: bool
    is_important: bool
    is_investor: bool
    is_declined: bool
    reminder_at: Moment | None


class CalendarIntegrationOut(Out):
    """`reason` says why calendars can't be read, `problems` what of them is not known whole."""

    integration_id: UUID
    provider: str
    account: str
    state: State
    reason: str | None
    last_sync: Moment | None
    calendars: list[str]
    problems: list[str]


class CalendarEventsOut(Out):
    """The events, and the connections that they come from: what can't be read just now may be missing."""

    events: list[CalendarEventOut]
    integrations: list[CalendarIntegrationOut]


class DisconnectedOut(Out):
    disconnected: Literal[True] = True


@router.post(
    "/connect",
    needs=Permission.CALENDARS_WRITE,
    model=CalendarConnectedOut,
    errors=[REFUSED, NOT_SET_UP, TOO_MANY, BUSY],
)
async def connect_calendar(request: Request, app: App, actor: Caller, body: CalendarConnect) -> CalendarConnectedOut:
    """Connects calendars once their provider has shown them, and begins to read them."""
    provider, request_id = PROVIDERS[body.provider], request.state.request_id
    is_granted = provider in {"google", "microsoft"}
    if is_granted and body.token_type == "refresh_token":  # noqa: S105  # a kind of token
        tokens = await _tokens(app, provider, body)
        connection, listed = await connections.connect_granted(
            app, actor, provider=provider, tokens=tokens, request_id=request_id
        )
    else:
        token = _secret(body) if is_granted else None
        account = GrantedCalendars(connections.FixedToken(token)) if token else _account(provider, body, actor.email)
        listed = await connections.verify(app, provider, account)
        async with app.db.begin(actor.scope(request_id)) as own:
            connection = await connections.connect(
                own, app.keyring, workspace_id=actor.workspace_id, user_id=actor.user_id, provider=provider,
                account=account, listed=listed, token=token,
            )  # fmt: skip
    return CalendarConnectedOut(integration_id=connection.id, calendars=[each.name for each in listed.calendars])


@router.get("/events", needs=Permission.CALENDARS_READ, model=CalendarEventsOut)
async def calendar_events(
    db: Db,
    actor: Caller,
    days_ahead: Annotated[
        int, Query(ge=1, le=MOST_DAYS, description="How far to look ahead, in days of 24 hours.")
    ] = 7,
) -> CalendarEventsOut:
    """Lists what takes place from now on, the soonest first, at most 500; an event in several calendars once."""
    at = now()
    found = await agenda.ahead(db, actor.workspace_id, actor.user_id, at, at + timedelta(days=days_ahead))
    connected = await queries.connections_of(db, actor.workspace_id, actor.user_id)
    calendars = [each for each, _ in (await queries.calendars_of_user(db, actor.workspace_id, actor.user_id)).values()]
    return CalendarEventsOut(
        events=[_event(each) for each in found], integrations=[_integration(each, calendars) for each in connected]
    )


@router.delete(
    "/connections/{integration_id}", needs=Permission.CALENDARS_WRITE, model=DisconnectedOut, errors=[NOT_FOUND]
)
async def disconnect_calendar(db: Db, actor: Caller, integration_id: UUID) -> DisconnectedOut:
    """Forgets a connection, its credentials and all that was read with them; the provider is told."""
    connection = await queries.get(db, actor.workspace_id, actor.user_id, integration_id, lock=True)
    await connections.disconnect(db, connection)
    return DisconnectedOut()


def _account(provider: str, body: CalendarConnect, email: str) -> Account:
    if body.url is None:
        raise Invalid("Name the calendar's address.", field="url")
    if provider == "ics":
        return PublishedCalendar(web_address(body.url))
    return DavCalendars(web_address(body.url), body.username or email, _secret(body))


def _secret(body: CalendarConnect) -> str:
    if body.auth_token is None:
        raise Invalid(f"Connecting {body.provider} needs an auth_token.", field="auth_token")
    return body.auth_token.get_secret_value()


async def _tokens(app: App, provider: str, body: CalendarConnect) -> Tokens:
    oauth = app.oauth.get(f"{provider}_calendars")
    refresh_token = _secret(body)
    if oauth is None:
        raise ProviderUnavailable(
            f"Calendars of {body.provider.capitalize()} are not set up on this server.", field="provider"
        )
    try:
        tokens = await oauth.refresh(refresh_token)
    except GrantFailed as failure:
        if failure.is_terminal:
            raise Invalid(failure.message, field="auth_token") from failure
        raise Unavailable(f"{failure.message} Try again in a minute.", retry_after=60) from failure
    # A provider that keeps the refresh token says nothing of it.
    return tokens if tokens.refresh_token else Tokens(
        access_token=tokens.access_token, refresh_token=refresh_token, expires_at=tokens.expires_at, scopes=tokens.scopes
    )  # fmt: skip


def _integration(connection: CalendarConnection, calendars: Sequence[Calendar]) -> CalendarIntegrationOut:
    own = [each for each in calendars if each.connection_id == connection.id]
    return CalendarIntegrationOut(
        integration_id=connection.id,
        provider=connection.provider,
        account=connection.address,
        state=connection.state,
        reason=connection.state_reason,
        last_sync=connection.synced_at,
        calendars=[each.name for each in own],
        problems=[f"{each.name}: {each.problem}" for each in own if each.problem],
    )


def _event(entry: Entry) -> CalendarEventOut:
    it = entry.occurrence
    return CalendarEventOut(
        id=it.id,
        calendar_id=it.calendar_id,
        calendar_name=entry.calendar.name,
        provider=entry.provider,
        title=it.title,
        location=it.location,
        meeting_url=it.url,
        start_time=it.starts_at,
        end_time=it.ends_at,
        all_day=it.starts_on is not None,
        start_date=it.starts_on,
        end_date=it.ends_on,
        status="tentative" if it.is_tentative else "confirmed",
        organizer=_person(it.organizer) if it.organizer else None,
        attendees=[_person(each) for each in it.attendees],
        is_recurring=it.is_recurring,
        is_external=entry.meeting.is_external,
        is_important=entry.meeting.is_important,
        is_investor=entry.meeting.is_investor,
        is_declined=entry.meeting.is_declined,
        reminder_at=entry.remind_at,
    )


def _person(known: dict[str, str]) -> PersonOut:
    return PersonOut(email=known["address"], name=known["name"], response=known["response"])
