"""What a source said of a contact is kept for a time only."""

import sqlalchemy as sa
from alembic import context, op

from outrider.core.schema import execute, grant

revision = "0029"
down_revision = "0028"

# Asked before a workspace is known; it gives away only identifiers.
LOOKUP = """
create policy lookup on imported_contacts for select to current_user using (true);
create function workspaces_with_raw_rows(before timestamptz) returns setof uuid
    language sql stable security definer set search_path = public, pg_temp
    as $$
        select w.id from workspaces w
        where exists (
            select 1 from imported_contacts i
            where i.workspace_id = w.id and i.raw_data is not null and i.created_at < before
        )
    $$;
"""


def upgrade() -> None:
    op.create_index(
        "ix_imported_contacts_raw",
        "imported_contacts",
        ["workspace_id", "created_at"],
        postgresql_where=sa.text("raw_data is not null"),
    )
    execute(LOOKUP)
    grant(context.config.attributes["app_role"])
