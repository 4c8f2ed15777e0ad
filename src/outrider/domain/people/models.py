"""Contacts of a workspace: people, by every address and number they are reached at."""

from uuid import UUID

from sqlalchemy import ARRAY, ForeignKey, Index, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from outrider.core.db import Model
from outrider.domain.tables import Stamped, Tenant, within_workspace


class Contact(Tenant, Stamped, Model):
    """`typed` names the fields that a person has written, or emptied: no import touches them again."""

    __tablename__ = "contacts"

    owner_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    name: Mapped[str] = mapped_column(Text, default="")
    given_name: Mapped[str] = mapped_column(Text, default="")
    family_name: Mapped[str] = mapped_column(Text, default="")
    notes: Mapped[str] = mapped_column(Text, default="")
    addresses: Mapped[list[dict[str, str]]] = mapped_column(default=list)
    organisations: Mapped[list[dict[str, str]]] = mapped_column(default=list)
    typed: Mapped[list[str]] = mapped_column(ARRAY(Text), default=list)
    source: Mapped[str] = mapped_column(Text)

    __table_args__ = (Index(None, "workspace_id", "created_at"),)


class ContactEmail(Tenant, Model):
    """`address` is normalised; an address belongs to one contact."""

    __tablename__ = "contact_emails"

    contact_id: Mapped[UUID]
    address: Mapped[str] = mapped_column(Text)
    label: Mapped[str] = mapped_column(Text, default="")

    __table_args__ = (
        within_workspace("contact_id", "contacts"),
        UniqueConstraint("workspace_id", "address"),
        Index(None, "workspace_id", "contact_id"),
    )


class ContactPhone(Tenant, Model):
    """`number` is E.164 and belongs to one contact; None where `text` can't be read as a number that exists."""

    __tablename__ = "contact_phones"

    contact_id: Mapped[UUID]
    number: Mapped[str | None] = mapped_column(Text)
    text: Mapped[str] = mapped_column(Text)
    label: Mapped[str] = mapped_column(Text, default="")

    __table_args__ = (
        within_workspace("contact_id", "contacts"),
        UniqueConstraint("workspace_id", "number"),
        Index(None, "workspace_id", "contact_id"),
    )


class ContactSource(Tenant, Model):
    """Where a contact came from: its id and version (`etag`) in an account of a provider."""

    __tablename__ = "contact_sources"

    contact_id: Mapped[UUID]
    provider: Mapped[str] = mapped_column(Text)
    account: Mapped[str] = mapped_column(Text)
    remote_id: Mapped[str] = mapped_column(Text)
    etag: Mapped[str] = mapped_column(Text, default="")

    __table_args__ = (
        within_workspace("contact_id", "contacts"),
        UniqueConstraint("workspace_id", "provider", "account", "remote_id"),
        Index(None, "workspace_id", "contact_id"),
    )
