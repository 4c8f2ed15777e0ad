"""Taking due calls. The hour, the budget, the consent and the wish not to be called are looked at here, in the transaction
that writes the attempt down; it is committed before the carrier hears of it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from outrider.core import signed
from outrider.core.clock import database_now
from outrider.core.crypto import Vault
from outrider.core.ids import new_id
from outrider.domain.accounts.models import User
from outrider.domain.calls import notifying, queries, rules
from outrider.domain.calls.models import (
    Call,
    CallAttempt,
    CallSettings,
    Carrier,
    Claim,
    Priority,
    State,
    Status,
    Waiting,
)

TOKEN = "call"  # noqa: S105  # what the tokens of calls are for
LOOKED_AT = 50
RINGS = timedelta(seconds=45)  # that a console rings
LINE_AGAIN = timedelta(seconds=15)
DAY = timedelta(hours=26)  # the longest that a day may be
TOO_LATE = "It could not be placed in time."
GONE = "The account was deleted."
LOCK = text("select pg_advisory_xact_lock(hashtextextended('calling:' || cast(:workspace as text), 0))")


@dataclass(frozen=True, slots=True)
class Desk:
    """Who claims: `sender` is the number that calls come from, None where there is no telephone."""

    worker: str
    lease: timedelta
    sender: str | None


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of those who are to be called."""

    users: Mapping[UUID, User]
    settings: Mapping[UUID, CallSettings]
    consents: Mapping[tuple[UUID, str], UUID]
    refused: set[str]
    rings: Mapping[UUID, list[datetime]]


@dataclass(frozen=True, slots=True)
class Line:
    carrier: Carrier
    name: str
    consent_id: UUID | None = None


async def claim(
    db: AsyncSession, workspace_id: UUID, vault: Vault, desk: Desk, *, now: datetime, at_most: int = LOOKED_AT
) -> list[Claim]:
    """Takes what may ring now. Returns what is to be placed by telephone; a console rings by being written down."""
    # Counting against the budget and claiming must be one step for the whole workspace.
    await db.execute(LOCK, {"workspace": str(workspace_id)})
    due = await _due(db, workspace_id, now)
    if not due:
        return []
    known = await _known(db, workspace_id, list({each.user_id for each in due}), now)
    ready: list[tuple[Call, Line]] = []
    for call in due:
        if len(ready) == at_most:
            break
        user = known.users[call.user_id]
        if user.disabled_at is not None or call.give_up_at <= now:
            await notifying.give_up(db, call, GONE if user.disabled_at else call.last_error or TOO_LATE)
        elif (held := _held(call, user, known, desk, now)) is not None:
            call.put_off(held.until, held.why)
        else:
            known.rings[call.user_id].append(now)
            ready.append((call, line_of(call.user_id, known, desk)))
    attempts = await _take(db, ready, desk, now)
    return [_claimed(each, vault, desk) for each in attempts if each.carrier is Carrier.TELEPHONE]


def line_of(user_id: UUID, known: Known, desk: Desk) -> Line:
    """The telephone where there is one that may ring, else the console."""
    number = known.settings[user_id].phone_number if user_id in known.settings else None
    if desk.sender is not None and number is not None and number not in known.refused:
        consent_id = known.consents.get((user_id, number))
        if consent_id is not None:
            return Line(Carrier.TELEPHONE, number, consent_id)
    return Line(Carrier.CONSOLE, f"console:{user_id}")


def token_of(vault: Vault, attempt: CallAttempt) -> str:
    return signed.mint(vault, attempt.workspace_id, attempt.id, purpose=TOKEN)


async def _due(db: AsyncSession, workspace_id: UUID, now: datetime) -> list[Call]:
    query = (
        select(Call)
        .where(Call.workspace_id == workspace_id, Call.status == Status.SCHEDULED, Call.due_at <= now)
        # What is urgent first, then what waits longest.
        .order_by(Call.priority != Priority.HIGH, Call.due_at, Call.id)
        .limit(LOOKED_AT)
        .with_for_update(skip_locked=True)
    )
    return list(await db.scalars(query))


async def _known(db: AsyncSession, workspace_id: UUID, user_ids: Sequence[UUID], now: datetime) -> Known:
    users = {each.id: each for each in await db.scalars(select(User).where(User.id.in_(user_ids)))}
    settings = await queries.settings_of(db, workspace_id, user_ids)
    numbers = [each.phone_number for each in settings.values() if each.phone_number is not None]
    return Known(
        users,
        settings,
        await queries.consents_of(db, workspace_id, user_ids),
        await queries.not_to_be_called(db, workspace_id, numbers),
        await queries.rings(db, workspace_id, user_ids, now - DAY),
    )


def _held(call: Call, user: User, known: Known, desk: Desk, now: datetime) -> rules.Held | None:
    settings = known.settings.get(user.id) or rules.usual_settings()
    home = ZoneInfo(user.timezone)
    by_telephone = line_of(user.id, known, desk).carrier is Carrier.TELEPHONE
    held = rules.held_until(now, settings, call.priority, home, by_telephone=by_telephone)
    if held is not None or call.priority is Priority.HIGH:
        return held
    begins, ends = rules.day_of(now, home)
    if sum(begins <= each < ends for each in known.rings[user.id]) >= settings.daily_budget:
        return rules.Held(Waiting.DAILY_BUDGET, ends)
    return None


async def _take(db: AsyncSession, ready: Sequence[tuple[Call, Line]], desk: Desk, now: datetime) -> list[CallAttempt]:
    if not ready:
        return []
    at = await database_now(db)
    rows = [_row(call, line, desk, at=at, now=now) for call, line in ready]
    # A line that rings already takes no second call, whosever it is: the index over lines says so.
    made = insert(CallAttempt).on_conflict_do_nothing().returning(CallAttempt)
    attempts = {each.call_id: each for each in await db.scalars(made, rows)}
    for call, _ in ready:
        if (attempt := attempts.get(call.id)) is None:
            call.put_off(now + LINE_AGAIN, Waiting.LINE_BUSY)
            continue
        call.attempts, call.waiting_for, call.status = attempt.number, None, Status.IN_PROGRESS
    return list(attempts.values())


def _row(call: Call, line: Line, desk: Desk, *, at: datetime, now: datetime) -> dict[str, object]:
    by_telephone = line.carrier is Carrier.TELEPHONE
    return {
        "workspace_id": call.workspace_id, "id": new_id(), "call_id": call.id, "user_id": call.user_id,
        "number": call.attempts + 1, "carrier": line.carrier, "line": line.name, "sender": desk.sender or "",
        "consent_id": line.consent_id, "state": State.PLACING if by_telephone else State.RINGING, "worker": desk.worker,
        "lease_until": at + desk.lease if by_telephone else None,
        "look_at": at + (desk.lease if by_telephone else RINGS), "placed_at": now,
    }  # fmt: skip


def _claimed(attempt: CallAttempt, vault: Vault, desk: Desk) -> Claim:
    return Claim(
        workspace_id=attempt.workspace_id,
        attempt_id=attempt.id,
        call_id=attempt.call_id,
        line=attempt.line,
        sender=attempt.sender,
        token=token_of(vault, attempt),
        lease_seconds=desk.lease.total_seconds(),
    )
