"""Which of the caller's mailboxes a request is about."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from outrider.api.deps import App
from outrider.domain.accounts.permissions import Actor
from outrider.domain.mailboxes import queries
from outrider.domain.mailboxes.browsing import NeedsReconnect
from outrider.domain.mailboxes.models import Mailbox
from outrider.domain.mailboxes.queries import MailboxNotFound

NO_MAILBOX = MailboxNotFound("You have no mailbox yet. Connect one: POST /api/gmail/token.")
NEEDS_RECONNECT = NeedsReconnect("The permission was withdrawn or has expired at Google. Connect the mailbox again.")


async def mailbox_of(app: App, actor: Actor, mailbox_id: UUID | None, request_id: str) -> Mailbox:
    """Looks it up in a transaction of its own, which ends before the mailbox's server is asked."""
    async with app.db.begin(actor.scope(request_id)) as db:
        return await find(db, actor, mailbox_id)


async def find(db: AsyncSession, actor: Actor, mailbox_id: UUID | None) -> Mailbox:
    """Returns the mailbox that was named, else the first of Gmail, else the first. Raises MailboxNotFound."""
    if mailbox_id is not None:
        mailbox = await queries.get(db, actor.workspace_id, actor.user_id, mailbox_id)
        if not mailbox.is_disconnected:
            return mailbox
        raise NeedsReconnect(NEEDS_RECONNECT.message)
    connected = await queries.of_user(db, actor.workspace_id, actor.user_id)
    if not connected:
        raise MailboxNotFound(NO_MAILBOX.message)
    return next((each for each in connected if each.provider == "google"), connected[0])
