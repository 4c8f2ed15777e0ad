"""Keeps senders up to date: every stored mail is counted as it comes; a scan sees to what was there before."""

import asyncio
from collections.abc import Sequence
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from outrider.core import jobs
from outrider.core.clock import now
from outrider.core.db import Scope
from outrider.core.events import during
from outrider.domain.mailboxes import queries as mailboxes
from outrider.domain.mailboxes import sender_types, syncing
from outrider.domain.mailboxes.events import MailStored
from outrider.domain.operations import queries as operations
from outrider.domain.operations.models import UNFINISHED, Operation
from outrider.domain.senders import gathering, queries
from outrider.domain.senders.actions import JOB
from outrider.runtime import Runtime

AT_ONCE = 200
LOOK_AGAIN = 2.0  # seconds
ACTOR = "senders"


@during(MailStored)
async def on_mail(db: AsyncSession, facts: Sequence[MailStored]) -> None:
    for fact in facts:
        await gathering.gather(db, fact.workspace_id, fact.user_id, fact.message_ids)


@jobs.job(JOB)
async def scan(app: Runtime, *, workspace_id: UUID, user_id: UUID, operation_id: UUID, turn: int) -> None:
    """Sorts one part of the stored mail and queues the next; at last it waits for the mailboxes to be read.

    Odd and even turns have a key each, so that a scan asked for again adds none to those that are queued.
    """
    scope = Scope(workspace_id, user_id, actor=ACTOR)
    async with app.db.begin(scope) as db:
        mails = await queries.unsorted(db, workspace_id, user_id, at_most=AT_ONCE)
    # Words of two hundred mails take a moment: not on the event loop.
    found = await asyncio.to_thread(lambda: [sender_types.sort_stored(each) for each in mails])
    async with app.db.begin(scope) as db:
        operation = await operations.get_unfinished(db, workspace_id, operation_id)
        if operation is None:
            return
        fresh = await queries.lock_unsorted(db, workspace_id, [each.id for each in mails])
        for mail, judged in zip(mails, found, strict=True):
            if (row := fresh.get(mail.id)) is not None:
                row.sender_type, row.sender_reasons = judged.type, list(judged.reasons)
        await db.flush()
        await gathering.gather(db, workspace_id, user_id, list(fresh))
        is_whole = await _advance(db, operation)
        if not is_whole:
            await jobs.enqueue(
                db, JOB, dedupe=f"{operation_id}:{(turn + 1) % 2}", delay=0 if mails else LOOK_AGAIN,
                workspace_id=workspace_id, user_id=user_id, operation_id=operation_id, turn=turn + 1,
            )  # fmt: skip


async def _advance(db: AsyncSession, operation: Operation) -> bool:
    """Moves the scan's progress along; true once both the stored mail and the mailboxes are done with.

    All stored mail counts, as what is read meanwhile is sorted as it comes.
    """
    stored, left = await queries.count_mails(db, operation.workspace_id, operation.user_id)
    remaining = 0
    failure = None
    for mailbox in await mailboxes.of_user(db, operation.workspace_id, operation.user_id):
        sync = await operations.latest(db, operation.workspace_id, syncing.OPERATION, mailbox.id)
        if sync is not None and sync.status in UNFINISHED:
            remaining += max(1, sync.total - sync.processed)
        elif sync is not None and sync.error:
            failure = f"{mailbox.address}: {sync.error}"
    done = max(0, stored - left - operation.processed)
    operation.advance(now(), done=done, failed=0, remaining=left + remaining)
    is_whole = not left and not remaining
    if is_whole:
        operation.finish(now(), error=failure)
    await db.flush()
    return is_whole
