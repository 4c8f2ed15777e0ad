"""Bringing the database up for a process: the embedded server or an outside one, roles, migrations, key check."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from uuid import UUID

import asyncpg
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from outrider.core import embedded, migrations
from outrider.core.crypto import Keyring, SecretUnreadableError
from outrider.core.db import Database, as_asyncpg
from outrider.core.embedded import DATABASE, OWNER, EmbeddedServer
from outrider.runtime import Addresses, Runtime, addresses, open_runtime
from outrider.settings import Settings, SettingsError

# The installation's own canary is sealed like a workspace's secret, under this identifier.
CANARY = UUID(int=0)


@asynccontextmanager
async def database(settings: Settings, *, migrate: bool) -> AsyncIterator[Addresses]:
    """Starts or joins the database; the embedded server stops with the last process that uses it.

    Raises KeyringError before anything is started where the keys are none.
    """
    Keyring(settings.encryption_keys.get_secret_value() if settings.encryption_keys else "")
    server: EmbeddedServer | None = None
    if settings.is_embedded:
        server = await asyncio.to_thread(embedded.start, settings.data_dir)
    try:
        if server is not None:
            with _told(f"Making the database in OUTRIDER_DATA_DIR={settings.data_dir}"):
                await create_embedded_database(server)
        found = addresses(settings, server)
        if migrate:
            await prepare(settings, found)
        yield found
    finally:
        if server is not None:
            await asyncio.to_thread(server.stop)


@asynccontextmanager
async def running(settings: Settings, *, name: str) -> AsyncIterator[Runtime]:
    """Opens the database and a runtime on it. The embedded database is migrated by whoever starts it."""
    async with database(settings, migrate=settings.is_embedded) as found:
        if not settings.is_embedded:
            await check_ready(settings, found)
        async with open_runtime(settings, found.app, name=name) as runtime:
            yield runtime


async def prepare(settings: Settings, found: Addresses) -> list[str]:
    """Creates the application's role, applies migrations, checks the keys. Returns the migrations applied.

    Raises SettingsError where the database can't be reached or brought to this release's schema.
    """
    await reach(found)
    where = f" in OUTRIDER_DATA_DIR={settings.data_dir}" if settings.is_embedded else ""
    with _told(f"Bringing the database{where} to this release's schema"):
        if settings.database_app_url is None:
            await migrations.ensure_app_role(found.owner, role=settings.database_app_role, password=found.app.password)
        applied = await migrations.upgrade(found.owner, app_role=found.app.username or settings.database_app_role)
        await migrations.check_app_role(found.app)
    await check_keys(settings, found)
    return applied


async def reach(found: Addresses, *, oldest: int = migrations.OLDEST) -> None:
    """Raises SettingsError where the database can't be reached, or is older than what the schema is written for."""
    try:
        number, name = await migrations.version(found.owner)
    except (OSError, TimeoutError, asyncpg.PostgresError, DBAPIError) as error:
        place = found.owner.render_as_string(hide_password=True)
        cause = getattr(error, "orig", None) or error
        raise SettingsError(
            f"The database {place} can't be used: {cause}. Check DATABASE_URL, and that the server runs."
        ) from None
    if number < oldest:
        raise SettingsError(f"The database is PostgreSQL {name}. Outrider needs {oldest // 10_000} or newer.")


async def check_ready(settings: Settings, found: Addresses) -> None:
    """For processes that don't migrate: the database must be there, at this release's schema, with these keys."""
    await reach(found)
    if missing := await migrations.pending(found.owner):
        raise SettingsError(f"The database lacks migrations ({', '.join(missing)}). Run: outrider migrate")
    await migrations.check_app_role(found.app)
    await check_keys(settings, found)


async def check_keys(settings: Settings, found: Addresses) -> None:
    """Refuses keys that can't read what this database holds. The first start leaves a canary to check against."""
    assert settings.encryption_keys is not None  # noqa: S101  # settings.load saw to it
    keyring = Keyring(settings.encryption_keys.get_secret_value())
    own = Database(found.app, pool_size=2)
    try:
        async with own.begin() as db:
            kept = await db.scalar(text("select key_check from installation for update"))
            if kept is None:
                await db.execute(
                    text("update installation set key_check = :canary"), {"canary": keyring.new_data_key(CANARY)}
                )
                return
            keyring.vault(CANARY, bytes(kept))
            if not keyring.is_current(bytes(kept)):
                rewrapped = keyring.rewrap(CANARY, bytes(kept))
                await db.execute(text("update installation set key_check = :canary"), {"canary": rewrapped})
    except SecretUnreadableError:
        raise SettingsError(
            "OUTRIDER_ENCRYPTION_KEYS can't read this database's secrets: it was made with another key. "
            "Put the earlier key back (beside the new one, after a comma)."
        ) from None
    finally:
        await own.aclose()


async def create_embedded_database(server: EmbeddedServer) -> None:
    engine = create_async_engine(as_asyncpg(server.admin_url), isolation_level="AUTOCOMMIT", poolclass=NullPool)
    try:
        async with engine.connect() as admin:
            # Two processes may start at once; the loser finds the work done.
            await admin.execute(text("select pg_advisory_lock(:key)"), {"key": migrations.LOCK})
            if not await admin.scalar(text("select 1 from pg_roles where rolname = :name"), {"name": OWNER}):
                await admin.exec_driver_sql(f"create role {OWNER} login createrole")
            if not await admin.scalar(text("select 1 from pg_database where datname = :name"), {"name": DATABASE}):
                await admin.exec_driver_sql(f"create database {DATABASE} owner {OWNER}")
    finally:
        await engine.dispose()


@contextmanager
def _told(doing: str) -> Iterator[None]:
    # What the database refuses, such as for want of space, is the operator's to mend.
    try:
        yield
    except DBAPIError as error:
        cause = error.orig and error.orig.__cause__
        raise SettingsError(f"{doing} failed: {str(cause or error.orig).rstrip('.')}.") from error
