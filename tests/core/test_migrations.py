"""Migrations: complete, one line, and the same as the models."""

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from outrider.core import migrations
from outrider.core.db import Model
from outrider.domain import all_models
from outrider.runtime import Addresses


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
