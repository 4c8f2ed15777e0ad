"""One row in every table of a workspace, each carrying a word that can be looked for."""

from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, BigInteger, Boolean, Date, DateTime, Double, Enum, LargeBinary, String, Table, Uuid, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.sql.schema import Column

from outrider.core import jobs
from outrider.core.clock import now
from outrider.core.db import Model, Scope
from outrider.core.ids import new_id
from outrider.domain import all_jobs, all_models
from outrider.domain.accounts.permissions import Actor
from outrider.domain.accounts.vault import open_vault
from outrider.runtime import Addresses, Runtime
from tests.factories.accounts import Someone, make_user

# Made by the user's own factory, or belonging to nobody.
MADE_ALREADY = {"users", "workspaces", "members", "sessions", "erasures", "data_keys"}

# No other test's worker shall find a mailbox at a provider that there is not.
LEFT_ALONE = text("update mailboxes set state = 'disconnected'")


async def furnish(runtime: Runtime, word: str, *, workspace_id: UUID | None = None) -> Someone:
    """Makes a user whose every text is the word, with a row in each table that knows workspaces."""
    all_models.load()
    all_jobs.load()
    someone = await make_user(runtime, email=f"{word}@a.test", name=word, workspace_id=workspace_id)
    made: dict[str, dict[str, Any]] = {
        "users": {"id": someone.user.id},
        "workspaces": {"id": someone.workspace_id},
        "sessions": {"workspace_id": someone.workspace_id, "id": someone.actor.session_id},
    }
    async with runtime.db.begin(Scope(someone.workspace_id, someone.user.id, someone.user.email)) as db:
        for table in Model.metadata.sorted_tables:
            if table.name not in MADE_ALREADY:
                made[table.name] = row_of(table, someone.actor, made, word)
                await db.execute(table.insert(), made[table.name])
        await open_vault(db, runtime.keyring, someone.workspace_id)
        await _unmodelled(db, someone, word)
        await db.execute(LEFT_ALONE)
    return someone


async def _unmodelled(db: AsyncSession, someone: Someone, word: str) -> None:
    ws = {"ws": someone.workspace_id, "word": word, "id": new_id()}
    await db.execute(
        text("insert into events (workspace_id, id, name, payload) values (:ws, :id, 'x', jsonb_build_object('a', cast(:word as text)))"),
        ws,
    )  # fmt: skip
    await db.execute(
        text("insert into idempotency_keys (workspace_id, route, key, fingerprint, body)"
             " values (:ws, :word, :word, 'x', convert_to(:word, 'UTF8'))"),
        ws,
    )  # fmt: skip
    await jobs.enqueue(db, "grants.revoke", delay=86_400, workspace_id=someone.workspace_id, grant_id=new_id(),
                       attempt=1, word=word)  # fmt: skip


def row_of(table: Table, actor: Actor, made: dict[str, dict[str, Any]], word: str) -> dict[str, Any]:
    row: dict[str, Any] = {}
    for column in table.columns:
        if column.name == "workspace_id":
            row[column.name] = actor.workspace_id
        elif column.name in {"user_id", "owner_id"}:
            row[column.name] = actor.user_id
        else:
            row[column.name] = _value(column, made, word)
    return row


def _value(column: "Column[Any]", made: dict[str, dict[str, Any]], word: str) -> Any:
    for key in column.foreign_keys:
        target = key.column
        if target.table.name in made:
            return made[target.table.name][target.name]
        if column.nullable and target.table is column.table:
            return None
    kinds: list[tuple[type[Any], Any]] = [
        (Enum, lambda: column.type.enums[0]),  # type: ignore[attr-defined]
        (Double, lambda: 1.0), (Uuid, new_id), (String, lambda: word), (JSONB, lambda: {"word": word}), (DateTime, now),
        (Date, lambda: now().date()), (Boolean, lambda: False), (BigInteger, lambda: 1), (ARRAY, list),
        (LargeBinary, f"{column.name}{word}".encode),
    ]  # fmt: skip
    return next(make() for kind, make in kinds if isinstance(column.type, kind))


async def where_it_is(database: Addresses, admin: Any, word: str) -> dict[str, int]:
    """Looks through every row of every table for a word, past all walls."""
    engine = create_async_engine(admin)
    found: dict[str, int] = {}
    try:
        async with engine.connect() as connection:
            for table in await _tables(connection):
                # Bytes show as hexadecimal digits.
                count = await connection.scalar(
                    text(f"select count(*) from {table} t where t::text like :word or t::text like :hexed"),
                    {"word": f"%{word}%", "hexed": f"%{word.encode().hex()}%"},
                )
                if count:
                    found[table] = count
    finally:
        await engine.dispose()
    return found


async def _tables(connection: Any) -> list[str]:
    rows = await connection.scalars(
        text("select table_name from information_schema.tables where table_schema = 'public' and table_type = 'BASE TABLE'")
    )  # fmt: skip
    return list(rows)
