"""The audit trail is sealed: blocks of digests that follow from one another, so that what is changed in it later shows."""

from alembic import context

from outrider.core.schema import execute, grant

revision = "0031"
down_revision = "0030"

# Entries of users alone belong to no workspace; their chain stands under the nil id. Nobody writes here but the
# functions below: there is no policy by which the application's role could.
TABLES = """
create table audit_seals (
    workspace_id uuid not null,
    number bigint not null,
    ids bigint[] not null,
    digests bytea not null, -- 32 bytes for each id
    seal bytea not null,
    sealed_at timestamptz not null default clock_timestamp(),
    constraint pk_audit_seals primary key (workspace_id, number)
);
create table audit_erased (
    workspace_id uuid not null,
    id bigint not null,
    digest bytea not null, -- of the entry as it was before it was erased
    erased_at timestamptz not null default clock_timestamp(),
    constraint pk_audit_erased primary key (workspace_id, id)
);
create table audit_ended (
    workspace bytea constraint pk_audit_ended primary key, -- SHA-256 of the id of a workspace that was erased
    ended_at timestamptz not null default clock_timestamp()
);
create table audit_mark (
    id boolean constraint pk_audit_mark primary key default true check (id),
    sealed bigint not null default 0,  -- up to this id everything is in a block
    pending bigint not null default 0, -- up to this id everything is, once the transactions before waits_for have ended
    waits_for bigint not null default 0,
    anchored_at timestamptz not null default 'epoch'
);
insert into audit_mark default values;

alter table audit_seals enable row level security;
alter table audit_seals force row level security;
create policy own_workspace on audit_seals for select using (workspace_id = (select cur_ws()));
create policy sealing on audit_seals for all to current_user using (true) with check (true);
alter table audit_erased enable row level security;
alter table audit_erased force row level security;
create policy own_workspace on audit_erased for select using (workspace_id = (select cur_ws()));
create policy sealing on audit_erased for all to current_user using (true) with check (true);
alter table audit_ended enable row level security;
alter table audit_ended force row level security;
create policy sealing on audit_ended for all to current_user using (true) with check (true);
alter table audit_mark enable row level security;
alter table audit_mark force row level security;
create policy sealing on audit_mark for all to current_user using (true) with check (true);
"""

# The same bytes on every machine and in every session: no time zone, no style, keys in jsonb's order.
DIGESTS = """
create function audit_digest(e audit_entries) returns bytea
    language sql immutable set search_path = public, pg_temp
    as $$
        select sha256(convert_to(jsonb_build_array(
            e.id, e.workspace_id, extract(epoch from e.at), e.actor, e.user_id, e.email, e.action, e.object,
            e.object_id, e.before, e.after, e.request_id
        )::text, 'UTF8'))
    $$;

create function audit_seal(before bytea, workspace uuid, number bigint, ids bigint[], digests bytea) returns bytea
    language sql immutable set search_path = public, pg_temp
    as $$
        select sha256(
            coalesce(before, '') || convert_to(workspace::text || ' ' || number || ' ' || ids::text, 'UTF8') || digests
        )
    $$;
"""

# An id is given out before its transaction ends, so what is there up to an id is certain only once every transaction
# that was running when the id was the last has ended. An xid of the future is of another cluster, which was restored
# here: nothing of it still runs.
SEAL = """
create function seal_audit(at_most integer) returns bigint
    language plpgsql security definer set search_path = public, pg_temp
    as $$
declare
    mark audit_mark; here pg_snapshot := pg_current_snapshot(); upto bigint; sealed_now bigint;
    oldest bigint := pg_snapshot_xmin(here)::text::bigint; next bigint := pg_snapshot_xmax(here)::text::bigint;
begin
    select * into mark from audit_mark for update skip locked;
    if not found then return 0; end if;
    if mark.sealed >= mark.pending then
        update audit_mark set waits_for = next,
            pending = coalesce(pg_sequence_last_value('audit_entries_id_seq'), 0);
        return 0;
    end if;
    if mark.waits_for > oldest and mark.waits_for <= next then return 0; end if;
    upto := least(mark.pending, mark.sealed + at_most);
    with fresh as (
        select coalesce(a.workspace_id, '00000000-0000-0000-0000-000000000000') as workspace_id,
            array_agg(a.id order by a.id) as ids, string_agg(audit_digest(a), ''::bytea order by a.id) as digests
        from audit_entries a where a.id > mark.sealed and a.id <= upto group by 1
    ), follows as (
        select f.*, coalesce(s.number, 0) + 1 as number, s.seal as before
        from fresh f left join lateral (
            select l.number, l.seal from audit_seals l where l.workspace_id = f.workspace_id
            order by l.number desc limit 1
        ) s on true
    )
    insert into audit_seals (workspace_id, number, ids, digests, seal)
        select f.workspace_id, f.number, f.ids, f.digests,
            audit_seal(f.before, f.workspace_id, f.number, f.ids, f.digests) from follows f;
    select count(*) into sealed_now from audit_entries a where a.id > mark.sealed and a.id <= upto;
    update audit_mark set sealed = upto;
    return sealed_now;
end $$;
"""

