"""What migrations need beyond Alembic: whole SQL scripts, the wall around a tenant table, its audit trail, grants."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.schema import SchemaItem
from sqlalchemy.util import await_only


def execute(script: str) -> None:
    """Runs a script of several statements, which prepared statements can't hold."""
    connection = op.get_bind().connection.driver_connection
    assert connection is not None  # noqa: S101  # a migration always runs on a live connection
    await_only(connection.execute(script))


def tenant(table: str) -> list[SchemaItem]:
    """What every tenant table begins with: the workspace it belongs to, its id, and both as its key."""
    return [
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("workspace_id", "id", name=f"pk_{table}"),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspaces.id"], name=f"fk_{table}_workspace_id", ondelete="CASCADE"
        ),
    ]


def protect(table: str) -> None:
    """Puts row-level security around a tenant table; it binds the table's owner too."""
    # (select cur_ws()) is evaluated once a query; a bare call would be evaluated for every row.
    execute(
        f"alter table {table} enable row level security; alter table {table} force row level security;"
        f"create policy own_workspace on {table}"
        " using (workspace_id = (select cur_ws())) with check (workspace_id = (select cur_ws()));"
    )


def audit(table: str, *, hidden: Sequence[str] = ()) -> None:
    """Records every insert, update and delete of a table, without the columns in `hidden`."""
    arguments = ", ".join(f"'{column}'" for column in hidden)
    execute(
        f"create trigger audit after insert or update or delete on {table}"
        f" for each row execute function audit_row({arguments});"
    )


def grant(role: str) -> None:
    """Gives the application's role what it needs and no more; safe to repeat after new tables came."""
    execute(
        f'grant usage on schema public to "{role}";'
        f'grant select, insert, update, delete on all tables in schema public to "{role}";'
        f'grant usage, select on all sequences in schema public to "{role}";'
        f'grant execute on all functions in schema public to "{role}";'
        f'revoke all on audit_entries from "{role}";'
        f'grant select, insert on audit_entries to "{role}";'
        f'revoke all on alembic_version from "{role}"; grant select on alembic_version to "{role}";'
    )
