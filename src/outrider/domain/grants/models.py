"""Grants: what people let us do elsewhere in their name; and the sign-ins with a provider that are under way."""

from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from sqlalchemy import ARRAY, ForeignKey, Index, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from outrider.core.clock import now
from outrider.core.db import Model
from outrider.domain.tables import Stamped, Tenant

# A token about to run out is renewed before it is used: clocks differ, and requests take their time.
MARGIN = timedelta(seconds=60)


class State(StrEnum):
    ACTIVE = "active"
    DEAD = "dead"  # the provider takes it no longer; only its owner can grant anew
    REVOKING = "revoking"  # given up by its owner, and the provider has to be told


class Grant(Tenant, Stamped, Model):
    """One account at a provider that its owner lets us use. Both tokens are sealed; `subject` is the provider's own,
    lasting name of the account. `refreshing_until` is the claim of whoever renews the access token right now.
    """

    __tablename__ = "grants"

    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    provider: Mapped[str] = mapped_column(Text)
    subject: Mapped[str] = mapped_column(Text)
    address: Mapped[str] = mapped_column(Text)
    scopes: Mapped[list[str]] = mapped_column(ARRAY(Text), default=list)
    state: Mapped[State] = mapped_column(default=State.ACTIVE)
    reason: Mapped[str | None] = mapped_column(Text)
    refresh_token: Mapped[bytes | None]
    access_token: Mapped[bytes | None]
    expires_at: Mapped[datetime | None]
    refreshing_until: Mapped[datetime | None]
    refreshes: Mapped[int] = mapped_column(default=0)  # claims so far: tells one from a later one

    __table_args__ = (UniqueConstraint("workspace_id", "user_id", "provider", "subject"),)

    def die(self, reason: str) -> None:
        self.state, self.reason = State.DEAD, reason
        self.refresh_token, self.access_token, self.expires_at, self.refreshing_until = None, None, None, None


class SignIn(Model):
    """A browser sent to a provider. It comes back once, with the state whose digest this is and with our cookie, and
    ends at `redirect_uri`: an address that the operator allows, or a page of our own.

    Begun by somebody signed in, it belongs to their workspace; else to none, until it is known who comes back.
    """

    __tablename__ = "sign_ins"

    digest: Mapped[bytes] = mapped_column(primary_key=True)
    provider: Mapped[str] = mapped_column(Text)
    browser: Mapped[bytes]
    workspace_id: Mapped[UUID | None] = mapped_column(ForeignKey("workspaces.id", ondelete="CASCADE"))
    user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    redirect_uri: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(default=now)
    expires_at: Mapped[datetime]

    __table_args__ = (Index(None, "expires_at"),)

    @property
    def page(self) -> str | None:
        """The page of our own that the browser ends on, where it was sent from one; never another site."""
        return self.redirect_uri if self.redirect_uri is not None and self.redirect_uri.startswith("/") else None
