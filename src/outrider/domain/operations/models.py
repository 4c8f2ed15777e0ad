"""Long pieces of work with their progress: one row each, whatever the work is."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import ForeignKey, Index, Text
from sqlalchemy.orm import Mapped, mapped_column

from outrider.core.db import Model
from outrider.domain.tables import Stamped, Tenant


class OperationStatus(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


UNFINISHED = (OperationStatus.QUEUED, OperationStatus.RUNNING)


class Operation(Tenant, Stamped, Model):
    """`subject_id` is what it works on; at most one unfinished operation of a type works on one subject."""

    __tablename__ = "operations"

    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    type: Mapped[str] = mapped_column(Text)
    subject_id: Mapped[UUID]
    status: Mapped[OperationStatus] = mapped_column(default=OperationStatus.QUEUED)
    total: Mapped[int] = mapped_column(default=0)
    processed: Mapped[int] = mapped_column(default=0)
    succeeded: Mapped[int] = mapped_column(default=0)
    skipped: Mapped[int] = mapped_column(default=0)
    failed: Mapped[int] = mapped_column(default=0)
    error: Mapped[str | None] = mapped_column(Text)
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]

    __table_args__ = (
        Index(
            "uq_operations_unfinished",
            "workspace_id",
            "type",
            "subject_id",
            unique=True,
            postgresql_where="status in ('queued', 'running')",
        ),
        Index(None, "workspace_id", "user_id", "created_at"),
    )

    @property
    def progress(self) -> int:
        """From 0 to 100; 100 only when it has ended well."""
        if self.status == OperationStatus.SUCCEEDED:
            return 100
        return min(99, self.processed * 100 // self.total) if self.total else 0

    def advance(self, at: datetime, *, done: int, failed: int, remaining: int, skipped: int = 0) -> None:
        self.started_at = self.started_at or at
        self.status = OperationStatus.RUNNING
        self.processed += done
        self.succeeded += done - failed - skipped
        self.skipped += skipped
        self.failed += failed
        self.total = max(self.total, self.processed + remaining)

    @property
    def is_open(self) -> bool:
        return self.status in UNFINISHED

    def cancel(self, at: datetime) -> None:
        """What is done stays."""
        self.status, self.finished_at = OperationStatus.CANCELLED, at

    def reopen(self, *, again: int) -> None:
        """Goes on; `again` of those that failed are done once more."""
        self.status, self.error, self.finished_at = OperationStatus.QUEUED, None, None
        self.processed -= again
        self.failed -= again

    def finish(self, at: datetime, *, error: str | None = None) -> None:
        self.status = OperationStatus.FAILED if error else OperationStatus.SUCCEEDED
        self.error, self.finished_at = error, at
