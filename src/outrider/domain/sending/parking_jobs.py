"""What waited in the outbox while its mailbox was away: it leaves once the mailbox is back, unless it has grown stale."""

from datetime import timedelta

from sqlalchemy import func, update

from outrider.core.db import Scope
from outrider.core.events import on
from outrider.domain.mailboxes.events import MailboxConnected
from outrider.domain.sending import holding, rules
from outrider.domain.sending.models import Hold, Send, State, Waiting
from outrider.runtime import Runtime

STALE = timedelta(days=7)
ASK = (
    "It waited for more than seven days while its mailbox was not connected, and may no longer be meant. "
    "Trigger the step to send it all the same."
)


@on(MailboxConnected, "sending.on_connected")
async def on_connected(app: Runtime, event: MailboxConnected) -> None:
    """Holds back what was due long ago until its owner says so; the rest is due at once and has its full time again."""
    async with app.db.begin(Scope(event.workspace_id, actor="sending")) as db:
        due_now = await app.clock.due_now(db)
        waiting = (
            Send.workspace_id == event.workspace_id,
            Send.mailbox_id == event.mailbox_id,
            Send.state == State.QUEUED,
        )
        await db.execute(
            update(Send)
            .where(*waiting, Send.due_at < due_now - STALE)
            .values(state=State.PAUSED, waiting_for=Waiting.PAUSED, last_error=ASK)
            .execution_options(synchronize_session=False)
        )
        await holding.lift(db, event.workspace_id, event.mailbox_id, {Hold.UNREACHABLE})
        await db.execute(
            update(Send)
            .where(*waiting, Send.waiting_for == Waiting.MAILBOX_DISCONNECTED)
            .values(due_at=func.least(Send.due_at, due_now))
            .execution_options(synchronize_session=False)
        )
        await db.execute(
            update(Send)
            .where(*waiting, Send.due_at <= due_now)
            .values(give_up_at=func.greatest(Send.give_up_at, due_now + rules.GIVE_UP_AFTER))
            .execution_options(synchronize_session=False)
        )
