"""The end of a call: taken, tried again, or left as a notice where it could not be told."""

from datetime import datetime

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from outrider.core.events import emit
from outrider.core.ids import new_id
from outrider.domain.calls import rules
from outrider.domain.calls.events import CallEnded
from outrider.domain.calls.models import Call, CallAttempt, CallNotice, State, Waiting

WHY = {
    State.BUSY: "The line was busy.",
    State.NO_ANSWER: "Nobody answered.",
    State.DECLINED: "The call was declined.",
    State.VOICEMAIL: "An answering machine took the call.",
    State.FAILED: "The call failed.",
    State.LOST: "The call was never placed.",
}


async def complete(db: AsyncSession, call: Call, at: datetime, seconds: int | None) -> None:
    call.complete(at, seconds)
    await emit(db, _ended(call))


async def try_again(db: AsyncSession, call: Call, attempt: CallAttempt, at: datetime) -> None:
    """After an attempt that reached nobody: another one by the policy, else a notice."""
    reason = attempt.error or WHY[attempt.state]
    again = rules.again_at(
        attempt.state, at, attempts=call.attempts, most=call.most_attempts, give_up_at=call.give_up_at
    )
    if again is None:
        await give_up(db, call, reason)
    else:
        call.put_off(again, Waiting.RETRY)
        call.last_error = reason


async def give_up(db: AsyncSession, call: Call, reason: str) -> None:
    call.fail(reason)
    made = insert(CallNotice).values(
        workspace_id=call.workspace_id,
        id=new_id(),
        call_id=call.id,
        user_id=call.user_id,
        title=call.content_summary,
        text=f"You could not be told by a call. {reason}",
    )
    await db.execute(made.on_conflict_do_nothing())
    await emit(db, _ended(call))


def _ended(call: Call) -> CallEnded:
    return CallEnded(
        workspace_id=call.workspace_id,
        user_id=call.user_id,
        call_id=call.id,
        call_type=call.call_type.value,
        status=call.status.value,
    )
