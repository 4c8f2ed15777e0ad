"""The pump: sends what is due, settles what is unknown, keeps copies. Only here do database and network meet,
and never at once.
"""

import asyncio
import time
from collections import defaultdict
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import structlog

from outrider.core import jobs
from outrider.core.clock import now
from outrider.core.db import Scope
from outrider.domain.mailboxes import connections
from outrider.domain.mailboxes import queries as mailboxes
from outrider.domain.mailboxes.models import Mailbox
from outrider.domain.sending import actions, claiming, queries
from outrider.domain.sending.actions import Looks
from outrider.domain.sending.claiming import Pace
from outrider.domain.sending.models import Claim, Send, Waiting
from outrider.providers.mail.interface import ConnectFailed, Outcome, ReadFailed, Sender, SendFailed
from outrider.runtime import Runtime

log = structlog.get_logger()

# Mails sent over one connection before others get their turn.
BATCH = 100
RECONNECT = timedelta(minutes=1)
_running: set[UUID] = set()


@dataclass(slots=True)
class LeaseDeadline:
    """Counts from before the claim was committed, so that it never ends later than the lease itself."""

    ends: float

    def has_passed(self) -> bool:
        return time.monotonic() >= self.ends


@jobs.periodic("sending.pump", every=1.0)
async def pump(app: Runtime) -> None:
    """Sends from every mailbox that has something due; a mailbox still busy from the last round is left alone."""
    async with app.db.begin() as db:
        due_now = await app.clock.due_now(db)
        workspaces = await queries.workspaces_with_due_sends(db, due_now)
    waiting: list[tuple[UUID, UUID]] = []
    for workspace_id in workspaces:
        async with app.db.begin(Scope(workspace_id, actor="pump")) as db:
            found = await queries.mailboxes_with_due_sends(db, workspace_id, due_now)
            waiting.extend((workspace_id, mailbox_id) for mailbox_id in found if mailbox_id not in _running)
    room = asyncio.Semaphore(app.settings.send_concurrency)

    async def bounded(workspace_id: UUID, mailbox_id: UUID) -> None:
        async with room:
            await send_from(app, workspace_id, mailbox_id)

    results = await asyncio.gather(*(bounded(*each) for each in waiting), return_exceptions=True)
    for (_, mailbox_id), result in zip(waiting, results, strict=True):
        if isinstance(result, Exception):
            log.warning("sending.mailbox_failed", mailbox_id=str(mailbox_id), error=repr(result))


@jobs.job("sending.pump_mailbox")
async def pump_mailbox(app: Runtime, *, workspace_id: UUID, mailbox_id: UUID) -> None:
    """Sends what is due in one mailbox at once: a person pressed the button."""
    if mailbox_id not in _running:
        await send_from(app, workspace_id, mailbox_id)


async def send_from(app: Runtime, workspace_id: UUID, mailbox_id: UUID) -> None:
    """Sends a batch over one connection. Results and the next claim share a transaction: one commit a mail."""
    _running.add(mailbox_id)
    try:
        claim, mailbox, taken_at = await _first_claim(app, workspace_id, mailbox_id)
        if claim is None:
            return
        account = await connections.account_of(app, mailbox)
        try:
            async with app.mail[mailbox.provider].sender(account) as sender:
                for sent in range(1, BATCH + 1):
                    result = await _attempt(sender, mailbox, claim, taken_at)
                    is_last = sent == BATCH or _ends_connection(result)
                    claim, taken_at = await _record(app, mailbox, claim, result, is_last=is_last)
                    if claim is None:
                        break
        except ConnectFailed as error:
            if claim is not None:
                await _give_back(app, mailbox, claim, error)
    finally:
        _running.discard(mailbox_id)


async def _first_claim(app: Runtime, workspace_id: UUID, mailbox_id: UUID) -> tuple[Claim | None, Mailbox, float]:
    taken_at = time.monotonic()
    async with app.db.begin(Scope(workspace_id, actor="pump")) as db:
        mailbox = await mailboxes.get_any(db, workspace_id, mailbox_id)
        if not mailbox.is_usable:
            await actions.park(db, mailbox)
            return None, mailbox, taken_at
        claimed = await claiming.claim(db, mailbox, now=await app.clock.due_now(db), pace=pace(app))
    return claimed, mailbox, taken_at


async def _attempt(sender: Sender, mailbox: Mailbox, claim: Claim, taken_at: float) -> str | SendFailed:
    deadline = LeaseDeadline(taken_at + claiming.deadline(claim.lease).total_seconds())
    try:
        return await sender.send(claim.raw, sender=mailbox.address, recipient=claim.recipient, deadline=deadline)
    except SendFailed as failure:
        return failure


