"""Why a mail came back, recipient by recipient, and whom to write to instead of one who is gone."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.add_column("messages", sa.Column("refusals", JSONB(), nullable=False, server_default="[]"))
    op.add_column("messages", sa.Column("successor", sa.Text()))
    op.alter_column("messages", "refusals", server_default=None)
