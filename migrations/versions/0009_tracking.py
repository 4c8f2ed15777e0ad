"""What became of mail after it left: delivered, by its server's word; opened and followed, where that is tracked."""

import sqlalchemy as sa
from alembic import context, op

from outrider.core.schema import grant, protect, tenant

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.create_table(
        "hits",
        *tenant("hits"),
        sa.Column("send_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("machine", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["workspace_id", "send_id"],
            ["sends.workspace_id", "sends.id"],
            name="fk_hits_workspace_id_send_id",
            ondelete="CASCADE",
        ),
    )
    op.create_index("ix_hits_workspace_id_send_id_at", "hits", ["workspace_id", "send_id", "at"])
    for column in ("tracks_opens", "tracks_clicks"):
        op.add_column("workspaces", sa.Column(column, sa.Boolean(), nullable=False, server_default=sa.false()))
        op.alter_column("workspaces", column, server_default=None)
    op.add_column("sends", sa.Column("delivered_at", sa.DateTime(timezone=True), nullable=True))
    protect("hits")
    grant(context.config.attributes["app_role"])
