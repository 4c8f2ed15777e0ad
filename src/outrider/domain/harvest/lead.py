"""What is read out of a mail: each field with the place it stands at and how sure it is."""

from dataclasses import dataclass
from enum import StrEnum


class Source(StrEnum):
    """Which text `start` and `end` count in."""

    TEXT = "text"  # the mail's text
    FORWARDED = "forwarded"  # the text of the mail forwarded in it
    FROM = "from"  # names and addresses of headers have no offsets
    REPLY_TO = "reply_to"
    FORWARDED_FROM = "forwarded_from"
    ORGANIZATION = "organization"


@dataclass(frozen=True, slots=True)
class Evidence:
    """`quote` is what stands there; offsets are characters, zero for what stands in a header."""

    source: Source
    quote: str
    start: int = 0
    end: int = 0


@dataclass(frozen=True, slots=True)
class Field:
    """`confidence` runs from 0 to 1."""

    value: str
    confidence: float
    evidence: Evidence


class Origin(StrEnum):
    FORM = "form"
    FORWARD = "forward"
    LETTER = "letter"
    LIST = "list"


@dataclass(frozen=True, slots=True)
class Person:
    """Phones are E.164 where their country could be told, else as written without blanks. `language` is ISO 639-1.

    `budget` is what may be spent and `date` by when or from when, as written; `sentiment` is positive, neutral or negative.
    """

    origin: Origin
    name: Field | None = None
    email: Field | None = None
    phones: tuple[Field, ...] = ()
    company: Field | None = None
    title: Field | None = None
    address: Field | None = None
    websites: tuple[Field, ...] = ()
    language: Field | None = None
    message: Field | None = None
    budget: Field | None = None
    date: Field | None = None
    sentiment: Field | None = None


@dataclass(frozen=True, slots=True)
class Extraction:
    """`person` is who wrote it, also where the mail is no lead; `skipped` says why it is none, empty where it is one."""

    person: Person | None
    skipped: str = ""

    @property
    def is_lead(self) -> bool:
        return self.person is not None and not self.skipped
