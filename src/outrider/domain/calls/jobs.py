"""Places what is due and settles what nobody knows. A call is written down before the carrier hears of it; one that may
have been placed is looked for in the carrier's own list before anything else happens to it.
"""

import asyncio
import time
from collections import deque
from datetime import timedelta
from uuid import UUID

import structlog

from outrider.core import jobs
from outrider.core.db import Scope
from outrider.domain.accounts.vault import open_vault
from outrider.domain.calls import claiming, queries, recording, rewording, speaking
from outrider.domain.calls.claiming import Desk
from outrider.domain.calls.models import CallAttempt, Carrier, Claim, State
from outrider.domain.calls.scheduling import SPEAK
from outrider.domain.calls.scripts import Addresses
from outrider.providers.voice.interface import CallFailed, Dial, Placed
from outrider.runtime import Runtime, Telephone

log = structlog.get_logger()

ACTOR = "calls"
CLOCKS_APART = timedelta(minutes=2)  # between this machine's and the carrier's


@jobs.periodic("calls.pump", every=1.0)
async def pump(app: Runtime) -> None:
    """Places what is due, some of each workspace in turn: nobody waits for another's thousand. No more is claimed than is
    placed at once, so that no claim grows old before it is placed.
    """
    async with app.db.begin() as db:
        waiting = deque(await queries.workspaces_with_due_calls(db, await app.clock.due_now(db)))
    while waiting:
        claims: list[Claim] = []
        began = time.monotonic()
        while waiting and (room := app.settings.call_concurrency - len(claims)):
            workspace_id = waiting.popleft()
            taken = await _claim(app, workspace_id, at_most=room)
            claims += taken
            if len(taken) == room:
                waiting.append(workspace_id)
        await asyncio.gather(*(_place(app, each, since=began) for each in claims))


@jobs.periodic("calls.settle", every=2.0)
async def settle(app: Runtime) -> None:
    """Looks at attempts of which nothing was heard in time."""
    async with app.db.begin() as db:
        workspaces = await queries.workspaces_with_open_calls(db)
    room = asyncio.Semaphore(app.settings.call_concurrency)
    for workspace_id in workspaces:
        async with app.db.begin(Scope(workspace_id, actor=ACTOR)) as db:
            at = await app.clock.due_now(db)
            asked: list[CallAttempt] = []
            for attempt in await queries.to_look_at(db, workspace_id):
                if attempt.carrier is Carrier.CONSOLE or attempt.state is State.PLACING:
                    await recording.run_out(db, attempt, at, first_look=app.settings.call_first_look)
                else:
                    await recording.look_later(
                        db, attempt, first_look=app.settings.call_first_look
                    )  # nobody else looks meanwhile
                    asked.append(attempt)
        await asyncio.gather(*(_look(app, each, room) for each in asked))


@jobs.job(SPEAK)
async def speak(app: Runtime, *, workspace_id: UUID, call_id: UUID) -> None:
    await rewording.reword(app, workspace_id, call_id)
    await speaking.speak(app, workspace_id, call_id)


async def _claim(app: Runtime, workspace_id: UUID, *, at_most: int) -> list[Claim]:
    desk = Desk(
        app.settings.worker_name, app.settings.call_lease, app.telephone.number if app.telephone is not None else None
    )
    async with app.db.begin(Scope(workspace_id, actor=ACTOR)) as db:
        vault = await open_vault(db, app.keyring, workspace_id)
        now = await app.clock.due_now(db)
        return await claiming.claim(db, workspace_id, vault, desk, now=now, at_most=at_most)


async def _place(app: Runtime, claim: Claim, *, since: float) -> None:
    """`since` is a moment before the claim, by the machine's monotonic clock."""
    telephone = app.telephone
    if telephone is None:
        return
    addresses = Addresses(app.settings.public_url, claim.token)
    dial = Dial(to=claim.line, sender=claim.sender, script_url=addresses.script, status_url=addresses.status)
    outcome: Placed | CallFailed
    # Within the lease, counted from before the claim: whoever takes it over must not look for it before it is placed.
    left = since + claim.lease_seconds / 2 - time.monotonic()
    try:
        if left <= 0:
            raise TimeoutError
        async with asyncio.timeout(left):
            outcome = await telephone.carrier.place(dial)
    except CallFailed as failure:
        outcome = failure
    except TimeoutError:
        log.warning("calls.too_late", attempt_id=str(claim.attempt_id))
        return  # the lease runs out and the call is looked for
    async with app.db.begin(Scope(claim.workspace_id, actor=ACTOR)) as db:
        at = await app.clock.due_now(db)
        if isinstance(outcome, CallFailed):
            log.warning("calls.not_placed", attempt_id=str(claim.attempt_id), reason=outcome.message)
            await recording.record_failure(db, claim, outcome, at, first_look=app.settings.call_first_look)
        else:
            await recording.record_placed(db, claim, outcome, at)


async def _look(app: Runtime, attempt: CallAttempt, room: asyncio.Semaphore) -> None:
    if app.telephone is None:
        log.warning("calls.no_carrier", attempt_id=str(attempt.id), reason="The telephone's settings are gone.")
        return
    try:
        async with room:
            found = await (_look_up(app.telephone, attempt) if attempt.carrier_id else _find(app, attempt))
    except CallFailed as failure:
        log.warning("calls.look_failed", attempt_id=str(attempt.id), reason=failure.message)
        return  # it comes up again; nothing is decided without a look
    async with app.db.begin(Scope(attempt.workspace_id, actor=ACTOR)) as db:
        current = await queries.find_attempt(db, attempt.workspace_id, attempt.id, lock=True)
        if current is None or current.state.is_final:
            return
        at = await app.clock.due_now(db)
        if found is not None:
            await recording.attach(db, current, found, at)
        elif current.carrier_id is not None:
            await recording.forgotten(db, current, at)
        else:
            await recording.look_again(db, current, at, first_look=app.settings.call_first_look)


async def _look_up(telephone: Telephone, attempt: CallAttempt) -> Placed | None:
    return await telephone.carrier.look_up(attempt.carrier_id or "")


async def _find(app: Runtime, attempt: CallAttempt) -> Placed | None:
    """A line rings for one call at a time: what the carrier lists for it since, and is no other attempt's, is this one."""
    if app.telephone is None:
        return None
    since = attempt.created_at - CLOCKS_APART
    listed = await app.telephone.carrier.find(to=attempt.line, sender=attempt.sender, since=since)
    async with app.db.begin() as db:
        known = await queries.known_at_carrier(db, [each.id for each in listed])
    ours = [each for each in listed if each.id not in known]
    return min(ours, key=lambda each: each.placed_at or attempt.created_at, default=None)
