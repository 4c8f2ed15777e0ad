"""Connecting and reaching people's calendars. Secrets are sealed here and opened only to be used."""

from hashlib import sha256
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlalchemy import delete
from sqlalchemy.ext.asyncio import AsyncSession

from outrider.core.clock import database_now
from outrider.core.crypto import Keyring
from outrider.core.db import Scope
from outrider.core.errors import Conflict, Invalid
from outrider.core.ids import new_id
from outrider.domain.accounts.permissions import Actor
from outrider.domain.accounts.vault import open_vault
from outrider.domain.calendars import queries
from outrider.domain.calendars.models import Calendar, CalendarConnection, State
from outrider.domain.grants import actions as grants
from outrider.providers.calendar.interface import (
    BY_ITSELF,
    Account,
    CalendarFailed,
    DavCalendars,
    GrantedCalendars,
    Listed,
    PublishedCalendar,
)
from outrider.providers.mail.interface import ConnectFailed, Step
from outrider.providers.oauth.interface import Identity, Tokens
from outrider.runtime import Runtime

MOST_CONNECTIONS = 20
MOST_CALENDARS = 50  # of one connection; the rest is left out
_CONNECT_AGAIN = "Connect the calendar again."


class CannotReadCalendar(Invalid):
    """The calendars were asked for and not given; `hint` says what to do."""

    code = "calendar_unreachable"

    def __init__(self, failure: CalendarFailed) -> None:
        hint = "Check what you gave, or try again later." if failure.hint == BY_ITSELF else failure.hint
        super().__init__(f"{failure.message} {hint}".strip(), hint=hint)


class TooManyCalendars(Conflict):
    code = "too_many_calendars"


async def verify(app: Runtime, provider: str, account: Account) -> Listed:
    """Asks for the calendars, with no transaction open. Raises CannotReadCalendar."""
    try:
        listed = await app.calendars[provider].calendars(account)
    except CalendarFailed as failure:
        raise CannotReadCalendar(failure) from None
    if not listed.calendars:
        raise CannotReadCalendar(CalendarFailed("There is no calendar in this account.", "Make one, then try again."))
    return listed


async def connect(
    db: AsyncSession,
    keyring: Keyring,
    *,
    workspace_id: UUID,
    user_id: UUID,
    provider: str,
    account: Account,
    listed: Listed,
    token: str | None = None,
    grant_id: UUID | None = None,
) -> CalendarConnection:
    """Stores verified calendars, or renews a connection that was made before; they are read as soon as possible.

    `token` is one that nothing renews; `grant_id` the grant that renews its own.
    """
    key = _key(account, listed)
    connection = await queries.by_account(db, workspace_id, user_id, provider, key)
    if connection is None:
        if len(await queries.connections_of(db, workspace_id, user_id)) >= MOST_CONNECTIONS:
            raise TooManyCalendars(f"You have connected {MOST_CONNECTIONS} calendars. Disconnect one first.")
        connection = CalendarConnection(
            workspace_id=workspace_id, id=new_id(), user_id=user_id, provider=provider, account=key
        )
        db.add(connection)
    connection.address = listed.address[:320]
    await _keep_access(db, keyring, connection, account, token, grant_id)
    connection.state, connection.state_reason, connection.sync_failures = State.CONNECTED, None, 0
    connection.sync_due_at = await database_now(db)
    await db.flush()
    await keep_calendars(db, connection, listed)
    return connection


async def connect_granted(
    app: Runtime, actor: Actor, *, provider: str, tokens: Tokens, request_id: str
) -> tuple[CalendarConnection, Listed]:
    """Verifies and stores calendars that a grant of their owner opens. Raises CannotReadCalendar."""
    account = GrantedCalendars(FixedToken(tokens.access_token))
    listed = await verify(app, provider, account)
    # An account's calendars are one grant, whichever way it was given: its provider ends all of them at once.
    identity = Identity(subject=f"calendars:{listed.address}", email=listed.address, name="", picture=None)
    async with app.db.begin(actor.scope(request_id)) as db:
        vault = await open_vault(db, app.keyring, actor.workspace_id)
        grant = await grants.store(
            db, vault, workspace_id=actor.workspace_id, user_id=actor.user_id, provider=f"{provider}_calendars",
            identity=identity, tokens=tokens,
        )  # fmt: skip
        connection = await connect(
            db, app.keyring, workspace_id=actor.workspace_id, user_id=actor.user_id, provider=provider, account=account,
            listed=listed, grant_id=grant.id,
        )  # fmt: skip
    return connection, listed


