"""Rows of the outbox."""

from datetime import datetime, timedelta
from typing import Any

from outrider.core.clock import now
from outrider.core.ids import new_id
from outrider.domain.mailboxes.models import Mailbox, Message
from outrider.domain.sending import actions
from outrider.domain.sending.actions import Intent
from outrider.domain.sending.models import Send
from outrider.runtime import Runtime
from tests.factories.accounts import Someone


async def make_send(
    runtime: Runtime, owner: Someone, mailbox: Mailbox, email: Message, *, recipient: str = "bob@b.test",
    due_at: datetime | None = None, window: dict[str, Any] | None = None, timezone: str = "UTC", **columns: Any,
) -> Send:  # fmt: skip
    """Queues a mail that is due; `columns` are set on the row afterwards."""
    intent = Intent(
        id=new_id(),
        workspace_id=owner.workspace_id,
        user_id=owner.user.id,
        mailbox_id=mailbox.id,
        thread_id=email.thread_id,
        origin="test",
        origin_id=new_id(),
        step=1,
        sender=mailbox.address,
        sender_name=mailbox.name,
        recipient=recipient,
        recipient_name="Bob Baker",
        subject="Re: A proposal",
        body="Any news?",
        in_reply_to=email.message_id,
        references=[],
        answered_after=email.sent_at,
        due_at=due_at or now() - timedelta(minutes=1),
        window=window,
        timezone=timezone,
    )
    async with runtime.db.begin(owner.scope) as db:
        await actions.queue(db, [intent])
        send = await db.get_one(Send, (owner.workspace_id, intent.id))
        for name, value in columns.items():
            setattr(send, name, value)
    return send
