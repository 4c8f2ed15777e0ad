"""Young tables are analyzed for what changed in them too, not only for what was added."""

from alembic import context

from outrider.core.schema import execute, grant

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    execute(YOUNG)
    grant(context.config.attributes["app_role"])


# A column that was null in every row when the table was analyzed, such as when a mail was sent, is taken for null until
# the next time, and each index over it for equally good.
YOUNG = """
create or replace function analyze_young_tables() returns integer
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
                and c.reltuples < 100000 and s.n_live_tup >= 500 and s.n_mod_since_analyze >= greatest(500, c.reltuples / 2)
        loop
            execute format('analyze %s', young.name);
            done := done + 1;
        end loop;
        return done;
    end
    $$;
"""
