"""Who can write to the database at will can't change the audit trail unseen."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine

from outrider.core.clock import now
from outrider.core.db import Scope, as_asyncpg
from outrider.core.embedded import DATABASE, EmbeddedServer
from outrider.domain.accounts import leaving
from outrider.domain.audit import jobs, trail
from outrider.domain.audit.trail import Head
from outrider.domain.erasure.jobs import purge_due
from outrider.runtime import Runtime
from tests.factories.accounts import Someone, make_user

BLOCKS, ENTRIES = 3, 4
NOBODY = UUID(int=0)
OTHER = "(select ids[1] from audit_seals where workspace_id = :ws and number = 1)"
ENTRY = "(select ids[2] from audit_seals where workspace_id = :ws and number = 2)"
LAST = "(select max(number) from audit_seals where workspace_id = :ws)"
ANEW = """
    update audit_seals set seal = audit_seal(null, workspace_id, number, ids, digests)
        where workspace_id = :ws and number = 1;
    update audit_seals s set seal = audit_seal(b.seal, s.workspace_id, s.number, s.ids, s.digests) from audit_seals b
        where s.workspace_id = :ws and s.number = 2 and b.workspace_id = :ws and b.number = 1;
    update audit_seals s set seal = audit_seal(b.seal, s.workspace_id, s.number, s.ids, s.digests) from audit_seals b
        where s.workspace_id = :ws and s.number = 3 and b.workspace_id = :ws and b.number = 2
"""
FORGERIES = {
    "another actor": f"update audit_entries set actor = 'somebody' where id = {ENTRY}",
    "another user": f"update audit_entries set user_id = null where id = {ENTRY}",
    "another email": f"update audit_entries set email = 'x@a.test' where id = {ENTRY}",
    "another time": f"update audit_entries set at = at + interval '1 microsecond' where id = {ENTRY}",
    "another action": f"update audit_entries set action = 'tags.delete' where id = {ENTRY}",
    "another object": f"update audit_entries set object = 'users' where id = {ENTRY}",
    "another id of the object": f"update audit_entries set object_id = 'x' where id = {ENTRY}",
    "another before": f"""update audit_entries set before = '{{"name": "x"}}' where id = {ENTRY}""",
    "another after": f"""update audit_entries set after = '{{"name": "x"}}' where id = {ENTRY}""",
    "no after": f"update audit_entries set after = null where id = {ENTRY}",
    "another request": f"update audit_entries set request_id = 'x' where id = {ENTRY}",
    "another workspace": f"update audit_entries set workspace_id = null where id = {ENTRY}",
    "two that changed places": f"""
        update audit_entries a set after = b.after from audit_entries b
            where (a.id = {OTHER} and b.id = {ENTRY}) or (a.id = {ENTRY} and b.id = {OTHER})
    """,
    "a deleted entry": f"delete from audit_entries where id = {ENTRY}",
    "a deleted first entry": f"delete from audit_entries where id = {OTHER}",
    "an entry put in": f"""
        insert into audit_entries (id, workspace_id, actor, email, action, object, object_id, request_id)
            overriding system value
            select {OTHER} - 1000000, :ws, 'x', '', 'tags.delete', 'tags', 'x', ''
    """,
    "a deleted block": "delete from audit_seals where workspace_id = :ws and number = 2",
    "a block without its entries": """
        delete from audit_entries where id in
            (select unnest(ids) from audit_seals where workspace_id = :ws and number = 2);
        delete from audit_seals where workspace_id = :ws and number = 2
    """,
    "a changed digest": f"""
        update audit_entries set actor = 'somebody' where id = {ENTRY};
        update audit_seals s set digests = (
            select string_agg(audit_digest(a), ''::bytea order by a.id) from audit_entries a where a.id = any (s.ids)
        ) where workspace_id = :ws and number = 2
    """,
    "a tail that was cut off": f"""
        delete from audit_entries where id in
            (select unnest(ids) from audit_seals where workspace_id = :ws and number = {LAST});
        delete from audit_seals where workspace_id = :ws and number = {LAST}
    """,
    "everything gone": "delete from audit_entries where workspace_id = :ws; delete from audit_seals where workspace_id = :ws",
    "a chain made anew": f"""
        update audit_entries set actor = 'somebody' where id = {ENTRY};
        update audit_seals s set digests = (
            select string_agg(audit_digest(a), ''::bytea order by a.id) from audit_entries a where a.id = any (s.ids)
        ) where workspace_id = :ws and number = 2;
        {ANEW}
    """,
}


async def leave_entries(runtime: Runtime, someone: Someone, count: int) -> None:
    async with runtime.db.begin(someone.scope) as db:
        for number in range(count):
            await db.execute(text("update workspaces set name = :name"), {"name": f"{now()} {number}"})


@asynccontextmanager
async def as_superuser(server: EmbeddedServer) -> AsyncIterator[AsyncSession]:
    """Somebody whom neither row-level security nor a trigger stops; what they do is undone in the end."""
    engine = create_async_engine(as_asyncpg(server.admin_url).set(database=DATABASE))
    async with AsyncSession(engine) as db:
        await db.execute(text("set local session_replication_role = replica"))
        yield db
        await db.rollback()
    await engine.dispose()


async def seal_all(runtime: Runtime, server: EmbeddedServer) -> None:
    """Transactions of others that still run are waited for."""
    async with as_superuser(server) as db:
        written = await db.scalar(text("select pg_sequence_last_value('audit_entries_id_seq')"))
    deadline = now() + timedelta(seconds=60)
    sealed = 0
    while sealed < written:
        assert now() < deadline, f"of {written} entries only {sealed} are sealed"
        await jobs.seal(runtime)
        async with as_superuser(server) as db:
            sealed = await db.scalar(text("select sealed from audit_mark")) or 0


async def sealed_chain(runtime: Runtime, server: EmbeddedServer) -> tuple[Someone, Head]:
    """A workspace with some blocks, and the last one's seal."""
    ada = await make_user(runtime)
    for _ in range(BLOCKS):
        await leave_entries(runtime, ada, ENTRIES)
        await seal_all(runtime, server)
    return ada, await head_of(runtime, ada.workspace_id)


