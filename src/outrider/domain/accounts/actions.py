"""Writes of users, workspaces and access keys."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from uuid import UUID
from zoneinfo import ZoneInfo, available_timezones

from email_validator import EmailNotValidError, validate_email
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from outrider.core import passwords, tokens
from outrider.core.clock import now
from outrider.core.db import Scope, set_scope
from outrider.core.errors import Conflict, Forbidden, Invalid
from outrider.core.ids import new_id
from outrider.domain.accounts import newcomers, queries, sessions
from outrider.domain.accounts.models import AccessKey, Member, Role, Session, User, Workspace
from outrider.domain.accounts.permissions import Permission

# Local parts that are what they seem (a part of RFC 5321's dot-string), and domains that leave them room.
PLAIN = re.compile(r"(?=.{1,64}$)[A-Za-z0-9_+-]+(?:\.[A-Za-z0-9_+-]+)*")
LONGEST_PLAIN = 150


class EmailTaken(Conflict):
    code = "email_taken"


@dataclass(frozen=True, slots=True)
class NewKey:
    """A fresh access key; `plaintext` is shown once and never stored."""

    key: AccessKey
    plaintext: str


async def create_user(
    db: AsyncSession,
    *,
    email: str,
    password: str | None,
    name: str = "",
    timezone: str = "UTC",
    actor: str = "system",
) -> tuple[User, Workspace]:
    """Creates a user whose address is vouched for, with a workspace of their own, which becomes the transaction's scope.

    Without a password only a provider can say that it is them.
    """
    email = normalise_email(email)
    if password is not None:
        passwords.check_strength(password, email=email)
    check_timezone(timezone)
    if await queries.user_by_email(db, email) is not None:
        raise EmailTaken(f"There is already a user with the address {email}.")
    user = User(email=email, name=name, timezone=timezone, verified_at=now())
    user.password_hash = await passwords.hash_password(password) if password is not None else None
    return user, await add_user(db, user, actor=actor)


async def add_user(db: AsyncSession, user: User, *, actor: str) -> Workspace:
    """Stores a new user with a workspace of their own, which becomes the transaction's scope."""
    user.id = new_id()
    workspace = Workspace(id=new_id(), name=user.name or user.email)
    await set_scope(db, Scope(workspace.id, user.id, user.email, actor))
    db.add_all([user, workspace])
    await db.flush()
    db.add(Member(workspace_id=workspace.id, user_id=user.id, role=Role.OWNER))
    await db.flush()
    return workspace


async def welcome(db: AsyncSession, *, email: str, name: str, picture: str | None, sign_up: Collection[str]) -> User:
    """Returns the user whom a provider vouches for, made now where `sign_up` lets newcomers in."""
    user = await queries.user_by_email(db, normalise_email(email), lock=True)
    if user is None:
        await newcomers.check_welcome(db, email, sign_up)
        user, _ = await create_user(db, email=email, password=None, name=name, actor="sign-in")
    if user.disabled_at is not None:
        raise Forbidden("This user has been disabled. Ask the operator of this server.")
    if user.verified_at is None:
        await _take_over(db, user)
    user.name, user.picture = user.name or name, user.picture or picture
    await db.flush()
    return user


async def _take_over(db: AsyncSession, user: User) -> None:
    """Whoever registered the address may have been somebody else: what they could come in with ends here."""
    user.password_hash, user.verified_at = None, now()
    actor = await sessions.enter(db, user)
    await end_access(db, actor.workspace_id, user.id, reason="The owner of the address signed in with their provider.")


async def end_access(db: AsyncSession, workspace_id: UUID, user_id: UUID, *, reason: str) -> None:
    """Ends a user's sessions and access keys in a workspace."""
    at = now()
    await db.execute(
        update(Session)
        .where(Session.workspace_id == workspace_id, Session.user_id == user_id, Session.revoked_at.is_(None))
        .values(revoked_at=at, revoked_reason=reason)
        .execution_options(synchronize_session=False)
    )
    await db.execute(
        update(AccessKey)
        .where(AccessKey.workspace_id == workspace_id, AccessKey.user_id == user_id, AccessKey.revoked_at.is_(None))
        .values(revoked_at=at)
        .execution_options(synchronize_session=False)
    )


async def edit_profile(db: AsyncSession, user_id: UUID, *, name: str | None, timezone: str | None) -> User:
    """Changes what is given. Raises Invalid for a zone that is none."""
    user = await db.get_one(User, user_id, with_for_update=True, populate_existing=True)
    if timezone is not None:
        check_timezone(timezone)
        user.timezone = timezone
    if name is not None:
        user.name = name
    await db.flush()
    return user


async def create_access_key(
    db: AsyncSession,
    *,
    workspace_id: UUID,
    user_id: UUID,
    name: str,
    scopes: frozenset[Permission] = frozenset(),
    expires_at: datetime | None = None,
) -> NewKey:
    """Creates an access key; with no scopes it may do all that its user's role may."""
    plaintext = tokens.new_access_key()
    key = AccessKey(
        id=new_id(),
        workspace_id=workspace_id,
        user_id=user_id,
        name=name,
        digest=tokens.digest(plaintext),
        hint=f"{plaintext[:14]}…",
        scopes=sorted(scopes),
        expires_at=expires_at,
    )
    db.add(key)
    await db.flush()
    return NewKey(key, plaintext)


def revoke_access_key(key: AccessKey) -> None:
    key.revoked_at = key.revoked_at or now()


def normalise_email(email: str) -> str:
    """Returns the address in the form it is compared in. Raises Invalid."""
    local, _, domain = email.strip().rpartition("@")
    # Nearly all addresses are plain, and many share a domain: these are a tenth of the work.
    if PLAIN.fullmatch(local) and len(domain) < LONGEST_PLAIN and (known := _normalised_domain(domain)):
        return f"{local.lower()}@{known}"
    try:
        checked = validate_email(email.strip(), check_deliverability=False, test_environment=True)
    except EmailNotValidError as error:
        raise Invalid(f"{email!r} is not an email address: {error}", field="email") from None
    return checked.normalized.lower()


@lru_cache(maxsize=10_000)
def _normalised_domain(domain: str) -> str | None:
    try:
        return validate_email(f"a@{domain}", check_deliverability=False, test_environment=True).domain.lower()
    except EmailNotValidError:
        return None


def check_timezone(name: str) -> ZoneInfo:
    """Returns the zone. Raises Invalid for a name the IANA database doesn't have."""
    if name not in available_timezones():
        raise Invalid(f"{name!r} is not an IANA time zone such as Europe/Berlin.", field="timezone")
    return ZoneInfo(name)
