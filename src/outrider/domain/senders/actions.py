"""Choosing what becomes of senders, and asking for a scan."""

from collections.abc import Mapping
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from outrider.core import jobs
from outrider.core.clock import now
from outrider.core.errors import Conflict
from outrider.core.events import emit
from outrider.domain.mailboxes import queries as mailboxes
from outrider.domain.mailboxes import syncing
from outrider.domain.operations import actions as operations
from outrider.domain.operations.models import Operation
from outrider.domain.senders import queries
from outrider.domain.senders.events import SenderCategorised
from outrider.domain.senders.models import Category, Sender
from outrider.domain.senders.queries import SenderNotFound

OPERATION = "senders.scan"
JOB = "senders.scan"


class NoMailbox(Conflict):
    code = "no_mailbox"


async def categorise(db: AsyncSession, sender: Sender, category: Category) -> Sender:
    await _choose(db, {sender: category})
    return sender


async def categorise_many(db: AsyncSession, workspace_id: UUID, user_id: UUID, choices: Mapping[UUID, Category]) -> int:
    """Changes all of them or none. Raises SenderNotFound with an entry for each that is not there."""
    found = await queries.get_many(db, workspace_id, user_id, choices.keys())
    if missing := choices.keys() - {each.id for each in found}:
        errors = [
            {"index": index, "sender_id": str(sender_id), "message": "There is no such sender."}
            for index, sender_id in enumerate(choices)
            if sender_id in missing
        ]
        raise SenderNotFound(
            f"{len(missing)} of {len(choices)} senders are not there; none was changed.", errors=errors
        )
    await _choose(db, {each: choices[each.id] for each in found})
    return len(found)


async def _choose(db: AsyncSession, choices: Mapping[Sender, Category]) -> None:
    at = now()
    for sender, category in choices.items():
        sender.choose(category, at)
    await db.flush()
    await emit(
        db,
        *(
            SenderCategorised(
                workspace_id=each.workspace_id, user_id=each.user_id, sender_id=each.id, email=each.email,
                category=category,
            )
            for each, category in choices.items()
        ),
    )  # fmt: skip


async def scan(db: AsyncSession, workspace_id: UUID, user_id: UUID) -> Operation:
    """Starts a scan of what is stored and of what the mailboxes still hold; one under way stands for it."""
    connected = await mailboxes.of_user(db, workspace_id, user_id)
    if not any(each.is_usable for each in connected):
        raise NoMailbox("Connect a mailbox first: POST /api/integrations/email/connect.")
    for mailbox in connected:
        if mailbox.is_usable:
            await syncing.request(db, mailbox)
    operation = await operations.start(
        db, workspace_id=workspace_id, user_id=user_id, type=OPERATION, subject_id=user_id
    )
    await jobs.enqueue(
        db,
        JOB,
        dedupe=f"{operation.id}:0",
        workspace_id=workspace_id,
        user_id=user_id,
        operation_id=operation.id,
        turn=0,
    )
    return operation
