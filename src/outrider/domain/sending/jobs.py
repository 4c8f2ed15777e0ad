"""The pump: keeps a connection busy for every mailbox that has something due. Only here do database and network meet,
and never at once.
"""

import asyncio
import time
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from uuid import UUID

import structlog

from outrider.core import jobs
from outrider.core.db import Scope
from outrider.domain.mailboxes import connections
from outrider.domain.mailboxes import queries as mailboxes
from outrider.domain.mailboxes.models import Mailbox
from outrider.domain.sending import claiming, holding, letterhead, queries, results, rules
from outrider.domain.sending.desk import Desk, Taken
from outrider.domain.sending.letterhead import Letterhead
from outrider.domain.sending.models import Claim, Hold, Waiting
from outrider.providers.mail.interface import ConnectFailed, Outcome, Receipt, Sender, SendFailed
from outrider.runtime import Runtime

log = structlog.get_logger()

# Mails sent over one connection before another mailbox that waits for a slot gets its turn.
BATCH = 100
MOST_SLOW = 500
LOOK_AGAIN = 1.0  # seconds


@dataclass(slots=True)
class Line:
    """A mailbox being sent from. `since` is when its server was last given something to do."""

    task: "asyncio.Task[None] | None" = None
    since: float = field(default_factory=time.monotonic)


@dataclass(slots=True)
class Lines:
    """The mailboxes this process sends from right now.

    A server that has not answered for `patience` seconds gives its slot to another mailbox, while it goes on being
    waited for: one stuck host holds nobody up.
    """

    open: dict[UUID, Line] = field(default_factory=dict)
    patience: float = 10.0
    desk: Desk | None = None
    are_wanted: bool = False  # more mailboxes have something due than there are slots
    is_stopping: bool = False
    moved: asyncio.Event = field(default_factory=asyncio.Event)

    def has_room(self, at_once: int) -> bool:
        before = time.monotonic() - self.patience
        slow = sum(line.since < before for line in self.open.values())
        return len(self.open) - min(slow, MOST_SLOW) < at_once


_lines: dict[int, Lines] = {}


@dataclass(slots=True)
class LeaseDeadline:
    """Counts from before the claim was committed, so that it never ends later than the lease itself."""

    ends: float

    def has_passed(self) -> bool:
        return time.monotonic() >= self.ends


@jobs.periodic("sending.pump", every=0.05)
async def pump(app: Runtime) -> None:
    """Opens a line for every mailbox that has something due, as many as there are slots, workspaces in turn.

    Looks again once a line has closed, and after a second at the latest.
    """
    lines = lines_of(app)
    lines.moved.clear()
    await _open_due(app, lines)
    if not lines.is_stopping:
        await _wait_for_a_move(lines)


async def _open_due(app: Runtime, lines: Lines) -> None:
    async with app.db.begin() as db:
        due = await queries.mailboxes_with_due_sends(db, await app.clock.due_now(db))
    for workspace_id, mailbox_id in due:
        if mailbox_id in lines.open:
            continue
        while not lines.is_stopping and not lines.has_room(app.settings.send_concurrency):
            lines.are_wanted = True
            await _wait_for_a_move(lines)  # or for a line to become slow, which nobody announces
        if lines.is_stopping:
            return
        open_line(app, workspace_id, mailbox_id)
    lines.are_wanted = False


async def _wait_for_a_move(lines: Lines) -> None:
    with suppress(TimeoutError):
        await asyncio.wait_for(lines.moved.wait(), LOOK_AGAIN)
    lines.moved.clear()


@jobs.job("sending.pump_mailbox")
async def pump_mailbox(app: Runtime, *, workspace_id: UUID, mailbox_id: UUID) -> None:
    """Sends what is due in one mailbox at once: a person pressed the button."""
    open_line(app, workspace_id, mailbox_id)


async def stop_sending(app: Runtime) -> None:
    """Lets every line finish the mail it has in hand, and takes no new ones."""
    lines = lines_of(app)
    lines.is_stopping = True
    lines.moved.set()
    tasks = [line.task for line in lines.open.values() if line.task is not None]
    await asyncio.gather(*tasks, return_exceptions=True)
    _lines.pop(id(app), None)


