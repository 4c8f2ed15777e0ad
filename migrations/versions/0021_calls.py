"""Calls: what is to be said, every try to place one, and what its user allows."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import context, op
from sqlalchemy.dialects import postgresql

from outrider.core.schema import audit, execute, grant, protect, tenant

revision = "0021"
down_revision = "0018"

TABLES = (
    "calls", "call_attempts", "call_settings", "call_consents", "do_not_call", "call_notices", "call_speeches",
)  # fmt: skip
OPEN = "state in ('placing', 'unknown', 'ringing', 'in-progress')"
# Asked before a workspace is known; each gives away only identifiers.
LOOKUPS = f"""
create policy lookup on calls for select to current_user using (true);
create policy lookup on call_attempts for select to current_user using (true);
create policy lookup on call_settings for select to current_user using (true);
create policy lookup on preferences for select to current_user using (true);
create function workspaces_with_due_calls(at timestamptz) returns table (workspace_id uuid)
    language sql stable security definer set search_path = public, pg_temp
    as $$ select distinct c.workspace_id from calls c where c.status = 'scheduled' and c.due_at <= at $$;
create function workspaces_with_open_calls() returns table (workspace_id uuid)
    language sql stable security definer set search_path = public, pg_temp
    as $$
        select distinct a.workspace_id from call_attempts a
        where a.{OPEN} and a.look_at <= clock_timestamp()
    $$;
create function carrier_calls_known(ids text[]) returns table (carrier_id text)
    language sql stable security definer set search_path = public, pg_temp
    as $$ select a.carrier_id from call_attempts a where a.carrier_id = any(ids) $$;
create function callers_to_plan(at timestamptz, at_most integer) returns table (workspace_id uuid, user_id uuid)
    language sql stable security definer set search_path = public, pg_temp
    as $$
        select p.workspace_id, p.user_id from preferences p left join call_settings s using (workspace_id, user_id)
        where s.planned_until is null or s.planned_until <= at
        order by s.planned_until nulls first limit at_most
    $$;
