"""Harvests: batches of mail, what became of each mail, and how far a provider's calls have told of news."""

import sqlalchemy as sa
from alembic import context, op
from sqlalchemy.dialects import postgresql

from outrider.core.schema import audit, execute, grant, protect, tenant

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    op.add_column("mailboxes", sa.Column("noticed", sa.BigInteger(), nullable=False, server_default="0"))
    op.alter_column("mailboxes", "noticed", server_default=None)
    execute("drop trigger audit on mailboxes")
    audit(
        "mailboxes",
        hidden=["secret", "synced_at", "sync_due_at", "sync_failures", "watcher", "watched_until", "subscribe_at",
                "noticed"],
    )  # fmt: skip
    create_batches()
    create_items()
    protect("harvest_batches")
    protect("harvest_items")
    # Progress is no change that anybody made.
    audit("harvest_batches", hidden=["page", "step", "waiting_for", "waits", "is_listed", "updated_at"])
    grant(context.config.attributes["app_role"])


def create_batches() -> None:
    op.create_table(
        "harvest_batches",
        *tenant("harvest_batches"),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("mailbox_id", sa.Uuid(), nullable=True),
        sa.Column("source", sa.String(40), nullable=False),
        sa.Column("query", sa.Text(), nullable=False),
        sa.Column("label", sa.Text(), nullable=True),
        sa.Column("at_most", sa.BigInteger(), nullable=False),
        sa.Column("is_listed", sa.Boolean(), nullable=False),
        sa.Column("page", sa.Text(), nullable=True),
        sa.Column("step", sa.BigInteger(), nullable=False),
        sa.Column("waiting_for", sa.Text(), nullable=True),
        sa.Column("waits", sa.BigInteger(), nullable=False),
        *_stamps(),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_harvest_batches_user_id", ondelete="CASCADE"),
        _within("harvest_batches", "mailbox_id", "mailboxes"),
    )


def create_items() -> None:
    op.create_table(
        "harvest_items",
        *tenant("harvest_items"),
        sa.Column("batch_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("ref", sa.Text(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=True),
        sa.Column("outcome", sa.String(40), nullable=False),
        sa.Column("code", sa.Text(), nullable=True),
        sa.Column("message", sa.Text(), nullable=True),
        sa.Column("attempts", sa.BigInteger(), nullable=False),
        sa.Column("contact_id", sa.Uuid(), nullable=True),
        sa.Column("lead", postgresql.JSONB(), nullable=True),
        *_stamps(),
        _within("harvest_items", "batch_id", "harvest_batches"),
        _within("harvest_items", "contact_id", "contacts"),
    )
    for name in ("position", "ref"):
        op.create_index(f"uq_harvest_items_{name}", "harvest_items", ["workspace_id", "batch_id", name], unique=True)
    op.create_index("ix_harvest_items_workspace_id_contact_id", "harvest_items", ["workspace_id", "contact_id"])


def _stamps() -> list[sa.Column[sa.types.DateTime]]:
    return [sa.Column(name, sa.DateTime(timezone=True), nullable=False) for name in ("created_at", "updated_at")]


def _within(table: str, column: str, other: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["workspace_id", column],
        [f"{other}.workspace_id", f"{other}.id"],
        name=f"fk_{table}_workspace_id_{column}",
        ondelete="CASCADE",
    )
