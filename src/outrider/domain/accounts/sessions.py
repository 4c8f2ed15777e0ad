"""Signing in, refreshing and signing out.

A refresh token works once. Its successor is derived from it, so that a client which lost the answer gets the same
successor for ten seconds; after that, its return means theft and ends the whole session (RFC 9700 4.14.2).
"""

import base64
import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NoReturn
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from outrider.core import passwords, tokens
from outrider.core.clock import now
from outrider.core.db import Database, Scope, set_scope
from outrider.core.errors import Forbidden, Limited, Unauthenticated
from outrider.core.events import emit
from outrider.core.ids import new_id
from outrider.domain.accounts import queries
from outrider.domain.accounts.events import RefreshTokenReused, SignedIn
from outrider.domain.accounts.models import RefreshToken, Session, User
from outrider.domain.accounts.permissions import Actor

GRACE = timedelta(seconds=10)
CLAIM_WITHIN = timedelta(minutes=2)
NOBODY = UUID(int=0)
WRONG = "The email address or the password is wrong."
MOST_STRANGERS = 10_000
_strangers: dict[str, User] = {}


@dataclass(frozen=True, slots=True)
class Issued:
    """A session with the two tokens that carry it."""

    user: User
    session: Session
    access_token: str
    expires_at: datetime
    refresh_token: str


class Refused(Unauthenticated):
    """A refusal whose traces (a counted failure, an ended session) must be committed: raise it after the commit."""


@dataclass(frozen=True, slots=True)
class Issuer:
    """What sessions are made with: the signing keys and the longest life of a session."""

    access: tokens.AccessTokens
    secret: bytes
    lifetime: timedelta

    def successor(self, token: str) -> str:
        workspace, _, _ = token.partition(".")
        derived = hmac.new(self.secret, f"refresh:{token}".encode(), hashlib.sha256).digest()
        return f"{workspace}.{base64.urlsafe_b64encode(derived).decode().rstrip('=')}"


async def sign_in(
    database: Database, issuer: Issuer, *, email: str, password: str, client: str = "", request_id: str = ""
) -> Issued:
    """Signs in by password. An unknown address costs the same time and gives the same answer as a wrong password.

    Hashing is slow, so it happens between two transactions of its own: nobody's sign-in keeps a connection busy.
    Raises Refused, or Limited where too many guesses came before or too many people sign in at once.
    """
    scope = Scope(actor="sign-in", request_id=request_id)
    async with database.begin(scope) as db:
        known = await queries.user_by_email(db, email.strip().lower())
    _refuse_guessing(known or _stranger(email))
    is_right = await passwords.verify(known.password_hash if known else None, password)
    renewed = await _renewed(known, password) if is_right else None
    async with database.begin(scope) as db:
        # Asked also where nobody is: an unknown address must not be told by its speed.
        user = await db.get(User, known.id if known else NOBODY, with_for_update=True, populate_existing=True)
        issued = await _finish(db, issuer, user, is_right=is_right, renewed=renewed, client=client)
    if issued is None:
        if known is None:
            _stranger(email).count_failure(now())
        raise Refused(WRONG)
    return issued


def _stranger(email: str) -> User:
    """Who guesses at an address that nobody has is slowed down as at any other, or the pace would tell which it is.

    Kept in memory: each process counts for itself, and forgets the longest unasked of too many.
    """
    address = email.strip().lower()
    stranger = _strangers.pop(address, None) or User(failures=0)
    _strangers[address] = stranger
    if len(_strangers) > MOST_STRANGERS:
        del _strangers[next(iter(_strangers))]
    return stranger


async def _renewed(user: User | None, password: str) -> str | None:
    """Returns a new hash where the stored one is cheaper than today's."""
    if user is None or user.password_hash is None or not passwords.needs_rehash(user.password_hash):
        return None
    return await passwords.hash_password(password)


async def _finish(
    db: AsyncSession, issuer: Issuer, user: User | None, *, is_right: bool, renewed: str | None, client: str
) -> Issued | None:
    if user is None:
        return None
    if not is_right or user.disabled_at is not None:
        user.count_failure(now())
        return None
    user.clear_failures()
    user.password_hash = renewed or user.password_hash
    return await start(db, issuer, user, client=client)


def _refuse_guessing(user: User) -> None:
    at = now()
    if user.locked_until is not None and user.locked_until > at:
        wait = int((user.locked_until - at).total_seconds()) + 1
        raise Limited("Too many failed sign-ins. Wait before the next try.", retry_after=wait)


async def enter(db: AsyncSession, user: User, *, workspace_id: UUID | None = None, request_id: str = "") -> Actor:
    """Puts the transaction under a user's scope, in the named workspace of theirs or in their first one."""
    belongs = dict(await queries.memberships(db, user.id))
    chosen = workspace_id or next(iter(belongs), None)
    if chosen is None or chosen not in belongs:
        raise Forbidden("This user belongs to no workspace. Ask an owner for an invitation.")
    await set_scope(db, Scope(chosen, user.id, user.email, "sign-in", request_id))
    return Actor(user.id, chosen, user.email, belongs[chosen])


async def start(
    db: AsyncSession, issuer: Issuer, user: User, *, client: str = "", workspace_id: UUID | None = None
) -> Issued:
    """Opens a session in the named workspace of the user, or in their first one."""
    actor = await enter(db, user, workspace_id=workspace_id)
    session = await _open(db, user, actor.workspace_id, ends=now() + issuer.lifetime, client=client)
    return await _first(db, issuer, user, session)


