"""Finding the workspaces whose data key is still wrapped by an earlier key."""

from alembic import context

from outrider.core.schema import execute, grant

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    execute(LOOKUPS)
    grant(context.config.attributes["app_role"])


LOOKUPS = """
create policy lookup on data_keys for select to current_user using (true);

-- A wrapped key begins with the id of the key around it; that beginning is all this looks at.
create function workspaces_wrapped_otherwise(header bytea, at_most integer) returns setof uuid
    language sql stable security definer set search_path = public, pg_temp
    as $$
        select d.workspace_id from data_keys d
        where substring(d.wrapped from 1 for length(header)) <> header
        limit at_most
    $$;
"""
