"""Facts about what can't wait."""

from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

from outrider.core.events import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageJudgedUrgent(Event):
    """A mail that just came in deserves a call. `is_pressing`: something is lost within hours, whatever the hour."""

    name: ClassVar[str] = "message.judged_urgent"
    user_id: UUID
    message_id: UUID
    topic: str
    is_pressing: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgementCorrected(Event):
    """The user said whether a mail was urgent."""

    name: ClassVar[str] = "judgement.corrected"
    user_id: UUID
    message_id: UUID
    is_urgent: bool
