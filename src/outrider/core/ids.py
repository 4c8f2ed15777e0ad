"""Identifiers: UUID version 7 (RFC 9562), so that primary keys grow with time."""

from uuid import UUID

from uuid_utils.compat import uuid7


def new_id() -> UUID:
    """Returns a fresh UUIDv7 as the standard library's `uuid.UUID`."""
    return uuid7()
