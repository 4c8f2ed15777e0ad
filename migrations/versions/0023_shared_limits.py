"""Counts that processes share where there is no Redis: hits in a window, units of a bucket."""

from alembic import context

from outrider.core.schema import execute, grant

revision = "0023"
down_revision = "0022"

# Unlogged: a crash empties them, which opens the limits once; nothing else depends on them.
TABLES = """
create unlogged table limit_windows (
    key text constraint pk_limit_windows primary key,
    slot bigint not null default 0,
    used bigint not null default 0,
    previous bigint not null default 0,
    touched_at timestamptz not null default clock_timestamp()
) with (fillfactor = 50);
create unlogged table unit_buckets (
    key text constraint pk_unit_buckets primary key,
    level double precision not null,
    filled_at timestamptz not null default clock_timestamp(),
    open_at timestamptz not null default '-infinity'
) with (fillfactor = 50);
"""
# The estimate of a sliding window: all of this one, and of the one before the part that is still inside.
HIT = """
create function count_hit(
    who text, most bigint, seconds bigint, out is_allowed boolean, out used bigint, out reset double precision
) language plpgsql set search_path = public, pg_temp as $$
declare
    w limit_windows;
    at double precision;
    now_slot bigint;
begin
    insert into limit_windows (key) values (who) on conflict do nothing;
    select * into w from limit_windows where key = who for update;
    at := extract(epoch from clock_timestamp()) / seconds;
    now_slot := floor(at);
    if w.slot < now_slot then
        w.previous := case when w.slot = now_slot - 1 then w.used else 0 end;
        w.used := 0;
    end if;
    used := floor(w.previous * (1 - (at - now_slot)))::bigint + w.used;
    is_allowed := used < most;
    reset := (now_slot + 1 - at) * seconds;
    if is_allowed then
        used := used + 1;
        update limit_windows l set slot = now_slot, used = w.used + 1, previous = w.previous,
            touched_at = clock_timestamp() where l.key = who;
    end if;
end
$$;
"""
FILLED = """
create function filled_bucket(who text, rate double precision, burst double precision) returns unit_buckets
language plpgsql set search_path = public, pg_temp as $$
declare
    b unit_buckets;
begin
    insert into unit_buckets (key, level) values (who, burst) on conflict do nothing;
    select * into b from unit_buckets where key = who for update;
    b.level := least(b.level + extract(epoch from clock_timestamp() - b.filled_at) * rate, burst);
    b.filled_at := clock_timestamp();
    return b;
end
$$;
"""
TAKE = """
create function take_units(who text, rate double precision, burst double precision, units double precision)
returns double precision language plpgsql set search_path = public, pg_temp as $$
declare
    b unit_buckets := filled_bucket(who, rate, burst);
    wait double precision;
begin
    wait := greatest((least(units, burst) - b.level) / rate, 0);
    if b.open_at > b.filled_at then
        wait := greatest(wait, extract(epoch from b.open_at - b.filled_at));
    end if;
    if wait = 0 then
        update unit_buckets set level = b.level - units, filled_at = b.filled_at where key = who;
    end if;
    return wait;
end
$$;
"""
PAUSE = """
create function pause_units(who text, rate double precision, burst double precision, pause double precision)
returns void language plpgsql set search_path = public, pg_temp as $$
declare
    b unit_buckets := filled_bucket(who, rate, burst);
begin
    update unit_buckets set level = least(b.level, 0), filled_at = b.filled_at,
        open_at = greatest(b.open_at, b.filled_at + make_interval(secs => pause)) where key = who;
end
$$;
"""


def upgrade() -> None:
    for script in (TABLES, HIT, FILLED, TAKE, PAUSE):
        execute(script)
    grant(context.config.attributes["app_role"])
