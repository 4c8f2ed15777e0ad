"""The foundation: every table of the first release, and the walls between workspaces."""

import sqlalchemy as sa
from alembic import context, op
from pgqueuer.adapters.persistence.qb import QueryBuilderEnvironment
from sqlalchemy.dialects import postgresql

from outrider.core.schema import audit, execute, grant, protect

revision = "0001"
down_revision = None

TENANT = (
    "members", "sessions", "refresh_tokens", "access_keys", "data_keys", "operations", "mailboxes", "folders",
    "threads", "messages", "places", "sends", "sequences", "sequence_steps", "enrollments",
)  # fmt: skip


def upgrade() -> None:
    role = context.config.attributes["app_role"]
    execute(FUNCTIONS)
    create_tables()
    execute(TOOLBOX)
    execute(QueryBuilderEnvironment().build_install_query())
    for table in TENANT:
        protect(table)
    execute(POLICIES)
    execute(LOOKUPS)
    execute(AUDIT)
    audit("users", hidden=["password_hash", "failures", "locked_until"])
    audit("workspaces")
    audit("members")
    audit("sessions", hidden=["seen_at"])
    audit("access_keys", hidden=["digest", "used_at"])
    audit(
        "mailboxes",
        hidden=["secret", "synced_at", "sync_due_at", "sync_failures", "watcher", "watched_until"],
    )
    audit("operations", hidden=["total", "processed", "succeeded", "skipped", "failed"])
    audit("sequences")
    audit("sequence_steps")
    audit("enrollments")
    audit("sends", hidden=["body", "lease_until", "worker"])
    grant(role)


FUNCTIONS = """
create function cur_ws() returns uuid language sql stable
    -- After a commit the setting is '' and not null; without nullif the cast would fail.
    as $$ select nullif(current_setting('app.ws', true), '')::uuid $$;
"""

TOOLBOX = """
create table installation (
    singleton boolean primary key default true check (singleton),
    key_check bytea,
    created_at timestamptz not null default now()
);
insert into installation default values;

create table workers (
    id uuid primary key,
    name text not null,
    started_at timestamptz not null default clock_timestamp(),
    seen_at timestamptz not null default clock_timestamp()
);

create table events (
    workspace_id uuid not null references workspaces(id) on delete cascade,
    id uuid not null,
    name text not null,
    payload jsonb not null,
    created_at timestamptz not null default clock_timestamp(),
    primary key (workspace_id, id)
);

create table idempotency_keys (
    workspace_id uuid not null references workspaces(id) on delete cascade,
    route text not null,
    key text not null check (length(key) between 1 and 255),
    fingerprint bytea not null,
    status integer,
    body bytea,
    created_at timestamptz not null default clock_timestamp(),
    primary key (workspace_id, route, key)
);
create index ix_idempotency_keys_created_at on idempotency_keys (created_at);

create table job_attempts (
    job_id bigint primary key,
    name text not null,
    attempts integer not null default 0,
    started_at timestamptz not null default clock_timestamp(),
    dead_at timestamptz,
    reason text
);

create table audit_entries (
    id bigint generated always as identity primary key,
    workspace_id uuid,
    at timestamptz not null default clock_timestamp(),
    actor text not null,
    user_id uuid,
    email text not null,
    action text not null,
    object text not null,
    object_id text not null,
    before jsonb,
    after jsonb,
    request_id text not null
);
create index ix_audit_entries_workspace_id_at on audit_entries (workspace_id, at desc);
"""

POLICIES = """
alter table workspaces enable row level security;
alter table workspaces force row level security;
create policy own_workspace on workspaces using (id = (select cur_ws())) with check (id = (select cur_ws()));

alter table events enable row level security;
alter table events force row level security;
create policy own_workspace on events
    using (workspace_id = (select cur_ws())) with check (workspace_id = (select cur_ws()));

alter table idempotency_keys enable row level security;
alter table idempotency_keys force row level security;
create policy own_workspace on idempotency_keys
    using (workspace_id = (select cur_ws())) with check (workspace_id = (select cur_ws()));

-- Entries about users belong to no workspace: anybody may add one, nobody but an administrator reads them.
alter table audit_entries enable row level security;
alter table audit_entries force row level security;
create policy own_workspace on audit_entries for select using (workspace_id = (select cur_ws()));
create policy append on audit_entries for insert
    with check (workspace_id is null or workspace_id = (select cur_ws()));
"""

