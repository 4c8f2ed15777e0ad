"""What the keys of a telephone do during a call."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy.ext.asyncio import AsyncSession

from outrider.domain.calls import permitting, scheduling
from outrider.domain.calls.models import Call, CallAttempt, Carrier


class Reaction(StrEnum):
    """What follows a key."""

    REPEATED = "repeated"
    SNOOZED = "snoozed"
    DONE = "done"
    DRAFTED = "drafted"
    NOTHING_TO_ANSWER = "nothing-to-answer"
    STOPPED = "stopped"
    ENDED = "ended"


async def press(db: AsyncSession, call: Call, attempt: CallAttempt, pressed: str, at: datetime) -> Reaction:
    """1 repeats, 2 puts off, 3 marks as done, 4 asks for a draft of an answer, 9 ends calls to the number. Silence ends
    the call, an unknown key repeats.
    """
    attempt.keys += pressed[:1]
    match pressed[:1]:
        case "":
            return Reaction.ENDED
        case "2":
            return Reaction.SNOOZED if scheduling.snooze(call, attempt, at) else Reaction.ENDED
        case "3":
            await scheduling.mark_done(db, call, at)
            return Reaction.DONE
        case "4":
            return await _answer(db, call, at)
        case "9" if attempt.carrier is Carrier.TELEPHONE:
            await permitting.do_not_call(db, call.workspace_id, attempt.line, "A key was pressed on a call.", at)
            await permitting.withdraw(db, call.workspace_id, call.user_id, attempt.line)
            return Reaction.STOPPED
        case _:
            return Reaction.REPEATED


async def _answer(db: AsyncSession, call: Call, at: datetime) -> Reaction:
    if call.message_id is None:
        return Reaction.NOTHING_TO_ANSWER
    await scheduling.want_reply(db, call, at)
    return Reaction.DRAFTED