async def head_of(runtime: Runtime, workspace_id: UUID) -> Head:
    async with runtime.db.begin() as db:
        found = await trail.heads(db, now() - timedelta(days=1))
    return next(each for each in found if each.workspace_id == workspace_id)


async def problems_of(db: AsyncSession, head: Head) -> list[str]:
    found = await trail.problems(db, [head.workspace_id]) + await trail.broken_anchors(db, [head])
    return [each.message for each in found]


async def test_every_forgery_is_found(runtime: Runtime, server: EmbeddedServer) -> None:
    ada, head = await sealed_chain(runtime, server)
    unseen = []
    for name, statements in FORGERIES.items():
        async with as_superuser(server) as db:
            assert await problems_of(db, head) == []
            for statement in statements.split(";"):
                await db.execute(text(statement), {"ws": ada.workspace_id} if ":ws" in statement else {})
            if not await problems_of(db, head):
                unseen.append(name)
    print(f"\nforgeries that were not found: {len(unseen)} of {len(FORGERIES)}")
    assert unseen == []


async def test_a_forgery_is_found_where_it_is(runtime: Runtime, server: EmbeddedServer) -> None:
    ada, _ = await sealed_chain(runtime, server)
    async with as_superuser(server) as db:
        entry = await db.scalar(text(f"select {ENTRY}"), {"ws": ada.workspace_id})
        await db.execute(text(f"delete from audit_entries where id = {ENTRY}"), {"ws": ada.workspace_id})
        [found] = await trail.problems(db, [ada.workspace_id])
    assert str(found) == f"workspace {ada.workspace_id}, block 2, entry {entry}: the entry was deleted"