# What is erased for a person is remembered by its digest, so that a gap with a reason is told from one without.
ERASING = """
create function remember_erased() returns trigger language plpgsql set search_path = public, pg_temp as $$
begin
    insert into audit_erased (workspace_id, id, digest)
        values (coalesce(old.workspace_id, '00000000-0000-0000-0000-000000000000'), old.id, audit_digest(old))
        on conflict do nothing;
    return null;
end $$;
create trigger remember_erased after update or delete on audit_entries
    for each row when (current_setting('app.erasing', true) = 'on') execute function remember_erased();

create function end_audit(erasure_id uuid, workspace uuid) returns void
    language plpgsql security definer set search_path = public, pg_temp
    as $$
begin
    perform 1 from erasures e where e.id = erasure_id and e.finished_at is null
        and e.due_at <= clock_timestamp() + interval '1 hour' and workspace = any (e.workspace_ids);
    if not found then raise exception 'no such erasure is due'; end if;
    delete from audit_seals s where s.workspace_id = workspace;
    delete from audit_erased e where e.workspace_id = workspace;
    insert into audit_ended (workspace) values (sha256(convert_to(workspace::text, 'UTF8'))) on conflict do nothing;
end $$;
"""

CHECKING = """
create function audit_heads(since timestamptz) returns table (workspace_id uuid, number bigint, seal bytea)
    language sql stable security definer set search_path = public, pg_temp
    as $$
        select distinct on (s.workspace_id) s.workspace_id, s.number, s.seal from audit_seals s
        where s.sealed_at > since order by s.workspace_id, s.number desc
    $$;

create function audit_to_anchor() returns timestamptz
    language sql security definer set search_path = public, pg_temp
    as $$
        with last as (select m.anchored_at from audit_mark m for update skip locked)
        update audit_mark m set anchored_at = clock_timestamp() from last
        where last.anchored_at < clock_timestamp() - interval '1 day' returning last.anchored_at
    $$;

-- What became of a seal that was written down elsewhere.
create function audit_anchor_holds(whose uuid, at_number bigint, anchored bytea) returns text
    language sql stable security definer set search_path = public, pg_temp
    as $$
        select case
            when exists (select 1 from audit_seals s
                where s.workspace_id = whose and s.number = at_number and s.seal = anchored) then 'holds'
            when exists (select 1 from audit_ended e
                where e.workspace = sha256(convert_to(whose::text, 'UTF8'))) then 'erased'
            else 'broken' end
    $$;

create function audit_problems(workspace uuid, at_most integer)
    returns table (number bigint, entry_id bigint, problem text)
    language sql stable security definer set search_path = public, pg_temp
    as $$
        with blocks as (
            select s.*, lag(s.number) over w as number_before, lag(s.seal) over w as seal_before
            from audit_seals s where s.workspace_id = workspace window w as (order by s.number)
        ), sealed as (
            select b.number, i.id, substr(b.digests, (i.place::integer - 1) * 32 + 1, 32) as digest
            from blocks b cross join unnest(b.ids) with ordinality as i(id, place)
        ), entries as (
            select a.id, audit_digest(a) as digest from audit_entries a
            where a.workspace_id is not distinct from nullif(workspace, '00000000-0000-0000-0000-000000000000')
                and a.id <= (select m.sealed from audit_mark m)
        )
        select b.number, null::bigint, 'blocks before it are missing' from blocks b
            where b.number <> coalesce(b.number_before, 0) + 1
        union all
        select b.number, null::bigint, 'the block was changed, or one before it' from blocks b
            where b.seal <> audit_seal(b.seal_before, workspace, b.number, b.ids, b.digests)
        union all
        select s.number, s.id, case when e.id is null then 'the entry was deleted' else 'the entry was changed' end
            from sealed s left join entries e using (id) left join audit_erased gone on gone.id = s.id
                and gone.workspace_id = workspace
            where e.digest is distinct from s.digest and gone.digest is distinct from s.digest
        union all
        select null::bigint, e.id, 'the entry was put in afterwards' from entries e
            where not exists (select 1 from sealed s where s.id = e.id)
        order by 1 nulls last, 2 limit at_most
    $$;
"""


def upgrade() -> None:
    for script in (TABLES, DIGESTS, SEAL, ERASING, CHECKING):
        execute(script)
    grant(context.config.attributes["app_role"])
