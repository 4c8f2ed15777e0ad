"""Facts about senders."""

from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

from outrider.core.events import Event
from outrider.domain.senders.models import Category


@dataclass(frozen=True, slots=True, kw_only=True)
class SenderCategorised(Event):
    """The user chose what becomes of a sender's mail from now on."""

    name: ClassVar[str] = "sender.categorised"
    user_id: UUID
    sender_id: UUID
    email: str
    category: Category
