"""Works batches off, a step at a time: what a killed worker had committed stays, and the next goes on from there."""

import asyncio
from collections.abc import Sequence
from uuid import UUID

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from outrider.core import jobs
from outrider.core.clock import now
from outrider.core.db import Scope
from outrider.core.errors import AppError
from outrider.domain.accounts import queries as accounts
from outrider.domain.harvest import actions, queries, taking
from outrider.domain.harvest.models import Batch, Item, Source
from outrider.domain.harvest.queries import Standing
from outrider.domain.harvest.reading import READING, Harvested
from outrider.domain.mailboxes import browsing, connections
from outrider.domain.mailboxes import queries as mailboxes
from outrider.domain.mailboxes.models import Mailbox
from outrider.providers.mail.interface import ConnectFailed, Fetched, NotUnderstood, ReadFailed
from outrider.providers.mail.sandbox import Given, ParserUnavailable
from outrider.runtime import Runtime

log = structlog.get_logger()

ACTOR = "harvest"
STEP = 25  # mails
AT_ONCE = 5  # mails that are fetched together
MOST_BYTES = 32 * 2**20  # of mails after which a step fetches no more
PAGE = 500
FIRST_WAIT, LONGEST_WAIT = 5.0, 900.0  # seconds
SET_ASIDE = (
    "A step of this batch ended its worker, or failed, several times, and was set aside. A retry begins with it."
)
_under_way: set[asyncio.Task[None]] = set()


async def set_aside(app: Runtime, *, workspace_id: UUID, batch_id: UUID, step: int) -> None:
    """Ends a batch whose step nobody can do; one that is long done ends nothing."""
    async with app.db.begin(Scope(workspace_id, actor=ACTOR)) as db:
        found = await queries.of_worker(db, workspace_id, batch_id, step=step, lock=True)
        if found is not None:
            await actions.fail(db, found[1], SET_ASIDE)


@jobs.job(actions.JOB, set_aside=set_aside)
async def work(app: Runtime, *, workspace_id: UUID, batch_id: UUID, step: int) -> None:
    """Does one step and queues the next, in the same transaction; does nothing where that step is done."""
    scope = Scope(workspace_id, actor=ACTOR)
    async with app.db.begin(scope) as db:
        found = await queries.of_worker(db, workspace_id, batch_id, step=step)
        if found is None:
            return
        batch, operation = found
        scope = Scope(workspace_id, batch.user_id, actor=ACTOR)
        mailbox = await mailboxes.get_any(db, workspace_id, batch.mailbox_id) if batch.mailbox_id else None
        items = await queries.pending(db, workspace_id, batch_id, at_most=STEP) if batch.is_listed else []
    doing = asyncio.create_task(_do(app, scope, batch, mailbox, items, have=operation.total))
    _under_way.add(doing)
    try:
        await asyncio.wait({doing})
    finally:
        _under_way.discard(doing)
        doing.cancel()
    if doing.cancelled():  # the worker ends: the next one does it
        async with app.db.begin(scope) as db:
            await actions.queue(db, batch)
        return
    await doing


async def stop_harvesting() -> None:
    """Gives up what is under way in this process, at shutdown; nothing of it was written yet."""
    for _ in range(5):  # what the queue had handed out just before comes in a moment later
        for doing in _under_way:
            doing.cancel()
        await asyncio.sleep(0.1)


async def _do(
    app: Runtime, scope: Scope, batch: Batch, mailbox: Mailbox | None, items: Sequence[Item], *, have: int
) -> None:
    try:
        if batch.is_listed:
            await _read(app, scope, batch, mailbox, items)
        elif mailbox is not None:
            await _list(app, scope, batch, mailbox, have=have)
    except (ConnectFailed, ReadFailed, NotUnderstood, ParserUnavailable, AppError) as error:
        await _give_way(app, scope, batch, mailbox, error)


async def _list(app: Runtime, scope: Scope, batch: Batch, mailbox: Mailbox, *, have: int) -> None:
    listed = await browsing.list_ids(
        app, mailbox, label=batch.label, query=batch.query, page=batch.page, size=min(PAGE, batch.at_most - have)
    )
    async with app.db.begin(scope) as db:
        found = await _still(db, batch)
        if found is not None:
            await actions.add_found(db, *found, listed.ids, next_page=listed.next_page)


async def _read(app: Runtime, scope: Scope, batch: Batch, mailbox: Mailbox | None, items: Sequence[Item]) -> None:
    looked_at, mails = await _mails(app, batch, mailbox, items)
    read = await app.parser.read_many(READING, list(mails.values()))
    harvested: dict[UUID, Harvested] = dict(zip(mails, read, strict=True))
    async with app.db.begin(scope) as db:
        found = await _still(db, batch)
        if found is not None:
            current = await queries.still_pending(db, batch.workspace_id, [each.id for each in looked_at])
            own = {each.address for each in await mailboxes.of_user(db, batch.workspace_id, batch.user_id)}
            own.add((await accounts.get_user(db, batch.user_id)).email)
            await taking.take(db, *found, current, harvested, own=own)


async def _mails(
    app: Runtime, batch: Batch, mailbox: Mailbox | None, items: Sequence[Item]
) -> tuple[list[Item], dict[UUID, Given]]:
    """Returns which of the items were looked for, as many as fit into memory, and the mails that are there."""
    if batch.source is Source.EMAILS or mailbox is None:
        return list(items), {each.id: Given(each.content, now()) for each in items if each.content is not None}
    looked_at: list[Item] = []
    mails: dict[UUID, Given] = {}
    for start in range(0, len(items), AT_ONCE):
        some = items[start : start + AT_ONCE]
        fetched = await browsing.fetch(app, mailbox, [each.ref for each in some])
        looked_at += some
        mails |= {each.id: _given(fetched[each.ref]) for each in some if each.ref in fetched}
        if sum(len(each.raw) for each in mails.values()) > MOST_BYTES:
            break
    return looked_at, mails


def _given(fetched: Fetched) -> Given:
    if fetched.raw is None:
        return Given(fetched.header, fetched.received_at, "The mail is larger than 35 MiB: only its header was read.")
    return Given(fetched.raw, fetched.received_at)


async def _still(db: AsyncSession, batch: Batch) -> Standing | None:
    """The batch as it is now, unless somebody else did this step or the user cancelled meanwhile."""
    return await queries.of_worker(db, batch.workspace_id, batch.id, step=batch.step, lock=True)


async def _give_way(app: Runtime, scope: Scope, batch: Batch, mailbox: Mailbox | None, error: Exception) -> None:
    """A provider that fails for now delays the batch; what only a person can mend ends it until a retry."""
    is_final = isinstance(error, NotUnderstood | AppError) or (isinstance(error, ConnectFailed) and error.is_terminal)
    reason = f"{error} {error.hint}".strip() if isinstance(error, ConnectFailed) else str(error)
    log.warning("harvest.delayed", batch_id=str(batch.id), reason=reason, is_final=is_final)
    async with app.db.begin(scope) as db:
        found = await _still(db, batch)
        if found is None:
            return
        current, operation = found
        if is_final:
            await actions.fail(db, operation, reason)
        else:
            delay = min(FIRST_WAIT * 2.0 ** min(current.waits, 10), LONGEST_WAIT)
            await actions.put_off(db, current, reason, delay=delay)
    if mailbox is not None and isinstance(error, ConnectFailed) and error.is_terminal:
        async with app.db.begin(scope) as db:
            await connections.mark_failed(db, mailbox, error)
