"""Brings a database to this release's schema, and sets up the two roles that use it."""

import asyncio
import hashlib
import hmac
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from outrider.core.db import as_asyncpg

T = TypeVar("T")

# PostgreSQL 15, as server_version_num writes it.
OLDEST = 150_000
# Of several instances that start at once, one migrates and the others wait.
LOCK = 0x6F757472_69646572
LOCK_SECONDS, TRIES = 2, 15
LOCKED = "55P03"  # PostgreSQL: lock_not_available
ROLE_ATTRIBUTES = "login nosuperuser nobypassrls nocreatedb nocreaterole noreplication"


class RoleProblem(Exception):
    """The application's role is missing or has rights it must not have; the message says what to do."""


async def upgrade(owner_url: str | URL, *, app_role: str) -> list[str]:
    """Applies every pending migration as the owner; returns their identifiers, oldest first.

    While it waits for a table, everybody else who wants that table waits behind it: so never long, but again.
    """

    def run(connection: Connection) -> list[str]:
        connection.execute(text("select pg_advisory_xact_lock(:key)"), {"key": LOCK})
        connection.execute(text(f"set local lock_timeout = '{LOCK_SECONDS}s'"))
        pending = _pending(connection)
        config = _config()
        config.attributes.update(connection=connection, app_role=app_role)
        command.upgrade(config, "head")
        return pending

    for _ in range(TRIES - 1):
        try:
            return await _as_owner(owner_url, run)
        except DBAPIError as error:
            if getattr(error.orig, "sqlstate", "") != LOCKED:
                raise
        await asyncio.sleep(LOCK_SECONDS)
    return await _as_owner(owner_url, run)


async def pending(url: str | URL) -> list[str]:
    """Returns the migrations that the database lacks, oldest first."""
    return await _as_owner(url, _pending)


async def version(url: str | URL) -> tuple[int, str]:
    """Returns the server's version, as a number such as 150004 and in words."""

    def run(connection: Connection) -> tuple[int, str]:
        number = connection.execute(text("show server_version_num")).scalar_one()
        return int(number), str(connection.execute(text("show server_version")).scalar_one())

    return await _as_owner(url, run)


async def ensure_app_role(owner_url: str | URL, *, role: str, password: str | None) -> None:
    """Creates the application's role or renews its password, which owns nothing and can't pass row-level security."""

    def run(connection: Connection) -> None:
        exists = connection.execute(text("select 1 from pg_roles where rolname = :role"), {"role": role}).scalar()
        if exists and not password:
            return
        verb, attributes = ("alter", "login") if exists else ("create", ROLE_ATTRIBUTES)
        # Utility statements take no parameters: the role matches [a-z0-9_]+ and the password is hexadecimal.
        secret = f" password '{password}'" if password else ""
        try:
            connection.exec_driver_sql(f'{verb} role "{role}" {attributes}{secret}')
        except Exception as error:
            raise RoleProblem(
                f"Can't {verb} the role {role}: {error.__cause__ or error}. As an administrator run: create role {role} "
                "login password '…'; then set DATABASE_APP_URL to an address with that role."
            ) from error

    await _as_owner(owner_url, run)


async def check_app_role(app_url: str | URL) -> None:
    """Raises RoleProblem unless the application's role is bound by row-level security."""

    def run(connection: Connection) -> None:
        row = connection.execute(
            text(
                "select r.rolname, r.rolsuper, r.rolbypassrls,"
                " (select count(*) from pg_class c where c.relowner = r.oid and c.relkind in ('r', 'p')) as owned"
                " from pg_roles r where r.rolname = current_user"
            )
        ).one()
        if row.rolsuper or row.rolbypassrls or row.owned:
            raise RoleProblem(
                f"The application must not connect as {row.rolname}, which passes row-level security (superuser, "
                "BYPASSRLS or owner of tables). Set DATABASE_APP_URL to an address of a plain role."
            )

    await _as_owner(app_url, run)


def derived_password(secret: str, role: str) -> str:
    """The application role's password where none was given: derived from a secret that only this server knows."""
    return hmac.new(secret.encode(), f"database-role:{role}".encode(), hashlib.sha256).hexdigest()


def scripts() -> Path:
    """Returns the folder of migrations: inside the wheel, or beside `src` in a checkout."""
    packaged = Path(__file__).parent.parent / "migrations"
    return packaged if packaged.exists() else Path(__file__).parents[3] / "migrations"


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(scripts()))
    return config


def _pending(connection: Connection) -> list[str]:
    current = MigrationContext.configure(connection).get_current_revision()
    script = ScriptDirectory.from_config(_config())
    head = script.get_current_head()
    if head is None or current == head:
        return []
    return [revision.revision for revision in reversed(list(script.iterate_revisions(head, current or "base")))]


async def _as_owner(url: str | URL, work: Callable[[Connection], T]) -> T:
    engine = create_async_engine(as_asyncpg(url), poolclass=NullPool, connect_args={"timeout": 10})
    try:
        async with engine.begin() as connection:
            return await connection.run_sync(work)
    finally:
        await engine.dispose()
