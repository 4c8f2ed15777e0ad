"""What a deleted account leaves of its calendars: no credentials, and nothing that was read with them."""

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncSession

from outrider.core.events import during
from outrider.domain.accounts.events import AccountDeleted
from outrider.domain.calendars import connections, queries


@during(AccountDeleted)
async def on_account_deleted(db: AsyncSession, facts: Sequence[AccountDeleted]) -> None:
    for fact in facts:
        for connection in await queries.connections_of(db, fact.workspace_id, fact.user_id):
            await connections.disconnect(db, connection)
