"""Mail of our own: written down before it leaves, so that an answer finds its thread however fast it is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from outrider.core.ids import new_id
from outrider.domain.mailboxes import rules
from outrider.domain.mailboxes.models import Direction, Message
from outrider.domain.mailboxes.verdict import Kind
from outrider.providers.mail.interface import Receipt
from outrider.providers.mail.mime import snippet

MARK_SENT = text("""
    with sent as (
        update messages set direction = 'out', sent_at = :at, received_at = :at, updated_at = clock_timestamp()
        where workspace_id = :workspace and mailbox_id = any(:mailboxes) and identity = any(:identities)
            and direction = 'draft'
        returning thread_id
    )
    update threads set last_at = greatest(last_at, :at)
    where workspace_id = :workspace and id in (select thread_id from sent)
""")
PLACE = text("""
    with taken as (
        select m.id, m.mailbox_id, m.thread_id, t.remote_id, t.remote_thread
        from unnest(cast(:identities as bytea[]), cast(:remote_ids as text[]), cast(:remote_threads as text[]))
            as t(identity, remote_id, remote_thread)
        join messages m on m.workspace_id = :workspace and m.mailbox_id = any(:mailboxes) and m.identity = t.identity
    ), named as (
        update threads th set remote_id = taken.remote_thread from taken
        where th.workspace_id = :workspace and th.id = taken.thread_id and th.remote_id is null
    )
    insert into places (workspace_id, folder_id, remote_id, message_id)
    select :workspace, f.id, taken.remote_id, taken.id
    from taken join folders f on f.workspace_id = :workspace and f.mailbox_id = taken.mailbox_id
        and f.role in ('all', 'sent')
    on conflict do nothing
""")


@dataclass(frozen=True, slots=True)
class Draft:
    """A mail of our own that is to leave: known by its Message-ID before anybody can answer it."""

    mailbox_id: UUID
    user_id: UUID
    thread_id: UUID
    message_id: str
    in_reply_to: str | None
    references: Sequence[str]
    sender: str
    sender_name: str
    recipient: str
    recipient_name: str
    subject: str
    text: str
    at: datetime


async def record(db: AsyncSession, workspace_id: UUID, drafts: Sequence[Draft]) -> None:
    """Writes mails that have not left yet, so that an answer finds its thread however fast it is."""
    if drafts:
        await db.execute(insert(Message).on_conflict_do_nothing(), [_draft_row(workspace_id, each) for each in drafts])


def _draft_row(workspace_id: UUID, draft: Draft) -> dict[str, Any]:
    return {
        "workspace_id": workspace_id,
        "id": new_id(),
        "mailbox_id": draft.mailbox_id,
        "user_id": draft.user_id,
        "thread_id": draft.thread_id,
        "identity": rules.identity_of_outgoing(draft.message_id),
        "message_id": draft.message_id,
        "in_reply_to": [draft.in_reply_to] if draft.in_reply_to else [],
        "references": list(draft.references),
        "direction": Direction.DRAFT,
        "kind": Kind.HUMAN,
        "from_address": draft.sender,
        "from_name": draft.sender_name,
        "to": [{"address": draft.recipient, "name": draft.recipient_name}],
        "subject": draft.subject,
        "snippet": snippet(draft.text),
        "text": draft.text,
        "size": len(draft.text.encode()),
        "sent_at": draft.at,
        "received_at": draft.at,
    }


async def place(
    db: AsyncSession, workspace_id: UUID, mailbox_ids: Sequence[UUID], receipts: Mapping[str, Receipt]
) -> None:
    """Remembers what the provider calls our mails, by their Message-IDs, so that they are known when they come back."""
    told = {message_id: receipt for message_id, receipt in receipts.items() if receipt.id is not None}
    if told:
        values = {
            "workspace": workspace_id,
            "mailboxes": mailbox_ids,
            "identities": [rules.identity_of_outgoing(each) for each in told],
            "remote_ids": [receipt.id for receipt in told.values()],
            "remote_threads": [receipt.thread_id for receipt in told.values()],
        }
        await db.execute(PLACE, values)


async def mark_sent(
    db: AsyncSession, workspace_id: UUID, mailbox_ids: Sequence[UUID], message_ids: Sequence[str], *, at: datetime
) -> None:
    """Turns drafts into sent mail."""
    values = {
        "workspace": workspace_id,
        "mailboxes": mailbox_ids,
        "identities": [rules.identity_of_outgoing(each) for each in message_ids],
        "at": at,
    }
    await db.execute(MARK_SENT, values)
