"""Many rows in one statement: each column travels as one array. (COPY would be the usual way; it refuses tables that
row-level security guards.)
"""

from collections.abc import Callable, Mapping, Sequence
from enum import Enum as AnyEnum
from functools import lru_cache
from typing import Any, cast

from sqlalchemy import ARRAY, Enum, Table, TextClause, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.types import TypeEngine

from outrider.core.db import Model
from outrider.core.encoding import encode

_DIALECT = postgresql.dialect()  # type: ignore[no-untyped-call]  # the library's is untyped


async def insert(
    db: AsyncSession,
    model: type[Model],
    rows: Sequence[Mapping[str, Any]],
    *,
    otherwise: str = "on conflict do nothing",
) -> None:
    """Inserts rows that name the same attributes; what they don't name is the database's default, never the model's.

    `otherwise` is a constant of ours: what happens where a row is there already.
    """
    if not rows:
        return
    names = tuple(rows[0])
    statement, writers = _prepared(model, names, otherwise)
    columns = {
        f"c{place}": [write(row[name]) for row in rows]
        for place, (name, write) in enumerate(zip(names, writers, strict=True))
    }
    await db.execute(statement, columns)


@lru_cache(maxsize=50)
def _prepared(
    model: type[Model], names: tuple[str, ...], otherwise: str
) -> tuple[TextClause, tuple[Callable[[Any], Any], ...]]:
    table = cast("Table", model.__table__)
    columns = [model.__mapper__.columns[name] for name in names]
    carried, chosen, writers = [], [], []
    for place, column in enumerate(columns):
        kind = column.type.compile(_DIALECT)
        carrier, write = _carrier(column.type, kind)
        carried.append(f"cast(:c{place} as {carrier}[])")
        chosen.append(f"cast(v{place} as {kind})" if carrier != kind else f"v{place}")
        writers.append(write)
    values = ", ".join(f"v{place}" for place in range(len(names)))
    statement = (
        f"insert into {table.name} ({', '.join(column.name for column in columns)})"  # names of ours
        f" select {', '.join(chosen)} from unnest({', '.join(carried)}) as given({values}) {otherwise}"
    )
    return text(statement), tuple(writers)


def _carrier(column: TypeEngine[Any], kind: str) -> tuple[str, Callable[[Any], Any]]:
    """The type of which an array is sent, and how a value of it is written. Lists of unequal length fit no array."""
    if isinstance(column, ARRAY):
        return "text", _as_literal
    if isinstance(column, JSONB):
        return "text", lambda value: None if value is None else encode(value).decode()
    if isinstance(column, Enum):
        return "text", lambda value: value.value if isinstance(value, AnyEnum) else value
    return kind, lambda value: value


def _as_literal(items: Sequence[str]) -> str:
    if not items:
        return "{}"
    return "{" + ",".join('"' + item.replace("\\", "\\\\").replace('"', '\\"') + '"' for item in items) + "}"
