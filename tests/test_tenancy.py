"""The second wall: what row-level security holds when a query forgets its workspace."""

import asyncio
import random

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine

from outrider.core.db import Database, Scope
from outrider.core.ids import new_id
from outrider.runtime import Addresses, Runtime
from tests.factories.accounts import Someone, make_user
from tests.factories.calendars import make_event
from tests.factories.calls import make_call
from tests.factories.drafts import make_draft
from tests.factories.mailboxes import make_mailbox, make_message
from tests.factories.sending import make_send
from tests.factories.sequences import make_enrollment, make_sequence

# Functions that run as the owner, each giving away only identifiers, counts, and digests of the audit trail.
DEFINER_FUNCTIONS = {
    "audit_anchor_holds",
    "audit_heads",
    "audit_problems",
    "audit_to_anchor",
    "end_audit",
    "seal_audit",
    "erase_audit",
    "erase_contact_audit",
    "workspaces_after",
    "memberships_of",
    "workspace_of_access_key",
    "mailboxes_with_due_sends",
    "workspaces_with_due_steps",
    "workspaces_with_unsettled_sends",
    "mailboxes_due_for_sync",
    "mailboxes_to_watch",
    "workspaces_wrapped_otherwise",
    "workspace_of_sign_in",
    "mailboxes_at",
    "mailboxes_to_subscribe",
    "calendar_connections_due",
    "analyze_young_tables",
    "workspaces_with_due_calls",
    "workspaces_with_open_calls",
    "workspaces_with_raw_rows",
    "carrier_calls_known",
    "callers_to_plan",
}
# Tables without an audit trail, and why; every other one leaves an entry for each change.
UNAUDITED = {
    "mirrors what a provider holds": {
        "messages", "mentions", "threads", "folders", "places", "calendars", "calendar_sources", "calendar_occurrences",
    },
    "made from what is audited": {"contact_words", "contact_sources", "imported_contacts", "contact_import_files", "urgency_models"},
    "a log of its own": {
        "audit_entries", "audit_seals", "audit_erased", "audit_ended", "audit_mark", "erasures", "events", "call_attempts",
        "call_notices", "harvest_items", "hits", "feedback", "preflights", "message_judgements",
        "model_questions",
    },
    "secrets and their digests, changed by what is audited": {"data_keys", "refresh_tokens", "sign_ins"},
    "the machinery's": {
        "alembic_version", "installation", "workers", "job_attempts", "limit_windows", "unit_buckets", "mailbox_paces",
        "idempotency_keys", "call_speeches", "pgqueuer", "pgqueuer_log", "pgqueuer_schedules", "pgqueuer_statistics",
    },
}  # fmt: skip
FORGETFUL = [
    "select * from mailboxes", "select * from messages", "select * from threads", "select * from sends",
    "select * from sequences", "select * from sequence_steps", "select * from enrollments", "select * from folders",
    "select * from places", "select * from sessions", "select * from refresh_tokens", "select * from access_keys",
    "select * from data_keys", "select * from operations", "select * from members", "select * from events",
    "select * from idempotency_keys", "select * from grants", "select * from audit_entries where workspace_id is not null",
    "select * from contacts", "select * from contact_emails", "select * from contact_phones",
    "select * from contact_sources", "select * from contact_import_jobs", "select * from contact_import_files",
    "select * from imported_contacts", "select * from tags", "select * from contact_tags",
    "select * from contact_merges", "select * from contact_words", "select * from preflights",
    "select * from calendar_connections", "select * from calendars", "select * from calendar_sources",
    "select * from calendar_occurrences", "select * from senders", "select * from preferences",
    "select * from calls", "select * from call_attempts", "select * from call_settings", "select * from call_consents",
    "select * from do_not_call", "select * from call_notices", "select * from call_speeches",
    "select * from audit_seals", "select * from audit_erased",
    "select * from model_consents", "select * from model_questions", "select * from reply_drafts",
    "select * from contact_erasures", "select * from harvest_batches", "select * from harvest_items",
    "select * from message_judgements", "select * from judgement_corrections", "select * from urgency_models",
    "select m.workspace_id from messages m join sends s using (thread_id)",
    "select e.workspace_id from enrollments e left join sequences s on s.id = e.sequence_id",
]  # fmt: skip


