"""Imports of contacts: each one's progress, its file while it is needed, and what became of every row."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from outrider.core.clock import now
from outrider.core.db import Model
from outrider.core.errors import Conflict
from outrider.domain.tables import Stamped, Tenant, within_workspace


class Provider(StrEnum):
    GOOGLE = "google"
    MICROSOFT = "microsoft"
    ICLOUD = "icloud"
    CSV = "csv"


class Status(StrEnum):
    PENDING = "pending"
    AUTHENTICATING = "authenticating"
    FETCHING = "fetching"
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Action(StrEnum):
    CREATED = "created"
    UPDATED = "updated"
    SKIPPED = "skipped"
    FAILED = "failed"


ENDED = (Status.COMPLETED, Status.FAILED, Status.CANCELLED)


class ImportEnded(Conflict):
    code = "import_ended"


class ImportNotStopped(Conflict):
    code = "import_not_stopped"


def _one_of(column: str, words: type[StrEnum]) -> str:
    return f"{column} in ({', '.join(repr(word.value) for word in words)})"


class ImportJob(Tenant, Stamped, Model):
    """`cursor` is how far the file has been taken in, in bytes; `row` counts what came before it."""

    __tablename__ = "contact_import_jobs"

    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    provider: Mapped[Provider] = mapped_column()
    provider_account_id: Mapped[str | None] = mapped_column(Text)
    provider_account_name: Mapped[str | None] = mapped_column(Text)
    status: Mapped[Status] = mapped_column(default=Status.PENDING)
    dry_run: Mapped[bool] = mapped_column(default=False)
    options: Mapped[dict[str, Any]] = mapped_column(default=dict)
    cursor: Mapped[int] = mapped_column(default=0)
    row: Mapped[int] = mapped_column(default=0)
    total_contacts: Mapped[int] = mapped_column(default=0)
    processed_contacts: Mapped[int] = mapped_column(default=0)
    imported_contacts: Mapped[int] = mapped_column(default=0)
    skipped_contacts: Mapped[int] = mapped_column(default=0)
    failed_contacts: Mapped[int] = mapped_column(default=0)
    error_message: Mapped[str | None] = mapped_column(Text)
    started_at: Mapped[datetime | None]
    completed_at: Mapped[datetime | None]

    __table_args__ = (
        CheckConstraint(_one_of("provider", Provider), name="provider"),
        CheckConstraint(_one_of("status", Status), name="status"),
        Index(None, "workspace_id", "user_id", "created_at"),
    )

    @property
    def progress_percent(self) -> float:
        if self.status == Status.COMPLETED:
            return 100.0
        return round(100 * self.processed_contacts / self.total_contacts, 1) if self.total_contacts else 0.0

    @property
    def is_open(self) -> bool:
        return self.status not in ENDED

    def begin(self, at: datetime) -> None:
        self.status, self.started_at = Status.PROCESSING, self.started_at or at

    def complete(self, at: datetime) -> None:
        self.status, self.completed_at, self.error_message = Status.COMPLETED, at, None

    def fail(self, at: datetime, message: str) -> None:
        self.status, self.completed_at, self.error_message = Status.FAILED, at, message

    def cancel(self, at: datetime) -> None:
        """Raises ImportEnded."""
        if not self.is_open:
            raise ImportEnded(f"This import has ended ({self.status}); there is nothing to cancel.", status=self.status)
        self.status, self.completed_at = Status.CANCELLED, at

    def retry(self) -> None:
        """Goes on where it stopped. Raises ImportNotStopped."""
        if self.status not in {Status.FAILED, Status.CANCELLED}:
            raise ImportNotStopped(
                f"This import is {self.status}: only one that failed or was cancelled can go on.", status=self.status
            )
        self.status, self.completed_at, self.error_message = Status.PENDING, None, None


class ImportFile(Tenant, Model):
    """The uploaded file in UTF-8, under its job's id, until the import is completed."""

    __tablename__ = "contact_import_files"

    content: Mapped[bytes] = mapped_column(LargeBinary)

    __table_args__ = (within_workspace("id", "contact_import_jobs"),)


class ImportedContact(Tenant, Model):
    """What became of one row; `raw_data` is kept where it failed, for whoever mends it."""

    __tablename__ = "imported_contacts"

    import_job_id: Mapped[UUID]
    row: Mapped[int]
    contact_id: Mapped[UUID | None]
    provider_contact_id: Mapped[str | None] = mapped_column(Text)
    provider_etag: Mapped[str | None] = mapped_column(Text)
    action: Mapped[Action] = mapped_column()
    skip_reason: Mapped[str | None] = mapped_column(Text)
    error_message: Mapped[str | None] = mapped_column(Text)
    raw_data: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(default=now)

    __table_args__ = (
        CheckConstraint(_one_of("action", Action), name="action"),
        within_workspace("import_job_id", "contact_import_jobs"),
        within_workspace("contact_id", "contacts"),
        UniqueConstraint("workspace_id", "import_job_id", "row"),
        Index(None, "workspace_id", "contact_id"),
    )
