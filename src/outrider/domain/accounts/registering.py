"""Registering: whoever asks learns nothing of who is known here (OWASP Authentication Cheat Sheet)."""

import contextlib
from collections.abc import Collection

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from outrider.core import passwords
from outrider.core.db import Database, Scope
from outrider.core.ids import new_id
from outrider.domain.accounts import newcomers, queries
from outrider.domain.accounts.actions import add_user, check_timezone, normalise_email
from outrider.domain.accounts.models import User

ACTOR = "register"
SHORTEST = 15  # characters, where nothing but the password proves who it is (NIST SP 800-63B 3.1.1.2)


async def register(
    database: Database,
    *,
    email: str,
    password: str,
    name: str,
    timezone: str,
    sign_up: Collection[str],
    request_id: str = "",
) -> str:
    """Makes an account unless there is one of this address, in the same time and without a word of it.

    Returns the address as it is compared. Raises Invalid, WeakPassword or Forbidden by what was sent alone.
    """
    email = normalise_email(email)
    check_timezone(timezone)
    passwords.check_strength(password, email=email, shortest=SHORTEST)
    async with database.begin(Scope(actor=ACTOR, request_id=request_id)) as db:
        await newcomers.check_welcome(db, email, sign_up)
    # Outside of transactions: hashing is slow on purpose.
    user = User(email=email, name=name, timezone=timezone, password_hash=await passwords.hash_password(password))
    async with database.begin(Scope(actor=ACTOR, request_id=request_id)) as db:
        await newcomers.check_welcome(db, email, sign_up)
        if await queries.user_by_email(db, email) is None:
            await _add(db, user)
        else:
            await _pretend(db, user)
    return email


async def _add(db: AsyncSession, user: User) -> None:
    # Of two who register one address at the same time, the second learns as little as one who comes later.
    with contextlib.suppress(IntegrityError):
        async with db.begin_nested():
            await add_user(db, user, actor=ACTOR)


async def _pretend(db: AsyncSession, user: User) -> None:
    """Does the work of a new account and undoes it: how long an answer takes must tell nothing either."""
    user.email = f"{new_id().hex}@nobody.invalid"
    with contextlib.suppress(_Undone):
        async with db.begin_nested():
            await add_user(db, user, actor=ACTOR)
            raise _Undone


class _Undone(Exception):
    """Ends the inner transaction of an account that is none."""
