"""What a deleted account leaves of its mailboxes: no credentials."""

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncSession

from outrider.core.events import during
from outrider.domain.accounts.events import AccountDeleted
from outrider.domain.mailboxes import connections, queries


@during(AccountDeleted)
async def on_account_deleted(db: AsyncSession, facts: Sequence[AccountDeleted]) -> None:
    for fact in facts:
        for mailbox in await queries.of_user(db, fact.workspace_id, fact.user_id):
            await connections.disconnect(db, mailbox)
