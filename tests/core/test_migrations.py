"""Migrations: complete, one line, and the same as the models."""

import runpy

import asyncpg
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import create_async_engine

from outrider.core import migrations
from outrider.core.db import Model, as_asyncpg
from outrider.core.embedded import OWNER, EmbeddedServer
from outrider.core.ids import new_id
from outrider.domain import all_models
from outrider.domain.people import actions
from outrider.domain.people.person import make_person
from outrider.providers.mail.imap_fetch import Position
from outrider.runtime import Addresses, Runtime
from tests.factories.accounts import make_user


async def test_models_and_migrations_say_the_same(database: Addresses) -> None:
    all_models.load()

    def differences(connection: Connection) -> list[object]:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "include_object": _is_modelled})
        return list(compare_metadata(context, Model.metadata))

    assert await migrations._as_owner(database.owner, differences) == []


def test_migrations_stand_in_one_line() -> None:
    script = ScriptDirectory(str(migrations.scripts()))
    assert len(script.get_heads()) == 1


async def test_a_migrated_database_lacks_nothing(database: Addresses) -> None:
    assert await migrations.pending(database.owner) == []
    number, name = await migrations.version(database.owner)
    assert number >= 150_000
    assert name


def test_the_derived_password_depends_on_secret_and_role() -> None:
    made = {migrations.derived_password(secret, role) for secret in "ab" for role in "xy"}
    assert len(made) == 4
    assert all(len(each) == 64 for each in made)


def _is_modelled(_object: object, _name: str | None, kind: str, is_reflected: bool, counterpart: object) -> bool:
    # The toolbox's own tables have no models.
    return not (kind == "table" and is_reflected and counterpart is None)


EARLIER = """
insert into users (id, email, name, timezone, failures, created_at, updated_at)
    values (:id, 'ada@a.test', '', 'UTC', 0, now(), now());
insert into workspaces (id, name, created_at, updated_at) values (:id, '', now(), now());
insert into mailboxes (workspace_id, id, user_id, provider, address, name, state, servers, auth, daily_limit, sent_folder,
    connected_at, sync_failures, created_at, updated_at)
    values (:id, :id, :id, 'imap', 'ada@a.test', '', 'connected', '{}', 'password', 50, 'Sent', now(), 0, now(), now());
insert into folders (workspace_id, id, mailbox_id, name, uid_validity, last_uid, mod_seq, remaining, is_complete)
    values (:id, :id, :id, 'INBOX', 17, 42, 99, 0, true);
insert into folders (workspace_id, id, mailbox_id, name, remaining, is_complete) values (:id, :other, :id, 'Sent', 0, false);
insert into threads (workspace_id, id, mailbox_id, subject, last_at) values (:id, :id, :id, '', now());
insert into messages (workspace_id, id, mailbox_id, user_id, thread_id, identity, in_reply_to, refs, direction, kind,
    evidence, from_address, from_name, recipients, cc, subject, snippet, text, html, size, sent_at, received_at,
    updated_at, bounced)
    values (:id, :id, :id, :id, :id, '', '{}', '{}', 'in', 'human', '', '', '', '[]', '[]', '', '', '', '', 0, now(),
    now(), now(), '{}');
insert into places (workspace_id, folder_id, uid_validity, uid, message_id) values (:id, :id, 17, 42, :id)
"""


async def test_a_mailbox_of_an_earlier_release_is_read_on_from_where_it_was(
    server: EmbeddedServer, database: Addresses
) -> None:
    admin = create_async_engine(as_asyncpg(server.admin_url), isolation_level="AUTOCOMMIT")
    async with admin.connect() as connection:
        await connection.execute(text(f"create database earlier owner {OWNER}"))
        try:
            url = as_asyncpg(server.url(OWNER, "earlier"))

            def fill(connection: Connection) -> None:
                config = migrations._config()
                config.attributes.update(connection=connection, app_role="outrider_app")
                command.upgrade(config, "0004")
                values = {"id": new_id(), "other": new_id()}
                connection.execute(text("select set_config('app.ws', :id, true)"), {"id": str(values["id"])})
                for statement in EARLIER.split(";\n"):
                    connection.execute(text(statement), values)
                connection.execute(text("select set_config('app.ws', '', true)"))

            def read(connection: Connection) -> tuple[list[str | None], list[str]]:
                workspace = connection.execute(text("select id from workspaces")).scalar_one()
                connection.execute(text("select set_config('app.ws', :id, true)"), {"id": str(workspace)})
                cursors = connection.execute(text("select cursor from folders order by name")).scalars().all()
                return list(cursors), list(connection.execute(text("select remote_id from places")).scalars())

            await migrations._as_owner(url, fill)
            await migrations.upgrade(url, app_role="outrider_app")
            cursors, places = await migrations._as_owner(url, read)
        finally:
            await connection.execute(text("drop database earlier with (force)"))
    await admin.dispose()
    assert cursors[0] is not None
    assert Position.read(cursors[0]) == Position(uid_validity=17, last_uid=42, mod_seq=99)
    assert (cursors[1], places) == (None, ["17.42"])


async def test_contacts_from_before_are_found_by_the_same_words(runtime: Runtime, database: Addresses) -> None:
    ada = await make_user(runtime)
    people = [
        make_person(name=name, emails=[(f"{name.split()[0]}.x@b.test", "")], organisations=[{"name": "Müller & Søn"}])
        for name in ("Zoë Łukasz", "Grace O'Neil", "Œdipe Æro")
    ]
    async with runtime.db.begin(ada.scope) as db:
        await actions.upsert(db, ada.workspace_id, None, people, provider="csv", account="")
    owner = await asyncpg.connect(database.owner.set(drivername="postgresql").render_as_string(hide_password=False))
    attempt = owner.transaction()
    await attempt.start()
    for table in ("contacts", "contact_emails", "contact_words"):
        await owner.execute(f"alter table {table} no force row level security")
    await owner.execute("delete from contacts where workspace_id <> $1", ada.workspace_id)  # whatever others left
    kept = "select contact_id, word from contact_words where workspace_id = $1 order by 1, 2"
    written = await owner.fetch(kept, ada.workspace_id)
    await owner.execute("delete from contact_words")
    await owner.execute(runpy.run_path(str(migrations.scripts() / "versions/0011_pipeline.py"))["WORDS"])
    assert await owner.fetch(kept, ada.workspace_id) == written
    await attempt.rollback()
    await owner.close()
