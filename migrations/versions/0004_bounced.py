"""Whom a bounce is about, so that a report on one person stops nothing of another's."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.add_column("messages", sa.Column("bounced", sa.ARRAY(sa.Text()), nullable=False, server_default="{}"))
    op.alter_column("messages", "bounced", server_default=None)
