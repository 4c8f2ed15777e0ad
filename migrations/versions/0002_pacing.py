"""Pacing: what holds a mailbox back, companies, and the order in which rows leave."""

import sqlalchemy as sa
from alembic import context, op

from outrider.core.schema import execute, grant, protect

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.add_column("sends", sa.Column("recipient_company", sa.Text(), nullable=True))
    op.create_table(
        "mailbox_paces",
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("mailbox_id", sa.Uuid(), nullable=False),
        sa.Column("held_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("held_for", sa.String(40), nullable=True),
        sa.Column("held_reason", sa.Text(), nullable=True),
        sa.Column("ramp_from", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["workspace_id", "mailbox_id"],
            ["mailboxes.workspace_id", "mailboxes.id"],
            name="fk_mailbox_paces_workspace_id_mailbox_id_mailboxes",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspaces.id"], name="fk_mailbox_paces_workspace_id_workspaces", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("workspace_id", "mailbox_id", name="pk_mailbox_paces"),
    )
    protect("mailbox_paces")
    execute(INDEXES)
    execute(LOOKUPS)
    execute(AUDIT)
    grant(context.config.attributes["app_role"])


INDEXES = """
create index ix_sends_next on sends (workspace_id, mailbox_id, priority desc, due_at, id) where state = 'queued';
create index ix_sends_flying on sends (workspace_id, mailbox_id) where state in ('sending', 'unknown');
create index ix_sends_company_sent on sends (workspace_id, recipient_company, sent_at)
    where sent_at is not null and recipient_company is not null;
"""

LOOKUPS = """
create policy lookup on mailbox_paces for select to current_user using (true);

drop function workspaces_with_due_sends(timestamptz);

-- A held mailbox is left alone, except that a person's own push (priority 100) waits for no gap.
create function mailboxes_with_due_sends(at timestamptz, at_most integer)
    returns table (workspace_id uuid, mailbox_id uuid)
    language sql stable security definer set search_path = public, pg_temp
    as $$
        select m.workspace_id, m.id from mailboxes m
        left join mailbox_paces p on p.workspace_id = m.workspace_id and p.mailbox_id = m.id
        cross join lateral (
            select s.due_at from sends s
            where s.workspace_id = m.workspace_id and s.mailbox_id = m.id and s.state = 'queued' and s.due_at <= at
                and (p.held_until is null or p.held_until <= at or (p.held_for = 'gap' and s.priority >= 100))
            order by s.due_at limit 1
        ) due
        where m.state in ('connected', 'unreachable')
        order by row_number() over (partition by m.workspace_id order by due.due_at), due.due_at
        limit at_most
    $$;
"""

# What the pump does to a send or an enrolment is told by its events; the trail keeps what people did.
AUDIT = """
drop trigger audit on sends;
drop trigger audit on enrollments;
create trigger audit after insert or update or delete on sends for each row
    when (coalesce(current_setting('app.user', true), '') <> '')
    execute function audit_row('body', 'lease_until', 'worker');
create trigger audit after insert or update or delete on enrollments for each row
    when (coalesce(current_setting('app.user', true), '') <> '')
    execute function audit_row();
"""
