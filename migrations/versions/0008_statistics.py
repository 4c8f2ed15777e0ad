"""Statistics for tables that grow too fast for autovacuum, which looks once a minute; folders that are read anew."""

import sqlalchemy as sa
from alembic import context, op

from outrider.core.schema import execute, grant

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.add_column("folders", sa.Column("is_read_anew", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.alter_column("folders", "is_read_anew", server_default=None)
    execute(WATCH)
    execute(YOUNG)
    grant(context.config.attributes["app_role"])


# A mailbox is watched once it has been read, so that its first sync and its watch do not read the same mail twice.
WATCH = """
create or replace function mailboxes_to_watch(at_most integer) returns table (workspace_id uuid, id uuid)
    language sql stable security definer set search_path = public, pg_temp
    as $$
        select m.workspace_id, m.id from mailboxes m
        where m.state = 'connected' and m.synced_at is not null
            and (m.watched_until is null or m.watched_until <= clock_timestamp())
        limit at_most
    $$;
"""

# Only an owner may analyze, so this runs as one; it takes no argument and tells no more than a number. A table counts
# as young until it has 100,000 rows, and is looked at again whenever it has doubled.
YOUNG = """
create function analyze_young_tables() returns integer
    language plpgsql security definer set search_path = public, pg_temp
    as $$
    declare
        young record;
        done integer := 0;
    begin
        if not pg_try_advisory_xact_lock(hashtextextended('analyze_young_tables', 0)) then
            return 0;
        end if;
        for young in
            select c.oid::regclass as name from pg_class c
            join pg_stat_user_tables s on s.relid = c.oid
            where c.relnamespace = 'public'::regnamespace and c.relkind = 'r'
                and pg_has_role(current_user, c.relowner, 'USAGE')
                and c.reltuples < 100000 and s.n_live_tup >= 500 and s.n_live_tup >= 2 * c.reltuples
        loop
            execute format('analyze %s', young.name);
            done := done + 1;
        end loop;
        return done;
    end
    $$;
"""
