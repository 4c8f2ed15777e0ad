"""The caller."""

from outrider.api.deps import Caller, Db
from outrider.api.followups.contract import contract
from outrider.api.followups.shapes import UserOut
from outrider.domain.accounts import queries as accounts
from outrider.domain.accounts.permissions import Permission
from outrider.domain.mailboxes import queries as mailboxes

router = contract.router("/user", tag="auth")


@router.get("/profile", needs=Permission.ACCOUNT_READ, model=UserOut)
async def get_profile(db: Db, actor: Caller) -> UserOut:
    """Returns the signed-in user."""
    connected = await mailboxes.of_user(db, actor.workspace_id, actor.user_id)
    return UserOut.of(await accounts.get_user(db, actor.user_id), connected[0] if connected else None)
