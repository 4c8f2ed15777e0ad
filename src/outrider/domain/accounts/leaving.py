"""Deleting an account: at once nobody can come in and nothing goes on; what is stored is erased later."""

from datetime import timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from outrider.core import jobs
from outrider.core.clock import database_now, now
from outrider.core.events import emit
from outrider.domain.accounts import queries
from outrider.domain.accounts.actions import end_access
from outrider.domain.accounts.events import AccountDeleted
from outrider.domain.accounts.models import Erasure, User
from outrider.domain.accounts.permissions import Actor

REASON = "The account was deleted."
LEAVE = "accounts.leave"


async def delete_account(db: AsyncSession, actor: Actor, *, grace: timedelta) -> Erasure:
    """Deletes the caller's account; what other domains do for them ends with AccountDeleted."""
    user = await db.get_one(User, actor.user_id, with_for_update=True)
    user.delete(now())
    erasure = Erasure(user_id=user.id, due_at=await database_now(db) + grace)
    db.add(erasure)
    await db.flush()
    await leave(db, actor.workspace_id, user.id)
    for workspace_id, _ in await queries.memberships(db, user.id):
        if workspace_id != actor.workspace_id:
            await jobs.enqueue(db, LEAVE, workspace_id=workspace_id, user_id=user.id)
    return erasure


async def leave(db: AsyncSession, workspace_id: UUID, user_id: UUID) -> None:
    """Ends all that goes on for a user in the transaction's workspace."""
    await end_access(db, workspace_id, user_id, reason=REASON)
    await emit(db, AccountDeleted(workspace_id=workspace_id, user_id=user_id))
