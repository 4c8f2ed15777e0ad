"""What a carrier of telephone calls can do, in terms no vendor owns."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol


class Status(StrEnum):
    QUEUED = "queued"
    RINGING = "ringing"
    IN_PROGRESS = "in-progress"
    COMPLETED = "completed"
    BUSY = "busy"
    NO_ANSWER = "no-answer"
    FAILED = "failed"
    CANCELED = "canceled"

    @property
    def is_final(self) -> bool:
        return self not in {Status.QUEUED, Status.RINGING, Status.IN_PROGRESS}


class AnsweredBy(StrEnum):
    PERSON = "person"
    MACHINE = "machine"  # an answering machine that is still talking
    BEEP = "beep"  # and one that has begun to record
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Dial:
    """A call to be placed: numbers in E.164, times in seconds. Once it is answered, the carrier asks `script_url` what to
    say; it tells `status_url` of everything that becomes of the call.
    """

    to: str
    sender: str
    script_url: str
    status_url: str
    rings: int = 30
    longest: int = 600
    detects_machines: bool = True


@dataclass(frozen=True, slots=True)
class Placed:
    """A call as the carrier knows it."""

    id: str
    status: Status
    placed_at: datetime | None = None
    duration: int | None = None


@dataclass(frozen=True, slots=True)
class Update:
    """What a carrier told of a call. `sequence` orders what it tells; `keys` were pressed, "" where none was."""

    id: str
    status: Status
    sequence: int | None = None
    answered_by: AnsweredBy | None = None
    keys: str | None = None
    duration: int | None = None

    @property
    def key(self) -> str:
        """Tells one update of a call from another: a carrier may repeat itself."""
        return f"{self.id}:{self.status}:{self.sequence}:{self.answered_by}:{self.keys}"


@dataclass(frozen=True, slots=True)
class Say:
    text: str
    language: str = "en-US"


@dataclass(frozen=True, slots=True)
class Play:
    """Recorded speech at an address that the carrier can reach."""

    url: str


@dataclass(frozen=True, slots=True)
class Ask:
    """Says something and waits for keys, `seconds` after its end; the carrier brings them to `url`."""

    said: Sequence[Say | Play]
    url: str
    keys: int = 1
    seconds: int = 6


@dataclass(frozen=True, slots=True)
class Pause:
    seconds: int = 1


@dataclass(frozen=True, slots=True)
class GoOn:
    """The carrier asks `url` what comes next."""

    url: str


@dataclass(frozen=True, slots=True)
class HangUp:
    pass


Step = Say | Play | Ask | Pause | GoOn | HangUp


class Outcome(StrEnum):
    """What is known after a call could not be placed."""

    REFUSED = "refused"  # the carrier will not place it
    DEFERRED = "deferred"  # it was not placed, and may be later
    UNKNOWN = "unknown"  # it may have been placed: look before placing it again


class CallFailed(Exception):
    """The carrier did not say that it took the call. `hint` says what to do; `code` is the carrier's own."""

    def __init__(self, outcome: Outcome, message: str, hint: str = "", *, code: str = "") -> None:
        super().__init__(message)
        self.outcome, self.message, self.hint, self.code = outcome, message, hint, code


class NotGenuine(Exception):
    """What came was not sent by the carrier."""


class Carrier(Protocol):
    """A way to place calls. Every failure is a CallFailed."""

    async def place(self, dial: Dial) -> Placed: ...

    async def find(self, *, to: str, sender: str, since: datetime) -> list[Placed]:
        """Returns the calls between two numbers placed since a moment: carriers keep no word of ours with a call."""
        ...

    async def look_up(self, call_id: str) -> Placed | None: ...

    async def hang_up(self, call_id: str) -> None:
        """Ends a call under way; done also where it had ended before."""
        ...

    def read(self, url: str, form: Sequence[tuple[str, str]], headers: Mapping[str, str]) -> Update:
        """Reads what the carrier sent to an address of ours, as it was asked for. Raises NotGenuine."""
        ...

    def script(self, steps: Sequence[Step]) -> bytes:
        """What to say, in the carrier's own language."""
        ...
