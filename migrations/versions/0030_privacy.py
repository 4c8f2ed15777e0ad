"""Erasing a person: what is under way, whose mail is not read again, and the trail without them; retention's walk."""

import sqlalchemy as sa
from alembic import context, op
from sqlalchemy.dialects import postgresql

from outrider.core.schema import audit, execute, grant, protect, tenant

revision = "0030"
down_revision = "0029"

WORDS = ("addresses", "numbers", "names", "objects")


def upgrade() -> None:
    op.create_table(
        "contact_erasures",
        *tenant("contact_erasures"),
        sa.Column("requested_by", sa.Uuid(), nullable=True),
        sa.Column("contact_id", sa.Uuid(), nullable=True),
        sa.Column("contact_ids", sa.ARRAY(sa.Uuid()), nullable=False),
        *(sa.Column(name, sa.ARRAY(sa.Text()), nullable=False) for name in WORDS),
        sa.Column("step", sa.BigInteger(), nullable=False),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("proof", postgresql.JSONB(), nullable=False),
        sa.ForeignKeyConstraint(
            ["requested_by"], ["users.id"], name="fk_contact_erasures_requested_by", ondelete="SET NULL"
        ),
    )
    op.create_index(
        "uq_contact_erasures_unfinished",
        "contact_erasures",
        ["workspace_id", "contact_id"],
        unique=True,
        postgresql_where="finished_at is null",
    )
    op.add_column("suppressions", sa.Column("erased_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index(
        "ix_suppressions_erased", "suppressions", ["workspace_id"], postgresql_where="erased_at is not null"
    )
    protect("contact_erasures")
    audit("contact_erasures", hidden=["contact_ids", *WORDS, "step", "proof"])
    execute(ERASE_FROM_AUDIT)
    execute(WALK)
    grant(context.config.attributes["app_role"])


# The entries stay, with who did what to which object and when; what the object held is taken out of them. Goes through
# the trail by its time, at_most entries a call; `last_at` and `last_id` are where the next call goes on, null at its end.
ERASE_FROM_AUDIT = """
create function erase_contact_audit(
    erasure uuid, objects text[], likes text[], mask text, after_at timestamptz, after_id bigint, at_most integer,
    out last_at timestamptz, out last_id bigint, out erased bigint
) language plpgsql security definer set search_path = public, pg_temp as $$
declare
    ids bigint[];
begin
    if not exists (select 1 from contact_erasures e
                   where e.workspace_id = cur_ws() and e.id = erasure and e.finished_at is null) then
        raise exception 'no such erasure is under way';
    end if;
    select array_agg(c.id order by c.at, c.id) into ids from (
        select a.id, a.at from audit_entries a
        where a.workspace_id = cur_ws() and a.at >= after_at and (a.at, a.id) > (after_at, after_id)
        order by a.at, a.id limit at_most
    ) c;
    select a.at, a.id into last_at, last_id from audit_entries a where a.id = ids[array_length(ids, 1)];
    perform set_config('app.erasing', 'on', true);
    update audit_entries a set before = null, after = null
        where a.id = any (ids) and (a.before is not null or a.after is not null)
          and (a.object_id = any (objects)
               or (coalesce(a.before::text, '') || coalesce(a.after::text, '') ilike any (likes)
                   and coalesce(a.before::text, '') || ' ' || coalesce(a.after::text, '') ~* mask));
    get diagnostics erased = row_count;
    perform set_config('app.erasing', '', true);
end $$;
"""

WALK = """
create function workspaces_after(last uuid, made_before timestamptz, at_most integer) returns setof uuid
    language sql stable security definer set search_path = public, pg_temp
    as $$
        select w.id from workspaces w where w.id > last and w.created_at < made_before order by w.id limit at_most
    $$;
-- When what has been kept long enough was last let go: one worker does it.
alter table installation add column tidied_at timestamptz not null default clock_timestamp();
"""
