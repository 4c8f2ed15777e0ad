"""When a carrier asked what to say: a call that was answered but never asked was not heard."""

import sqlalchemy as sa
from alembic import op

from outrider.core.schema import execute

revision = "0026"
down_revision = "0024"


def upgrade() -> None:
    op.add_column("call_attempts", sa.Column("asked_at", sa.DateTime(timezone=True), nullable=True))
    # The tables' owner is held by the wall, too.
    execute(
        "alter table call_attempts no force row level security;"
        "update call_attempts set asked_at = answered_at where answered_at is not null;"
        "alter table call_attempts force row level security;"
    )
