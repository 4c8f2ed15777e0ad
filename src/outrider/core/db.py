"""The database: one transaction a request or job, always under a workspace's scope. Nothing else commits.

Row-level security holds every tenant table a second time. Its policies read `app.ws`, set here with
transaction scope as the first statement; without it there are no rows (see docs/decisions/0001).
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar
from uuid import UUID

import asyncpg
import orjson
from sqlalchemy import BigInteger, DateTime, Enum, MetaData, event, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.engine import URL, Connection, make_url
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Session, SessionTransaction

from outrider.core.encoding import encode
from outrider.core.errors import AppError
from outrider.core.ids import new_id

SCOPE, BEGUN = "scope", "begun"
SET_SCOPE = text(
    "select set_config('app.ws', :ws, true), set_config('app.user', :user, true),"
    " set_config('app.actor', :actor, true), set_config('app.email', :email, true),"
    " set_config('app.request', :request, true)"
)


def _values(words: type[StrEnum]) -> list[str]:
    return [word.value for word in words]


class Model(DeclarativeBase):
    """Base of every table. JSON is JSONB, times are `timestamptz`."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map: ClassVar = {
        int: BigInteger,  # IMAP's numbers are unsigned 32 bits wide, its mod-sequences 63
        datetime: DateTime(timezone=True),
        # Kept as words, so that a new one needs no migration; anything else in the column is an error on reading.
        StrEnum: Enum(StrEnum, native_enum=False, length=40, values_callable=_values),
        dict[str, Any]: JSONB,
        list[dict[str, str]]: JSONB,
    }


@dataclass(frozen=True, slots=True)
class Scope:
    """Under whose name a transaction runs: it opens one workspace's rows and signs the audit trail."""

    workspace_id: UUID | None = None
    user_id: UUID | None = None
    email: str = ""
    actor: str = "system"
    request_id: str = ""


NOBODY = Scope()


class Database:
    """A pool of connections of the application's role."""

    def __init__(
        self,
        url: str | URL,
        *,
        pool_size: int = 10,
        statement_timeout: float = 5.0,
        name: str = "outrider",
        through_pooler: bool = False,
    ):
        """`through_pooler`: another process (PgBouncer) gives each transaction a connection; nothing may outlive one."""
        self.url = as_asyncpg(url)
        self.engine = create_async_engine(
            self.url,
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=10,
            hide_parameters=True,  # an error must not carry what was to be stored into the log
            json_serializer=lambda value: encode(value).decode(),
            json_deserializer=orjson.loads,
            connect_args=_through_pooler() if through_pooler else _directly(name, statement_timeout),
        )
        self._sessions = async_sessionmaker(self.engine, class_=AsyncSession, expire_on_commit=False, autoflush=False)

    @asynccontextmanager
    async def begin(self, scope: Scope = NOBODY) -> AsyncIterator[AsyncSession]:
        """Opens one transaction under a scope; commits at the end, rolls back on any error."""
        async with self._sessions(info={SCOPE: scope}) as session, session.begin():
            yield session

    async def aclose(self) -> None:
        await self.engine.dispose()


def _directly(name: str, statement_timeout: float) -> dict[str, Any]:
    return {
        "timeout": 10,
        "server_settings": {
            "application_name": name,
            "statement_timeout": str(int(statement_timeout * 1000)),
            "idle_in_transaction_session_timeout": "30000",
            "timezone": "UTC",
            "jit": "off",  # short queries: compiling them takes longer than running them
        },
    }


def _through_pooler() -> dict[str, Any]:
    # A prepared statement may be asked for on another connection than the one that knows it: none is kept by name.
    return {
        "timeout": 10,
        "statement_cache_size": 0,
        "prepared_statement_cache_size": 0,
        "prepared_statement_name_func": lambda: f"__{new_id()}__",
    }


@event.listens_for(Session, "after_begin")
def _set_scope(session: Session, _transaction: SessionTransaction, connection: Connection) -> None:
    # The first statement of every transaction, whoever opened it; transaction-local, so a pool can't leak it.
    session.info[BEGUN] = True
    scope = session.info.get(SCOPE)
    if scope is not None and scope is not NOBODY:
        connection.execute(SET_SCOPE, _parameters(scope))


async def set_scope(db: AsyncSession, scope: Scope) -> None:
    """Narrows a transaction that began under nobody, once the caller is known. One that has asked nothing yet sets it with
    its first statement.
    """
    note_scope(db, scope)
    if BEGUN in db.info:
        await db.execute(SET_SCOPE, _parameters(scope))


def note_scope(db: AsyncSession, scope: Scope) -> None:
    """Keeps a scope of which a statement of the caller's has set what was missing."""
    current: Scope = db.info[SCOPE]
    if current.workspace_id not in (None, scope.workspace_id):
        raise AppError("A transaction can't change its workspace.")
    db.info[SCOPE] = scope


def _parameters(scope: Scope) -> dict[str, str]:
    return {
        "ws": str(scope.workspace_id or ""),
        "user": str(scope.user_id or ""),
        "actor": scope.actor,
        "email": scope.email,
        "request": scope.request_id,
    }


async def driver(db: AsyncSession) -> "asyncpg.Connection[Any]":
    """Returns the session's own asyncpg connection, inside its transaction."""
    raw = await (await db.connection()).get_raw_connection()
    connection: asyncpg.Connection[Any] = raw.driver_connection
    return connection


def as_asyncpg(url: str | URL) -> URL:
    """Accepts `postgres://`, `postgresql://` and SQLAlchemy's spelling of a PostgreSQL address."""
    parsed = make_url(url.replace("postgres://", "postgresql://", 1) if isinstance(url, str) else url)
    if not parsed.drivername.startswith("postgresql"):
        raise ValueError("DATABASE_URL must be a PostgreSQL address such as postgresql://user:password@host/name")
    return parsed.set(drivername="postgresql+asyncpg")