async def furnish(runtime: Runtime) -> Someone:
    """A workspace with something in it."""
    owner = await make_user(runtime)
    mailbox = await make_mailbox(runtime, owner)
    email = await make_message(runtime, mailbox)
    await make_enrollment(runtime, owner, email, await make_sequence(runtime, owner))
    await make_send(runtime, owner, mailbox, email)
    await make_event(runtime, owner)
    await make_call(runtime, owner)
    await make_draft(runtime, owner, mailbox)
    return owner


async def tenant_tables(db: AsyncSession) -> set[str]:
    return set(
        await db.scalars(
            text(
                "select table_name from information_schema.columns"
                " where column_name = 'workspace_id' and table_schema = 'public'"
            )
        )
    )


async def test_every_table_with_a_workspace_is_walled(runtime: Runtime) -> None:
    async with runtime.db.begin() as db:
        tables = await tenant_tables(db)
        walled = set(
            await db.scalars(
                text(
                    "select c.relname from pg_class c join pg_policies p on p.tablename = c.relname"
                    " where c.relrowsecurity and c.relforcerowsecurity"
                )
            )
        )
    print(f"\ntenant tables without a wall: {len(tables - walled)} of {len(tables)}")
    assert len(tables) >= 18
    assert tables - walled == set()


async def test_queries_that_forget_their_workspace_see_no_foreign_rows(runtime: Runtime) -> None:
    ada, _ = await furnish(runtime), await furnish(runtime)
    foreign = 0
    async with runtime.db.begin(ada.scope) as db:
        for query in FORGETFUL:
            rows = (await db.execute(text(query))).mappings().all()
            foreign += sum(row["workspace_id"] != ada.workspace_id for row in rows)
    print(f"\nforeign rows in {len(FORGETFUL)} forgetful queries: {foreign}")
    assert foreign == 0


async def test_without_a_scope_there_are_no_rows(runtime: Runtime) -> None:
    await furnish(runtime)
    async with runtime.db.begin() as db:
        found = [len((await db.execute(text(query))).all()) for query in FORGETFUL]
    assert sum(found) == 0


async def test_a_row_of_another_workspace_can_not_be_written(runtime: Runtime) -> None:
    ada, eve = await furnish(runtime), await furnish(runtime)
    with pytest.raises(DBAPIError, match="row-level security"):
        async with runtime.db.begin(eve.scope) as db:
            await db.execute(text("insert into data_keys values (:ws, 'x', now())"), {"ws": ada.workspace_id})


async def test_no_foreign_key_crosses_workspaces(runtime: Runtime, database: Addresses) -> None:
    """Foreign key checks pass row-level security, so the keys themselves compare the workspace."""
    engine = create_async_engine(database.owner)
    async with engine.connect() as connection:
        keys = (
            await connection.execute(
                text(
                    "select conname, pg_get_constraintdef(oid) as definition from pg_constraint where contype = 'f'"
                    " and confrelid::regclass::text in (select table_name from information_schema.columns"
                    " where column_name = 'workspace_id' and table_schema = 'public')"
                )
            )
        ).all()
    await engine.dispose()
    loose = [key.conname for key in keys if "(workspace_id, " not in key.definition]
    print(f"\nforeign keys to tenant tables without the workspace: {len(loose)} of {len(keys)}")
    assert len(keys) >= 14
    assert loose == []
    ada, eve = await furnish(runtime), await furnish(runtime)
    mailbox = await make_mailbox(runtime, ada, address="second@a.test")
    with pytest.raises(IntegrityError):
        async with runtime.db.begin(eve.scope) as db:
            await db.execute(
                text(
                    "insert into threads (workspace_id, id, mailbox_id, subject, last_at) values (:ws, :id, :m, '', now())"
                ),
                {"ws": eve.workspace_id, "id": new_id(), "m": mailbox.id},
            )


