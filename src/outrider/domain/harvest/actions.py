"""Starting, stopping and going on with batches, and recording what became of their mails."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import insert, update
from sqlalchemy.ext.asyncio import AsyncSession

from outrider.core import jobs
from outrider.core.clock import now
from outrider.core.errors import Conflict
from outrider.core.ids import new_id
from outrider.domain.harvest import queries
from outrider.domain.harvest.models import OPERATION, Batch, Item, Outcome, Source
from outrider.domain.operations import actions as operations
from outrider.domain.operations.models import Operation, OperationStatus

JOB = "harvest.work"


class BatchEnded(Conflict):
    code = "batch_ended"


class NothingToRetry(Conflict):
    code = "nothing_to_retry"


async def start_emails(
    db: AsyncSession, workspace_id: UUID, user_id: UUID, contents: Sequence[bytes]
) -> tuple[Batch, Operation]:
    """Begins a batch of mails that are at hand; they are known as email-1, email-2 …"""
    batch = _batch(workspace_id, user_id, None, Source.EMAILS, at_most=len(contents), is_listed=True)
    given = [(f"email-{number}", content) for number, content in enumerate(contents, 1)]
    return await _start(db, batch, given)


async def start_messages(
    db: AsyncSession, workspace_id: UUID, user_id: UUID, mailbox_id: UUID, ids: Sequence[str]
) -> tuple[Batch, Operation]:
    """Begins a batch of messages of a mailbox; one named twice is read once."""
    known = list(dict.fromkeys(ids))
    batch = _batch(workspace_id, user_id, mailbox_id, Source.MESSAGES, at_most=len(known), is_listed=True)
    return await _start(db, batch, [(each, None) for each in known])


async def start_search(
    db: AsyncSession,
    workspace_id: UUID,
    user_id: UUID,
    mailbox_id: UUID,
    *,
    query: str,
    label: str | None,
    at_most: int,
) -> tuple[Batch, Operation]:
    """Begins a batch of the newest messages that a search finds; how many, its job finds out."""
    batch = _batch(workspace_id, user_id, mailbox_id, Source.SEARCH, at_most=at_most, is_listed=False)
    batch.query, batch.label = query, label
    return await _start(db, batch, [])


def _batch(
    workspace_id: UUID, user_id: UUID, mailbox_id: UUID | None, source: Source, *, at_most: int, is_listed: bool
) -> Batch:
    return Batch(
        workspace_id=workspace_id,
        id=new_id(),
        user_id=user_id,
        mailbox_id=mailbox_id,
        source=source,
        query="",
        at_most=at_most,
        is_listed=is_listed,
        step=0,
        waits=0,
    )


async def _start(db: AsyncSession, batch: Batch, given: Sequence[tuple[str, bytes | None]]) -> tuple[Batch, Operation]:
    db.add(batch)
    await db.flush()
    operation = await operations.start(
        db, workspace_id=batch.workspace_id, user_id=batch.user_id, type=OPERATION, subject_id=batch.id
    )
    operation.total = len(given)
    if given:
        await db.execute(insert(Item), [_item(batch, n, ref, content) for n, (ref, content) in enumerate(given, 1)])
    await db.flush()
    await queue(db, batch)
    return batch, operation


def _item(batch: Batch, position: int, ref: str, content: bytes | None) -> dict[str, object]:
    return {
        "workspace_id": batch.workspace_id,
        "id": new_id(),
        "batch_id": batch.id,
        "position": position,
        "ref": ref,
        "content": content,
    }


async def queue(db: AsyncSession, batch: Batch, *, delay: float = 0) -> None:
    """Has a worker do the next step."""
    await jobs.enqueue(db, JOB, delay=delay, workspace_id=batch.workspace_id, batch_id=batch.id, step=batch.step)


async def cancel(db: AsyncSession, operation: Operation) -> None:
    """Keeps what was done. Raises BatchEnded."""
    if not operation.is_open:
        raise BatchEnded("This batch has ended; there is nothing to cancel.")
    operation.cancel(now())
    await db.flush()


async def retry(db: AsyncSession, batch: Batch, operation: Operation) -> int:
    """Does the mails that failed once more, those alone; and goes on with a batch that was stopped.

    Returns how many mails are to be done. Raises NothingToRetry.
    """
    if operation.is_open:
        raise NothingToRetry("This batch is still being worked on. Retry once it has ended, or cancel it first.")
    again = await db.execute(
        update(Item)
        .where(Item.workspace_id == batch.workspace_id, Item.batch_id == batch.id, Item.outcome == Outcome.FAILED)
        .values(outcome=Outcome.PENDING, code=None, message=None)
        .returning(Item.id)
        .execution_options(synchronize_session=False)
    )
    failed = len(again.all())
    if not failed and operation.status is OperationStatus.SUCCEEDED:
        raise NothingToRetry("No mail of this batch has failed.")
    operation.reopen(again=failed)
    batch.advance()
    await db.flush()
    await queue(db, batch)
    return await queries.count(db, batch.workspace_id, batch.id, outcome=Outcome.PENDING)


async def add_found(
    db: AsyncSession, batch: Batch, operation: Operation, ids: Sequence[str], *, next_page: str | None
) -> None:
    """Takes a page of a search in; the last one ends the listing."""
    # Mail that came in meanwhile moves the pages: what stands on two of them is one message.
    known = await queries.known_refs(db, batch.workspace_id, batch.id, ids)
    new = [each for each in dict.fromkeys(ids) if each not in known][: batch.at_most - operation.total]
    if new:
        await db.execute(insert(Item), [_item(batch, operation.total + n, ref, None) for n, ref in enumerate(new, 1)])
    operation.total += len(new)
    batch.page = next_page
    batch.is_listed = next_page is None or operation.total >= batch.at_most
    operation.advance(now(), done=0, failed=0, remaining=0)
    await go_on(db, batch, operation)


async def go_on(db: AsyncSession, batch: Batch, operation: Operation) -> None:
    """Ends a step: the next one is queued with what this one did, or the batch is over."""
    batch.advance()
    if batch.is_listed and operation.processed >= operation.total:
        operation.finish(now())
    else:
        await queue(db, batch)
    await db.flush()


async def put_off(db: AsyncSession, batch: Batch, reason: str, *, delay: float) -> None:
    """Says what the batch waits for, and has it tried again."""
    batch.wait(reason)
    await db.flush()
    await queue(db, batch, delay=delay)


async def fail(db: AsyncSession, operation: Operation, reason: str) -> None:
    """Ends a batch that only a person can help; a retry goes on with it."""
    operation.finish(now(), error=reason)
    await db.flush()
