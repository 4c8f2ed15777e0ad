"""Settles what nobody knows, and keeps copies: everything the outbox does with a mailbox's sent mail."""

import asyncio
from collections import defaultdict
from uuid import UUID

import structlog

from outrider.core import jobs
from outrider.core.clock import database_now, now
from outrider.core.db import Scope
from outrider.domain.mailboxes import connections
from outrider.domain.mailboxes import queries as mailboxes
from outrider.domain.mailboxes.models import Mailbox
from outrider.domain.sending import actions, letterhead, queries, results
from outrider.domain.sending.desk import looks
from outrider.domain.sending.models import Send
from outrider.providers.mail.interface import ConnectFailed, ReadFailed
from outrider.runtime import Runtime

log = structlog.get_logger()

# Mailboxes looked into at the same time, and how long for each: one stuck server holds nobody up.
AT_ONCE = 10
PATIENCE = 30.0


@jobs.periodic("sending.settle", every=2.0)
async def settle(app: Runtime) -> None:
    """Finds rows whose worker vanished, and looks unknown ones up in the Sent folder."""
    async with app.db.begin() as db:
        workspaces = await queries.workspaces_with_unsettled_sends(db)
    for workspace_id in workspaces:
        async with app.db.begin(Scope(workspace_id, actor="settle")) as db:
            await results.expire_leases(db, workspace_id, looks=looks(app))
            taken = await results.take_unknown(db, workspace_id)
        by_mailbox: dict[UUID, list[Send]] = defaultdict(list)
        for send in taken:
            by_mailbox[send.mailbox_id].append(send)
        room = asyncio.Semaphore(AT_ONCE)
        await asyncio.gather(*(_look_up(app, workspace_id, each, sends, room) for each, sends in by_mailbox.items()))


async def _look_up(
    app: Runtime, workspace_id: UUID, mailbox_id: UUID, sends: list[Send], room: asyncio.Semaphore
) -> None:
    async with app.db.begin(Scope(workspace_id, actor="settle")) as db:
        mailbox = await mailboxes.get_any(db, workspace_id, mailbox_id)
    if not mailbox.is_usable:
        return
    try:
        async with room, asyncio.timeout(PATIENCE):
            found = await _find_copies(app, mailbox, sends)
    except (ConnectFailed, ReadFailed, TimeoutError) as error:
        # The rows come up again in a minute; nothing is decided without a look.
        log.warning("sending.look_up_failed", mailbox_id=str(mailbox_id), reason=str(error) or "It took too long.")
        return
    async with app.db.begin(Scope(workspace_id, actor="settle")) as db:
        due_now, real_now = await app.clock.due_now(db), await database_now(db)
        for send in sends:
            await results.settle(
                db, send, mailbox, was_found=send.id in found, now=due_now, real_now=real_now, looks=looks(app)
            )


async def _find_copies(app: Runtime, mailbox: Mailbox, sends: list[Send]) -> set[UUID]:
    account = await connections.account_of(app, mailbox)
    async with app.mail[mailbox.provider].open(account) as reader:
        return {send.id for send in sends if await reader.find(send.message_id)}


@jobs.job("sending.keep_copies")
async def keep_copies(app: Runtime, *, workspace_id: UUID, mailbox_id: UUID) -> None:
    """Puts what was sent into the Sent folder, unless the server did; learns from the first mail which it is."""
    async with app.db.begin(Scope(workspace_id, actor="copies")) as db:
        mailbox = await mailboxes.get_any(db, workspace_id, mailbox_id)
        uncopied = await queries.uncopied(db, workspace_id, mailbox_id)
        paper = await letterhead.of(app, db, mailbox)
    if not uncopied or not mailbox.is_usable:
        return
    account = await connections.account_of(app, mailbox)
    async with app.mail[mailbox.provider].open(account) as reader:
        for send in uncopied:
            is_there = await reader.find(send.message_id)
            if not is_there:
                await reader.keep_copy(actions.copy_of(send, mailbox, paper))
            async with app.db.begin(Scope(workspace_id, actor="copies")) as db:
                await connections.learn_saves_sent(db, mailbox, is_there)
                await actions.mark_copied(db, send, at=now())
    async with app.db.begin(Scope(workspace_id, actor="copies")) as db:
        if await queries.uncopied(db, workspace_id, mailbox_id, at_most=1):
            await jobs.enqueue(
                db, "sending.keep_copies", dedupe=str(mailbox_id), workspace_id=workspace_id, mailbox_id=mailbox_id
            )
