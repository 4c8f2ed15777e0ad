"""JSON for the database's side: payloads of jobs and events."""

from typing import Any
from uuid import UUID

import orjson


def encode(value: Any) -> bytes:
    return orjson.dumps(value, default=_plain)


def _plain(value: Any) -> str:
    # asyncpg brings a UUID class of its own, which orjson does not take for one.
    if isinstance(value, UUID):
        return str(value)
    raise TypeError(f"{type(value).__name__} has no place in a payload")
