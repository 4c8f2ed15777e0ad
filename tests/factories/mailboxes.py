"""Connected mailboxes and mail in them, without a server behind."""

from datetime import timedelta
from uuid import UUID

from outrider.core.clock import now
from outrider.core.db import Scope
from outrider.core.ids import new_id
from outrider.domain.accounts.vault import open_vault
from outrider.domain.mailboxes import rules
from outrider.domain.mailboxes.models import Direction, Mailbox, Message, Thread
from outrider.domain.mailboxes.verdict import Kind
from outrider.runtime import Runtime
from tests.factories.accounts import Someone


async def make_mailbox(
    runtime: Runtime, owner: Someone, *, address: str | None = None, daily_limit: int = 10_000, imap_port: int = 1,
    smtp_port: int = 1, security: str = "tls", password: str = "secret word",
) -> Mailbox:  # fmt: skip
    async with runtime.db.begin(owner.scope) as db:
        mailbox = Mailbox(
            workspace_id=owner.workspace_id,
            id=new_id(),
            user_id=owner.user.id,
            provider="imap",
            address=address or owner.user.email,
            name=owner.user.name,
            servers={
                "username": address or owner.user.email,
                "imap": {"host": "127.0.0.1", "port": imap_port, "security": security},
                "smtp": {"host": "127.0.0.1", "port": smtp_port, "security": security},
            },
            auth="password",
            daily_limit=daily_limit,
            saves_sent=True,
            sync_due_at=now() + timedelta(days=1),
            watched_until=now() + timedelta(days=1),
        )
        vault = await open_vault(db, runtime.keyring, owner.workspace_id)
        mailbox.secret = vault.seal(password, table="mailboxes", column="secret", row_id=mailbox.id)
        db.add(mailbox)
    return mailbox


async def make_message(
    runtime: Runtime, mailbox: Mailbox, *, direction: Direction = Direction.OUT, kind: Kind = Kind.HUMAN,
    to: str = "bob@b.test", subject: str = "A proposal", text: str = "What do you think?",
    thread_id: UUID | None = None, minutes_ago: int = 60, sender: str | None = None,
) -> Message:  # fmt: skip
    at = now() - timedelta(minutes=minutes_ago)
    async with runtime.db.begin(Scope(mailbox.workspace_id, mailbox.user_id)) as db:
        if thread_id is None:
            thread_id = new_id()
            db.add(
                Thread(
                    workspace_id=mailbox.workspace_id,
                    id=thread_id,
                    mailbox_id=mailbox.id,
                    subject=rules.base_subject(subject),
                    last_at=at,
                )
            )
            await db.flush()
        message_id = f"<{new_id()}@a.test>"
        own, other = (mailbox.address, to) if direction is Direction.OUT else (sender or to, mailbox.address)
        message = Message(
            workspace_id=mailbox.workspace_id,
            id=new_id(),
            mailbox_id=mailbox.id,
            user_id=mailbox.user_id,
            thread_id=thread_id,
            identity=rules.identity_of_outgoing(message_id),
            message_id=message_id,
            direction=direction,
            kind=kind,
            from_address=own,
            to=[{"address": other, "name": "Bob Baker"}],
            subject=subject,
            snippet=text[:100],
            text=text,
            sent_at=at,
            received_at=at,
        )
        db.add(message)
    return message
