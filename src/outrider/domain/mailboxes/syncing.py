"""Reading a mailbox, batch by batch, resumable at every commit."""

import asyncio
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from outrider.core.clock import database_now, now
from outrider.core.crypto import Keyring
from outrider.core.db import Scope
from outrider.domain.mailboxes import connections, forgetting, judging, queries, recording
from outrider.domain.mailboxes.judging import Judged
from outrider.domain.mailboxes.models import Folder, Mailbox
from outrider.domain.operations import actions as operations
from outrider.domain.operations.models import Operation
from outrider.providers.mail.interface import Changes, ConnectFailed, Cursor, Reader, ReadFailed, Role
from outrider.providers.mail.sandbox import Given, Parser
from outrider.runtime import Runtime

BATCH = 200
# A folder with more mails left than this is a long read; few go on at once, the others take a batch in turn.
LONG = 1000
LONG_AT_ONCE = 2
TURN = timedelta(seconds=10)
CLAIM = timedelta(minutes=5)
OPERATION = "mailbox.sync"
_chance = random.SystemRandom()
_long: set[UUID] = set()


@dataclass(frozen=True, slots=True)
class Result:
    """What a run of a mailbox's sync did. `failure` says why it ended early."""

    new: int
    failure: ConnectFailed | None


@dataclass(frozen=True, slots=True)
class Read:
    """How many mails were new, and whether the end was reached."""

    new: int
    is_whole: bool


@dataclass(frozen=True, slots=True)
class Batch:
    """What was fetched, and the same taken apart and judged."""

    changes: Changes
    judged: list[Judged]


@dataclass(frozen=True, slots=True)
class Written:
    """The folder as it is now. `is_stale`: somebody else had read on, so nothing was written."""

    folder: Folder
    new: int
    is_stale: bool


async def claim(db: AsyncSession, workspace_id: UUID, mailbox_id: UUID) -> Mailbox | None:
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
    mailbox.sync_due_at = await database_now(db) + CLAIM
    await db.flush()
    return mailbox


async def sync(app: Runtime, parser: Parser, mailbox: Mailbox, reader: Reader | None = None) -> Result:
    """Reads every folder of a claimed mailbox up to date. Opens a connection unless one is given."""
    scope = Scope(mailbox.workspace_id, mailbox.user_id, actor="sync")
    try:
        if reader is not None:
            read = await _read_all(app, parser, mailbox, reader, scope)
        else:
            account = await connections.account_of(app, mailbox)
            async with app.mail[mailbox.provider].open(account) as own:
                read = await _read_all(app, parser, mailbox, own, scope)
    except (ConnectFailed, ReadFailed) as error:
        failure = error if isinstance(error, ConnectFailed) else connections.reading_failed(error)
        async with app.db.begin(scope) as db:
            await connections.mark_failed(db, mailbox, failure)
            await operations.finish_of(db, mailbox.workspace_id, OPERATION, mailbox.id, error=failure.message)
        return Result(0, failure)
    async with app.db.begin(scope) as db:
        current = await db.get_one(Mailbox, (mailbox.workspace_id, mailbox.id), with_for_update=True)
        if current.is_usable:
            at = await database_now(db)
            current.mark_reached(at)
            # Asked for again meanwhile, it stays due: what came in may have been missed by this run.
            if current.sync_due_at is None or current.sync_due_at > at:
                # Spread, so that mailboxes connected together do not come due together for ever.
                pause = app.settings.sync_every if read.is_whole else TURN
                current.sync_due_at = at + pause * _chance.uniform(0.8, 1)
        if read.is_whole:
            await operations.finish_of(db, mailbox.workspace_id, OPERATION, mailbox.id)
    return Result(read.new, None)


