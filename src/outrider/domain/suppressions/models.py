"""Whom a workspace sends nothing to, and the proof of why."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Index, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from outrider.core.clock import now
from outrider.core.db import Model
from outrider.domain.tables import Tenant

# The link in every mail by which its recipient ends all further mail (RFC 8058).
UNSUBSCRIBE_PATH, UNSUBSCRIBE = "/u/", "unsubscribe link"


class Scope(StrEnum):
    ADDRESS = "address"
    DOMAIN = "domain"  # and everything below it
    WORKSPACE = "workspace"  # nothing leaves to anybody


class Reason(StrEnum):
    BOUNCE = "bounce"  # the address does not exist, or its mailbox stayed full for weeks
    COMPLAINT = "complaint"
    UNSUBSCRIBE = "unsubscribe"
    GONE = "gone"  # the person has left
    MANUAL = "manual"
    ERASED = "erased"  # everything of the person was erased when they asked for it


class Suppression(Tenant, Model):
    """`digest` (HMAC) recognises the address after `value` was erased with the person. With an `origin` (`sequence`,
    `campaign`) only mail of that origin is held back. `erased_at` is when the person was erased: what the mailboxes
    hold of before is not read again.
    """

    __tablename__ = "suppressions"

    scope: Mapped[Scope] = mapped_column()
    digest: Mapped[bytes]
    value: Mapped[str | None] = mapped_column(Text)
    origin: Mapped[str | None] = mapped_column(Text)
    reason: Mapped[Reason] = mapped_column()
    proof: Mapped[dict[str, Any]]
    created_at: Mapped[datetime] = mapped_column(default=now)
    erased_at: Mapped[datetime | None]

    __table_args__ = (
        Index("ix_suppressions_erased", "workspace_id", postgresql_where="erased_at is not null"),
        UniqueConstraint("workspace_id", "digest", "origin", postgresql_nulls_not_distinct=True),
        Index(None, "workspace_id", "value"),
    )

    @property
    def message(self) -> str:
        """What its owner is told."""
        what = {Scope.WORKSPACE: "This workspace", Scope.DOMAIN: f"The domain {self.value}"}.get(
            self.scope, self.value or "This address"
        )
        return f"{what} gets no mail: {WORDS[self.reason]} ({self.created_at:%Y-%m-%d})."


WORDS = {
    Reason.BOUNCE: "mail to it came back",
    Reason.COMPLAINT: "a mail was reported as unwanted",
    Reason.UNSUBSCRIBE: "they unsubscribed",
    Reason.GONE: "the person has left",
    Reason.MANUAL: "it was put on the suppression list",
    Reason.ERASED: "the person was erased when they asked for it",
}
