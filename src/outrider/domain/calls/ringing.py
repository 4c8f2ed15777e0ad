"""Calls that ring in the web console: answered, declined and ended by who sits before it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from outrider.core.clock import database_now
from outrider.core.errors import Conflict
from outrider.domain.calls import keys, queries, recording
from outrider.domain.calls.models import Call, CallAttempt, Carrier, State


class NotRinging(Conflict):
    code = "call_not_ringing"


@dataclass(frozen=True, slots=True)
class Ring:
    call: Call
    attempt: CallAttempt


async def answer(db: AsyncSession, workspace_id: UUID, user_id: UUID, call_id: UUID, *, at: datetime) -> Ring:
    """Takes a call at the console; of two windows one does."""
    ring = await _ringing(db, workspace_id, user_id, call_id, State.RINGING)
    ring.attempt.state, ring.attempt.answered_at = State.IN_PROGRESS, at
    ring.attempt.look_at = await database_now(db) + recording.LONGEST_TALK + timedelta(seconds=10)
    return ring


async def decline(db: AsyncSession, workspace_id: UUID, user_id: UUID, call_id: UUID, *, at: datetime) -> Ring:
    ring = await _ringing(db, workspace_id, user_id, call_id, State.RINGING)
    await recording.miss(db, ring.attempt, State.DECLINED, at)
    return ring


async def press(
    db: AsyncSession, workspace_id: UUID, user_id: UUID, call_id: UUID, pressed: str, *, at: datetime
) -> Ring:
    """The same keys as on the telephone."""
    ring = await _ringing(db, workspace_id, user_id, call_id, State.IN_PROGRESS)
    await keys.press(db, ring.call, ring.attempt, pressed, at)
    return ring


async def hang_up(db: AsyncSession, workspace_id: UUID, user_id: UUID, call_id: UUID, *, at: datetime) -> Ring:
    ring = await _ringing(db, workspace_id, user_id, call_id, State.IN_PROGRESS)
    began = ring.attempt.answered_at or at
    await recording.talk_ended(db, ring.attempt, at, max(0, round((at - began).total_seconds())))
    return ring


async def _ringing(db: AsyncSession, workspace_id: UUID, user_id: UUID, call_id: UUID, state: State) -> Ring:
    call = await queries.get(db, workspace_id, user_id, call_id)
    attempts = (await queries.attempts_of(db, workspace_id, [call_id]))[call_id]
    for each in attempts:
        if each.carrier is Carrier.CONSOLE and each.state is state:
            await db.refresh(each, with_for_update=True)
            if each.state is state:
                return Ring(call, each)
    raise NotRinging("The call does not ring any more." if state is State.RINGING else "Nobody speaks on this call.")
