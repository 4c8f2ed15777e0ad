"""What becomes of an attempt: as the carrier says, as its own list says, or as its silence leaves it."""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from outrider.core.clock import database_now
from outrider.domain.calls import notifying, queries
from outrider.domain.calls.models import Call, CallAttempt, Carrier, Claim, State, Waiting
from outrider.domain.calls.models import Status as CallStatus
from outrider.providers.voice.interface import AnsweredBy, CallFailed, Outcome, Placed, Update
from outrider.providers.voice.interface import Status as Told

SILENT = timedelta(seconds=90)  # after which the carrier is asked about a call
# Between the looks for a call that may have been placed, in times of the first; after the last it never was.
LOOKS = (1, 2, 4, 6)
LONGEST_TALK = timedelta(minutes=10)
UNHEARD = "It was answered, but the carrier never asked what to say. Check that it can reach this server."
_ENDS = {
    Told.BUSY: State.BUSY,
    Told.NO_ANSWER: State.NO_ANSWER,
    Told.FAILED: State.FAILED,
    Told.CANCELED: State.NO_ANSWER,
}


async def record_placed(db: AsyncSession, claim: Claim, placed: Placed, at: datetime) -> None:
    """The carrier took the call. A callback may have been faster."""
    attempt = await queries.find_attempt(db, claim.workspace_id, claim.attempt_id, lock=True)
    if attempt is not None and attempt.carrier_id is None:
        await attach(db, attempt, placed, at)


async def record_failure(
    db: AsyncSession, claim: Claim, failure: CallFailed, at: datetime, *, first_look: timedelta
) -> None:
    """The carrier did not take it, or nobody knows."""
    attempt = await queries.find_attempt(db, claim.workspace_id, claim.attempt_id, lock=True)
    if attempt is None or attempt.state is not State.PLACING:
        return  # a callback told meanwhile
    if failure.outcome is Outcome.UNKNOWN:
        await doubt(db, attempt, first_look)
        return
    words = f"{failure.message} {failure.hint}".strip()
    attempt.end(State.FAILED if failure.outcome is Outcome.REFUSED else State.LOST, at, error=words)
    call = await _call_of(db, attempt)
    if failure.outcome is Outcome.REFUSED:
        await notifying.give_up(db, call, words)
    else:
        call.put_off(at + timedelta(seconds=30), Waiting.RETRY)
        call.last_error = words


async def doubt(db: AsyncSession, attempt: CallAttempt, first_look: timedelta) -> None:
    """It may have been placed: it is looked up before anything else."""
    attempt.state, attempt.lease_until, attempt.looks = State.UNKNOWN, None, 0
    attempt.look_at = await database_now(db) + first_look * LOOKS[0]
    call = await _call_of(db, attempt)
    call.waiting_for = Waiting.CONFIRMING


async def attach(db: AsyncSession, attempt: CallAttempt, placed: Placed, at: datetime) -> None:
    """The call that the carrier has for an attempt is known."""
    call = await _call_of(db, attempt)
    call.waiting_for = None
    attempt.carrier_id, attempt.lease_until = placed.id, None
    if attempt.state in {State.PLACING, State.UNKNOWN}:
        attempt.state = State.RINGING
    attempt.look_at = await database_now(db) + SILENT
    await _move(db, attempt, placed.status, at, seconds=placed.duration)


async def take_update(
    db: AsyncSession, attempt: CallAttempt, update: Update, at: datetime, *, is_question: bool = False
) -> bool:
    """Takes in what the carrier told; False for what it told before, and for a call that is not this attempt's.
    `is_question`: it asked what to say.
    """
    if attempt.carrier_id is not None and attempt.carrier_id != update.id:
        return False
    if update.key in attempt.told:
        return False
    if attempt.carrier_id is None:
        await _take_up(db, attempt, update, at)
    attempt.told = [*attempt.told, update.key]
    attempt.asked_at = attempt.asked_at or (at if is_question else None)
    if update.answered_by in {AnsweredBy.MACHINE, AnsweredBy.BEEP} and not attempt.state.is_final:
        attempt.error = notifying.WHY[State.VOICEMAIL]
    # Updates come in any order: one that is older than what is known moves nothing, unless it ends the call.
    is_old = update.sequence is not None and update.sequence < attempt.last_sequence
    attempt.last_sequence = max(attempt.last_sequence, update.sequence if update.sequence is not None else -1)
    if update.status.is_final or not is_old:
        await _move(db, attempt, update.status, at, seconds=update.duration)
    return True


