"""What a deleted account had under way ends."""

from collections.abc import Sequence

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from outrider.core.clock import now
from outrider.core.events import during
from outrider.domain.accounts.events import AccountDeleted
from outrider.domain.operations.models import UNFINISHED, Operation, OperationStatus


@during(AccountDeleted)
async def on_account_deleted(db: AsyncSession, facts: Sequence[AccountDeleted]) -> None:
    for fact in facts:
        await db.execute(
            update(Operation)
            .where(
                Operation.workspace_id == fact.workspace_id,
                Operation.user_id == fact.user_id,
                Operation.status.in_(UNFINISHED),
            )
            .values(status=OperationStatus.CANCELLED, finished_at=now(), updated_at=now())
            .execution_options(synchronize_session=False)
        )
