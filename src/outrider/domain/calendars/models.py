"""Connections to people's calendars, the calendars behind them, what they hold, and when it takes place."""

from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, Text, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from outrider.core.db import Model
from outrider.domain.tables import Polled, Stamped, Tenant, within_workspace


class State(StrEnum):
    CONNECTED = "connected"
    UNREACHABLE = "unreachable"  # failing for now; tried again by itself
    REAUTH_REQUIRED = "reauth_required"  # the provider refuses us; a person must act


class CalendarConnection(Tenant, Stamped, Polled, Model):
    """One account whose calendars we read: by a sealed `secret`, or by its owner's grant.

    `account` tells it from others of its owner; where the address is itself a secret, it is a digest of it.
    """

    FIRST_WAIT, LONGEST_WAIT = timedelta(seconds=30), timedelta(hours=1)

    __tablename__ = "calendar_connections"

    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    provider: Mapped[str] = mapped_column(Text)
    account: Mapped[str] = mapped_column(Text)
    address: Mapped[str] = mapped_column(Text)
    state: Mapped[State] = mapped_column(default=State.CONNECTED)
    url: Mapped[str | None] = mapped_column(Text)
    username: Mapped[str | None] = mapped_column(Text)
    secret: Mapped[bytes | None]
    grant_id: Mapped[UUID | None]

    __table_args__ = (
        within_workspace("grant_id", "grants", ondelete="NO ACTION"),
        UniqueConstraint("workspace_id", "user_id", "provider", "account"),
        Index("ix_calendar_connections_sync_due", "sync_due_at", postgresql_where="state <> 'reauth_required'"),
    )

    def mark_reached(self, at: datetime, *, again_in: timedelta, reason: str | None = None) -> None:
        self.state, self.state_reason, self.sync_failures = State.CONNECTED, reason, 0
        self.synced_at, self.sync_due_at = at, at + again_in

    def mark_failed(self, at: datetime, reason: str, *, is_terminal: bool) -> None:
        """A refusal waits for a person; anything else is tried again, ever more rarely."""
        self.state = State.REAUTH_REQUIRED if is_terminal else State.UNREACHABLE
        self.put_off(at, reason, is_terminal=is_terminal)


class Calendar(Tenant, Stamped, Model):
    """One calendar and how far it has been read. Its events are worked out up to `known_until`, as somebody sees them
    who lives in `home`. The cursor is committed with what it covers.
    """

    __tablename__ = "calendars"

    connection_id: Mapped[UUID]
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    remote_id: Mapped[str] = mapped_column(Text)
    name: Mapped[str] = mapped_column(Text)
    zone: Mapped[str | None] = mapped_column(Text)
    is_primary: Mapped[bool] = mapped_column(default=False)
    cursor: Mapped[str | None] = mapped_column(Text)
    home: Mapped[str | None] = mapped_column(Text)
    known_until: Mapped[datetime | None]
    problem: Mapped[str | None] = mapped_column(Text)  # of an event that can't be read whole
    synced_at: Mapped[datetime | None]

    __table_args__ = (
        within_workspace("connection_id", "calendar_connections"),
        UniqueConstraint("workspace_id", "connection_id", "remote_id"),
    )


class CalendarSource(Tenant, Model):
    """What the provider keeps under one id, as iCalendar. Sources of one `series` make up an event together."""

    __tablename__ = "calendar_sources"

    calendar_id: Mapped[UUID]
    remote_id: Mapped[str] = mapped_column(Text)
    series: Mapped[str] = mapped_column(Text)
    ical: Mapped[str] = mapped_column(Text)

    __table_args__ = (
        within_workspace("calendar_id", "calendars"),
        UniqueConstraint("workspace_id", "calendar_id", "remote_id"),
        Index(None, "workspace_id", "calendar_id", "series"),
    )


class Occurrence(Tenant, Model):
    """One event at one time. Its id stays the same when it is moved: (series, instance) tells it from others."""

    __tablename__ = "calendar_occurrences"

    calendar_id: Mapped[UUID]
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    series: Mapped[str] = mapped_column(Text)
    instance: Mapped[str] = mapped_column(Text)
    uid: Mapped[str] = mapped_column(Text)  # the same in every calendar that holds the event
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    starts_on: Mapped[date | None]  # of whole days: the first and the last
    ends_on: Mapped[date | None]
    title: Mapped[str] = mapped_column(Text)
    location: Mapped[str] = mapped_column(Text)
    url: Mapped[str] = mapped_column(Text)
    is_recurring: Mapped[bool]
    is_tentative: Mapped[bool]
    is_free: Mapped[bool]
    priority: Mapped[int]
    organizer: Mapped[dict[str, Any] | None]
    attendees: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)

    __table_args__ = (
        within_workspace("calendar_id", "calendars"),
        UniqueConstraint("workspace_id", "calendar_id", "series", "instance", name="uq_calendar_occurrences_instance"),
        Index(None, "workspace_id", "user_id", "starts_at"),
    )
