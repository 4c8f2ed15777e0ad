"""Facts about sends. `origin` and `origin_id` name whose step it was."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, Protocol
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


@dataclass(frozen=True, slots=True, kw_only=True)
class SendDelivered(SendFact):
    """The recipient's server confirmed it (RFC 3464, action delivered or relayed); `proof` is the report."""

    name: ClassVar[str] = "send.delivered"
    at: datetime
    proof: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class SendBounced(SendFact):
    """It came back after it had been taken; `is_hard` says that the address will never be reached."""

    name: ClassVar[str] = "send.bounced"
    reason: str
    is_hard: bool
    proof: dict[str, Any]


class Told(Protocol):
    """What every fact about a send tells of it; a row of the outbox has it all."""

    @property
    def workspace_id(self) -> UUID: ...
    @property
    def id(self) -> UUID: ...
    @property
    def mailbox_id(self) -> UUID: ...
    @property
    def origin(self) -> str: ...
    @property
    def origin_id(self) -> UUID: ...
    @property
    def step(self) -> int: ...
    @property
    def message_id(self) -> str: ...
    @property
    def recipient(self) -> str: ...


def facts_of(send: Told) -> dict[str, Any]:
    return {
        "workspace_id": send.workspace_id,
        "send_id": send.id,
        "mailbox_id": send.mailbox_id,
        "origin": send.origin,
        "origin_id": send.origin_id,
        "step": send.step,
        "message_id": send.message_id,
        "recipient": send.recipient,
    }
