"""Columns that many tables share. Every tenant table is keyed by (workspace, id), so that a foreign key can't
cross workspaces even where row-level security isn't asked.
"""

from datetime import datetime, timedelta
from typing import ClassVar
from uuid import UUID

from sqlalchemy import ForeignKey, ForeignKeyConstraint, Text
from sqlalchemy.orm import Mapped, mapped_column

from outrider.core.clock import now
from outrider.core.ids import new_id


class Tenant:
    """A row of one workspace."""

    workspace_id: Mapped[UUID] = mapped_column(ForeignKey("workspaces.id", ondelete="CASCADE"), primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)


class Stamped:
    created_at: Mapped[datetime] = mapped_column(default=now)
    updated_at: Mapped[datetime] = mapped_column(default=now, onupdate=now)


class Polled:
    """Somebody else's server that is read again and again, more rarely the longer it fails."""

    FIRST_WAIT: ClassVar[timedelta]
    LONGEST_WAIT: ClassVar[timedelta]

    state_reason: Mapped[str | None] = mapped_column(Text)
    synced_at: Mapped[datetime | None]
    sync_due_at: Mapped[datetime | None] = mapped_column(default=now)
    sync_failures: Mapped[int] = mapped_column(default=0)

    def put_off(self, at: datetime, reason: str, *, is_terminal: bool) -> None:
        """Counts a failure; a terminal one waits for a person."""
        self.sync_failures += 1
        self.state_reason = reason
        wait = min(self.FIRST_WAIT * 2 ** min(self.sync_failures - 1, 20), self.LONGEST_WAIT)
        self.sync_due_at = None if is_terminal else at + wait


def within_workspace(column: str, table: str, *, ondelete: str = "CASCADE") -> ForeignKeyConstraint:
    """A foreign key to another tenant table that also compares the workspace."""
    return ForeignKeyConstraint(["workspace_id", column], [f"{table}.workspace_id", f"{table}.id"], ondelete=ondelete)