async def test_an_entry_is_sealed_once_though_its_transaction_ends_late(
    runtime: Runtime, server: EmbeddedServer
) -> None:
    ada = await make_user(runtime)
    await seal_all(runtime, server)
    async with runtime.db.begin(ada.scope) as late:
        await late.execute(text("update workspaces set name = 'late'"))
        await leave_entries(runtime, eve := await make_user(runtime), 1)
        for _ in range(3):
            await jobs.seal(runtime)
        async with runtime.db.begin() as db:
            assert eve.workspace_id not in {
                each.workspace_id for each in await trail.heads(db, now() - timedelta(days=1))
            }
    await seal_all(runtime, server)
    for someone in (ada, eve):
        async with runtime.db.begin() as db:
            assert await trail.problems(db, [someone.workspace_id]) == []
    async with runtime.db.begin(ada.scope) as db:
        sealed = list(await db.scalars(text("select unnest(ids) from audit_seals")))
        entries = list(
            await db.scalars(text("select id from audit_entries where workspace_id = :ws"), {"ws": ada.workspace_id})
        )
    assert sorted(sealed) == sorted(entries)


async def test_two_workers_seal_each_entry_once(runtime: Runtime, server: EmbeddedServer) -> None:
    ada = await make_user(runtime)
    for _ in range(5):
        await leave_entries(runtime, ada, 1)
        await asyncio.gather(*(jobs.seal(runtime) for _ in range(4)))
    await seal_all(runtime, server)
    head = await head_of(runtime, ada.workspace_id)
    async with runtime.db.begin() as db:
        assert await problems_of(db, head) == []


async def test_what_was_erased_with_an_account_is_no_forgery(runtime: Runtime, server: EmbeddedServer) -> None:
    owner, head = await sealed_chain(runtime, server)
    member = await make_user(runtime, workspace_id=owner.workspace_id)
    await leave_entries(runtime, member, ENTRIES)
    await seal_all(runtime, server)
    alone, gone = await sealed_chain(runtime, server)
    for someone in (member, alone):
        async with runtime.db.begin(someone.scope) as db:
            await leaving.delete_account(db, someone.actor, grace=timedelta())
    await purge_due(runtime)
    await seal_all(runtime, server)
    async with runtime.db.begin() as db:
        assert await problems_of(db, head) == []
        assert await problems_of(db, gone) == []
        assert await trail.problems(db, [NOBODY]) == []
    async with runtime.db.begin(owner.scope) as db:
        kept = await db.scalar(text("select count(*) from audit_erased"))
    assert kept


async def test_the_application_can_write_no_seal(runtime: Runtime, server: EmbeddedServer) -> None:
    ada, head = await sealed_chain(runtime, server)
    async with runtime.db.begin(ada.scope) as db:
        for table in ("audit_seals", "audit_erased", "audit_ended", "audit_mark"):
            assert (await db.execute(text(f"delete from {table} returning 1"))).all() == []
    assert await head_of(runtime, ada.workspace_id) == head


async def test_heads_are_written_down_once_a_day_and_read_again(
    runtime: Runtime, server: EmbeddedServer, tmp_path: Path
) -> None:
    _, head = await sealed_chain(runtime, server)
    async with runtime.db.begin(Scope()) as db:
        await db.execute(text("select audit_to_anchor()"))  # whoever came before
    async with as_superuser(server) as db:
        await db.execute(text("update audit_mark set anchored_at = anchored_at - interval '25 hours'"))
        first = await trail.anchor(db, tmp_path)
        assert await trail.anchor(db, tmp_path) == []
    assert head in first
    assert set(trail.read_anchors(tmp_path / trail.HEADS)) == set(first)


def test_a_damaged_file_of_heads_is_named(tmp_path: Path) -> None:
    file = tmp_path / trail.HEADS
    file.write_text('{"workspace_id": "no id", "number": 1, "seal": "00"}\n')
    with pytest.raises(ValueError, match="is no head of the audit trail"):
        list(trail.read_anchors(file))
