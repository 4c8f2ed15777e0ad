"""What mail mentions before it is there, so that threads are the same whatever comes first."""

import sqlalchemy as sa
from alembic import context, op

from outrider.core.schema import grant, protect

revision = "0028"
down_revision = "0027"


def upgrade() -> None:
    op.create_table(
        "mentions",
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("mailbox_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("thread_id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("workspace_id", "mailbox_id", "name", name="pk_mentions"),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspaces.id"], name="fk_mentions_workspace_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id", "mailbox_id"],
            ["mailboxes.workspace_id", "mailboxes.id"],
            name="fk_mentions_workspace_id_mailbox_id",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id", "thread_id"],
            ["threads.workspace_id", "threads.id"],
            name="fk_mentions_workspace_id_thread_id",
            ondelete="CASCADE",
        ),
    )
    op.create_index("ix_mentions_workspace_id_thread_id", "mentions", ["workspace_id", "thread_id"])
    op.create_index("ix_enrollments_workspace_id_thread_id", "enrollments", ["workspace_id", "thread_id"])
    # A thread that becomes part of another must not take what is in the outbox with it.
    op.drop_constraint("fk_sends_workspace_id_thread_id", "sends", type_="foreignkey")
    op.create_foreign_key(
        "fk_sends_workspace_id_thread_id",
        "sends",
        "threads",
        ["workspace_id", "thread_id"],
        ["workspace_id", "id"],
        ondelete="NO ACTION",
    )
    protect("mentions")
    grant(context.config.attributes["app_role"])