"""


def upgrade() -> None:
    create_calls()
    create_attempts()
    create_permissions()
    create_results()
    for table in TABLES:
        protect(table)
    # What a carrier tells mirrors the carrier; texts and files stay out.
    audit("calls", hidden=["content", "content_summary", "speech_id"])
    audit("call_settings", hidden=["planned_until"])
    audit("call_consents")
    audit("do_not_call")
    execute(LOOKUPS)
    grant(context.config.attributes["app_role"])


def create_calls() -> None:
    op.create_table(
        "calls",
        *tenant("calls"),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        *_words("call_type", "status", "priority"),
        *_texts("origin", "content", "content_summary", "language", "voice"),
        sa.Column("message_id", sa.Uuid(), nullable=True),
        sa.Column("speech_id", sa.Uuid(), nullable=True),
        *_moments("scheduled_at", "due_at", "give_up_at"),
        sa.Column("waiting_for", sa.String(40), nullable=True),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in ("attempts", "most_attempts")),
        *_moments("completed_at", "done_at", "reply_wanted_at", nullable=True),
        sa.Column("duration_seconds", sa.BigInteger(), nullable=True),
        sa.Column("last_error", sa.Text(), nullable=True),
        *_moments("created_at", "updated_at"),
        _of_user("calls"),
        sa.UniqueConstraint("workspace_id", "user_id", "origin", name="uq_calls_workspace_id_user_id_origin"),
    )
    op.create_index("ix_calls_due", "calls", ["due_at"], postgresql_where=sa.text("status = 'scheduled'"))
    _index("calls", ["workspace_id", "user_id", "scheduled_at", "id"])


def create_attempts() -> None:
    op.create_table(
        "call_attempts",
        *tenant("call_attempts"),
        *(sa.Column(name, sa.Uuid(), nullable=False) for name in ("call_id", "user_id")),
        sa.Column("number", sa.BigInteger(), nullable=False),
        *_words("carrier", "state"),
        *_texts("line", "sender", "keys"),
        sa.Column("consent_id", sa.Uuid(), nullable=True),
        *(sa.Column(name, sa.Text(), nullable=True) for name in ("carrier_id", "worker", "error")),
        sa.Column("told", postgresql.ARRAY(sa.Text()), nullable=False),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in ("last_sequence", "looks")),
        *_moments("lease_until", "look_at", "answered_at", "ended_at", nullable=True),
        *_moments("placed_at", "created_at", "updated_at"),
        sa.Column("duration_seconds", sa.BigInteger(), nullable=True),
        _of_user("call_attempts"),
        _of_call("call_attempts"),
        sa.UniqueConstraint("workspace_id", "call_id", "number", name="uq_call_attempts_workspace_id_call_id_number"),
    )
    op.create_index("ix_call_attempts_line", "call_attempts", ["line"], unique=True, postgresql_where=sa.text(OPEN))
    op.create_index("ix_call_attempts_look", "call_attempts", ["look_at"], postgresql_where=sa.text(OPEN))
    op.create_index(
        "ix_call_attempts_carrier_id",
        "call_attempts",
        ["carrier_id"],
        postgresql_where=sa.text("carrier_id is not null"),
    )
    _index("call_attempts", ["workspace_id", "user_id", "placed_at"])


def create_permissions() -> None:
    op.create_table(
        "call_settings",
        *tenant("call_settings"),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("phone_number", sa.Text(), nullable=True),
        *_texts("language", "quiet_from", "quiet_until"),
        sa.Column("daily_budget", sa.BigInteger(), nullable=False),
        *(sa.Column(name, sa.Boolean(), nullable=False) for name in ("wants_digest", "allows_outside_voice")),
        *_moments("planned_until", nullable=True),
        *_moments("created_at", "updated_at"),
        _of_user("call_settings"),
        sa.UniqueConstraint("workspace_id", "user_id", name="uq_call_settings_workspace_id_user_id"),
    )
    op.create_table(
        "call_consents",
        *tenant("call_consents"),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        *_texts("phone_number", "wording"),
        *_moments("given_at"),
        *_moments("withdrawn_at", nullable=True),
        _of_user("call_consents"),
    )
    op.create_index(
        "ix_call_consents_given",
        "call_consents",
        ["workspace_id", "user_id", "phone_number"],
        unique=True,
        postgresql_where=sa.text("withdrawn_at is null"),
    )
    op.create_table(
        "do_not_call",
        *tenant("do_not_call"),
        *_texts("phone_number", "reason"),
        *_moments("created_at"),
        sa.UniqueConstraint("workspace_id", "phone_number", name="uq_do_not_call_workspace_id_phone_number"),
    )


def create_results() -> None:
    op.create_table(
        "call_notices",
        *tenant("call_notices"),
        *(sa.Column(name, sa.Uuid(), nullable=False) for name in ("call_id", "user_id")),
        *_texts("title", "text"),
        *_moments("created_at"),
        *_moments("read_at", nullable=True),
        _of_user("call_notices"),
        _of_call("call_notices"),
        sa.UniqueConstraint("workspace_id", "call_id", name="uq_call_notices_workspace_id_call_id"),
    )
    _index("call_notices", ["workspace_id", "user_id", "created_at"])
    op.create_table(
        "call_speeches",
        *tenant("call_speeches"),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        *_texts("media_type"),
        sa.Column("seconds", sa.Float(), nullable=False),
        sa.Column("audio", sa.LargeBinary(), nullable=False),
        *_moments("created_at"),
        _of_user("call_speeches"),
        sa.UniqueConstraint("workspace_id", "user_id", "digest", name="uq_call_speeches_workspace_id_user_id_digest"),
    )


def _words(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.String(40), nullable=False) for name in names]


def _texts(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text(), nullable=False) for name in names]


def _moments(*names: str, nullable: bool = False) -> list[sa.Column[sa.DateTime]]:
    return [sa.Column(name, sa.DateTime(timezone=True), nullable=nullable) for name in names]


def _index(table: str, columns: Sequence[str]) -> None:
    op.create_index(f"ix_{table}_{'_'.join(columns)}", table, list(columns))


def _of_user(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=f"fk_{table}_user_id", ondelete="CASCADE")


def _of_call(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["workspace_id", "call_id"],
        ["calls.workspace_id", "calls.id"],
        name=f"fk_{table}_workspace_id_call_id",
        ondelete="CASCADE",
    )
