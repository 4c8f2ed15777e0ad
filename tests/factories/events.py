"""Facts as the rest of the system tells them."""

from outrider.core.clock import now
from outrider.core.ids import new_id
from outrider.domain.mailboxes.events import MessageReceived
from outrider.domain.mailboxes.models import Mailbox, Message
from outrider.domain.mailboxes.verdict import Kind
from outrider.domain.sending.events import SendRefused
from outrider.domain.sending.models import Send


def received(
    mailbox: Mailbox, email: Message, kind: Kind, *, sender: str = "bob@b.test", mentions: list[str] | None = None,
    bounced: list[str] | None = None, gone: list[str] | None = None, delivered: list[str] | None = None,
) -> MessageReceived:  # fmt: skip
    """Mail that came in after `email`, in its thread and about it unless `mentions` says otherwise."""
    return MessageReceived(
        workspace_id=mailbox.workspace_id,
        message_id=new_id(),
        mailbox_id=mailbox.id,
        thread_id=email.thread_id,
        kind=kind,
        evidence="as the test says",
        mentions=[email.message_id or ""] if mentions is None else mentions,
        sender=sender,
        bounced=bounced or [],
        delivered=delivered or [],
        refusals=[{"address": each, "isHard": each in (gone or [])} for each in bounced or []],
        returns_on=None,
        received_at=now(),
    )


def refused(send: Send, *, is_recipient: bool = True, reason: str = "550 5.1.1 no such user") -> SendRefused:
    return SendRefused(
        workspace_id=send.workspace_id,
        send_id=send.id,
        mailbox_id=send.mailbox_id,
        origin=send.origin,
        origin_id=send.origin_id,
        step=send.step,
        message_id=send.message_id,
        recipient=send.recipient,
        reason=reason,
        is_recipient=is_recipient,
    )
