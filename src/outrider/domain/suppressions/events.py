"""Facts about suppressions."""

from dataclasses import dataclass
from typing import Any, ClassVar
from uuid import UUID

from outrider.core.events import Event
from outrider.domain.suppressions.models import Reason, Scope


@dataclass(frozen=True, slots=True, kw_only=True)
class Suppressed(Event):
    """Nothing more is sent to `value`, an address or a domain; `proof` says what led to it."""

    name: ClassVar[str] = "recipient.suppressed"
    suppression_id: UUID
    scope: Scope
    value: str
    origin: str | None
    reason: Reason
    message: str
    proof: dict[str, Any]
