"""Accounts over HTTP with proven erasure; senders; preferences."""

import sqlalchemy as sa
from alembic import context, op
from sqlalchemy.dialects import postgresql

from outrider.core.schema import audit, execute, grant, protect, tenant

revision = "0016"
down_revision = "0013"


def upgrade() -> None:
    for column in ("verified_at", "deleted_at"):
        op.add_column("users", sa.Column(column, sa.DateTime(timezone=True), nullable=True))
    op.create_table(
        "erasures",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=True),
        sa.Column("workspace_ids", sa.ARRAY(sa.Uuid()), nullable=True),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("proof", postgresql.JSONB(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_erasures"),
    )
    op.create_index("ix_erasures_due", "erasures", ["due_at"], postgresql_where="finished_at is null")
    execute(ERASING)
    create_senders()
    create_preferences()
    for table in ("senders", "preferences"):
        protect(table)
    # What mail says of a sender mirrors the mailbox; the user's own choice leaves its entry.
    execute(
        "create trigger audit after update of category on senders for each row execute function audit_row("
        "'words', 'votes', 'type_reasons', 'latest_subject', 'latest_preview', 'latest_date', 'email_count', 'sent_count')"
    )
    audit("preferences")
    grant(context.config.attributes["app_role"])


ERASING = """
-- Whoever was here before accounts could register was added by an operator or a provider. Their entries of the audit
-- trail would say nothing that the release notes don't.
alter table users disable trigger audit;
update users set verified_at = created_at;
alter table users enable trigger audit;

-- The trail can only grow, but for what `erase_audit` takes out of it. The application's role may not delete from it at
-- all, whatever it sets.
create or replace function refuse_change() returns trigger language plpgsql as $$
begin
    if tg_op = 'TRUNCATE' or coalesce(current_setting('app.erasing', true), '') <> 'on' then
        raise exception 'the audit trail can only grow';
    end if;
    return null;
end $$;

create policy erase on audit_entries for all to current_user using (true) with check (true);
create index ix_audit_entries_user_id on audit_entries (user_id, workspace_id);
create index ix_audit_entries_users on audit_entries (object_id) where object = 'users';

-- Erases the entries of a workspace, or those about a user and what is personal in those of their doing elsewhere.
-- Only for an account whose erasure is under way. Returns how many entries were changed, at most at_most.
create function erase_audit(erasure_id uuid, workspace uuid, at_most integer) returns bigint
    language plpgsql security definer set search_path = public, pg_temp
    as $$
declare
    whose uuid; erased bigint;
begin
    select e.user_id into whose from erasures e
        where e.id = erasure_id and e.finished_at is null and e.due_at <= clock_timestamp() + interval '1 hour'
          and (workspace is null or workspace = any (e.workspace_ids));
    if whose is null then raise exception 'no such erasure is due'; end if;
    perform set_config('app.erasing', 'on', true);
    if workspace is not null then
        delete from audit_entries where id in
            (select a.id from audit_entries a where a.workspace_id = workspace limit at_most);
        get diagnostics erased = row_count;
    else
        delete from audit_entries where id in
            (select a.id from audit_entries a where (a.object = 'users' and a.object_id = whose::text)
                or (a.user_id = whose and a.workspace_id is null) limit at_most);
        get diagnostics erased = row_count;
        if erased = 0 then
            update audit_entries set user_id = null, email = '', before = null, after = null where id in
                (select a.id from audit_entries a where a.user_id = whose limit at_most);
            get diagnostics erased = row_count;
        end if;
    end if;
    perform set_config('app.erasing', '', true);
    return erased;
end $$;

"""


def create_senders() -> None:
    execute(
        "alter table messages add column sender_type varchar(40), add column sender_reasons text[] not null default '{}'"
    )
    execute("alter table messages alter column sender_reasons drop default")
    execute(
        "create index ix_messages_unsorted on messages (workspace_id, user_id, id)"
        " where direction = 'in' and sender_type is null"
    )
    op.create_table(
        "senders",
        *tenant("senders"),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("email", "domain", "name", "words")),
        sa.Column("category", sa.String(40), nullable=False),
        sa.Column("chosen_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("email_count", sa.BigInteger(), nullable=False),
        sa.Column("sent_count", sa.BigInteger(), nullable=False),
        sa.Column("votes", postgresql.JSONB(), nullable=False),
        sa.Column("sender_type", sa.String(40), nullable=False),
        sa.Column("type_reasons", sa.ARRAY(sa.Text()), nullable=False),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("latest_subject", "latest_preview")),
        sa.Column("latest_date", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_senders_user_id", ondelete="CASCADE"),
        sa.UniqueConstraint("workspace_id", "user_id", "email", name="uq_senders_workspace_id_user_id_email"),
    )
    execute(SENDER_INDEXES)


SENDER_INDEXES = """
create index ix_senders_latest on senders (workspace_id, user_id, latest_date, id) where email_count > 0;
create index ix_senders_count on senders (workspace_id, user_id, email_count, id) where email_count > 0;
create index ix_senders_category on senders (workspace_id, user_id, category, latest_date, id) where email_count > 0;
create index ix_senders_type on senders (workspace_id, user_id, sender_type, latest_date, id) where email_count > 0;
create index ix_senders_domain on senders (workspace_id, user_id, domain);
create index ix_senders_chosen on senders (workspace_id, user_id, chosen_at) where chosen_at is not null;
"""


def create_preferences() -> None:
    op.create_table(
        "preferences",
        *tenant("preferences"),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        *(
            sa.Column(name, sa.Boolean(), nullable=False)
            for name in (
                "urgent_financial", "investor_updates", "customer_issues", "team_urgent", "partnership_deals",
                "product_launches",
            )
        ),
        *(
            sa.Column(f"meeting_reminder_{name}", sa.String(40), nullable=False)
            for name in ("timing", "frequency", "method")
        ),
        sa.Column("preferred_call_time", sa.Text(), nullable=False),
        sa.Column("voice_preference", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_preferences_user_id", ondelete="CASCADE"),
        sa.UniqueConstraint("workspace_id", "user_id", name="uq_preferences_workspace_id_user_id"),
    )  # fmt: skip
