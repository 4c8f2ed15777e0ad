"""Who fetched a mail's picture or followed its links, people and machines told apart. Off unless switched on."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import Index, Text
from sqlalchemy.orm import Mapped, mapped_column

from outrider.core.db import Model
from outrider.domain.tables import Tenant, within_workspace


class HitKind(StrEnum):
    OPEN = "open"
    CLICK = "click"


class Hit(Tenant, Model):
    """`machine` says by what a machine was known, None for what may have been a person. No address is kept."""

    __tablename__ = "hits"

    send_id: Mapped[UUID]
    kind: Mapped[HitKind] = mapped_column()
    target: Mapped[str] = mapped_column(Text, default="")
    at: Mapped[datetime]
    machine: Mapped[str | None] = mapped_column(Text)

    __table_args__ = (within_workspace("send_id", "sends"), Index(None, "workspace_id", "send_id", "at"))
