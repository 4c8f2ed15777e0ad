"""Imports of contacts: each one's progress, its file while it is needed, and what became of every row."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, Text, UniqueConstraint, text
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


# Of these an account is imported, by signing in with the provider; of the others a file.
OF_ACCOUNTS = (Provider.GOOGLE, Provider.MICROSOFT)
ENDED = (Status.COMPLETED, Status.FAILED, Status.CANCELLED)


class ImportEnded(Conflict):
    code = "import_ended"


class ImportNotStopped(Conflict):
    code = "import_not_stopped"


def _one_of(column: str, words: type[StrEnum]) -> str:
    return f"{column} in ({', '.join(repr(word.value) for word in words)})"


class ImportJob(Tenant, Stamped, Model):
    """`row` counts what was taken in. Of a file `cursor` says how far, in bytes; of an account `page_cursor`, in the
    provider's own terms, and `sync_cursor` where its next import begins.

    `step` numbers the calls of the provider: whoever comes with an earlier one is late. `attempts` counts those in a
    row that failed, `pauses` those that were too many, `restarts` how often the walk had to begin anew.
    """

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
    state_digest: Mapped[bytes | None]  # of the state that the browser comes back with, until it has
    state_expires_at: Mapped[datetime | None]
    page_cursor: Mapped[str | None] = mapped_column(Text)
    sync_cursor: Mapped[str | None] = mapped_column(Text)
    step: Mapped[int] = mapped_column(default=0)
    attempts: Mapped[int] = mapped_column(default=0)
    pauses: Mapped[int] = mapped_column(default=0)
    restarts: Mapped[int] = mapped_column(default=0)
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

    @property
    def is_of_account(self) -> bool:
        return self.provider in OF_ACCOUNTS

    def awaits(self, step: int) -> bool:
        """Whether this call of the provider is the one that comes next."""
        return self.is_open and self.step == step

    def come_back(self) -> None:
        """The browser has come back with its state; it can't do so twice."""
        self.state_digest = None

    def connect(self, at: datetime, *, account_id: str, account_name: str, cursor: str | None) -> None:
        """The sign-in has ended well; the walk begins, at what has changed since an earlier one or at everything."""
        self.status, self.started_at = Status.FETCHING, at
        self.provider_account_id, self.provider_account_name = account_id, account_name
        self.page_cursor = cursor

    def begin(self, at: datetime) -> None:
        self.status, self.started_at = Status.PROCESSING, self.started_at or at

    def complete(self, at: datetime) -> None:
        self.total_contacts = self.processed_contacts if self.is_of_account else self.total_contacts
        self.status, self.completed_at, self.error_message = Status.COMPLETED, at, None

    def fail(self, at: datetime, message: str) -> None:
        self.status, self.completed_at, self.error_message = Status.FAILED, at, message

    def cancel(self, at: datetime) -> None:
        """Raises ImportEnded."""
        if not self.is_open:
            raise ImportEnded(f"This import has ended ({self.status}); there is nothing to cancel.", status=self.status)
        self.status, self.completed_at, self.state_digest = Status.CANCELLED, at, None

    def retry(self) -> None:
        """Goes on where it stopped. Raises ImportNotStopped."""
        if self.is_of_account and self.provider_account_id is None:
            raise ImportNotStopped("Nobody signed in for this import, so it has no account. Start a new one.")
        if self.status not in {Status.FAILED, Status.CANCELLED}:
            raise ImportNotStopped(
                f"This import is {self.status}: only one that failed or was cancelled can go on.", status=self.status
            )
        self.status, self.completed_at, self.error_message = Status.PENDING, None, None
        self.step, self.attempts, self.pauses, self.restarts = self.step + 1, 0, 0, 0
        if self.is_of_account:
            self.status = Status.FETCHING


class ImportFile(Tenant, Model):
    """The uploaded file in UTF-8, under its job's id, until the import is completed."""

    __tablename__ = "contact_import_files"

    content: Mapped[bytes] = mapped_column(LargeBinary)

    __table_args__ = (within_workspace("id", "contact_import_jobs"),)


class ImportedContact(Tenant, Model):
    """What became of one row. `raw_data` is kept where it failed, for whoever mends it, and of an account's contacts
    where it brought something: it holds what a contact has no field for. After a time it is forgotten.
    """

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
        Index(
            "ix_imported_contacts_provider_contact_id",
            "workspace_id",
            "import_job_id",
            "provider_contact_id",
            postgresql_where=text("provider_contact_id is not null"),
        ),
        Index("ix_imported_contacts_raw", "workspace_id", "created_at", postgresql_where=text("raw_data is not null")),
    )
