"""Facts about calls."""

from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

from outrider.core.events import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class CallEnded(Event):
    """It was taken, or given up: `status` says which."""

    name: ClassVar[str] = "call.ended"
    user_id: UUID
    call_id: UUID
    call_type: str
    status: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CallMarkedDone(Event):
    """The user said on the telephone that the matter is done."""

    name: ClassVar[str] = "call.marked_done"
    user_id: UUID
    call_id: UUID
    message_id: UUID | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyWanted(Event):
    """The user asked on the telephone for a draft of an answer, to be approved before it leaves."""

    name: ClassVar[str] = "call.reply_wanted"
    user_id: UUID
    call_id: UUID
    message_id: UUID | None
