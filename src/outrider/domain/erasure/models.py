"""People of the address book, or who only wrote, on their way out of a workspace."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, ForeignKey, Index, Text, Uuid
from sqlalchemy.orm import Mapped, mapped_column

from outrider.core.clock import now
from outrider.core.db import Model
from outrider.domain.tables import Tenant


class ContactErasure(Tenant, Model):
    """Whom it is about stands here only while it is under way: once it is `finished_at`, a bare id and `proof` are left.

    `step` is how many of its steps are done; `objects` are ids of erased rows, whose audit entries are emptied last.
    """

    __tablename__ = "contact_erasures"

    requested_by: Mapped[UUID | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    contact_id: Mapped[UUID | None]
    contact_ids: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid), default=list)
    addresses: Mapped[list[str]] = mapped_column(ARRAY(Text), default=list)
    numbers: Mapped[list[str]] = mapped_column(ARRAY(Text), default=list)
    names: Mapped[list[str]] = mapped_column(ARRAY(Text), default=list)
    objects: Mapped[list[str]] = mapped_column(ARRAY(Text), default=list)
    step: Mapped[int] = mapped_column(default=0)
    requested_at: Mapped[datetime] = mapped_column(default=now)
    finished_at: Mapped[datetime | None]
    proof: Mapped[dict[str, Any]] = mapped_column(default=dict)

    __table_args__ = (
        Index(
            "uq_contact_erasures_unfinished",
            "workspace_id",
            "contact_id",
            unique=True,
            postgresql_where="finished_at is null",
        ),
    )

    def finish(self, at: datetime, proof: dict[str, Any]) -> None:
        self.finished_at, self.proof = at, proof
        self.contact_ids, self.addresses, self.numbers, self.names, self.objects = [], [], [], [], []
