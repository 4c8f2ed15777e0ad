"""Reads of users, memberships, sessions and keys."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Text, bindparam, cast, exists, func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from outrider.core.errors import Unauthenticated
from outrider.domain.accounts.models import AccessKey, Member, Role, Session, User
from outrider.domain.accounts.permissions import Actor, session_actor

MOST_LISTED = 100
SIGN_IN_AGAIN = "Your sign-in is no longer valid. Sign in again."
ACTOR_OF_SESSION = (
    select(
        User.id,
        User.email,
        Member.role,
        func.set_config("app.user", cast(User.id, Text), True),
        func.set_config("app.email", User.email, True),
        func.set_config("app.actor", bindparam("actor"), True),
    )
    .select_from(Session)
    .join(User, User.id == Session.user_id)
    .join(Member, (Member.user_id == User.id) & (Member.workspace_id == Session.workspace_id))
    .where(
        Session.workspace_id == bindparam("workspace_id"),
        Session.id == bindparam("session_id"),
        Session.revoked_at.is_(None),
        Session.expires_at > bindparam("at"),
        User.disabled_at.is_(None),
    )
)


async def user_by_email(db: AsyncSession, email: str, *, lock: bool = False) -> User | None:
    query = select(User).where(User.email == email)
    user: User | None = await db.scalar(query.with_for_update() if lock else query)
    return user


async def member_by_email(db: AsyncSession, workspace_id: UUID, email: str) -> User | None:
    query = select(User).join(Member).where(Member.workspace_id == workspace_id, User.email == email)
    user: User | None = await db.scalar(query)
    return user


async def get_user(db: AsyncSession, user_id: UUID) -> User:
    user = await db.get(User, user_id)
    if user is None:
        raise Unauthenticated(SIGN_IN_AGAIN)
    return user


async def has_users(db: AsyncSession) -> bool:
    return bool(await db.scalar(select(exists(select(User.id)))))


async def memberships(db: AsyncSession, user_id: UUID) -> list[tuple[UUID, Role]]:
    """Returns a user's workspaces, oldest membership first. Works before a workspace is chosen."""
    rows = await db.execute(text("select workspace_id, role from memberships_of(:user)"), {"user": user_id})
    return [(row.workspace_id, Role(row.role)) for row in rows]


async def workspace_of_access_key(db: AsyncSession, digest: bytes) -> UUID | None:
    """Works before a workspace is chosen."""
    found: UUID | None = await db.scalar(text("select workspace_of_access_key(:digest)"), {"digest": digest})
    return found


async def actor_of_session(db: AsyncSession, workspace_id: UUID, session_id: UUID, at: datetime) -> Actor:
    """Returns the caller behind a session of the scope's workspace, and has the transaction signed by them: in one
    statement, as every request asks it. Raises Unauthenticated once the session has ended.
    """
    known = {"workspace_id": workspace_id, "session_id": session_id, "at": at, "actor": session_actor(session_id)}
    row = (await db.execute(ACTOR_OF_SESSION, known)).one_or_none()
    if row is None:
        raise Unauthenticated(SIGN_IN_AGAIN)
    return Actor(row.id, workspace_id, row.email, Role(row.role), session_id=session_id)


async def actor_of_key(db: AsyncSession, workspace_id: UUID, digest: bytes, at: datetime) -> Actor:
    row = (
        await db.execute(
            select(User.id, User.email, Member.role, AccessKey.scopes, AccessKey.expires_at)
            .select_from(AccessKey)
            .join(User, User.id == AccessKey.user_id)
            .join(Member, (Member.user_id == User.id) & (Member.workspace_id == AccessKey.workspace_id))
            .where(
                AccessKey.workspace_id == workspace_id,
                AccessKey.digest == digest,
                AccessKey.revoked_at.is_(None),
                User.disabled_at.is_(None),
            )
        )
    ).one_or_none()
    if row is None or (row.expires_at is not None and row.expires_at <= at):
        raise Unauthenticated("This access key is unknown, expired or revoked. Make a new one.")
    return Actor(row.id, workspace_id, row.email, Role(row.role), scopes=frozenset(row.scopes) or None)


async def session_ends(db: AsyncSession, actor: Actor) -> datetime | None:
    """Returns when the caller's session ends at the latest; None for an access key."""
    if actor.session_id is None:
        return None
    query = select(Session.expires_at).where(Session.workspace_id == actor.workspace_id, Session.id == actor.session_id)
    ends: datetime | None = await db.scalar(query)
    return ends


async def sessions_of(db: AsyncSession, workspace_id: UUID, user_id: UUID, at: datetime) -> list[Session]:
    """Returns a user's sessions that have not ended, the last used first."""
    query = (
        select(Session)
        .where(
            Session.workspace_id == workspace_id,
            Session.user_id == user_id,
            Session.revoked_at.is_(None),
            Session.expires_at > at,
        )
        .order_by(Session.seen_at.desc())
        .limit(MOST_LISTED)
    )
    return list(await db.scalars(query))


async def keys_of(db: AsyncSession, workspace_id: UUID, user_id: UUID) -> list[AccessKey]:
    """Returns a user's access keys that are not revoked."""
    query = (
        select(AccessKey)
        .where(AccessKey.workspace_id == workspace_id, AccessKey.user_id == user_id, AccessKey.revoked_at.is_(None))
        .order_by(AccessKey.created_at)
        .limit(MOST_LISTED)
    )
    return list(await db.scalars(query))
