"""Calendars: connections, calendars, what they hold and when it takes place."""

import sqlalchemy as sa
from alembic import context, op
from sqlalchemy.dialects import postgresql

from outrider.core.schema import audit, execute, grant, protect, tenant

revision = "0018"
down_revision = "0017"

TABLES = ("calendar_connections", "calendars", "calendar_sources", "calendar_occurrences")
# Row-level security binds the owner too; the one question asked before a workspace is known needs a policy of its own.
DUE = """
create policy lookup on calendar_connections for select to current_user using (true);
create function calendar_connections_due(at_most integer) returns table (workspace_id uuid, id uuid)
    language sql stable security definer set search_path = public, pg_temp
    as $$
        select c.workspace_id, c.id from calendar_connections c
        where c.state <> 'reauth_required' and c.sync_due_at <= clock_timestamp()
        order by c.sync_due_at limit at_most
    $$;
"""


def upgrade() -> None:
    create_connections()
    create_calendars()
    create_contents()
    for table in TABLES:
        protect(table)
    # What a provider tells mirrors the provider; when it was last asked is no change that anybody made.
    audit("calendar_connections", hidden=["secret", "synced_at", "sync_due_at", "sync_failures"])
    execute(DUE)
    grant(context.config.attributes["app_role"])


def create_connections() -> None:
    op.create_table(
        "calendar_connections",
        *tenant("calendar_connections"),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("provider", "account", "address")),
        sa.Column("state", sa.String(40), nullable=False),
        *(sa.Column(name, sa.Text(), nullable=True) for name in ("state_reason", "url", "username")),
        sa.Column("secret", sa.LargeBinary(), nullable=True),
        sa.Column("grant_id", sa.Uuid(), nullable=True),
        *(sa.Column(name, sa.DateTime(timezone=True), nullable=True) for name in ("synced_at", "sync_due_at")),
        sa.Column("sync_failures", sa.BigInteger(), nullable=False),
        *(sa.Column(name, sa.DateTime(timezone=True), nullable=False) for name in ("created_at", "updated_at")),
        _of_user("calendar_connections"),
        sa.ForeignKeyConstraint(
            ["workspace_id", "grant_id"],
            ["grants.workspace_id", "grants.id"],
            name="fk_calendar_connections_workspace_id_grant_id",
        ),
        sa.UniqueConstraint(
            "workspace_id", "user_id", "provider", "account",
            name="uq_calendar_connections_workspace_id_user_id_provider_account",
        ),
    )  # fmt: skip
    op.create_index(
        "ix_calendar_connections_sync_due",
        "calendar_connections",
        ["sync_due_at"],
        postgresql_where=sa.text("state <> 'reauth_required'"),
    )


def create_calendars() -> None:
    op.create_table(
        "calendars",
        *tenant("calendars"),
        *(sa.Column(name, sa.Uuid(), nullable=False) for name in ("connection_id", "user_id")),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("remote_id", "name")),
        sa.Column("is_primary", sa.Boolean(), nullable=False),
        *(sa.Column(name, sa.Text(), nullable=True) for name in ("zone", "cursor", "home", "problem")),
        *(sa.Column(name, sa.DateTime(timezone=True), nullable=True) for name in ("known_until", "synced_at")),
        *(sa.Column(name, sa.DateTime(timezone=True), nullable=False) for name in ("created_at", "updated_at")),
        _of_user("calendars"),
        _within("calendars", "connection_id", "calendar_connections"),
        sa.UniqueConstraint(
            "workspace_id", "connection_id", "remote_id", name="uq_calendars_workspace_id_connection_id_remote_id"
        ),
    )


def create_contents() -> None:
    op.create_table(
        "calendar_sources",
        *tenant("calendar_sources"),
        sa.Column("calendar_id", sa.Uuid(), nullable=False),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("remote_id", "series", "ical")),
        _within("calendar_sources", "calendar_id", "calendars"),
        sa.UniqueConstraint(
            "workspace_id", "calendar_id", "remote_id", name="uq_calendar_sources_workspace_id_calendar_id_remote_id"
        ),
    )
    op.create_index(
        "ix_calendar_sources_workspace_id_calendar_id_series",
        "calendar_sources",
        ["workspace_id", "calendar_id", "series"],
    )
    op.create_table(
        "calendar_occurrences",
        *tenant("calendar_occurrences"),
        *(sa.Column(name, sa.Uuid(), nullable=False) for name in ("calendar_id", "user_id")),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("series", "instance", "uid")),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("title", "location", "url")),
        *(sa.Column(name, sa.DateTime(timezone=True), nullable=False) for name in ("starts_at", "ends_at")),
        *(sa.Column(name, sa.Date(), nullable=True) for name in ("starts_on", "ends_on")),
        *(sa.Column(name, sa.Boolean(), nullable=False) for name in ("is_recurring", "is_tentative", "is_free")),
        sa.Column("priority", sa.BigInteger(), nullable=False),
        sa.Column("organizer", postgresql.JSONB(), nullable=True),
        sa.Column("attendees", postgresql.JSONB(), nullable=False),
        _of_user("calendar_occurrences"),
        _within("calendar_occurrences", "calendar_id", "calendars"),
        sa.UniqueConstraint(
            "workspace_id", "calendar_id", "series", "instance",
            name="uq_calendar_occurrences_instance",
        ),
    )  # fmt: skip
    op.create_index(
        "ix_calendar_occurrences_workspace_id_user_id_starts_at",
        "calendar_occurrences",
        ["workspace_id", "user_id", "starts_at"],
    )


def _of_user(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=f"fk_{table}_user_id", ondelete="CASCADE")


def _within(table: str, column: str, other: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["workspace_id", column],
        [f"{other}.workspace_id", f"{other}.id"],
        name=f"fk_{table}_workspace_id_{column}",
        ondelete="CASCADE",
    )
