"""People: contacts with all their ways, and imports of them."""

import sqlalchemy as sa
from alembic import context, op
from sqlalchemy.dialects import postgresql

from outrider.core.schema import audit, execute, grant, protect, tenant

revision = "0010"
down_revision = "0009"

TABLES = (
    "contacts", "contact_emails", "contact_phones", "contact_sources",
    "contact_import_jobs", "contact_import_files", "imported_contacts",
)  # fmt: skip


def upgrade() -> None:
    create_contacts()
    create_imports()
    for table in TABLES:
        protect(table)
    for table in ("contacts", "contact_emails", "contact_phones"):
        audit(table)
    # Progress is no change that anybody made; what was uploaded is kept for its import alone.
    audit(
        "contact_import_jobs",
        hidden=["cursor", "row", "processed_contacts", "imported_contacts", "skipped_contacts", "failed_contacts"],
    )
    # Uncompressed, a part of a large value is read without the rest.
    execute("alter table contact_import_files alter column content set storage external")
    grant(context.config.attributes["app_role"])


def create_contacts() -> None:
    op.create_table(
        "contacts",
        *tenant("contacts"),
        sa.Column("owner_id", sa.Uuid(), nullable=True),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("name", "given_name", "family_name", "notes")),
        sa.Column("addresses", postgresql.JSONB(), nullable=False),
        sa.Column("organisations", postgresql.JSONB(), nullable=False),
        sa.Column("typed", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["owner_id"], ["users.id"], name="fk_contacts_owner_id", ondelete="SET NULL"),
    )
    op.create_index("ix_contacts_workspace_id_created_at", "contacts", ["workspace_id", "created_at"])
    op.create_table(
        "contact_emails",
        *_of_contact("contact_emails"),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.UniqueConstraint("workspace_id", "address", name="uq_contact_emails_workspace_id_address"),
    )
    op.create_table(
        "contact_phones",
        *_of_contact("contact_phones"),
        sa.Column("number", sa.Text(), nullable=True),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.UniqueConstraint("workspace_id", "number", name="uq_contact_phones_workspace_id_number"),
    )
    op.create_table(
        "contact_sources",
        *_of_contact("contact_sources"),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("provider", "account", "remote_id", "etag")),
        sa.UniqueConstraint(
            "workspace_id",
            "provider",
            "account",
            "remote_id",
            name="uq_contact_sources_workspace_id_provider_account_remote_id",
        ),
    )
    for table in ("contact_emails", "contact_phones", "contact_sources"):
        op.create_index(f"ix_{table}_workspace_id_contact_id", table, ["workspace_id", "contact_id"])


def create_imports() -> None:
    op.create_table(
        "contact_import_jobs",
        *tenant("contact_import_jobs"),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("provider", sa.String(40), nullable=False),
        sa.Column("provider_account_id", sa.Text(), nullable=True),
        sa.Column("provider_account_name", sa.Text(), nullable=True),
        sa.Column("status", sa.String(40), nullable=False),
        sa.Column("dry_run", sa.Boolean(), nullable=False),
        sa.Column("options", postgresql.JSONB(), nullable=False),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in ("cursor", "row")),
        *(
            sa.Column(f"{name}_contacts", sa.BigInteger(), nullable=False)
            for name in ("total", "processed", "imported", "skipped", "failed")
        ),
        sa.Column("error_message", sa.Text(), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("completed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_contact_import_jobs_user_id", ondelete="CASCADE"),
        sa.CheckConstraint(
            "provider in ('google', 'microsoft', 'icloud', 'csv')", name="ck_contact_import_jobs_provider"
        ),
        sa.CheckConstraint(
            "status in ('pending', 'authenticating', 'fetching', 'processing', 'completed', 'failed', 'cancelled')",
            name="ck_contact_import_jobs_status",
        ),
    )
    op.create_index(
        "ix_contact_import_jobs_workspace_id_user_id_created_at",
        "contact_import_jobs",
        ["workspace_id", "user_id", "created_at"],
    )
    op.create_table(
        "contact_import_files",
        *tenant("contact_import_files"),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        _within("contact_import_files", "id", "contact_import_jobs"),
    )
    op.create_table(
        "imported_contacts",
        *tenant("imported_contacts"),
        sa.Column("import_job_id", sa.Uuid(), nullable=False),
        sa.Column("row", sa.BigInteger(), nullable=False),
        sa.Column("contact_id", sa.Uuid(), nullable=True),
        sa.Column("provider_contact_id", sa.Text(), nullable=True),
        sa.Column("provider_etag", sa.Text(), nullable=True),
        sa.Column("action", sa.String(40), nullable=False),
        *(sa.Column(name, sa.Text(), nullable=True) for name in ("skip_reason", "error_message", "raw_data")),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("action in ('created', 'updated', 'skipped', 'failed')", name="ck_imported_contacts_action"),
        _within("imported_contacts", "import_job_id", "contact_import_jobs"),
        _within("imported_contacts", "contact_id", "contacts"),
        sa.UniqueConstraint(
            "workspace_id", "import_job_id", "row", name="uq_imported_contacts_workspace_id_import_job_id_row"
        ),
    )
    op.create_index("ix_imported_contacts_workspace_id_contact_id", "imported_contacts", ["workspace_id", "contact_id"])


def _of_contact(table: str) -> list[sa.schema.SchemaItem]:
    return [
        *tenant(table),
        sa.Column("contact_id", sa.Uuid(), nullable=False),
        _within(table, "contact_id", "contacts"),
    ]


def _within(table: str, column: str, other: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["workspace_id", column],
        [f"{other}.workspace_id", f"{other}.id"],
        name=f"fk_{table}_workspace_id_{column}",
        ondelete="CASCADE",
    )
