"""Keeps mailboxes up to date: by IDLE or a call where the server pushes, by polling behind it."""

import asyncio
from collections.abc import Coroutine
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import func, or_, update

from outrider.core import jobs
from outrider.core.db import Scope
from outrider.domain.mailboxes import connections, queries, syncing
from outrider.domain.mailboxes.models import Mailbox, State
from outrider.providers.mail.interface import ConnectFailed, Reader, ReadFailed, Role
from outrider.runtime import Runtime

log = structlog.get_logger()

AT_ONCE = 10
# A watch is renewed at half its length; a worker that died is replaced after at most the whole.
WATCH = timedelta(seconds=60)
IDLE_SECONDS = 25.0
SUBSCRIBED = timedelta(days=1)
SUBSCRIBE_AGAIN = timedelta(hours=1)  # after a failure
_watching: dict[UUID, asyncio.Task[None]] = {}
_syncing: dict[UUID, asyncio.Task[None]] = {}


@jobs.periodic("mailboxes.sync_due", every=1.0)
async def sync_due(app: Runtime) -> None:
    """Starts reading every mailbox whose time has come, a few at once; none waits for another's first sync."""
    room = AT_ONCE - len(_syncing)
    if room <= 0:
        return
    async with app.db.begin() as db:
        due = await queries.due_for_sync(db, AT_ONCE)
    for workspace_id, mailbox_id in due[:room]:
        if mailbox_id not in _syncing:
            _start(_syncing, mailbox_id, sync_one(app, workspace_id, mailbox_id))


async def sync_one(app: Runtime, workspace_id: UUID, mailbox_id: UUID) -> None:
    async with app.db.begin(Scope(workspace_id, actor="sync")) as db:
        mailbox = await syncing.claim(db, workspace_id, mailbox_id)
    if mailbox is not None:
        result = await syncing.sync(app, app.parser, mailbox)
        log.info("sync.done", mailbox_id=str(mailbox_id), new=result.new, failed=result.failure is not None)


@jobs.periodic("mailboxes.watch", every=2.0)
async def watch(app: Runtime) -> None:
    """Takes mailboxes that nobody watches and keeps an IDLE connection to each."""
    async with app.db.begin() as db:
        unwatched = await queries.to_watch(db, 200)
    for workspace_id, mailbox_id in unwatched:
        if mailbox_id not in _watching and await _take_watch(app, workspace_id, mailbox_id):
            _start(_watching, mailbox_id, _watch_one(app, workspace_id, mailbox_id))


@jobs.periodic("mailboxes.subscribe", every=30.0)
async def subscribe(app: Runtime) -> None:
    """Has providers call us where they do, anew each day: what they promise for a week may end before."""
    async with app.db.begin() as db:
        due = await queries.to_subscribe(db, 50)
    for workspace_id, mailbox_id in due:
        async with app.db.begin(Scope(workspace_id, actor="subscribe")) as db:
            mailbox = await connections.take_subscription(db, workspace_id, mailbox_id, again_in=SUBSCRIBE_AGAIN)
        if mailbox is not None:
            await _subscribe_one(app, mailbox)


async def _subscribe_one(app: Runtime, mailbox: Mailbox) -> None:
    try:
        is_subscribed = await app.mail[mailbox.provider].subscribe(await connections.account_of(app, mailbox))
    except ConnectFailed as failure:
        # Polling goes on; whether the mailbox itself is in order, its sync finds out.
        log.warning("subscribe.failed", mailbox_id=str(mailbox.id), reason=failure.message)
        return
    async with app.db.begin(Scope(mailbox.workspace_id, actor="subscribe")) as db:
        await connections.keep_subscription(db, mailbox, again_in=SUBSCRIBED if is_subscribed else None)


async def stop_reading() -> None:
    """Ends every watch and sync of this process, at shutdown; what was read is committed batch by batch."""
    tasks = [*_watching.values(), *_syncing.values()]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _start(running: dict[UUID, asyncio.Task[None]], mailbox_id: UUID, work: Coroutine[Any, Any, None]) -> None:
    task = running[mailbox_id] = asyncio.create_task(work)
    task.add_done_callback(partial(_finished, running, mailbox_id))


def _finished(running: dict[UUID, asyncio.Task[None]], mailbox_id: UUID, task: "asyncio.Task[None]") -> None:
    running.pop(mailbox_id, None)
    if not task.cancelled() and (error := task.exception()) is not None:
        log.warning("mailbox.failed", mailbox_id=str(mailbox_id), error=repr(error))


async def _take_watch(app: Runtime, workspace_id: UUID, mailbox_id: UUID) -> bool:
    """Takes or renews the watch of a mailbox; False once another worker has it or it is not connected."""
    async with app.db.begin(Scope(workspace_id, actor="watch")) as db:
        taken = await db.execute(
            update(Mailbox)
            .where(
                Mailbox.workspace_id == workspace_id,
                Mailbox.id == mailbox_id,
                Mailbox.state == State.CONNECTED,
                or_(
                    Mailbox.watcher == app.settings.worker_name,
                    Mailbox.watched_until.is_(None),
                    Mailbox.watched_until <= func.clock_timestamp(),
                ),
            )
            .values(watcher=app.settings.worker_name, watched_until=func.clock_timestamp() + WATCH)
            .returning(Mailbox.id)
            .execution_options(synchronize_session=False)
        )
        return taken.first() is not None


async def _watch_one(app: Runtime, workspace_id: UUID, mailbox_id: UUID) -> None:
    """Waits for news in the inbox and reads them at once. Any failure ends the watch; polling goes on behind it."""
    async with app.db.begin(Scope(workspace_id, actor="watch")) as db:
        mailbox = await queries.get_any(db, workspace_id, mailbox_id)
    try:
        account = await connections.account_of(app, mailbox)
        async with app.mail[mailbox.provider].open(account) as reader:
            await _follow(app, workspace_id, mailbox, reader)
    except (ConnectFailed, ReadFailed) as failure:
        log.info("watch.ended", mailbox_id=str(mailbox_id), reason=failure.message)
        await asyncio.sleep(WATCH.total_seconds() / 2)  # the connection just failed: leave the server in peace


async def _follow(app: Runtime, workspace_id: UUID, mailbox: Mailbox, reader: Reader) -> None:
    scope = Scope(workspace_id, mailbox.user_id, actor="watch")
    while await _take_watch(app, workspace_id, mailbox.id):
        async with app.db.begin(scope) as db:
            folders = await queries.folders_of(db, workspace_id, mailbox.id)
        # Where mail lies in no folders, all of it is looked at.
        inbox = next((each for role in (Role.INBOX, Role.ALL) for each in folders if each.role == role), None)
        if inbox is None:
            return
        await syncing.read_folder(app, app.parser, mailbox, inbox, reader, scope)
        if not reader.can_push:
            return
        await reader.wait(inbox.name, seconds=IDLE_SECONDS)
