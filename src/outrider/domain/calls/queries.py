"""Reads of calls. They are personal: what a person reads names its user."""

import functools
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import Select, bindparam, func, select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import undefer

from outrider.core.errors import NotFound
from outrider.core.pages import Page, PageRequest, page_of, paged
from outrider.domain.calls.models import (
    OPEN,
    Call,
    CallAttempt,
    CallConsent,
    CallNotice,
    CallSettings,
    DoNotCall,
    Speech,
    State,
    Status,
)

MOST_LISTED = 100


class CallNotFound(NotFound):
    code = "call_not_found"


async def workspaces_with_due_calls(db: AsyncSession, at: datetime) -> list[UUID]:
    """Works without a scope; gives away only identifiers."""
    return list(await db.scalars(text("select workspace_id from workspaces_with_due_calls(:at)"), {"at": at}))


async def workspaces_with_open_calls(db: AsyncSession) -> list[UUID]:
    """Works without a scope; gives away only identifiers."""
    return list(await db.scalars(text("select workspace_id from workspaces_with_open_calls()")))


async def callers_to_plan(db: AsyncSession, at: datetime, at_most: int) -> list[tuple[UUID, UUID]]:
    """Returns (workspace, user) pairs. Works without a scope; gives away only identifiers."""
    rows = await db.execute(text("select * from callers_to_plan(:at, :at_most)"), {"at": at, "at_most": at_most})
    return [(row.workspace_id, row.user_id) for row in rows]


async def known_at_carrier(db: AsyncSession, carrier_ids: Sequence[str]) -> set[str]:
    """Returns which of the carrier's calls are some attempt's, whosever: asked without regard to the scope."""
    return set(await db.scalars(text("select carrier_id from carrier_calls_known(:ids)"), {"ids": list(carrier_ids)}))


async def history(
    db: AsyncSession,
    workspace_id: UUID,
    user_id: UUID,
    paging: PageRequest,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
) -> Page[Call]:
    """Returns a user's calls, the latest first, those from `since` on and before `until`."""
    known = {"workspace_id": workspace_id, "user_id": user_id, "since": since, "until": until}
    given = {name: value for name, value in known.items() if value is not None}
    return await page_of(db, _history(frozenset(given)), paging, given)


@functools.cache
def _history(given: frozenset[str]) -> "Select[Call, int]":
    """Built once for each set of bounds."""
    query = select(Call).where(Call.workspace_id == bindparam("workspace_id"), Call.user_id == bindparam("user_id"))
    if "since" in given:
        query = query.where(Call.scheduled_at >= bindparam("since"))
    if "until" in given:
        query = query.where(Call.scheduled_at < bindparam("until"))
    return paged(query.order_by(Call.scheduled_at.desc(), Call.id.desc()))


async def get(db: AsyncSession, workspace_id: UUID, user_id: UUID, call_id: UUID, *, lock: bool = False) -> Call:
    query = select(Call).where(Call.workspace_id == workspace_id, Call.user_id == user_id, Call.id == call_id)
    found: Call | None = await db.scalar(query.with_for_update() if lock else query)
    if found is None:
        raise CallNotFound("There is no such call.")
    return found


async def waiting_for(db: AsyncSession, workspace_id: UUID, user_id: UUID, origin: str) -> Call | None:
    """Returns the call of an origin that has not been placed, or is to be placed again; locked until the transaction's
    end.
    """
    query = select(Call).where(
        Call.workspace_id == workspace_id,
        Call.user_id == user_id,
        Call.origin == origin,
        Call.status == Status.SCHEDULED,
    )
    found: Call | None = await db.scalar(query.with_for_update())
    return found


async def attempts_of(db: AsyncSession, workspace_id: UUID, call_ids: Sequence[UUID]) -> dict[UUID, list[CallAttempt]]:
    """Returns the attempts of several calls, in their order."""
    query = (
        select(CallAttempt)
        .where(CallAttempt.workspace_id == workspace_id, CallAttempt.call_id.in_(call_ids))
        .order_by(CallAttempt.call_id, CallAttempt.number)
    )
    found: dict[UUID, list[CallAttempt]] = {each: [] for each in call_ids}
    for attempt in await db.scalars(query):
        found[attempt.call_id].append(attempt)
    return found


async def find_attempt(
    db: AsyncSession, workspace_id: UUID, attempt_id: UUID, *, lock: bool = False
) -> CallAttempt | None:
    query = select(CallAttempt).where(CallAttempt.workspace_id == workspace_id, CallAttempt.id == attempt_id)
    found: CallAttempt | None = await db.scalar(query.with_for_update() if lock else query)
    return found


