"""Reading a mailbox, batch by batch, resumable at every commit."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from outrider.core.clock import now
from outrider.core.db import Scope
from outrider.domain.mailboxes import connections, queries, recording
from outrider.domain.mailboxes.models import Folder, Mailbox
from outrider.domain.operations import actions as operations
from outrider.domain.operations.models import Operation
from outrider.providers.mail.interface import ConnectFailed, Reader, ReadFailed
from outrider.providers.mail.sandbox import Parser
from outrider.runtime import Runtime

BATCH = 100
CLAIM = timedelta(minutes=5)
OPERATION = "mailbox.sync"


@dataclass(frozen=True, slots=True)
class Result:
    """What a run of a mailbox's sync did. `failure` says why it ended early."""

    new: int
    failure: ConnectFailed | None


async def claim(db: AsyncSession, workspace_id: UUID, mailbox_id: UUID, *, at: datetime) -> Mailbox | None:
    """Takes a due mailbox by moving its due time past this run; None if another worker has it."""
    mailbox: Mailbox | None = await db.scalar(
        select(Mailbox)
        .where(
            Mailbox.workspace_id == workspace_id,
            Mailbox.id == mailbox_id,
            Mailbox.sync_due_at <= func.clock_timestamp(),
        )
        .with_for_update(skip_locked=True)
    )
    if mailbox is None or not mailbox.is_usable:
        return None
    mailbox.sync_due_at = at + CLAIM
    await db.flush()
    return mailbox


async def sync(app: Runtime, parser: Parser, mailbox: Mailbox, reader: Reader | None = None) -> Result:
    """Reads every folder of a claimed mailbox up to date. Opens a connection unless one is given."""
    scope = Scope(mailbox.workspace_id, mailbox.user_id, actor="sync")
    try:
        if reader is not None:
            new = await _read_all(app, parser, mailbox, reader, scope)
        else:
            account = await connections.account_of(app, mailbox)
            async with app.mail[mailbox.provider].open(account) as own:
                new = await _read_all(app, parser, mailbox, own, scope)
    except (ConnectFailed, ReadFailed) as error:
        failure = error if isinstance(error, ConnectFailed) else connections.reading_failed(error)
        async with app.db.begin(scope) as db:
            await connections.mark_failed(db, mailbox, failure)
            await operations.finish_of(db, mailbox.workspace_id, OPERATION, mailbox.id, error=failure.message)
        return Result(0, failure)
    async with app.db.begin(scope) as db:
        current = await db.get_one(Mailbox, (mailbox.workspace_id, mailbox.id), with_for_update=True)
        if current.is_usable:
            current.mark_reached(now())
            current.sync_due_at = now() + app.settings.sync_every
        await operations.finish_of(db, mailbox.workspace_id, OPERATION, mailbox.id)
    return Result(new, None)


async def _read_all(app: Runtime, parser: Parser, mailbox: Mailbox, reader: Reader, scope: Scope) -> int:
    async with app.db.begin(scope) as db:
        folders = await queries.folders_of(db, mailbox.workspace_id, mailbox.id)
    return sum([await read_folder(app, parser, mailbox, folder, reader, scope, holds_claim=True) for folder in folders])


async def read_folder(
    app: Runtime,
    parser: Parser,
    mailbox: Mailbox,
    folder: Folder,
    reader: Reader,
    scope: Scope,
    *,
    holds_claim: bool = False,
) -> int:
    """Reads a folder from its cursor on; each batch is committed with the cursor that covers it.

    With `holds_claim` the mailbox's claim is renewed; a watch, which holds none, must not put a due sync off.
    """
    new = 0
    while True:
        changes = await reader.changes(
            folder.name,
            folder.cursor,
            batch=BATCH,
            since=now() - app.settings.sync_history,
            at_most=app.settings.sync_at_most,
        )
        parsed = await parser.parse_many([each.raw or each.header for each in changes.messages])
        async with app.db.begin(scope) as db:
            owner = await db.get_one(Mailbox, (mailbox.workspace_id, mailbox.id))
            if not owner.is_usable:
                return new
            current = await db.get_one(Folder, (folder.workspace_id, folder.id), with_for_update=True)
            if current.cursor != folder.cursor:  # another reader was faster: go on from where it is
                folder = current
                continue
            new += await recording.record(db, owner, current, changes, parsed)
            if holds_claim and owner.sync_due_at is not None:
                owner.sync_due_at = now() + CLAIM
            await operations.advance_of(
                db,
                mailbox.workspace_id,
                OPERATION,
                mailbox.id,
                done=len(parsed),
                failed=sum(1 for mail in parsed if mail.poison),
                remaining=changes.remaining,
            )
            folder = current
        if not changes.more:
            return new


async def request(db: AsyncSession, mailbox: Mailbox) -> Operation:
    """Asks for a sync now; a sync that is under way stands for it."""
    await connections.ask_for_sync(db, mailbox)
    return await operations.start(
        db,
        workspace_id=mailbox.workspace_id,
        user_id=mailbox.user_id,
        type=OPERATION,
        subject_id=mailbox.id,
    )
