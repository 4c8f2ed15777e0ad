"""Who may make an account by themselves: whom the operator lets in, and always the first user of all."""

from collections.abc import Collection

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from outrider.core.errors import Forbidden
from outrider.domain.accounts import queries

# Of two who come to an empty server at once, one is the first.
LOCK = text("select pg_advisory_xact_lock(hashtextextended('accounts:first', 0))")


async def is_open(db: AsyncSession, sign_up: Collection[str]) -> bool:
    """Whether anybody at all may register."""
    return bool(sign_up) or not await queries.has_users(db)


async def check_welcome(db: AsyncSession, email: str, sign_up: Collection[str]) -> None:
    """Raises Forbidden where newcomers with such an address are not let in. `sign_up` holds addresses, domains, or `*`."""
    if {"*", email.lower(), email.rpartition("@")[2].lower()} & {each.lower() for each in sign_up}:
        return
    await db.execute(LOCK)
    if await queries.has_users(db):
        raise Forbidden(f"{email} is not known here. Ask the operator of this server to add you.")