async def promise(db: AsyncSession, user: User, *, workspace_id: UUID, bound_to: str, client: str = "") -> str:
    """Opens a session whose tokens are fetched within two minutes; returns the code to `claim` it with.

    The code alone is worth nothing: whoever brings it must also know what it is `bound_to`.
    """
    session = await _open(db, user, workspace_id, ends=now() + CLAIM_WITHIN, client=client)
    code = f"{workspace_id.hex}.{tokens.new_secret()}"
    session.claim_digest = tokens.digest(f"{code} {bound_to}")
    await db.flush()
    return code


async def claim(db: AsyncSession, issuer: Issuer, *, code: str, bound_to: str) -> Issued:
    """Trades the code of a promised session for its tokens, once."""
    workspace_id = _workspace_of(code)
    await set_scope(db, Scope(workspace_id, actor="sign-in"))
    session = await db.scalar(
        select(Session)
        .where(
            Session.workspace_id == workspace_id,
            Session.claim_digest == tokens.digest(f"{code} {bound_to}"),
            Session.expires_at > now(),
            Session.revoked_at.is_(None),
        )
        .with_for_update()
    )
    if session is None:
        raise Unauthenticated("This code is unknown, was used before, or is older than two minutes. Sign in again.")
    session.claim_digest, session.expires_at = None, now() + issuer.lifetime
    return await _first(db, issuer, await queries.get_user(db, session.user_id), session)


async def _open(db: AsyncSession, user: User, workspace_id: UUID, *, ends: datetime, client: str) -> Session:
    session = Session(workspace_id=workspace_id, id=new_id(), user_id=user.id, expires_at=ends, client=client[:200])
    db.add(session)
    await db.flush()
    return session


async def _first(db: AsyncSession, issuer: Issuer, user: User, session: Session) -> Issued:
    """Gives a session its first tokens."""
    refresh_token = f"{session.workspace_id.hex}.{tokens.new_secret()}"
    db.add(_link(session, refresh_token))
    await emit(db, SignedIn(workspace_id=session.workspace_id, user_id=user.id, session_id=session.id))
    await db.flush()
    return _issue(issuer, user, session, refresh_token)


async def refresh(db: AsyncSession, issuer: Issuer, refresh_token: str) -> Issued | Refused:
    """Trades a refresh token for its successor and a new access token."""
    workspace_id = _workspace_of(refresh_token)
    await set_scope(db, Scope(workspace_id, actor="refresh"))
    at = now()
    link = await db.scalar(
        select(RefreshToken)
        .where(RefreshToken.workspace_id == workspace_id, RefreshToken.digest == tokens.digest(refresh_token))
        .with_for_update()
    )
    if link is None:
        _refuse()
    session = await db.scalar(
        select(Session).where(Session.workspace_id == workspace_id, Session.id == link.session_id).with_for_update()
    )
    if session is None or session.revoked_at is not None or session.expires_at <= at:
        _refuse()
    successor = issuer.successor(refresh_token)
    if link.used_at is None:
        link.used_at = at
        db.add(_link(session, successor))
    elif at - link.used_at > GRACE or await _is_used(db, workspace_id, successor):
        session.revoke(at, "A refresh token was used twice.")
        await emit(db, RefreshTokenReused(workspace_id=workspace_id, user_id=session.user_id, session_id=session.id))
        return Refused("This refresh token was used before. For safety the session has ended: sign in again.")
    session.seen_at = at
    user = await queries.get_user(db, session.user_id)
    if user.disabled_at is not None:
        _refuse()
    await db.flush()
    return _issue(issuer, user, session, successor)


async def renew(database: Database, issuer: Issuer, refresh_token: str) -> Issued:
    """Trades a refresh token for its successor in a transaction of its own. Raises Unauthenticated."""
    async with database.begin(Scope(actor="refresh")) as db:
        issued = await refresh(db, issuer, refresh_token)
    if not isinstance(issued, Issued):
        raise issued
    return issued


async def revoke(db: AsyncSession, workspace_id: UUID, session_id: UUID, *, reason: str) -> None:
    await db.execute(
        update(Session)
        .where(Session.workspace_id == workspace_id, Session.id == session_id, Session.revoked_at.is_(None))
        .values(revoked_at=now(), revoked_reason=reason)
    )


async def _is_used(db: AsyncSession, workspace_id: UUID, token: str) -> bool:
    used = await db.scalar(
        select(RefreshToken.used_at).where(
            RefreshToken.workspace_id == workspace_id, RefreshToken.digest == tokens.digest(token)
        )
    )
    return used is not None


def _issue(issuer: Issuer, user: User, session: Session, refresh_token: str) -> Issued:
    access_token, expires_at = issuer.access.issue(
        user_id=user.id, session_id=session.id, workspace_id=session.workspace_id, now=now()
    )
    return Issued(user, session, access_token, expires_at, refresh_token)


def _link(session: Session, token: str) -> RefreshToken:
    return RefreshToken(
        workspace_id=session.workspace_id, id=new_id(), session_id=session.id, digest=tokens.digest(token)
    )


def _workspace_of(token: str) -> UUID:
    try:
        return UUID(hex=token.partition(".")[0])
    except ValueError:
        _refuse()


def _refuse() -> NoReturn:
    raise Unauthenticated("This refresh token is unknown or its session has ended. Sign in again.")
