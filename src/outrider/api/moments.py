"""Moments as every surface's wire has them: any ISO 8601 text in, UTC with Z and milliseconds out."""

import re
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, PlainSerializer, WithJsonSchema

EARLIEST, LATEST = datetime(1971, 1, 1, tzinfo=UTC), datetime(9000, 1, 1, tzinfo=UTC)
ISO = re.compile(r"\d{4}-\d\d-\d\d([T ]|$)", re.ASCII)


def _iso(value: Any) -> Any:
    # A bare number could be seconds or milliseconds: the wire has ISO 8601 alone.
    if isinstance(value, datetime) or (isinstance(value, str) and ISO.match(value)):
        return value
    raise ValueError("write a moment such as 2026-11-21T09:30:00Z")


def _utc(at: datetime) -> datetime:
    # Nothing here is older than mail; the ends of the calendar have no room for a span or another zone.
    if at.year < EARLIEST.year:
        return EARLIEST
    if at.year > LATEST.year:
        return LATEST
    return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)


def _z(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


Moment = Annotated[
    datetime,
    BeforeValidator(_iso),
    AfterValidator(_utc),
    PlainSerializer(_z, return_type=str),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
