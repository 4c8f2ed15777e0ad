"""Contacts of a workspace: people, by every address and number they are reached at; a lead is one in the pipeline."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, CheckConstraint, ForeignKey, Index, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from outrider.core.clock import now
from outrider.core.db import Model
from outrider.domain.tables import Stamped, Tenant, within_workspace

LOWEST_SCORE, HIGHEST_SCORE = 0.0, 10.0


class Status(StrEnum):
    """How far a lead has come."""

    NEW = "new"
    CONTACTED = "contacted"
    REPLIED = "replied"
    QUALIFIED = "qualified"
    CONVERTED = "converted"
    LOST = "lost"


class Source(StrEnum):
    """The ways in."""

    CSV = "csv"
    VCARD = "vcard"
    GOOGLE = "google"
    MICROSOFT = "microsoft"
    ICLOUD = "icloud"
    HARVEST = "harvest"
    TYPED = "typed"


class Contact(Tenant, Stamped, Model):
    """`typed` names the fields that a person has written, or emptied: no import touches them again.

    A contact with a `status` is a lead; `details` is what its source knows of what it wants. One that was merged is
    kept as it was, `merged_into` another; its emails, numbers, sources and tags went with it.
    """

    __tablename__ = "contacts"

    owner_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    name: Mapped[str] = mapped_column(Text, default="")
    given_name: Mapped[str] = mapped_column(Text, default="")
    family_name: Mapped[str] = mapped_column(Text, default="")
    notes: Mapped[str] = mapped_column(Text, default="")
    birthday: Mapped[str] = mapped_column(Text, default="")
    photo_url: Mapped[str] = mapped_column(Text, default="")
    addresses: Mapped[list[dict[str, str]]] = mapped_column(default=list)
    organisations: Mapped[list[dict[str, str]]] = mapped_column(default=list)
    urls: Mapped[list[dict[str, str]]] = mapped_column(default=list)
    language: Mapped[str] = mapped_column(Text, default="")
    status: Mapped[Status | None] = mapped_column()
    score: Mapped[float | None]
    details: Mapped[dict[str, Any]] = mapped_column(default=dict)
    typed: Mapped[list[str]] = mapped_column(ARRAY(Text), default=list)
    source: Mapped[Source] = mapped_column()
    merged_into: Mapped[UUID | None]

    __table_args__ = (
        CheckConstraint("score between 0 and 10", name="score"),
        within_workspace("merged_into", "contacts"),
        Index(None, "workspace_id", "status", "id", postgresql_where=text("status is not null")),
        Index(None, "workspace_id", "merged_into", postgresql_where=text("merged_into is not null")),
    )

    @property
    def is_lead(self) -> bool:
        return self.status is not None


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
    """`number` is E.164, and people of one office share it; None where `text` can't be read as a number that exists."""

    __tablename__ = "contact_phones"

    contact_id: Mapped[UUID]
    number: Mapped[str | None] = mapped_column(Text)
    text: Mapped[str] = mapped_column(Text)
    label: Mapped[str] = mapped_column(Text, default="")

    __table_args__ = (
        within_workspace("contact_id", "contacts"),
        UniqueConstraint("workspace_id", "number", "contact_id"),
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


class Tag(Tenant, Stamped, Model):
    __tablename__ = "tags"

    name: Mapped[str] = mapped_column(Text)

    __table_args__ = (UniqueConstraint("workspace_id", "name"),)


class ContactTag(Tenant, Model):
    __tablename__ = "contact_tags"

    contact_id: Mapped[UUID]
    tag_id: Mapped[UUID]

    __table_args__ = (
        within_workspace("contact_id", "contacts"),
        within_workspace("tag_id", "tags"),
        UniqueConstraint("workspace_id", "contact_id", "tag_id"),
        Index(None, "workspace_id", "tag_id", "contact_id"),
    )


class ContactMerge(Tenant, Model):
    """One contact merged into another, and all that it takes to undo it (see `merges.py`)."""

    __tablename__ = "contact_merges"

    kept_id: Mapped[UUID]
    merged_id: Mapped[UUID]
    merged_by: Mapped[UUID | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    record: Mapped[dict[str, Any]] = mapped_column()
    created_at: Mapped[datetime] = mapped_column(default=now)
    undone_at: Mapped[datetime | None]

    __table_args__ = (
        within_workspace("kept_id", "contacts"),
        within_workspace("merged_id", "contacts"),
        Index(
            "uq_contact_merges_workspace_id_merged_id",
            "workspace_id",
            "merged_id",
            unique=True,
            postgresql_where=text("undone_at is null"),
        ),
        Index(None, "workspace_id", "kept_id"),
    )


class ContactWord(Model):
    """A word that a contact is found by (see `words.py`); kept in the order of bytes, so that a prefix is a range."""

    __tablename__ = "contact_words"

    workspace_id: Mapped[UUID] = mapped_column(primary_key=True)
    contact_id: Mapped[UUID] = mapped_column(primary_key=True)
    word: Mapped[str] = mapped_column(Text(collation="C"), primary_key=True)

    __table_args__ = (
        within_workspace("contact_id", "contacts"),
        Index(None, "workspace_id", "word", "contact_id"),
    )