async def miss(db: AsyncSession, attempt: CallAttempt, state: State, at: datetime, *, error: str | None = None) -> None:
    """Nobody was reached."""
    attempt.end(state, at, error=error)
    await notifying.try_again(db, await _call_of(db, attempt), attempt, at)


async def talk_ended(db: AsyncSession, attempt: CallAttempt, at: datetime, seconds: int | None) -> None:
    """Somebody heard it: unless they wanted to hear it later, it is done."""
    attempt.duration_seconds = seconds
    attempt.end(State.COMPLETED, at)
    call = await _call_of(db, attempt)
    if call.status is CallStatus.SCHEDULED and call.done_at is None:
        call.duration_seconds = seconds
    elif not call.is_over:
        await notifying.complete(db, call, at, seconds)


async def look_again(db: AsyncSession, attempt: CallAttempt, at: datetime, *, first_look: timedelta) -> None:
    """The carrier's list does not have it. After the last look it was never placed."""
    attempt.looks += 1
    if attempt.looks < len(LOOKS):
        attempt.look_at = await database_now(db) + first_look * LOOKS[attempt.looks]
        return
    await miss(db, attempt, State.LOST, at)


async def look_later(db: AsyncSession, attempt: CallAttempt, *, first_look: timedelta) -> None:
    """Should the look that begins now fail, nothing is decided without another one."""
    soon = first_look * 3 if attempt.state is State.UNKNOWN else SILENT
    attempt.look_at = await database_now(db) + soon


async def forgotten(db: AsyncSession, attempt: CallAttempt, at: datetime) -> None:
    """The carrier no longer knows a call that it took."""
    if attempt.asked_at is not None:
        await talk_ended(db, attempt, at, None)
    else:
        await miss(db, attempt, State.FAILED, at, error="The carrier no longer knows the call.")


async def run_out(db: AsyncSession, attempt: CallAttempt, at: datetime, *, first_look: timedelta) -> None:
    """A console that rang long enough, or a claim whose worker vanished."""
    if attempt.state is State.PLACING:
        await doubt(db, attempt, first_look)
    elif attempt.carrier is Carrier.CONSOLE and attempt.state is State.RINGING:
        await miss(db, attempt, State.NO_ANSWER, at)
    elif attempt.carrier is Carrier.CONSOLE:
        await talk_ended(db, attempt, at, int(LONGEST_TALK.total_seconds()))


async def _take_up(db: AsyncSession, attempt: CallAttempt, update: Update, at: datetime) -> None:
    """The carrier's word is the first that is heard of the call; also where its answer was lost."""
    if not attempt.state.is_final:
        await attach(db, attempt, Placed(update.id, Told.QUEUED), at)
    else:
        attempt.carrier_id = update.id


async def _move(db: AsyncSession, attempt: CallAttempt, told: Told, at: datetime, *, seconds: int | None) -> None:
    if attempt.state.is_final:
        return
    if told is Told.IN_PROGRESS:
        attempt.state, attempt.answered_at = State.IN_PROGRESS, attempt.answered_at or at
    elif told is Told.COMPLETED and attempt.error == notifying.WHY[State.VOICEMAIL]:
        attempt.duration_seconds = seconds
        await miss(db, attempt, State.VOICEMAIL, at)
    elif told is Told.COMPLETED and attempt.asked_at is None:
        # Hung up before its beginning, or we could not be reached: whoever answered has heard nothing.
        attempt.duration_seconds = seconds
        await miss(db, attempt, State.FAILED, at, error=UNHEARD)
    elif told is Told.COMPLETED:
        await talk_ended(db, attempt, at, seconds)
    elif told in _ENDS:
        await miss(db, attempt, _ENDS[told], at)


async def _call_of(db: AsyncSession, attempt: CallAttempt) -> Call:
    return await db.get_one(Call, (attempt.workspace_id, attempt.call_id), with_for_update=True)


async def token_subject(db: AsyncSession, workspace_id: UUID, attempt_id: UUID) -> tuple[CallAttempt, Call] | None:
    """Returns an attempt that an address names, locked, with its call."""
    attempt = await queries.find_attempt(db, workspace_id, attempt_id, lock=True)
    return (attempt, await _call_of(db, attempt)) if attempt is not None else None
