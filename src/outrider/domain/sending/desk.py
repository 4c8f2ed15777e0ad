"""Where every connection of this process hands in results and gets its next claim.

A claim must be committed before its mail leaves, so each mail needs a commit. Connections that ask while another
transaction is under way share the next one: the more are busy, the less each of them costs.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy.exc import DBAPIError, InterfaceError
from sqlalchemy.ext.asyncio import AsyncSession

from outrider.core import jobs
from outrider.core.db import Scope
from outrider.domain.mailboxes.models import Mailbox
from outrider.domain.sending import claiming, results
from outrider.domain.sending.models import Claim
from outrider.domain.sending.pacing import Pace
from outrider.domain.sending.results import Looks, Recorded
from outrider.providers.mail.interface import Receipt, SendFailed
from outrider.runtime import Runtime

log = structlog.get_logger()

AT_ONCE = 3  # transactions at the same time
GATHER = 0.002  # seconds that a request waits for company
HELD_UP = 0.1  # seconds after which a workspace's next transaction waits no longer for the one before it
FIRST_RETRY, LONGEST_RETRY = 0.25, 5.0  # seconds
# Waits a little: a server that keeps copies by itself needs a moment to show it.
COPY_DELAY = 5.0


@dataclass(frozen=True, slots=True)
class Taken:
    """A claim, and the local moment from before it was committed, so that its lease never seems longer than it is."""

    claim: Claim
    at: float


@dataclass(slots=True)
class Request:
    """What one connection brings, and whether it wants another mail."""

    mailbox: Mailbox
    finished: Claim | None
    result: Receipt | SendFailed
    wants_more: bool
    answer: "asyncio.Future[Taken | None]" = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class Desk:
    """Group commit over results and claims. One for each process."""

    def __init__(self, app: Runtime) -> None:
        self._app = app
        self._waiting: defaultdict[UUID, list[Request]] = defaultdict(list)
        self._served: set[UUID] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._room = asyncio.Semaphore(AT_ONCE)

    async def first(self, mailbox: Mailbox) -> Taken | None:
        return await self._ask(Request(mailbox, None, Receipt(""), wants_more=True))

    async def exchange(
        self, mailbox: Mailbox, claim: Claim, result: Receipt | SendFailed, *, wants_more: bool
    ) -> Taken | None:
        """Hands in a result; returns the mailbox's next claim. Outlives a database that is away for a while."""
        return await self._ask(Request(mailbox, claim, result, wants_more))

    async def _ask(self, request: Request) -> Taken | None:
        workspace_id = request.mailbox.workspace_id
        self._waiting[workspace_id].append(request)
        if workspace_id not in self._served:
            self._served.add(workspace_id)
            self._start(self._serve(workspace_id))
        return await request.answer

    def _start(self, work: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _serve(self, workspace_id: UUID) -> None:
        """One transaction after the other: claims of a workspace wait for each other in the database anyway."""
        try:
            while self._waiting.get(workspace_id):
                await asyncio.sleep(GATHER)
                await self._room.acquire()
                answering = self._start(self._answer(workspace_id, self._waiting.pop(workspace_id)))
                answering.add_done_callback(lambda _: self._room.release())
                await asyncio.wait([answering], timeout=HELD_UP)
        finally:
            self._served.discard(workspace_id)

    async def _answer(self, workspace_id: UUID, batch: Sequence[Request]) -> None:
        try:
            taken = await self._patiently(workspace_id, batch)
        except Exception as error:  # noqa: BLE001  # one row that can't be written must not keep the others from it
            if len(batch) > 1:
                for request in batch:
                    await self._answer(workspace_id, [request])
            elif not batch[0].answer.done():
                batch[0].answer.set_exception(error)
            return
        for request in batch:
            if not request.answer.done():
                request.answer.set_result(taken.get(request.mailbox.id) if request.wants_more else None)

    async def _patiently(self, workspace_id: UUID, batch: Sequence[Request]) -> dict[UUID, Taken]:
        """What servers have said must not be forgotten because the database is away; the lease bounds the patience."""
        ends, wait = time.monotonic() + self._app.settings.lease.total_seconds(), FIRST_RETRY
        while True:
            try:
                return await self._commit(workspace_id, batch)
            except (OSError, DBAPIError, InterfaceError, TimeoutError) as error:
                is_away = not isinstance(error, DBAPIError) or error.connection_invalidated or is_passing(error)
                if not is_away or time.monotonic() > ends:
                    raise
                log.warning("sending.database_away", error=type(error).__name__, retry_in=wait)
            await asyncio.sleep(wait)
            wait = min(wait * 2, LONGEST_RETRY)

    async def _commit(self, workspace_id: UUID, batch: Sequence[Request]) -> dict[UUID, Taken]:
        began = time.monotonic()
        async with self._app.db.begin(Scope(workspace_id, actor="pump")) as db:
            now = await self._app.clock.due_now(db)
            said = [(each.finished, each.result) for each in batch if each.finished is not None]
            sent = await results.record_sent(
                db, [(claim, result) for claim, result in said if isinstance(result, Receipt)], at=now
            )
            for claim, result in said:
                if isinstance(result, SendFailed):
                    await results.record_failure(db, claim, result, now=now, looks=looks(self._app))
            await self._ask_for_copies(db, batch, sent)
            asking = [each.mailbox.id for each in batch if each.wants_more]
            claims = await claiming.claim(db, workspace_id, asking, now=now, pace=pace(self._app)) if asking else {}
        return {mailbox_id: Taken(claim, began) for mailbox_id, claim in claims.items()}

    async def _ask_for_copies(self, db: AsyncSession, batch: Sequence[Request], sent: Sequence[Recorded]) -> None:
        with_mail = {each.mailbox_id for each in sent}
        by_delay: defaultdict[float, dict[UUID, Mailbox]] = defaultdict(dict)
        for mailbox in (each.mailbox for each in batch):
            if mailbox.id in with_mail and not mailbox.saves_sent:
                by_delay[COPY_DELAY if mailbox.saves_sent is None else 1][mailbox.id] = mailbox
        for delay, mailboxes in by_delay.items():
            await jobs.enqueue_many(
                db,
                "sending.keep_copies",
                [{"workspace_id": each.workspace_id, "mailbox_id": each.id} for each in mailboxes.values()],
                dedupe=[str(each) for each in mailboxes],
                delay=delay,
            )


def is_passing(error: DBAPIError) -> bool:
    """Whether a database error goes away by itself: lost connections, restarts, deadlocks, time-outs (SQLSTATE)."""
    state = str(getattr(error.orig, "sqlstate", "") or "")
    return state[:2] in {"08", "40", "53", "55", "57"}


def pace(app: Runtime) -> Pace:
    settings = app.settings
    return Pace(
        lease=settings.lease,
        worker=settings.worker_name,
        domain_limit=settings.domain_daily_limit,
        company_limit=settings.company_daily_limit,
        ramp_start=settings.ramp_start,
        ramp_step=settings.ramp_step,
        gap_min=settings.send_gap_min,
        gap_max=max(settings.send_gap_min, settings.send_gap_max),
    )


def looks(app: Runtime) -> Looks:
    return Looks(app.settings.unknown_first_look, app.settings.unknown_last_look)
