"""Reads of calendars. They are personal: every read names its user."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from outrider.core.errors import NotFound
from outrider.domain.accounts.models import Member, User
from outrider.domain.calendars import rules
from outrider.domain.calendars.models import Calendar, CalendarConnection, CalendarSource, Occurrence
from outrider.domain.mailboxes.models import Mailbox
from outrider.domain.senders.models import Category, Sender

MOST_LISTED = 500
DUE = text("select workspace_id, id from calendar_connections_due(:at_most)")


class CalendarNotFound(NotFound):
    code = "calendar_not_found"


async def due(db: AsyncSession, at_most: int) -> list[tuple[UUID, UUID]]:
    """Returns (workspace, connection) pairs. Works without a scope; gives away only identifiers."""
    return [(row.workspace_id, row.id) for row in await db.execute(DUE, {"at_most": at_most})]


async def upcoming(
    db: AsyncSession, workspace_id: UUID, user_id: UUID, since: datetime, until: datetime, *, at_most: int = MOST_LISTED
) -> list[Occurrence]:
    """Returns what takes place between two moments, the soonest first; an event in several calendars once."""
    query = (
        select(Occurrence)
        .join(Calendar, (Calendar.workspace_id == Occurrence.workspace_id) & (Calendar.id == Occurrence.calendar_id))
        .where(
            Occurrence.workspace_id == workspace_id,
            Occurrence.user_id == user_id,
            Occurrence.starts_at < until,
            Occurrence.ends_at > since,
        )
        .order_by(Occurrence.starts_at, Calendar.is_primary.desc(), Occurrence.id)
        .limit(at_most)
    )
    return rules.once(await db.scalars(query))


async def own_people(db: AsyncSession, workspace_id: UUID, user_id: UUID) -> rules.Own:
    """Returns who belongs to the workspace: its members, their mailboxes, and the user's own calendars."""
    members = select(User.email).join(Member, Member.user_id == User.id).where(Member.workspace_id == workspace_id)
    boxes = select(Mailbox.address).where(Mailbox.workspace_id == workspace_id)
    own = select(CalendarConnection.address).where(
        CalendarConnection.workspace_id == workspace_id, CalendarConnection.user_id == user_id
    )
    return rules.Own.of(await db.scalars(members.union(boxes, own).limit(5_000)))


async def callers(db: AsyncSession, workspace_id: UUID, user_id: UUID) -> frozenset[str]:
    """Returns the addresses of whom the user wants to be called for."""
    query = select(Sender.email).where(
        Sender.workspace_id == workspace_id, Sender.user_id == user_id, Sender.category == Category.CALL_ME
    )
    return frozenset(await db.scalars(query.limit(5_000)))


async def connections_of(db: AsyncSession, workspace_id: UUID, user_id: UUID) -> list[CalendarConnection]:
    query = (
        select(CalendarConnection)
        .where(CalendarConnection.workspace_id == workspace_id, CalendarConnection.user_id == user_id)
        .order_by(CalendarConnection.created_at, CalendarConnection.id)
        .limit(100)
    )
    return list(await db.scalars(query))


async def get(
    db: AsyncSession, workspace_id: UUID, user_id: UUID, connection_id: UUID, *, lock: bool = False
) -> CalendarConnection:
    query = select(CalendarConnection).where(
        CalendarConnection.workspace_id == workspace_id,
        CalendarConnection.user_id == user_id,
        CalendarConnection.id == connection_id,
    )
    found: CalendarConnection | None = await db.scalar(query.with_for_update() if lock else query)
    if found is None:
        raise CalendarNotFound("There is no such connection to a calendar.")
    return found


async def by_account(
    db: AsyncSession, workspace_id: UUID, user_id: UUID, provider: str, account: str
) -> CalendarConnection | None:
    query = select(CalendarConnection).where(
        CalendarConnection.workspace_id == workspace_id,
        CalendarConnection.user_id == user_id,
        CalendarConnection.provider == provider,
        CalendarConnection.account == account,
    )
    found: CalendarConnection | None = await db.scalar(query.with_for_update())
    return found


async def calendars_of(db: AsyncSession, workspace_id: UUID, connection_id: UUID) -> list[Calendar]:
    query = select(Calendar).where(Calendar.workspace_id == workspace_id, Calendar.connection_id == connection_id)
    return list(await db.scalars(query.order_by(Calendar.created_at, Calendar.id)))


async def calendars_of_user(db: AsyncSession, workspace_id: UUID, user_id: UUID) -> dict[UUID, tuple[Calendar, str]]:
    """Returns a user's calendars by their ids, each with its provider."""
    rows = await db.execute(
        select(Calendar, CalendarConnection.provider)
        .join(
            CalendarConnection,
            (CalendarConnection.workspace_id == Calendar.workspace_id)
            & (CalendarConnection.id == Calendar.connection_id),
        )
        .where(Calendar.workspace_id == workspace_id, Calendar.user_id == user_id)
        .limit(1_000)
    )
    return {calendar.id: (calendar, provider) for calendar, provider in rows}


async def home_of(db: AsyncSession, workspace_id: UUID, user_id: UUID) -> str | None:
    """Returns the time zone that a member has set, None while it is the one that everybody begins with."""
    query = select(User.timezone).join(Member, Member.user_id == User.id)
    zone: str | None = await db.scalar(query.where(Member.workspace_id == workspace_id, User.id == user_id))
    return None if zone == "UTC" else zone


async def digests(db: AsyncSession, calendar: Calendar, workspace_id: UUID) -> dict[str, tuple[str, str]]:
    """Returns of every source of a calendar its series and a digest of its content, by its id."""
    rows = await db.execute(
        select(CalendarSource.remote_id, CalendarSource.series, func.md5(CalendarSource.ical).label("digest")).where(
            CalendarSource.workspace_id == workspace_id, CalendarSource.calendar_id == calendar.id
        )
    )
    return {row.remote_id: (row.series, row.digest) for row in rows}
