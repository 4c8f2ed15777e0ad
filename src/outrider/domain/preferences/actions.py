"""Reading, changing and resetting preferences. Every change leaves its entry in the audit trail."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from outrider.core.clock import now
from outrider.core.ids import new_id
from outrider.domain.accounts import queries as accounts
from outrider.domain.mailboxes import queries as mailboxes
from outrider.domain.mailboxes.models import Direction
from outrider.domain.preferences import rules
from outrider.domain.preferences.evidence import Agenda, Basis
from outrider.domain.preferences.models import Preferences
from outrider.domain.preferences.rules import Mail

LOOKED_BACK = timedelta(days=90)
AT_MOST = 5_000  # mails


@dataclass(frozen=True, slots=True)
class Suggested:
    preferences: Preferences
    based_on: list[Basis]


async def of_user(db: AsyncSession, workspace_id: UUID, user_id: UUID, *, lock: bool = False) -> Preferences:
    """Returns a user's preferences, the usual ones at first."""
    query = select(Preferences).where(Preferences.workspace_id == workspace_id, Preferences.user_id == user_id)
    query = query.with_for_update() if lock else query
    found: Preferences | None = await db.scalar(query)
    if found is None:
        made = insert(Preferences).values(workspace_id=workspace_id, id=new_id(), user_id=user_id)
        await db.execute(made.on_conflict_do_nothing())
        found = (await db.scalars(query)).one()
    return found


async def change(db: AsyncSession, workspace_id: UUID, user_id: UUID, changes: Mapping[str, Any]) -> Preferences:
    """Changes what is given and leaves the rest."""
    preferences = await of_user(db, workspace_id, user_id, lock=True)
    for name, value in changes.items():
        setattr(preferences, name, value)
    await db.flush()
    return preferences


async def reset(db: AsyncSession, workspace_id: UUID, user_id: UUID, *, agenda: Agenda | None = None) -> Suggested:
    """Sets what suits the user by their own mail of the last months and what lies ahead, and says from what."""
    user = await accounts.get_user(db, user_id)
    at = now()
    rows = await mailboxes.outlines(db, workspace_id, user_id, since=at - LOOKED_BACK, at_most=AT_MOST)
    mails = [
        Mail(row.direction == Direction.OUT, row.from_address, row.subject, row.sender_type, row.received_at)
        for row in rows
    ]
    oldest = min((each.at for each in mails), default=at)
    days = max(1, (at - oldest).days)
    based_on = rules.suggest(mails, user.email.rpartition("@")[2], ZoneInfo(user.timezone), days=days, agenda=agenda)
    changed = await change(db, workspace_id, user_id, {each.setting: each.value for each in based_on})
    return Suggested(changed, based_on)
