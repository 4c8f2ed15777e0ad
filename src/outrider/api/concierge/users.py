"""The caller's profile, and the end of their account."""

from typing import Literal

from pydantic import Field

from outrider.api.bodies import Timezone
from outrider.api.concierge.auth import Name, UserOut
from outrider.api.concierge.contract import contract
from outrider.api.deps import App, Caller, Db
from outrider.api.enveloped import In, Out
from outrider.api.moments import Moment
from outrider.core.errors import Forbidden
from outrider.domain.accounts import actions, leaving, queries
from outrider.domain.accounts.models import User
from outrider.domain.accounts.permissions import Permission

router = contract.router("/users", tag="users")


class ProfileEdit(In):
    """What is left out stays as it is."""

    name: Name | None = None
    timezone: Timezone | None = Field(None, description="A name of the IANA time zone database.")


class DeletedOut(Out):
    deleted: Literal[True] = True
    erased_after: Moment


@router.get("/profile", needs=Permission.ACCOUNT_READ, model=UserOut)
async def profile(db: Db, actor: Caller) -> User:
    """Returns the caller's profile."""
    return await queries.get_user(db, actor.user_id)


@router.put("/profile", needs=Permission.ACCOUNT_WRITE, model=UserOut)
async def edit_profile(db: Db, actor: Caller, body: ProfileEdit) -> User:
    """Changes the caller's name or time zone."""
    return await actions.edit_profile(db, actor.user_id, name=body.name, timezone=body.timezone)


@router.delete(
    "/account",
    needs=Permission.ACCOUNT_WRITE,
    model=DeletedOut,
    errors=[Forbidden("Sign in to delete the account: an access key can't.")],
)
async def delete_account(db: Db, app: App, actor: Caller) -> DeletedOut:
    """Deletes the caller's account. At once nobody can sign in with it, permissions are given back to their providers
    and everything under way stops; after the grace period it is erased for good.
    """
    if actor.session_id is None:
        raise Forbidden("Sign in to delete the account: an access key can't.")
    erasure = await leaving.delete_account(db, actor, grace=app.settings.erase_after)
    return DeletedOut(erased_after=erasure.due_at)