async def read_folder(
    app: Runtime,
    parser: Parser,
    mailbox: Mailbox,
    folder: Folder,
    reader: Reader,
    scope: Scope,
    *,
    holds_claim: bool = False,
    newest_alone: bool = False,
) -> Read:
    """Reads a folder from its cursor on; each batch is committed with the cursor that covers it. With `newest_alone` it
    ends after the first, which holds the newest.

    While one batch is written, the next is fetched and taken apart. With `holds_claim` the mailbox's claim is
    renewed; a watch, which holds none, must not put a due sync off. A long read that finds enough others under way
    ends after a batch.
    """
    new = 0
    ahead: asyncio.Task[Batch] | None = None
    with _turn(folder.id) as may_go_on:
        try:
            while True:
                batch = await (ahead or _fetch(app, parser, folder, folder.cursor, reader))
                ahead = None
                goes_on = batch.changes.more and not newest_alone and may_go_on(batch.changes.remaining)
                if goes_on:
                    ahead = asyncio.create_task(_fetch(app, parser, folder, batch.changes.cursor, reader))
                async with app.db.begin(scope) as db:
                    written = await _write(db, app.keyring, mailbox, folder, batch, holds_claim=holds_claim)
                if written is None:
                    return Read(new, is_whole=True)
                folder, new = written.folder, new + written.new
                if written.is_stale:  # another reader was faster: go on from where it is
                    await _settled(ahead)
                    ahead = None
                elif not goes_on:
                    return Read(new, is_whole=not batch.changes.more)
        finally:
            if ahead is not None:
                ahead.cancel()
                await _settled(ahead)


async def _read_all(app: Runtime, parser: Parser, mailbox: Mailbox, reader: Reader, scope: Scope) -> Read:
    """Of folders never read before, first the newest mail of each: an answer must not wait for a whole archive."""
    folders = await _folders(app, mailbox, scope)
    new = 0
    if any(each.cursor is None for each in folders):
        for folder in folders:
            read = await read_folder(app, parser, mailbox, folder, reader, scope, holds_claim=True, newest_alone=True)
            new += read.new
        folders = await _folders(app, mailbox, scope)
    reads = [await read_folder(app, parser, mailbox, folder, reader, scope, holds_claim=True) for folder in folders]
    return Read(new + sum(each.new for each in reads), is_whole=all(each.is_whole for each in reads))


async def _folders(app: Runtime, mailbox: Mailbox, scope: Scope) -> list[Folder]:
    """The one that answers come into stands first."""
    async with app.db.begin(scope) as db:
        folders = await queries.folders_of(db, mailbox.workspace_id, mailbox.id)
    return sorted(folders, key=lambda each: each.role is not Role.INBOX)


async def _fetch(app: Runtime, parser: Parser, folder: Folder, cursor: Cursor | None, reader: Reader) -> Batch:
    changes = await reader.changes(
        folder.name,
        cursor,
        batch=BATCH,
        since=now() - app.settings.sync_history,
        at_most=app.settings.sync_at_most,
    )
    mails = [Given(each.raw or each.header, each.received_at) for each in changes.messages]
    return Batch(changes, await parser.read_many(judging.READING, mails))


async def _write(
    db: AsyncSession, keyring: Keyring, mailbox: Mailbox, folder: Folder, batch: Batch, *, holds_claim: bool
) -> Written | None:
    """Records a batch with its cursor, unless the folder has moved on; None if the mailbox is used no more."""
    owner = await db.get_one(Mailbox, (mailbox.workspace_id, mailbox.id))
    if not owner.is_usable:
        return None
    current = await db.get_one(Folder, (folder.workspace_id, folder.id), with_for_update=True)
    if current.cursor != folder.cursor:
        return Written(current, 0, is_stale=True)
    changes, judged = await forgetting.without_erased(
        db, keyring, owner.workspace_id, owner.address, batch.changes, batch.judged
    )
    new = await recording.record(db, owner, current, changes, judged)
    at = await database_now(db)
    if holds_claim and owner.sync_due_at is not None and owner.sync_due_at > at:
        owner.sync_due_at = at + CLAIM
    await operations.advance_of(
        db,
        mailbox.workspace_id,
        OPERATION,
        mailbox.id,
        done=len(batch.judged),
        failed=sum(1 for each in batch.judged if each.mail.poison),
        remaining=batch.changes.remaining,
    )
    return Written(current, new, is_stale=False)


@contextmanager
def _turn(folder_id: UUID) -> Iterator[Callable[[int], bool]]:
    """Yields what tells whether a folder with so many mails left may be read on now; only few long reads may."""
    taken = False

    def may_go_on(remaining: int) -> bool:
        nonlocal taken
        if not taken and remaining > LONG:
            if folder_id in _long or len(_long) >= LONG_AT_ONCE:
                return False
            _long.add(folder_id)
            taken = True
        return True

    try:
        yield may_go_on
    finally:
        if taken:
            _long.discard(folder_id)


async def _settled(task: "asyncio.Task[Batch] | None") -> None:
    if task is not None:
        await asyncio.gather(task, return_exceptions=True)


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
