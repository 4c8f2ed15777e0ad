"""What moves drafts: somebody asks for one on a call, it is written, its mail leaves or does not."""

from collections.abc import Sequence
from uuid import UUID

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from outrider.core import jobs
from outrider.core.db import Scope
from outrider.core.errors import Invalid, NotFound
from outrider.core.events import during, on
from outrider.domain.accounts.events import AccountDeleted
from outrider.domain.calls.events import ReplyWanted
from outrider.domain.drafts import actions, queries, writing
from outrider.domain.drafts.actions import WRITE
from outrider.domain.drafts.models import State
from outrider.domain.sending import actions as sending
from outrider.domain.sending.events import SendBounced, SendFact, SendRefused, SendStopped, SendUnconfirmed, Sent
from outrider.domain.sending.models import ANSWER
from outrider.runtime import Runtime

log = structlog.get_logger()

STOPPED = "It did not leave: {reason} Look at it and approve it again."


@on(ReplyWanted, "drafts.on_reply_wanted")
async def on_reply_wanted(app: Runtime, event: ReplyWanted) -> None:
    if event.message_id is None:
        return
    async with app.db.begin(Scope(event.workspace_id, event.user_id, actor=writing.ACTOR)) as db:
        try:
            await actions.ask_for(db, event.workspace_id, event.user_id, event.message_id, call_id=event.call_id)
        except (Invalid, NotFound) as error:
            log.warning("drafts.nothing_to_answer", call_id=str(event.call_id), reason=error.message)


async def _give_up(app: Runtime, *, workspace_id: UUID, draft_id: UUID) -> None:
    await writing.by_template(app, workspace_id, draft_id)


@jobs.job(WRITE, set_aside=_give_up)
async def write(app: Runtime, *, workspace_id: UUID, draft_id: UUID) -> None:
    await writing.write(app, workspace_id, draft_id)


@during(Sent)
async def on_sent(db: AsyncSession, facts: Sequence[Sent]) -> None:
    at = {fact.origin_id: fact.at for fact in facts if fact.origin == ANSWER}
    if at:
        for draft in await queries.many(db, facts[0].workspace_id, list(at)):
            draft.state, draft.sent_at, draft.note = State.SENT, at[draft.id], None


@during(SendRefused)
async def on_refused(db: AsyncSession, facts: Sequence[SendRefused]) -> None:
    await _end(db, facts, State.FAILED)


@during(SendUnconfirmed)
async def on_unconfirmed(db: AsyncSession, facts: Sequence[SendUnconfirmed]) -> None:
    await _end(db, facts, State.UNCONFIRMED)


@during(SendBounced)
async def on_bounced(db: AsyncSession, facts: Sequence[SendBounced]) -> None:
    await _end(db, facts, State.SENT)


@during(SendStopped)
async def on_stopped(db: AsyncSession, facts: Sequence[SendStopped]) -> None:
    """What somebody's mail came in the way of waits for its user again."""
    told = {fact.origin_id: STOPPED.format(reason=fact.reason) for fact in facts if fact.origin == ANSWER}
    await _note(db, facts, told, State.WAITING)


@during(AccountDeleted)
async def on_account_deleted(db: AsyncSession, facts: Sequence[AccountDeleted]) -> None:
    """Sends nothing more in their name."""
    for fact in facts:
        for draft in await queries.approved(db, fact.workspace_id, fact.user_id):
            await sending.cancel(db, fact.workspace_id, draft.id, reason="The account was deleted.")


async def _end(db: AsyncSession, facts: Sequence[SendRefused | SendUnconfirmed | SendBounced], state: State) -> None:
    told = {fact.origin_id: fact.reason for fact in facts if fact.origin == ANSWER}
    await _note(db, facts, told, state)


async def _note(db: AsyncSession, facts: Sequence[SendFact], told: dict[UUID, str], state: State) -> None:
    if told:
        for draft in await queries.many(db, facts[0].workspace_id, list(told)):
            draft.state, draft.note = state, told[draft.id]
