"""Making calls due, and what a user says of one."""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from outrider.core import jobs
from outrider.core.events import emit
from outrider.core.ids import new_id
from outrider.domain.calls import permitting, rules, wording
from outrider.domain.calls.events import CallMarkedDone, ReplyWanted
from outrider.domain.calls.models import Call, CallAttempt, CallType, Priority, Status, Waiting
from outrider.domain.llm import consent
from outrider.domain.preferences import actions as preferences

SPEAK = "calls.speak"
WORDING = timedelta(seconds=20)  # that a call waits for better words, at most


async def schedule_urgent(
    db: AsyncSession,
    workspace_id: UUID,
    user_id: UUID,
    *,
    content: str,
    priority: Priority,
    at: datetime,
    origin: str | None = None,
    message_id: UUID | None = None,
) -> Call:
    """Has a user called now, or as soon as they may be. Of one `origin` they are called once."""
    settings = await permitting.settings_of(db, workspace_id, user_id)
    return await schedule(
        db,
        workspace_id,
        user_id,
        CallType.URGENT,
        origin=origin or f"urgent:{new_id()}",
        content=wording.urgent(content, settings.language),
        summary=content,
        language=settings.language,
        priority=priority,
        at=at,
        give_up_at=at + rules.GIVE_UP_AFTER[CallType.URGENT],
        message_id=message_id,
    )


async def schedule(
    db: AsyncSession,
    workspace_id: UUID,
    user_id: UUID,
    call_type: CallType,
    *,
    origin: str,
    content: str,
    summary: str,
    language: str,
    at: datetime,
    give_up_at: datetime,
    priority: Priority = Priority.MEDIUM,
    message_id: UUID | None = None,
) -> Call:
    """Puts a call into the outbox. Where there is one for the same `origin`, that one is returned as it is."""
    wanted = await preferences.of_user(db, workspace_id, user_id)
    waits = await _waits_for_words(db, workspace_id, call_type, message_id)
    call_id = new_id()
    made = insert(Call).values(
        workspace_id=workspace_id, id=call_id, user_id=user_id, call_type=call_type, origin=origin, content=content,
        content_summary=wording.summary(summary), language=language, voice=wanted.voice_preference, priority=priority,
        scheduled_at=at, due_at=at + WORDING if waits else at, waiting_for=Waiting.WORDING if waits else None,
        give_up_at=give_up_at, message_id=message_id, most_attempts=rules.MOST_ATTEMPTS[call_type],
    )  # fmt: skip
    await db.execute(made.on_conflict_do_nothing(index_elements=["workspace_id", "user_id", "origin"]))
    query = select(Call).where(Call.workspace_id == workspace_id, Call.user_id == user_id, Call.origin == origin)
    call = (await db.scalars(query)).one()
    if call.id == call_id:
        await jobs.enqueue(db, SPEAK, workspace_id=workspace_id, call_id=call_id)
    return call


def snooze(call: Call, attempt: CallAttempt, at: datetime) -> bool:
    """Has the call repeated in a while; False where it was put off often enough."""
    if call.attempts >= rules.MOST_SNOOZES:
        return False
    call.most_attempts = max(call.most_attempts, call.attempts + 1)
    call.give_up_at = max(call.give_up_at, at + rules.SNOOZE + timedelta(hours=1))
    call.put_off(at + rules.SNOOZE, Waiting.SNOOZED)
    return True


async def mark_done(db: AsyncSession, call: Call, at: datetime) -> None:
    if call.done_at is None:
        call.done_at = at
        await emit(
            db,
            CallMarkedDone(
                workspace_id=call.workspace_id, user_id=call.user_id, call_id=call.id, message_id=call.message_id
            ),
        )


async def want_reply(db: AsyncSession, call: Call, at: datetime) -> None:
    if call.reply_wanted_at is None:
        call.reply_wanted_at = at
        await emit(
            db,
            ReplyWanted(
                workspace_id=call.workspace_id, user_id=call.user_id, call_id=call.id, message_id=call.message_id
            ),
        )


async def call_off(db: AsyncSession, workspace_id: UUID, user_id: UUID, reason: str) -> None:
    """Ends all calls of a user that have not been placed."""
    query = select(Call).where(
        Call.workspace_id == workspace_id, Call.user_id == user_id, Call.status == Status.SCHEDULED
    )
    for call in await db.scalars(query.with_for_update()):
        call.fail(reason)


async def _waits_for_words(db: AsyncSession, workspace_id: UUID, call_type: CallType, message_id: UUID | None) -> bool:
    """Whether a language model may word the call anew: what a user or a program has written stays as it is."""
    is_of_mail = call_type is CallType.DIGEST or (call_type is CallType.URGENT and message_id is not None)
    return is_of_mail and await consent.find(db, workspace_id) is not None
