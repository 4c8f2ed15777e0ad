"""Keys that sign mail for a domain (DKIM), where no provider behind the mailbox does."""

from datetime import datetime

from sqlalchemy import Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from outrider.core.clock import now
from outrider.core.db import Model
from outrider.domain.tables import Tenant


class SigningKey(Tenant, Model):
    """Signs from `active_at` on: once its public half was seen in the DNS, never before."""

    __tablename__ = "signing_keys"

    domain: Mapped[str] = mapped_column(Text)
    selector: Mapped[str] = mapped_column(Text)
    public_key: Mapped[str] = mapped_column(Text)
    private_key: Mapped[bytes]
    created_at: Mapped[datetime] = mapped_column(default=now)
    active_at: Mapped[datetime | None]

    __table_args__ = (UniqueConstraint("workspace_id", "domain"),)

    @property
    def record_name(self) -> str:
        return f"{self.selector}._domainkey.{self.domain}"

    @property
    def record(self) -> str:
        """The TXT record that lets receivers check the signature (RFC 6376 3.6.1)."""
        return f"v=DKIM1; k=rsa; p={self.public_key}"
