"""Facts about enrolments."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from outrider.core.events import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrolled(Event):
    name: ClassVar[str] = "enrollment.created"
    enrollment_id: UUID
    sequence_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class EnrollmentEnded(Event):
    """`status` says how; `proof` is the message or answer that led to it."""

    name: ClassVar[str] = "enrollment.ended"
    enrollment_id: UUID
    sequence_id: UUID
    status: str
    reason: str
    proof: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Replied(Event):
    """A person answered in the enrolment's thread for the first time, whether or not that ends it."""

    name: ClassVar[str] = "enrollment.replied"
    enrollment_id: UUID
    sequence_id: UUID
    at: datetime
    proof: dict[str, Any]
