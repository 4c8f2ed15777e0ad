"""Grants of providers, sign-ins with them, and cursors, places and threads in each provider's own words."""

import sqlalchemy as sa
from alembic import context, op

from outrider.core.schema import audit, execute, grant, protect

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    create_tables()
    protect("grants")
    execute(WALL)
    audit("grants", hidden=["refresh_token", "access_token", "expires_at", "refreshing_until", "refreshes"])
    add_columns()
    execute(IN_THEIR_OWN_WORDS)
    audit(
        "mailboxes",
        hidden=["secret", "synced_at", "sync_due_at", "sync_failures", "watcher", "watched_until", "subscribe_at"],
    )
    audit("sessions", hidden=["seen_at", "claim_digest"])
    execute(LOOKUPS)
    grant(context.config.attributes["app_role"])


def create_tables() -> None:
    op.create_table(
        "grants",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("scopes", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("state", sa.String(40), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("refresh_token", sa.LargeBinary(), nullable=True),
        sa.Column("access_token", sa.LargeBinary(), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("refreshing_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("refreshes", sa.BigInteger(), nullable=False),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_grants_user_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"], name="fk_grants_workspace_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("workspace_id", "id", name="pk_grants"),
        sa.UniqueConstraint(
            "workspace_id", "user_id", "provider", "subject", name="uq_grants_workspace_id_user_id_provider_subject"
        ),
    )
    op.create_table(
        "sign_ins",
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("browser", sa.LargeBinary(), nullable=False),
        sa.Column("workspace_id", sa.Uuid(), nullable=True),
        sa.Column("user_id", sa.Uuid(), nullable=True),
        sa.Column("redirect_uri", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_sign_ins_user_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspaces.id"], name="fk_sign_ins_workspace_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("digest", name="pk_sign_ins"),
    )
    op.create_index("ix_sign_ins_expires_at", "sign_ins", ["expires_at"])


def add_columns() -> None:
    op.add_column("mailboxes", sa.Column("grant_id", sa.Uuid(), nullable=True))
    op.add_column("mailboxes", sa.Column("subscribe_at", sa.DateTime(timezone=True), nullable=True))
    op.create_foreign_key(
        "fk_mailboxes_workspace_id_grant_id",
        "mailboxes",
        "grants",
        ["workspace_id", "grant_id"],
        ["workspace_id", "id"],
        ondelete="NO ACTION",
    )
    op.add_column("folders", sa.Column("cursor", sa.Text(), nullable=True))
    op.add_column("places", sa.Column("remote_id", sa.Text(), nullable=True))
    op.add_column("threads", sa.Column("remote_id", sa.Text(), nullable=True))
    op.add_column("sends", sa.Column("remote_thread", sa.Text(), nullable=True))
    op.add_column("sessions", sa.Column("claim_digest", sa.LargeBinary(), nullable=True))


# Begun by nobody in particular, a sign-in is seen without a scope; everybody else's only in their own workspace.
WALL = """
alter table sign_ins enable row level security;
alter table sign_ins force row level security;
create policy own_workspace on sign_ins
    using (workspace_id is not distinct from (select cur_ws()))
    with check (workspace_id is not distinct from (select cur_ws()));
create policy lookup on sign_ins for select to current_user using (true);
"""

# Row-level security binds the owner too; for the length of this migration it sees all rows.
IN_THEIR_OWN_WORDS = """
alter table folders no force row level security;
update folders set cursor = json_build_object('uid_validity', uid_validity, 'last_uid', last_uid, 'mod_seq', mod_seq)
    where uid_validity is not null and last_uid is not null;
alter table folders force row level security;
alter table folders drop column uid_validity, drop column last_uid, drop column mod_seq;

alter table places no force row level security;
update places set remote_id = uid_validity || '.' || uid;
alter table places force row level security;
alter table places drop constraint pk_places, drop column uid_validity, drop column uid;
alter table places alter column remote_id set not null;
alter table places add constraint pk_places primary key (workspace_id, folder_id, remote_id);

alter table mailboxes drop column sent_folder;
create index ix_threads_remote on threads (workspace_id, mailbox_id, remote_id) where remote_id is not null;
create unique index ix_sessions_claim_digest on sessions (workspace_id, claim_digest) where claim_digest is not null;

drop trigger audit on mailboxes;
drop trigger audit on sessions;
"""

LOOKUPS = """
create function workspace_of_sign_in(sought bytea) returns uuid
    language sql stable security definer set search_path = public, pg_temp
    as $$ select s.workspace_id from sign_ins s where s.digest = sought $$;

create function mailboxes_at(provider_ text, address_ text) returns table (workspace_id uuid, id uuid)
    language sql stable security definer set search_path = public, pg_temp
    as $$
        select m.workspace_id, m.id from mailboxes m
        where m.provider = provider_ and m.address = address_ and m.state in ('connected', 'unreachable')
        limit 100
    $$;
create index ix_mailboxes_address on mailboxes (address);

create function mailboxes_to_subscribe(at_most integer) returns table (workspace_id uuid, id uuid)
    language sql stable security definer set search_path = public, pg_temp
    as $$
        select m.workspace_id, m.id from mailboxes m
        where m.state = 'connected' and m.subscribe_at <= clock_timestamp()
        order by m.subscribe_at limit at_most
    $$;
"""
