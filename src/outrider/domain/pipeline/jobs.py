"""A lead's status follows what happened: a mail of ours left for them, a person answered."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from outrider.core import jobs
from outrider.core.db import Scope
from outrider.core.events import during, on
from outrider.domain.people import advancing
from outrider.domain.people.models import Status
from outrider.domain.sending.events import Sent
from outrider.domain.sequences import queries as sequences
from outrider.domain.sequences.events import Replied
from outrider.runtime import Runtime


@during(Sent)
async def on_sent(db: AsyncSession, facts: Sequence[Sent]) -> None:
    """Only looks here, and once for many mails: who records what was sent must not wait for who imports contacts."""
    workspace_id = facts[0].workspace_id
    behind = await advancing.behind(db, workspace_id, {fact.recipient for fact in facts}, Status.CONTACTED)
    if behind:
        await jobs.enqueue(db, "pipeline.advance", workspace_id=workspace_id, addresses=behind, status=Status.CONTACTED)


@on(Replied, "pipeline.on_replied")
async def on_replied(app: Runtime, event: Replied) -> None:
    async with app.db.begin(_scope(event.workspace_id)) as db:
        recipient = await sequences.recipient_of(db, event.workspace_id, event.enrollment_id)
    if recipient is not None:
        await advance(app, workspace_id=event.workspace_id, addresses=[recipient], status=Status.REPLIED)


@jobs.job("pipeline.advance")
async def advance(app: Runtime, *, workspace_id: UUID, addresses: list[str], status: Status) -> None:
    async with app.db.begin(_scope(workspace_id)) as db:
        await advancing.advance(db, workspace_id, addresses, status)


def _scope(workspace_id: UUID) -> Scope:
    return Scope(workspace_id, actor="pipeline")
