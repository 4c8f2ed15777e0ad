"""Users with a workspace, and signed-in clients."""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy import text

from outrider.api.issuing import issuer_of
from outrider.core import passwords
from outrider.core.clock import now
from outrider.core.db import Scope, set_scope
from outrider.core.ids import new_id
from outrider.domain.accounts.models import Member, Role, Session, User, Workspace
from outrider.domain.accounts.permissions import Actor
from outrider.runtime import Runtime

PASSWORD = "an apple falls far away"
# The hash of PASSWORD is made once: hashing is slow on purpose.
_hashes: dict[str, str] = {}


@dataclass(frozen=True, slots=True)
class Someone:
    user: User
    workspace_id: UUID
    actor: Actor
    access_token: str

    @property
    def scope(self) -> Scope:
        return self.actor.scope()


async def make_user(
    runtime: Runtime, *, email: str | None = None, name: str = "Ada Lovelace", role: Role = Role.OWNER,
    workspace_id: UUID | None = None,
) -> Someone:  # fmt: skip
    """Makes a user; in a workspace of their own, or as a member of another."""
    email = email or f"user-{new_id().hex}@a.test"
    hashed = _hashes.get(PASSWORD)
    async with runtime.db.begin(Scope(actor="factory")) as db:
        if hashed is None:
            hashed = _hashes.setdefault(PASSWORD, await passwords.hash_password(PASSWORD))
        user = User(id=new_id(), email=email, name=name, password_hash=hashed)
        own = workspace_id or new_id()
        await set_scope(db, Scope(own, user.id, email, "factory"))
        db.add(user)
        if workspace_id is None:
            db.add(Workspace(id=own, name=name))
        await db.flush()
        db.add(Member(workspace_id=own, user_id=user.id, role=role))
        session = Session(workspace_id=own, id=new_id(), user_id=user.id, expires_at=now() + timedelta(days=1))
        db.add(session)
    issuer = issuer_of(runtime)
    token, _ = issuer.access.issue(user_id=user.id, session_id=session.id, workspace_id=own, now=now())
    return Someone(user, own, Actor(user.id, own, email, role, session_id=session.id), token)


async def retire(runtime: Runtime, owner: Someone) -> None:
    """Leaves nothing of a workspace for a worker to do: the tests after this one share its database."""
    async with runtime.db.begin(owner.scope) as db:
        for statement in (
            "update mailboxes set state = 'disconnected'",
            "update enrollments set status = 'cancelled', next_step_at = null",
            "update sends set state = 'cancelled' where state in ('queued', 'paused', 'sending', 'unknown')",
        ):
            await db.execute(text(statement))