async def test_the_application_role_owns_nothing_and_passes_no_wall(runtime: Runtime) -> None:
    async with runtime.db.begin() as db:
        role = (await db.execute(text("select * from pg_roles where rolname = current_user"))).mappings().one()
        owned = await db.scalar(
            text(
                "select count(*) from pg_class where relowner = (select oid from pg_roles where rolname = current_user)"
            )
        )
    assert not role["rolsuper"]
    assert not role["rolbypassrls"]
    assert not role["rolcreaterole"]
    assert owned == 0


async def test_functions_that_run_as_the_owner_are_these(runtime: Runtime) -> None:
    async with runtime.db.begin() as db:
        rows = (
            await db.execute(
                text(
                    "select p.proname, p.proconfig from pg_proc p join pg_namespace n on n.oid = p.pronamespace"
                    " where p.prosecdef and n.nspname = 'public'"
                )
            )
        ).all()
    assert {row.proname for row in rows} == DEFINER_FUNCTIONS
    assert all(any(each.startswith("search_path=") for each in row.proconfig) for row in rows)


async def test_a_shared_pool_leaks_no_workspace(runtime: Runtime, database: Addresses) -> None:
    pool = Database(database.app, pool_size=5)
    chance = random.Random(4)
    owners = [await furnish(runtime) for _ in range(4)]
    seen: list[bool] = []

    async def work(owner: Someone) -> None:
        for _ in range(10):
            try:
                async with (
                    asyncio.timeout(chance.choice([0.0005, 60, 60, 60])),
                    pool.begin(Scope(owner.workspace_id)) as db,
                ):
                    found = await db.scalars(text("select workspace_id from mailboxes"))
                    seen.extend(each == owner.workspace_id for each in found)
                    if chance.random() < 0.1:
                        await db.execute(text("select 1 / 0"))
            except (TimeoutError, DBAPIError):
                continue

    await asyncio.gather(*(work(owners[number % 4]) for number in range(200)))
    for _ in range(20):
        async with pool.begin() as db:
            assert not await db.scalar(text("select nullif(current_setting('app.ws', true), '')"))
    await pool.aclose()
    print(f"\nforeign rows through one pool of 5: {seen.count(False)} of {len(seen)}")
    assert len(seen) > 1000
    assert all(seen)


async def test_every_table_is_audited_or_there_is_a_reason(runtime: Runtime) -> None:
    audited = text("select c.relname from pg_trigger t join pg_class c on c.oid = t.tgrelid where t.tgname = 'audit'")
    tables = text(
        "select table_name from information_schema.tables where table_schema = 'public' and table_type = 'BASE TABLE'"
    )
    async with runtime.db.begin() as db:
        unaudited = set(await db.scalars(tables)) - set(await db.scalars(audited))
    assert unaudited == set().union(*UNAUDITED.values())


async def test_every_change_leaves_an_entry_without_secrets(runtime: Runtime) -> None:
    ada = await furnish(runtime)
    async with runtime.db.begin(ada.scope) as db:
        await db.execute(text("update mailboxes set name = 'Countess', secret = 'x'::bytea"))
    async with runtime.db.begin(ada.scope) as db:
        entries = (await db.execute(text("select * from audit_entries order by id"))).all()
    actions = {each.action for each in entries}
    assert {"mailboxes.insert", "enrollments.insert", "sequences.insert", "sends.insert"} <= actions
    changed = entries[-1]
    assert (changed.action, changed.before, changed.after) == (
        "mailboxes.update",
        {"name": "Ada Lovelace"},
        {"name": "Countess"},
    )
    assert (changed.user_id, changed.email) == (ada.user.id, ada.user.email)
    kept = "".join(f"{each.before}{each.after}" for each in entries)
    assert "secret" not in kept
    assert "password_hash" not in kept


@pytest.mark.parametrize(
    "change", ["update audit_entries set actor = 'nobody'", "delete from audit_entries", "truncate audit_entries"]
)
async def test_the_audit_trail_only_grows(runtime: Runtime, change: str) -> None:
    ada = await furnish(runtime)
    with pytest.raises(DBAPIError):
        async with runtime.db.begin(ada.scope) as db:
            await db.execute(text(change))