async def _record(
    app: Runtime, mailbox: Mailbox, claim: Claim, result: str | SendFailed, *, is_last: bool
) -> tuple[Claim | None, float]:
    """Commits the result and takes the next row, unless this was the connection's last."""
    taken_at = time.monotonic()
    async with app.db.begin(Scope(mailbox.workspace_id, actor="pump")) as db:
        due_now = await app.clock.due_now(db)
        if isinstance(result, SendFailed):
            await actions.record_failure(db, claim, result, now=due_now, looks=looks(app))
        elif await actions.record_sent(db, claim, at=due_now, proof=result) and not mailbox.saves_sent:
            # Waits a little: a server that keeps copies by itself needs a moment to show it.
            await jobs.enqueue(
                db,
                "sending.keep_copies",
                dedupe=str(mailbox.id),
                delay=5 if mailbox.saves_sent is None else 1,
                workspace_id=mailbox.workspace_id,
                mailbox_id=mailbox.id,
            )
        if is_last:
            return None, taken_at
        following = await claiming.claim(db, mailbox, now=due_now, pace=pace(app))
    return following, taken_at


def _ends_connection(result: str | SendFailed) -> bool:
    # A refusal of one mail leaves the connection in order; without a reply code it is gone.
    return isinstance(result, SendFailed) and (result.outcome is Outcome.UNKNOWN or result.code in {None, 421})


async def _give_back(app: Runtime, mailbox: Mailbox, claim: Claim, error: ConnectFailed) -> None:
    async with app.db.begin(Scope(mailbox.workspace_id, actor="pump")) as db:
        due_now = await app.clock.due_now(db)
        await connections.mark_failed(db, mailbox, error)
        await actions.release(
            db,
            claim,
            due_at=due_now + RECONNECT,
            why=Waiting.MAILBOX_DISCONNECTED,
            reason=f"{error.message} {error.hint}",
        )


@jobs.periodic("sending.settle", every=2.0)
async def settle(app: Runtime) -> None:
    """Finds rows whose worker vanished, and looks unknown ones up in the Sent folder."""
    async with app.db.begin() as db:
        workspaces = await queries.workspaces_with_unsettled_sends(db)
    for workspace_id in workspaces:
        async with app.db.begin(Scope(workspace_id, actor="settle")) as db:
            await actions.expire_leases(db, workspace_id, looks=looks(app))
            taken = await actions.take_unknown(db, workspace_id)
        by_mailbox: dict[UUID, list[Send]] = defaultdict(list)
        for send in taken:
            by_mailbox[send.mailbox_id].append(send)
        for mailbox_id, sends in by_mailbox.items():
            await _look_up(app, workspace_id, mailbox_id, sends)


async def _look_up(app: Runtime, workspace_id: UUID, mailbox_id: UUID, sends: list[Send]) -> None:
    async with app.db.begin(Scope(workspace_id, actor="settle")) as db:
        mailbox = await mailboxes.get_any(db, workspace_id, mailbox_id)
    if not mailbox.is_usable:
        return
    try:
        found = await _find_copies(app, mailbox, sends)
    except (ConnectFailed, ReadFailed) as error:
        # The rows come up again in a minute; nothing is decided without a look.
        log.warning("sending.look_up_failed", mailbox_id=str(mailbox_id), reason=error.message)
        return
    async with app.db.begin(Scope(workspace_id, actor="settle")) as db:
        due_now = await app.clock.due_now(db)
        for send in sends:
            await actions.settle(
                db, send, mailbox, was_found=send.id in found, now=due_now, real_now=now(), looks=looks(app)
            )


async def _find_copies(app: Runtime, mailbox: Mailbox, sends: list[Send]) -> set[UUID]:
    if mailbox.sent_folder is None:
        return set()
    account = await connections.account_of(app, mailbox)
    async with app.mail[mailbox.provider].open(account) as reader:
        return {send.id for send in sends if await reader.find(mailbox.sent_folder, send.message_id)}


@jobs.job("sending.keep_copies")
async def keep_copies(app: Runtime, *, workspace_id: UUID, mailbox_id: UUID) -> None:
    """Puts what was sent into the Sent folder, unless the server did; learns from the first mail which it is."""
    async with app.db.begin(Scope(workspace_id, actor="copies")) as db:
        mailbox = await mailboxes.get_any(db, workspace_id, mailbox_id)
        uncopied = await queries.uncopied(db, workspace_id, mailbox_id)
    if not uncopied or not mailbox.is_usable or mailbox.sent_folder is None:
        return
    account = await connections.account_of(app, mailbox)
    async with app.mail[mailbox.provider].open(account) as reader:
        for send in uncopied:
            is_there = await reader.find(mailbox.sent_folder, send.message_id)
            if not is_there:
                await reader.append(mailbox.sent_folder, actions.copy_of(send, mailbox))
            async with app.db.begin(Scope(workspace_id, actor="copies")) as db:
                await connections.learn_saves_sent(db, mailbox, is_there)
                await actions.mark_copied(db, send, at=now())
    async with app.db.begin(Scope(workspace_id, actor="copies")) as db:
        if await queries.uncopied(db, workspace_id, mailbox_id, at_most=1):
            await jobs.enqueue(
                db, "sending.keep_copies", dedupe=str(mailbox_id), workspace_id=workspace_id, mailbox_id=mailbox_id
            )


def pace(app: Runtime) -> Pace:
    return Pace(app.settings.domain_daily_limit, app.settings.lease, app.settings.worker_name)


def looks(app: Runtime) -> Looks:
    return Looks(app.settings.unknown_first_look, app.settings.unknown_last_look)
