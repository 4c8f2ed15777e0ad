"""Facts about drafts of answers."""

from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

from outrider.core.events import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftFact(Event):
    user_id: UUID
    draft_id: UUID
    message_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftReady(DraftFact):
    """It is written and waits for its user."""

    name: ClassVar[str] = "draft.ready"
    written_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftApproved(DraftFact):
    name: ClassVar[str] = "draft.approved"


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftDeclined(DraftFact):
    name: ClassVar[str] = "draft.declined"