def lines_of(app: Runtime) -> Lines:
    lines = _lines.setdefault(id(app), Lines())
    lines.desk = lines.desk or Desk(app)
    return lines


def open_line(app: Runtime, workspace_id: UUID, mailbox_id: UUID) -> None:
    lines = lines_of(app)
    if mailbox_id in lines.open or lines.is_stopping:
        return
    line = lines.open[mailbox_id] = Line()
    line.task = asyncio.create_task(send_from(app, workspace_id, mailbox_id, line, lines))
    line.task.add_done_callback(partial(_closed, lines, mailbox_id))


def _closed(lines: Lines, mailbox_id: UUID, task: "asyncio.Task[None]") -> None:
    lines.open.pop(mailbox_id, None)
    lines.moved.set()
    if not task.cancelled() and (error := task.exception()) is not None:
        log.warning("sending.mailbox_failed", mailbox_id=str(mailbox_id), error=repr(error))


async def send_from(app: Runtime, workspace_id: UUID, mailbox_id: UUID, line: Line, lines: Lines) -> None:
    """Sends a batch over one connection."""
    assert lines.desk is not None  # noqa: S101  # lines_of makes it
    async with app.db.begin(Scope(workspace_id, actor="pump")) as db:
        mailbox = await mailboxes.get_any(db, workspace_id, mailbox_id)
        paper = await letterhead.of(app, db, mailbox)
    if not mailbox.is_usable:
        return
    taken = await lines.desk.first(mailbox)
    if taken is None:
        return
    try:
        account = await connections.account_of(app, mailbox)
        async with app.mail[mailbox.provider].sender(account) as sender:
            for sent in count(1):
                line.since = time.monotonic()
                result = await _attempt(sender, mailbox, paper, taken)
                line.since = time.monotonic()
                is_turn_over = sent >= BATCH and lines.are_wanted
                goes_on = not is_turn_over and not lines.is_stopping and not _ends_connection(result)
                taken = await lines.desk.exchange(mailbox, taken.claim, result, wants_more=goes_on)
                if taken is None:
                    break
    except ConnectFailed as error:
        if taken is not None:
            await _give_back(app, mailbox, taken.claim, error)


async def _attempt(sender: Sender, mailbox: Mailbox, paper: Letterhead, taken: Taken) -> Receipt | SendFailed:
    claim = taken.claim
    deadline = LeaseDeadline(taken.at + claiming.deadline(claim.lease).total_seconds())
    try:
        compose = partial(rules.compose, mailbox, claim.send, paper, at=claim.at)
        raw = await asyncio.to_thread(compose) if paper.signer else compose()
        return await sender.send(
            raw,
            sender=mailbox.address,
            recipient=claim.send.recipient,
            deadline=deadline,
            thread_id=claim.send.remote_thread,
        )
    except SendFailed as failure:
        return failure
    except (ValueError, LookupError) as error:
        return SendFailed(Outcome.REFUSED, f"This can't be written as a mail: {error}", enhanced="5.6.0")


def _ends_connection(result: Receipt | SendFailed) -> bool:
    # A refusal of one mail leaves the connection in order; without a reply code it is gone.
    return isinstance(result, SendFailed) and (result.outcome is Outcome.UNKNOWN or result.code in {None, 421})


async def _give_back(app: Runtime, mailbox: Mailbox, claim: Claim, error: ConnectFailed) -> None:
    """The mail never left. The whole mailbox waits a little: its next mail would meet the same server."""
    async with app.db.begin(Scope(mailbox.workspace_id, actor="pump")) as db:
        due_now = await app.clock.due_now(db)
        await connections.mark_failed(db, mailbox, error)
        current = await mailboxes.get_any(db, mailbox.workspace_id, mailbox.id)
        reason = f"{error.message} {error.hint}"
        again_at = due_now
        if not error.is_terminal:  # else it waits for its owner, who may come back at any time
            again_at += rules.reconnect_after(current.sync_failures)
            place = (mailbox.workspace_id, mailbox.id)
            await holding.hold(db, [(place, again_at)], why=Hold.UNREACHABLE, reason=reason)
        await results.release(db, claim, due_at=again_at, why=Waiting.MAILBOX_DISCONNECTED, reason=reason)