# What must be found before a workspace is known. Each function gives away only identifiers, and is listed in
# tests/test_tenancy.py. They run as the owner, who may read exactly these tables.
LOOKUPS = """
create policy lookup on members for select to current_user using (true);
create policy lookup on access_keys for select to current_user using (true);
create policy lookup on workspaces for select to current_user using (true);
create policy lookup on sends for select to current_user using (true);
create policy lookup on enrollments for select to current_user using (true);
create policy lookup on mailboxes for select to current_user using (true);

create function memberships_of(whose uuid) returns table (workspace_id uuid, role text)
    language sql stable security definer set search_path = public, pg_temp
    as $$ select m.workspace_id, m.role from members m where m.user_id = whose order by m.created_at limit 100 $$;

create function workspace_of_access_key(sought bytea) returns uuid
    language sql stable security definer set search_path = public, pg_temp
    as $$ select k.workspace_id from access_keys k where k.digest = sought $$;

create function workspaces_with_due_sends(at timestamptz) returns setof uuid
    language sql stable security definer set search_path = public, pg_temp
    as $$
        select w.id from workspaces w
        where exists (select 1 from sends s where s.workspace_id = w.id and s.state = 'queued' and s.due_at <= at)
    $$;

create function workspaces_with_due_steps(at timestamptz) returns setof uuid
    language sql stable security definer set search_path = public, pg_temp
    as $$
        select w.id from workspaces w
        where exists (
            select 1 from enrollments e
            where e.workspace_id = w.id and e.status = 'active' and e.next_step_at <= at
        )
    $$;

create function workspaces_with_unsettled_sends() returns setof uuid
    language sql stable security definer set search_path = public, pg_temp
    as $$
        select distinct s.workspace_id from sends s
        where (s.state = 'sending' and s.lease_until <= clock_timestamp())
           or (s.state = 'unknown' and s.look_at <= clock_timestamp())
    $$;

create function mailboxes_due_for_sync(at_most integer) returns table (workspace_id uuid, id uuid)
    language sql stable security definer set search_path = public, pg_temp
    as $$
        select m.workspace_id, m.id from mailboxes m
        where m.state in ('connected', 'unreachable') and m.sync_due_at <= clock_timestamp()
        order by m.sync_due_at limit at_most
    $$;

create function mailboxes_to_watch(at_most integer) returns table (workspace_id uuid, id uuid)
    language sql stable security definer set search_path = public, pg_temp
    as $$
        select m.workspace_id, m.id from mailboxes m
        where m.state = 'connected' and (m.watched_until is null or m.watched_until <= clock_timestamp())
        limit at_most
    $$;
"""

AUDIT = """
create function refuse_change() returns trigger language plpgsql
    as $$ begin raise exception 'the audit trail can only grow'; end $$;
create trigger append_only before update or delete or truncate on audit_entries
    for each statement execute function refuse_change();

-- One entry for each change, signed with the transaction's scope. Columns named in the trigger's arguments
-- (secrets, bodies, heartbeats) are left out; an update of nothing else leaves no entry.
create function audit_row() returns trigger language plpgsql as $$
declare
    hidden text[] := coalesce(tg_argv, '{}'::text[]); -- null where the trigger names none
    was jsonb; becomes jsonb; row_ jsonb;
begin
    if tg_op <> 'INSERT' then was := to_jsonb(old) - hidden - 'updated_at'::text; end if;
    if tg_op <> 'DELETE' then becomes := to_jsonb(new) - hidden - 'updated_at'::text; end if;
    row_ := coalesce(becomes, was);
    if tg_op = 'UPDATE' then
        select jsonb_object_agg(n.key, o.value), jsonb_object_agg(n.key, n.value) into was, becomes
            from jsonb_each(becomes) n join jsonb_each(was) o using (key)
            where n.value is distinct from o.value;
        if becomes is null then return null; end if;
    end if;
    insert into audit_entries (workspace_id, actor, user_id, email, action, object, object_id, before, after, request_id)
    values (
        case when tg_table_name = 'workspaces' then (row_->>'id')::uuid else (row_->>'workspace_id')::uuid end,
        coalesce(nullif(current_setting('app.actor', true), ''), 'system'),
        nullif(current_setting('app.user', true), '')::uuid,
        coalesce(current_setting('app.email', true), ''),
        tg_table_name || '.' || lower(tg_op),
        tg_table_name,
        coalesce(row_->>'id', row_->>'user_id', ''),
        was, becomes,
        coalesce(current_setting('app.request', true), '')
    );
    return null;
end $$;
"""


