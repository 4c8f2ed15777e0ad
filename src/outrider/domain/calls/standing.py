"""Where a user's next call would ring, why not at the telephone, and what is left of the day's budget."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncSession

from outrider.domain.accounts import queries as accounts
from outrider.domain.calls import permitting, queries, rules
from outrider.domain.calls.models import CallSettings


class InTheConsole(StrEnum):
    """Why calls ring in the console alone."""

    NO_CARRIER = "no_carrier"  # the operator has set up no telephone
    NO_NUMBER = "no_number"
    NO_CONSENT = "no_consent"
    REFUSED = "refused"  # somebody at the number asked not to be called


@dataclass(frozen=True, slots=True)
class Standing:
    """`only` is None where the telephone rings."""

    settings: CallSettings
    has_consent: bool
    only: InTheConsole | None
    rings_today: int


async def standing_of(
    db: AsyncSession, workspace_id: UUID, user_id: UUID, at: datetime, *, has_carrier: bool
) -> Standing:
    settings = await permitting.settings_of(db, workspace_id, user_id)
    has_consent = await permitting.has_consent(db, settings)
    home = ZoneInfo((await accounts.get_user(db, user_id)).timezone)
    rings = await queries.rings(db, workspace_id, [user_id], rules.day_of(at, home)[0])
    only = await _only(db, settings, has_carrier=has_carrier, has_consent=has_consent)
    return Standing(settings, has_consent, only, len(rings[user_id]))


async def _only(
    db: AsyncSession, settings: CallSettings, *, has_carrier: bool, has_consent: bool
) -> InTheConsole | None:
    if not has_carrier:
        return InTheConsole.NO_CARRIER
    if settings.phone_number is None:
        return InTheConsole.NO_NUMBER
    if await queries.not_to_be_called(db, settings.workspace_id, [settings.phone_number]):
        return InTheConsole.REFUSED
    return None if has_consent else InTheConsole.NO_CONSENT
