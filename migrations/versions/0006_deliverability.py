"""Deliverability: whom nothing is sent to, what came back of sent mail, keys that sign it, what a workspace adds to it."""

import sqlalchemy as sa
from alembic import context, op
from sqlalchemy.dialects import postgresql

from outrider.core.schema import audit, execute, grant, protect, tenant

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.create_table(
        "suppressions",
        *tenant("suppressions"),
        sa.Column("scope", sa.String(40), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("value", sa.Text(), nullable=True),
        sa.Column("origin", sa.Text(), nullable=True),
        sa.Column("reason", sa.String(40), nullable=False),
        sa.Column("proof", postgresql.JSONB(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.UniqueConstraint(
            "workspace_id",
            "digest",
            "origin",
            name="uq_suppressions_workspace_id_digest_origin",
            postgresql_nulls_not_distinct=True,
        ),
    )
    op.create_index("ix_suppressions_workspace_id_value", "suppressions", ["workspace_id", "value"])
    op.create_table(
        "feedback",
        *tenant("feedback"),
        sa.Column("mailbox_id", sa.Uuid(), nullable=False),
        sa.Column("message_id", sa.Text(), nullable=False),
        sa.Column("recipient", sa.Text(), nullable=False),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id", "mailbox_id"],
            ["mailboxes.workspace_id", "mailboxes.id"],
            name="fk_feedback_workspace_id_mailbox_id",
            ondelete="CASCADE",
        ),
        sa.UniqueConstraint(
            "workspace_id", "message_id", "recipient", "kind", name="uq_feedback_workspace_id_message_id_recipient_kind"
        ),
    )
    op.create_index("ix_feedback_workspace_id_mailbox_id_at", "feedback", ["workspace_id", "mailbox_id", "at"])
    op.create_index("ix_feedback_workspace_id_recipient_at", "feedback", ["workspace_id", "recipient", "at"])
    op.add_column("mailbox_paces", sa.Column("healthy_from", sa.DateTime(timezone=True), nullable=True))
    op.create_table(
        "signing_keys",
        *tenant("signing_keys"),
        sa.Column("domain", sa.Text(), nullable=False),
        sa.Column("selector", sa.Text(), nullable=False),
        sa.Column("public_key", sa.Text(), nullable=False),
        sa.Column("private_key", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("active_at", sa.DateTime(timezone=True), nullable=True),
        sa.UniqueConstraint("workspace_id", "domain", name="uq_signing_keys_workspace_id_domain"),
    )
    op.add_column("workspaces", sa.Column("postal_address", sa.Text(), nullable=False, server_default=""))
    op.alter_column("workspaces", "postal_address", server_default=None)
    op.add_column("enrollments", sa.Column("stop_proof", postgresql.JSONB(), nullable=True))
    op.add_column("sends", sa.Column("proof", sa.Text(), nullable=True))
    op.create_index(
        "ix_enrollments_open_recipient",
        "enrollments",
        ["workspace_id", "recipient"],
        postgresql_where=sa.text("status in ('active', 'paused')"),
    )
    for table in ("suppressions", "feedback", "signing_keys"):
        protect(table)
    # The trail must not keep an address that was erased here.
    audit("suppressions", hidden=["digest", "value"])
    audit("signing_keys", hidden=["private_key"])
    execute(COVERING)
    grant(context.config.attributes["app_role"])


COVERING = """
create function suppressions_covering(address text) returns text[] language sql immutable parallel safe
    as $$
        select array[lower(address), '*'] || array(
            select array_to_string(l.labels[part:], '.') from generate_subscripts(l.labels, 1) part
            where part < cardinality(l.labels)
        ) from (select string_to_array(lower(substring(address from '[^@]*$')), '.') as labels) l
    $$;
"""
