"""Facts about sends. `origin` and `origin_id` name whose step it was."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar
from uuid import UUID

from outrider.core.events import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class SendFact(Event):
    send_id: UUID
    mailbox_id: UUID
    origin: str
    origin_id: UUID
    step: int
    message_id: str
    recipient: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent(SendFact):
    """The server took it (`proof` is its answer), or its copy was found in the Sent folder."""

    name: ClassVar[str] = "send.sent"
    at: datetime
    proof: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SendRefused(SendFact):
    """The server will not take it; `is_recipient` says that the address was the reason."""

    name: ClassVar[str] = "send.refused"
    reason: str
    is_recipient: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SendUnconfirmed(SendFact):
    """It may have left, and there is nothing to look it up in. It is not sent again by itself."""

    name: ClassVar[str] = "send.unconfirmed"
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SendStopped(SendFact):
    """It did not leave because somebody answered, or its owner took it back."""

    name: ClassVar[str] = "send.stopped"
    reason: str
