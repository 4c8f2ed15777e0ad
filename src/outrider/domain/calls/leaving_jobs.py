"""What a deleted account leaves of its calls: none is placed any more."""

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncSession

from outrider.core.events import during
from outrider.domain.accounts.events import AccountDeleted
from outrider.domain.calls import scheduling


@during(AccountDeleted)
async def on_account_deleted(db: AsyncSession, facts: Sequence[AccountDeleted]) -> None:
    for fact in facts:
        await scheduling.call_off(db, fact.workspace_id, fact.user_id, "The account was deleted.")
