"""Imports from accounts: the sign-in under way, where the walk through an address book stands; more of each contact."""

import sqlalchemy as sa
from alembic import op

from outrider.core.schema import execute

revision = "0012"
down_revision = "0011"

COUNTED = ("step", "attempts", "pauses", "restarts")


def upgrade() -> None:
    # A default of its own fills the rows that are there without writing them.
    for name in ("birthday", "photo_url"):
        op.add_column("contacts", sa.Column(name, sa.Text(), nullable=False, server_default=""))
        op.alter_column("contacts", name, server_default=None)
    execute(
        "alter table contacts add column urls jsonb not null default '[]';"
        "alter table contacts alter column urls drop default;"
    )
    op.add_column("contact_import_jobs", sa.Column("state_digest", sa.LargeBinary(), nullable=True))
    op.add_column("contact_import_jobs", sa.Column("state_expires_at", sa.DateTime(timezone=True), nullable=True))
    for name in ("page_cursor", "sync_cursor"):
        op.add_column("contact_import_jobs", sa.Column(name, sa.Text(), nullable=True))
    for name in COUNTED:
        op.add_column("contact_import_jobs", sa.Column(name, sa.BigInteger(), nullable=False, server_default="0"))
        op.alter_column("contact_import_jobs", name, server_default=None)
    op.create_index(
        "ix_imported_contacts_provider_contact_id",
        "imported_contacts",
        ["workspace_id", "import_job_id", "provider_contact_id"],
        postgresql_where=sa.text("provider_contact_id is not null"),
    )
    _hide_from_the_audit()


def _hide_from_the_audit() -> None:
    """Where a walk stands changes with every page, as its counters do; nobody did that."""
    hidden = [
        "cursor", "row", "processed_contacts", "imported_contacts", "skipped_contacts", "failed_contacts",
        "total_contacts", "state_digest", "page_cursor", "sync_cursor", *COUNTED,
    ]  # fmt: skip
    arguments = ", ".join(f"'{column}'" for column in hidden)
    execute(
        "drop trigger audit on contact_import_jobs;"
        "create trigger audit after insert or update or delete on contact_import_jobs"
        f" for each row execute function audit_row({arguments});"
    )
