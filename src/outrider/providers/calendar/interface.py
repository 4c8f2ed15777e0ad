"""What a provider of calendars can do, in terms no vendor owns. What it keeps is told as iCalendar (RFC 5545)."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol, TypeVar

from outrider.providers.mail.interface import TokenSupplier

# What one calendar may hold of events that are not over: beyond this it is refused rather than read in part.
MOST_SOURCES = 10_000
MOST_BYTES = 32 * 2**20
LONGEST_SOURCE = 256 * 2**10  # characters; a longer one is left out


@dataclass(frozen=True, slots=True)
class GrantedCalendars:
    """Calendars that their owner let us read by a token."""

    tokens: TokenSupplier = field(repr=False)


@dataclass(frozen=True, slots=True)
class DavCalendars:
    """Calendars on a server that their owner named. The password goes to that server alone."""

    url: str
    username: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class PublishedCalendar:
    """A calendar at an address; whoever knows the address may read it."""

    url: str = field(repr=False)


Account = GrantedCalendars | DavCalendars | PublishedCalendar


@dataclass(frozen=True, slots=True)
class Calendar:
    """One calendar. `zone` is its time zone by its IANA name, where the provider tells it."""

    id: str
    name: str
    zone: str | None = None
    is_primary: bool = False


@dataclass(frozen=True, slots=True)
class Listed:
    """The calendars of an account. `address` is the account's own email address, or what comes closest."""

    address: str
    calendars: tuple[Calendar, ...]


# How far a calendar has been read. Only the provider that wrote it knows what it says; it is text, to be stored as it is.
Cursor = str


@dataclass(frozen=True, slots=True)
class Source:
    """What the provider keeps under one id: an iCalendar object with one or more components of the same event.

    Sources of one `series` make up a recurring event together.
    """

    id: str
    series: str
    ical: str


@dataclass(frozen=True, slots=True)
class Changes:
    """What is new since a cursor, and the cursor to commit with it. `removed` are ids of sources, or of whole series.

    With `is_everything`, what is not among `sources` exists no more.
    """

    sources: tuple[Source, ...]
    removed: tuple[str, ...]
    cursor: Cursor
    is_everything: bool


BY_ITSELF = "It is tried again by itself."


class CalendarFailed(Exception):
    """Calendars could not be read; `hint` says what to do. `is_terminal`: trying again can't help before a person acts."""

    def __init__(self, message: str, hint: str = BY_ITSELF, *, is_terminal: bool = False) -> None:
        super().__init__(message)
        self.message, self.hint, self.is_terminal = message, hint, is_terminal


Account_contra = TypeVar("Account_contra", contravariant=True)


class CalendarProvider(Protocol[Account_contra]):
    """A way to read calendars with one kind of account. Every failure is a CalendarFailed.

    `can_change`: whether an account may get other calendars than it had; else it is asked for them once.
    """

    @property
    def can_change(self) -> bool: ...

    async def calendars(self, account: Account_contra) -> Listed: ...

    async def changes(
        self, account: Account_contra, calendar: str, cursor: Cursor | None, *, since: datetime, until: datetime
    ) -> Changes:
        """Returns what changed after `cursor`; everything with none, and where the provider no longer knows it.

        What was over before `since` may be left out. A provider that works recurring events out itself does so up to
        `until`; whoever wants to see further asks again without a cursor.
        """
        ...
