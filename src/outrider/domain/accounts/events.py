"""Facts about accounts."""

from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

from outrider.core.events import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedIn(Event):
    name: ClassVar[str] = "account.signed_in"
    user_id: UUID
    session_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class RefreshTokenReused(Event):
    """A used refresh token came back: it was stolen or the client lost its successor. The session has ended."""

    name: ClassVar[str] = "account.refresh_token_reused"
    user_id: UUID
    session_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountDeleted(Event):
    """A user deleted their account: in this workspace nothing of theirs goes on. Nothing is erased yet."""

    name: ClassVar[str] = "account.deleted"
    user_id: UUID