async def keep_calendars(db: AsyncSession, connection: CalendarConnection, listed: Listed) -> list[Calendar]:
    """Makes the stored calendars those of the provider, and returns them; one that is gone takes its events along."""
    stored = {each.remote_id: each for each in await queries.calendars_of(db, connection.workspace_id, connection.id)}
    wanted = {each.id: each for each in listed.calendars[:MOST_CALENDARS]}
    for remote_id, told in wanted.items():
        if remote_id not in stored:
            stored[remote_id] = Calendar(
                workspace_id=connection.workspace_id, id=new_id(), connection_id=connection.id,
                user_id=connection.user_id, remote_id=remote_id,
            )  # fmt: skip
            db.add(stored[remote_id])
        calendar = stored[remote_id]
        calendar.name, calendar.zone, calendar.is_primary = told.name, known_zone(told.zone), told.is_primary
    gone = [each.id for remote_id, each in stored.items() if remote_id not in wanted]
    if gone:
        await db.execute(
            delete(Calendar).where(Calendar.workspace_id == connection.workspace_id, Calendar.id.in_(gone))
        )
    await db.flush()
    return [stored[remote_id] for remote_id in wanted]


async def disconnect(db: AsyncSession, connection: CalendarConnection) -> None:
    """Forgets the credentials and everything read with them; the provider is told by `grants.revoke`."""
    grant_id = connection.grant_id
    await db.delete(connection)
    await db.flush()
    if grant_id is not None:
        await grants.give_up(db, connection.workspace_id, grant_id)


async def account_of(app: Runtime, connection: CalendarConnection) -> Account:
    """Opens the vault for a connection's credentials, in a transaction of its own that ends before the network is used."""
    if connection.grant_id is not None:
        return GrantedCalendars(grants.Supplier(app, connection.workspace_id, connection.grant_id))
    async with app.db.begin(Scope(connection.workspace_id, actor="vault")) as db:
        vault = await open_vault(db, app.keyring, connection.workspace_id)
    if connection.secret is None:
        raise CalendarFailed("The calendar's credentials are gone.", _CONNECT_AGAIN, is_terminal=True)
    secret = vault.open(connection.secret, table="calendar_connections", column="secret", row_id=connection.id)
    if connection.url is not None:
        return DavCalendars(connection.url, connection.username or "", secret)
    return PublishedCalendar(secret) if connection.provider == "ics" else GrantedCalendars(FixedToken(secret))


class FixedToken:
    """A `TokenSupplier` over a token that came without the means to renew it."""

    def __init__(self, token: str) -> None:
        self._token = token

    async def __call__(self, *, refused: str | None = None) -> str:
        if refused is not None:
            raise ConnectFailed(Step.LOGIN, "calendar", "The token has expired.", _CONNECT_AGAIN, is_terminal=True)
        return self._token


def known_zone(name: str | None) -> str | None:
    """A time zone's name if it is one that can be worked with."""
    try:
        return ZoneInfo(name).key if name else None
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


async def _keep_access(
    db: AsyncSession,
    keyring: Keyring,
    connection: CalendarConnection,
    account: Account,
    token: str | None,
    grant_id: UUID | None,
) -> None:
    if connection.grant_id not in {None, grant_id}:
        await grants.give_up(db, connection.workspace_id, connection.grant_id)
    connection.grant_id, connection.url, connection.username, connection.secret = grant_id, None, None, None
    secret = token
    if isinstance(account, DavCalendars):
        connection.url, connection.username, secret = account.url, account.username, account.password
    elif isinstance(account, PublishedCalendar):
        secret = account.url
    if secret is not None and grant_id is None:
        vault = await open_vault(db, keyring, connection.workspace_id)
        connection.secret = vault.seal(secret, table="calendar_connections", column="secret", row_id=connection.id)


def _key(account: Account, listed: Listed) -> str:
    """What tells an account from others of its owner. A published address is a secret: its digest does as well."""
    if isinstance(account, DavCalendars):
        return f"{account.username} {account.url}"[:1_000]
    if isinstance(account, PublishedCalendar):
        return sha256(account.url.encode()).hexdigest()
    return listed.address
