"""Facts about the health of mailboxes."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar
from uuid import UUID

from outrider.core.events import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class MailboxPaused(Event):
    """Too much of its mail came back; nothing leaves it until `until`, unless its owner lets it go on."""

    name: ClassVar[str] = "mailbox.paused"
    mailbox_id: UUID
    until: datetime
    reason: str
    sent: int
    bounces: int
    complaints: int
