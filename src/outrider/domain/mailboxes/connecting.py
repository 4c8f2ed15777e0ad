"""Connecting a mailbox by its servers, as its owner does it by hand: tried first, then stored, then read."""

from outrider.core.db import Scope
from outrider.domain.accounts.permissions import Actor
from outrider.domain.mailboxes import connections, syncing
from outrider.domain.mailboxes.models import Mailbox
from outrider.providers.mail.interface import ServerAccount
from outrider.runtime import Runtime


async def connect_servers(app: Runtime, actor: Actor, scope: Scope, account: ServerAccount, *, name: str) -> Mailbox:
    """Raises CannotConnect, with nothing stored. `name` is shown as the sender."""
    verified = await connections.verify(app, "imap", account)
    async with app.db.begin(scope) as db:
        mailbox = await connections.connect(
            db,
            app.keyring,
            workspace_id=actor.workspace_id,
            user_id=actor.user_id,
            provider="imap",
            account=account,
            verified=verified,
            name=name,
            daily_limit=app.settings.daily_limit,
        )
        await syncing.request(db, mailbox)
    return mailbox
