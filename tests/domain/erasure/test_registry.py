"""The registry of tables is whole, and in an order that can be erased in."""

from sqlalchemy import text

from outrider.core.db import Model
from outrider.domain import all_models
from outrider.domain.erasure.registry import BY_THEMSELVES, NOBODYS, PERSONAL
from outrider.runtime import Runtime


async def test_every_table_of_the_database_is_in_the_registry(runtime: Runtime) -> None:
    async with runtime.db.begin() as db:
        tables = set(await db.scalars(text("select relname from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p')")))  # fmt: skip
    known = [each.table for each in PERSONAL] + [*BY_THEMSELVES, *NOBODYS]
    print(f"\ntables that no erasure knows: {len(tables - set(known))} of {len(tables)}")
    assert len(known) == len(set(known))
    assert tables - set(known) == set(), "say in the registry what of it is erased with an account"
    assert set(known) - tables == set()


async def test_every_personal_table_names_its_workspace_and_its_user_as_the_registry_says(runtime: Runtime) -> None:
    async with runtime.db.begin() as db:
        rows = (
            await db.execute(
                text("select table_name, column_name from information_schema.columns where table_schema = 'public'")
            )
        ).all()
    columns = {(row.table_name, row.column_name) for row in rows}
    assert [each.table for each in PERSONAL if (each.table, "workspace_id") not in columns] == []
    assert [each.table for each in PERSONAL if ((each.table, "user_id") in columns) != (each.whose is not None)] == []


def test_what_refers_to_another_is_erased_first() -> None:
    all_models.load()
    place = {each.table: number for number, each in enumerate(PERSONAL)}
    wrong = [
        (table.name, key.referred_table.name)
        for table in Model.metadata.sorted_tables
        for key in table.foreign_key_constraints
        if table.name in place
        and key.referred_table.name in place
        and key.ondelete in {"NO ACTION", "RESTRICT", None}
        and place[table.name] > place[key.referred_table.name]
    ]
    assert wrong == []
