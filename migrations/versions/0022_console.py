"""Tell the console's open pages whose operations, imports, calls and mailboxes have changed."""

from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

TABLES = {"operations": "operations", "contact_import_jobs": "imports", "calls": "calls", "call_attempts": "calls"}


def upgrade() -> None:
    # Only identifiers: whoever listens learns nothing else. Changes of one transaction are told once.
    op.execute(
        """
        create function tell_console() returns trigger language plpgsql as $$
        begin
            perform pg_notify('console', new.user_id || ':' || tg_argv[0]);
            return null;
        end $$
        """
    )
    for table, topic in TABLES.items():
        op.execute(
            f"create trigger tell_console after insert or update on {table}"
            f" for each row execute function tell_console('{topic}')"
        )
    op.execute(
        "create trigger tell_console_of_new after insert on mailboxes"
        " for each row execute function tell_console('mailboxes')"
    )
    op.execute(
        "create trigger tell_console after update on mailboxes for each row"
        " when (old.state is distinct from new.state) execute function tell_console('mailboxes')"
    )


def downgrade() -> None:
    op.execute("drop trigger tell_console on mailboxes")
    op.execute("drop trigger tell_console_of_new on mailboxes")
    for table in TABLES:
        op.execute(f"drop trigger tell_console on {table}")
    op.execute("drop function tell_console()")