def create_tables() -> None:
    op.create_table(
        "users",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("picture", sa.Text(), nullable=True),
        sa.Column("timezone", sa.Text(), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=True),
        sa.Column("failures", sa.BigInteger(), nullable=False),
        sa.Column("locked_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("disabled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_users")),
        sa.UniqueConstraint("email", name=op.f("uq_users_email")),
    )
    op.create_table(
        "workspaces",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_workspaces")),
    )
    op.create_table(
        "access_keys",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("hint", sa.Text(), nullable=False),
        sa.Column("scopes", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_access_keys_user_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspaces.id"], name=op.f("fk_access_keys_workspace_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("workspace_id", "id", name=op.f("pk_access_keys")),
        sa.UniqueConstraint("digest", name=op.f("uq_access_keys_digest")),
    )
    op.create_index(
        op.f("ix_access_keys_workspace_id_user_id"), "access_keys", ["workspace_id", "user_id"], unique=False
    )
    op.create_table(
        "data_keys",
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("wrapped", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspaces.id"], name=op.f("fk_data_keys_workspace_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("workspace_id", name=op.f("pk_data_keys")),
    )
    op.create_table(
        "mailboxes",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("state", sa.String(40), nullable=False),
        sa.Column("state_reason", sa.Text(), nullable=True),
        sa.Column("servers", postgresql.JSONB(), nullable=False),
        sa.Column("auth", sa.Text(), nullable=False),
        sa.Column("secret", sa.LargeBinary(), nullable=True),
        sa.Column("sent_folder", sa.Text(), nullable=True),
        sa.Column("saves_sent", sa.Boolean(), nullable=True),
        sa.Column("daily_limit", sa.BigInteger(), nullable=False),
        sa.Column("connected_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("synced_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sync_due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sync_failures", sa.BigInteger(), nullable=False),
        sa.Column("watcher", sa.Text(), nullable=True),
        sa.Column("watched_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_mailboxes_user_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspaces.id"], name=op.f("fk_mailboxes_workspace_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("workspace_id", "id", name=op.f("pk_mailboxes")),
        sa.UniqueConstraint(
            "workspace_id", "user_id", "address", name=op.f("uq_mailboxes_workspace_id_user_id_address")
        ),
    )
    op.create_index(
        "ix_mailboxes_sync_due",
        "mailboxes",
        ["sync_due_at"],
        unique=False,
        postgresql_where="state in ('connected', 'unreachable')",
    )
    op.create_table(
        "members",
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("role", sa.String(40), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_members_user_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspaces.id"], name=op.f("fk_members_workspace_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("workspace_id", "user_id", name=op.f("pk_members")),
    )
    op.create_index(op.f("ix_members_user_id"), "members", ["user_id"], unique=False)
    op.create_table(
        "operations",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("status", sa.String(40), nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=False),
        sa.Column("processed", sa.BigInteger(), nullable=False),
        sa.Column("succeeded", sa.BigInteger(), nullable=False),
        sa.Column("skipped", sa.BigInteger(), nullable=False),
        sa.Column("failed", sa.BigInteger(), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_operations_user_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspaces.id"], name=op.f("fk_operations_workspace_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("workspace_id", "id", name=op.f("pk_operations")),
    )
    op.create_index(
        op.f("ix_operations_workspace_id_user_id_created_at"),
        "operations",
        ["workspace_id", "user_id", "created_at"],
        unique=False,
    )
    op.create_index(
        "uq_operations_unfinished",
        "operations",
        ["workspace_id", "type", "subject_id"],
        unique=True,
        postgresql_where="status in ('queued', 'running')",
    )
    op.create_table(
        "sequences",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("stop_on_reply", sa.Boolean(), nullable=False),
        sa.Column("timezone", sa.Text(), nullable=False),
        sa.Column("send_window", postgresql.JSONB(), nullable=True),
        sa.Column("status", sa.String(40), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_sequences_user_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspaces.id"], name=op.f("fk_sequences_workspace_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("workspace_id", "id", name=op.f("pk_sequences")),
    )
    op.create_index(
        op.f("ix_sequences_workspace_id_user_id_created_at_id"),
        "sequences",
        ["workspace_id", "user_id", "created_at", "id"],
        unique=False,
    )
    op.create_table(
        "sessions",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_reason", sa.Text(), nullable=True),
        sa.Column("client", sa.Text(), nullable=False),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_sessions_user_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspaces.id"], name=op.f("fk_sessions_workspace_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("workspace_id", "id", name=op.f("pk_sessions")),
    )
    op.create_index(op.f("ix_sessions_workspace_id_user_id"), "sessions", ["workspace_id", "user_id"], unique=False)
    op.create_table(
        "folders",
        sa.Column("mailbox_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("role", sa.String(40), nullable=True),
        sa.Column("uid_validity", sa.BigInteger(), nullable=True),
        sa.Column("last_uid", sa.BigInteger(), nullable=True),
        sa.Column("mod_seq", sa.BigInteger(), nullable=True),
        sa.Column("remaining", sa.BigInteger(), nullable=False),
        sa.Column("is_complete", sa.Boolean(), nullable=False),
        sa.Column("synced_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id", "mailbox_id"],
            ["mailboxes.workspace_id", "mailboxes.id"],
            name=op.f("fk_folders_workspace_id_mailbox_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspaces.id"], name=op.f("fk_folders_workspace_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("workspace_id", "id", name=op.f("pk_folders")),
        sa.UniqueConstraint("workspace_id", "mailbox_id", "name", name=op.f("uq_folders_workspace_id_mailbox_id_name")),
    )
    op.create_table(
        "refresh_tokens",
        sa.Column("session_id", sa.Uuid(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id", "session_id"],
            ["sessions.workspace_id", "sessions.id"],
            name=op.f("fk_refresh_tokens_workspace_id_session_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspaces.id"], name=op.f("fk_refresh_tokens_workspace_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("workspace_id", "id", name=op.f("pk_refresh_tokens")),
    )
    op.create_index(
        op.f("ix_refresh_tokens_workspace_id_digest"), "refresh_tokens", ["workspace_id", "digest"], unique=True
    )
    op.create_index(
        op.f("ix_refresh_tokens_workspace_id_session_id"),
        "refresh_tokens",
        ["workspace_id", "session_id"],
        unique=False,
    )
    op.create_table(
        "sequence_steps",
        sa.Column("sequence_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("delay_days", sa.BigInteger(), nullable=False),
        sa.Column("delay_hours", sa.BigInteger(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("send_window", postgresql.JSONB(), nullable=True),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id", "sequence_id"],
            ["sequences.workspace_id", "sequences.id"],
            name=op.f("fk_sequence_steps_workspace_id_sequence_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspaces.id"], name=op.f("fk_sequence_steps_workspace_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("workspace_id", "id", name=op.f("pk_sequence_steps")),
        sa.UniqueConstraint(
            "workspace_id",
            "sequence_id",
            "position",
            deferrable=True,
            initially="DEFERRED",
            name=op.f("uq_sequence_steps_workspace_id_sequence_id_position"),
        ),
    )
    op.create_table(
        "threads",
        sa.Column("mailbox_id", sa.Uuid(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id", "mailbox_id"],
            ["mailboxes.workspace_id", "mailboxes.id"],
            name=op.f("fk_threads_workspace_id_mailbox_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspaces.id"], name=op.f("fk_threads_workspace_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("workspace_id", "id", name=op.f("pk_threads")),
    )
    op.create_index(
        op.f("ix_threads_workspace_id_mailbox_id_subject_last_at"),
        "threads",
        ["workspace_id", "mailbox_id", "subject", "last_at"],
        unique=False,
    )
    op.create_table(
        "messages",
        sa.Column("mailbox_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("thread_id", sa.Uuid(), nullable=False),
        sa.Column("identity", sa.LargeBinary(), nullable=False),
        sa.Column("message_id", sa.Text(), nullable=True),
        sa.Column("in_reply_to", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("refs", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("direction", sa.String(40), nullable=False),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("evidence", sa.Text(), nullable=False),
        sa.Column("returns_on", sa.Date(), nullable=True),
        sa.Column("from_address", sa.Text(), nullable=False),
        sa.Column("from_name", sa.Text(), nullable=False),
        sa.Column("recipients", postgresql.JSONB(), nullable=False),
        sa.Column("cc", postgresql.JSONB(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("snippet", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("html", sa.Text(), nullable=False),
        sa.Column("raw", sa.LargeBinary(), nullable=True),
        sa.Column("poison", sa.Text(), nullable=True),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("replied_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id", "mailbox_id"],
            ["mailboxes.workspace_id", "mailboxes.id"],
            name=op.f("fk_messages_workspace_id_mailbox_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id", "thread_id"],
            ["threads.workspace_id", "threads.id"],
            name=op.f("fk_messages_workspace_id_thread_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspaces.id"], name=op.f("fk_messages_workspace_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("workspace_id", "id", name=op.f("pk_messages")),
        sa.UniqueConstraint(
            "workspace_id", "mailbox_id", "identity", name=op.f("uq_messages_workspace_id_mailbox_id_identity")
        ),
    )
    op.create_index(
        "ix_messages_sent",
        "messages",
        ["workspace_id", "user_id", "sent_at", "id"],
        unique=False,
        postgresql_where="direction = 'out'",
    )
    op.create_index(
        op.f("ix_messages_workspace_id_mailbox_id_message_id"),
        "messages",
        ["workspace_id", "mailbox_id", "message_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_messages_workspace_id_mailbox_id_received_at"),
        "messages",
        ["workspace_id", "mailbox_id", "received_at"],
        unique=False,
    )
    op.create_index(
        op.f("ix_messages_workspace_id_thread_id_received_at"),
        "messages",
        ["workspace_id", "thread_id", "received_at"],
        unique=False,
    )
    op.create_index(
        op.f("ix_messages_workspace_id_user_id_updated_at"),
        "messages",
        ["workspace_id", "user_id", "updated_at"],
        unique=False,
    )
    op.create_table(
        "sends",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("mailbox_id", sa.Uuid(), nullable=False),
        sa.Column("thread_id", sa.Uuid(), nullable=False),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("origin_id", sa.Uuid(), nullable=False),
        sa.Column("step", sa.BigInteger(), nullable=False),
        sa.Column("recipient", sa.Text(), nullable=False),
        sa.Column("recipient_name", sa.Text(), nullable=False),
        sa.Column("recipient_domain", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("in_reply_to", sa.Text(), nullable=True),
        sa.Column("refs", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("message_id", sa.Text(), nullable=False),
        sa.Column("answered_after", sa.DateTime(timezone=True), nullable=True),
        sa.Column("state", sa.String(40), nullable=False),
        sa.Column("priority", sa.BigInteger(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("waiting_for", sa.String(40), nullable=True),
        sa.Column("window", postgresql.JSONB(), nullable=True),
        sa.Column("timezone", sa.Text(), nullable=False),
        sa.Column("give_up_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attempts", sa.BigInteger(), nullable=False),
        sa.Column("worker", sa.Text(), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("look_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("unknown_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("copied_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.Column("error_code", sa.Text(), nullable=True),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_sends_user_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["workspace_id", "mailbox_id"],
            ["mailboxes.workspace_id", "mailboxes.id"],
            name=op.f("fk_sends_workspace_id_mailbox_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id", "thread_id"],
            ["threads.workspace_id", "threads.id"],
            name=op.f("fk_sends_workspace_id_thread_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspaces.id"], name=op.f("fk_sends_workspace_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("workspace_id", "id", name=op.f("pk_sends")),
        sa.UniqueConstraint("workspace_id", "message_id", name=op.f("uq_sends_workspace_id_message_id")),
        sa.UniqueConstraint("workspace_id", "origin_id", "step", name=op.f("uq_sends_workspace_id_origin_id_step")),
    )
    op.create_index(
        "ix_sends_domain_sent",
        "sends",
        ["workspace_id", "recipient_domain", "sent_at"],
        unique=False,
        postgresql_where="sent_at is not null",
    )
    op.create_index(
        "ix_sends_due",
        "sends",
        ["workspace_id", "mailbox_id", "due_at"],
        unique=False,
        postgresql_where="state = 'queued'",
    )
    op.create_index("ix_sends_leased", "sends", ["lease_until"], unique=False, postgresql_where="state = 'sending'")
    op.create_index("ix_sends_look", "sends", ["look_at"], unique=False, postgresql_where="state = 'unknown'")
    op.create_index(
        "ix_sends_mailbox_sent",
        "sends",
        ["workspace_id", "mailbox_id", "sent_at"],
        unique=False,
        postgresql_where="sent_at is not null",
    )
    op.create_index(
        "ix_sends_uncopied",
        "sends",
        ["workspace_id", "mailbox_id"],
        unique=False,
        postgresql_where="state = 'sent' and copied_at is null",
    )
    op.create_index(op.f("ix_sends_workspace_id_thread_id"), "sends", ["workspace_id", "thread_id"], unique=False)
    op.create_index(
        op.f("ix_sends_workspace_id_user_id_due_at_id"),
        "sends",
        ["workspace_id", "user_id", "due_at", "id"],
        unique=False,
    )
    op.create_table(
        "enrollments",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("sequence_id", sa.Uuid(), nullable=False),
        sa.Column("mailbox_id", sa.Uuid(), nullable=False),
        sa.Column("email_id", sa.Uuid(), nullable=False),
        sa.Column("thread_id", sa.Uuid(), nullable=False),
        sa.Column("recipient", sa.Text(), nullable=False),
        sa.Column("recipient_name", sa.Text(), nullable=False),
        sa.Column("status", sa.String(40), nullable=False),
        sa.Column("current_step", sa.BigInteger(), nullable=False),
        sa.Column("total_steps", sa.BigInteger(), nullable=False),
        sa.Column("next_step_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("next_send_id", sa.Uuid(), nullable=True),
        sa.Column("waiting_for", sa.Text(), nullable=True),
        sa.Column("not_before", sa.Date(), nullable=True),
        sa.Column("last_sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("replied_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reply", postgresql.JSONB(), nullable=True),
        sa.Column("stop_reason", sa.Text(), nullable=True),
        sa.Column("hold_reason", sa.Text(), nullable=True),
        sa.Column("timezone", sa.Text(), nullable=False),
        sa.Column("variables", postgresql.JSONB(), nullable=False),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_enrollments_user_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["workspace_id", "email_id"],
            ["messages.workspace_id", "messages.id"],
            name=op.f("fk_enrollments_workspace_id_email_id"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id", "mailbox_id"],
            ["mailboxes.workspace_id", "mailboxes.id"],
            name=op.f("fk_enrollments_workspace_id_mailbox_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id", "sequence_id"],
            ["sequences.workspace_id", "sequences.id"],
            name=op.f("fk_enrollments_workspace_id_sequence_id"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id", "thread_id"],
            ["threads.workspace_id", "threads.id"],
            name=op.f("fk_enrollments_workspace_id_thread_id"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspaces.id"], name=op.f("fk_enrollments_workspace_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("workspace_id", "id", name=op.f("pk_enrollments")),
    )
    op.create_index(
        "ix_enrollments_due",
        "enrollments",
        ["workspace_id", "next_step_at"],
        unique=False,
        postgresql_where="status = 'active'",
    )
    op.create_index(
        op.f("ix_enrollments_workspace_id_user_id_id"),
        "enrollments",
        ["workspace_id", "user_id", "id"],
        unique=False,
        postgresql_where="deleted_at is null",
    )
    op.create_index(
        op.f("ix_enrollments_workspace_id_user_id_sequence_id_id"),
        "enrollments",
        ["workspace_id", "user_id", "sequence_id", "id"],
        unique=False,
        postgresql_where="deleted_at is null",
    )
    op.create_index(
        op.f("ix_enrollments_workspace_id_user_id_status_id"),
        "enrollments",
        ["workspace_id", "user_id", "status", "id"],
        unique=False,
        postgresql_where="deleted_at is null",
    )
    op.create_index(
        op.f("ix_enrollments_workspace_id_user_id_updated_at"),
        "enrollments",
        ["workspace_id", "user_id", "updated_at"],
        unique=False,
    )
    op.create_index(
        "uq_enrollments_open_thread",
        "enrollments",
        ["workspace_id", "thread_id"],
        unique=True,
        postgresql_where="status in ('active', 'paused') and deleted_at is null",
    )
    op.create_table(
        "places",
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("folder_id", sa.Uuid(), nullable=False),
        sa.Column("uid_validity", sa.BigInteger(), nullable=False),
        sa.Column("uid", sa.BigInteger(), nullable=False),
        sa.Column("message_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id", "folder_id"],
            ["folders.workspace_id", "folders.id"],
            name=op.f("fk_places_workspace_id_folder_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id", "message_id"],
            ["messages.workspace_id", "messages.id"],
            name=op.f("fk_places_workspace_id_message_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspaces.id"], name=op.f("fk_places_workspace_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("workspace_id", "folder_id", "uid_validity", "uid", name=op.f("pk_places")),
    )
    op.create_index(op.f("ix_places_workspace_id_message_id"), "places", ["workspace_id", "message_id"], unique=False)
