"""Users, workspaces and their members; sessions and access keys; the keys that seal a workspace's secrets."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, ForeignKey, Index, Text, Uuid
from sqlalchemy.orm import Mapped, mapped_column

from outrider.core.clock import now
from outrider.core.db import Model
from outrider.core.ids import new_id
from outrider.domain.tables import Stamped, Tenant, within_workspace

FREE_FAILURES = 5
LONGEST_DELAY = timedelta(minutes=15)


class Role(StrEnum):
    OWNER = "owner"
    MEMBER = "member"
    VIEWER = "viewer"


class User(Stamped, Model):
    """A person who can sign in. `email` is normalised; one user may belong to several workspaces.

    Whoever registers only claims an address; it is `verified_at` once an operator or a provider has vouched for it.
    """

    __tablename__ = "users"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    email: Mapped[str] = mapped_column(Text, unique=True)
    name: Mapped[str] = mapped_column(Text, default="")
    picture: Mapped[str | None] = mapped_column(Text)
    timezone: Mapped[str] = mapped_column(Text, default="UTC")
    password_hash: Mapped[str | None] = mapped_column(Text)
    failures: Mapped[int] = mapped_column(default=0)
    locked_until: Mapped[datetime | None]
    disabled_at: Mapped[datetime | None]
    verified_at: Mapped[datetime | None]
    deleted_at: Mapped[datetime | None]  # by its owner; erased for good when its time has come

    def delete(self, at: datetime) -> None:
        self.deleted_at = self.disabled_at = at
        self.password_hash = None

    def count_failure(self, at: datetime) -> None:
        """After five free failures each further one doubles the wait, up to 15 minutes (never a lock for good)."""
        self.failures += 1
        if self.failures > FREE_FAILURES:
            delay = timedelta(seconds=2 ** min(self.failures - FREE_FAILURES, 10))
            self.locked_until = at + min(delay, LONGEST_DELAY)

    def clear_failures(self) -> None:
        self.failures, self.locked_until = 0, None


class Workspace(Stamped, Model):
    """`postal_address` stands under every mail: bulk mail has to say where its sender can be reached. Nothing is tracked
    unless the workspace wants it.
    """

    __tablename__ = "workspaces"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    name: Mapped[str] = mapped_column(Text)
    postal_address: Mapped[str] = mapped_column(Text, default="")
    tracks_opens: Mapped[bool] = mapped_column(default=False)
    tracks_clicks: Mapped[bool] = mapped_column(default=False)


class Member(Model):
    __tablename__ = "members"

    workspace_id: Mapped[UUID] = mapped_column(ForeignKey("workspaces.id", ondelete="CASCADE"), primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    role: Mapped[Role] = mapped_column()
    created_at: Mapped[datetime] = mapped_column(default=now)

    __table_args__ = (Index(None, "user_id"),)


class Session(Tenant, Model):
    """One sign-in: a family of refresh tokens that ends as a whole."""

    __tablename__ = "sessions"

    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    created_at: Mapped[datetime] = mapped_column(default=now)
    seen_at: Mapped[datetime] = mapped_column(default=now)
    expires_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
    revoked_reason: Mapped[str | None] = mapped_column(Text)
    client: Mapped[str] = mapped_column(Text, default="")
    claim_digest: Mapped[bytes | None]  # of the code that its tokens are fetched with, once

    __table_args__ = (
        Index(None, "workspace_id", "user_id"),
        Index(
            "ix_sessions_claim_digest",
            "workspace_id",
            "claim_digest",
            unique=True,
            postgresql_where="claim_digest is not null",
        ),
    )

    def revoke(self, at: datetime, reason: str) -> None:
        if self.revoked_at is None:
            self.revoked_at, self.revoked_reason = at, reason


class RefreshToken(Tenant, Model):
    """A link in a session's chain. Only its digest is kept; its successor is derived from the token itself."""

    __tablename__ = "refresh_tokens"

    session_id: Mapped[UUID]
    digest: Mapped[bytes]
    created_at: Mapped[datetime] = mapped_column(default=now)
    used_at: Mapped[datetime | None]

    __table_args__ = (
        within_workspace("session_id", "sessions"),
        Index(None, "workspace_id", "digest", unique=True),
        Index(None, "workspace_id", "session_id"),
    )


class AccessKey(Tenant, Model):
    """A program's key: shown once, stored as a digest, limited to scopes, expiring."""

    __tablename__ = "access_keys"

    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(Text)
    digest: Mapped[bytes] = mapped_column(unique=True)
    hint: Mapped[str] = mapped_column(Text)
    scopes: Mapped[list[str]] = mapped_column(ARRAY(Text), default=list)
    created_at: Mapped[datetime] = mapped_column(default=now)
    expires_at: Mapped[datetime | None]
    used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]

    __table_args__ = (Index(None, "workspace_id", "user_id"),)


class DataKey(Model):
    """A workspace's data key, wrapped by the installation's key."""

    __tablename__ = "data_keys"

    workspace_id: Mapped[UUID] = mapped_column(ForeignKey("workspaces.id", ondelete="CASCADE"), primary_key=True)
    wrapped: Mapped[bytes]
    created_at: Mapped[datetime] = mapped_column(default=now)


class Erasure(Model):
    """A deleted account on its way out. Once it is `finished_at`, nothing here says whose it was: `proof` counts what was
    erased and what was left, table by table.
    """

    __tablename__ = "erasures"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    user_id: Mapped[UUID | None]
    workspace_ids: Mapped[list[UUID] | None] = mapped_column(ARRAY(Uuid))  # that go with the user; None: not yet known
    requested_at: Mapped[datetime] = mapped_column(default=now)
    due_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    proof: Mapped[dict[str, Any]] = mapped_column(default=dict)

    __table_args__ = (Index("ix_erasures_due", "due_at", postgresql_where="finished_at is null"),)