async def ringing(db: AsyncSession, workspace_id: UUID, user_id: UUID) -> list[CallAttempt]:
    """Returns the attempts that ring or are spoken at a user now, wherever they do."""
    query = select(CallAttempt).where(
        CallAttempt.workspace_id == workspace_id,
        CallAttempt.user_id == user_id,
        CallAttempt.state.in_((State.RINGING, State.IN_PROGRESS)),
    )
    return list(await db.scalars(query.order_by(CallAttempt.placed_at).limit(MOST_LISTED)))


async def to_look_at(db: AsyncSession, workspace_id: UUID, *, at_most: int = MOST_LISTED) -> list[CallAttempt]:
    """Takes open attempts of which nothing was heard in time; locked until the transaction's end."""
    query = (
        select(CallAttempt)
        .where(
            CallAttempt.workspace_id == workspace_id,
            CallAttempt.state.in_(OPEN),
            CallAttempt.look_at <= func.clock_timestamp(),
        )
        .order_by(CallAttempt.look_at)
        .limit(at_most)
        .with_for_update(skip_locked=True)
    )
    return list(await db.scalars(query))


async def settings_of(db: AsyncSession, workspace_id: UUID, user_ids: Sequence[UUID]) -> dict[UUID, CallSettings]:
    query = select(CallSettings).where(CallSettings.workspace_id == workspace_id, CallSettings.user_id.in_(user_ids))
    return {each.user_id: each for each in await db.scalars(query)}


async def consents_of(db: AsyncSession, workspace_id: UUID, user_ids: Sequence[UUID]) -> dict[tuple[UUID, str], UUID]:
    """Returns the consents that stand, by user and number."""
    query = select(CallConsent).where(
        CallConsent.workspace_id == workspace_id,
        CallConsent.user_id.in_(user_ids),
        CallConsent.withdrawn_at.is_(None),
    )
    return {(each.user_id, each.phone_number): each.id for each in await db.scalars(query)}


async def not_to_be_called(db: AsyncSession, workspace_id: UUID, numbers: Sequence[str]) -> set[str]:
    query = select(DoNotCall.phone_number).where(
        DoNotCall.workspace_id == workspace_id, DoNotCall.phone_number.in_(numbers)
    )
    return set(await db.scalars(query))


async def rings(
    db: AsyncSession, workspace_id: UUID, user_ids: Sequence[UUID], since: datetime
) -> dict[UUID, list[datetime]]:
    """Returns when each user was rung since a moment; what never rang is not counted."""
    query = select(CallAttempt.user_id, CallAttempt.placed_at).where(
        CallAttempt.workspace_id == workspace_id,
        CallAttempt.user_id.in_(user_ids),
        CallAttempt.placed_at >= since,
        CallAttempt.state != State.LOST,
    )
    found: dict[UUID, list[datetime]] = {each: [] for each in user_ids}
    for user_id, placed_at in await db.execute(query):
        found[user_id].append(placed_at)
    return found


async def notices(db: AsyncSession, workspace_id: UUID, user_id: UUID) -> list[CallNotice]:
    """Returns what a user could not be told, the latest first."""
    query = select(CallNotice).where(CallNotice.workspace_id == workspace_id, CallNotice.user_id == user_id)
    return list(await db.scalars(query.order_by(CallNotice.created_at.desc()).limit(MOST_LISTED)))


async def find_speech(db: AsyncSession, workspace_id: UUID, user_id: UUID, digest: bytes) -> Speech | None:
    query = select(Speech).where(
        Speech.workspace_id == workspace_id, Speech.user_id == user_id, Speech.digest == digest
    )
    found: Speech | None = await db.scalar(query)
    return found


async def get_speech(db: AsyncSession, workspace_id: UUID, speech_id: UUID) -> Speech:
    """Returns a speech with its sound."""
    query = select(Speech).where(Speech.workspace_id == workspace_id, Speech.id == speech_id)
    return (await db.scalars(query.options(undefer(Speech.audio)))).one()


async def speech_under_way(db: AsyncSession, workspace_id: UUID, attempt_id: UUID) -> Speech | None:
    """Returns what is said on a call, with its sound, for as long as the call is on."""
    query = (
        select(Speech)
        .join(Call, (Call.workspace_id == Speech.workspace_id) & (Call.speech_id == Speech.id))
        .join(CallAttempt, (CallAttempt.workspace_id == Call.workspace_id) & (CallAttempt.call_id == Call.id))
        .where(CallAttempt.workspace_id == workspace_id, CallAttempt.id == attempt_id, CallAttempt.state.in_(OPEN))
    )
    found: Speech | None = await db.scalar(query.options(undefer(Speech.audio)))
    return found
