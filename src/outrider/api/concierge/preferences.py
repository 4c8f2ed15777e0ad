"""What the caller wants to be called for, told, or reminded of."""

from typing import Annotated
from uuid import UUID

from pydantic import Field

from outrider.api.bodies import Flag
from outrider.api.concierge.contract import contract
from outrider.api.deps import Caller, Db
from outrider.api.enveloped import In, Out
from outrider.api.moments import Moment
from outrider.core.clock import now
from outrider.domain.accounts.permissions import Permission
from outrider.domain.calendars import agenda
from outrider.domain.preferences import actions
from outrider.domain.preferences.models import Frequency, Method, Preferences, Timing

router = contract.router("/preferences", tag="preferences")

TimeOfDay = Annotated[str, Field(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]
Voice = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9 ._-]{0,63}$")]


class PreferencesOut(Out):
    id: UUID
    user_id: UUID
    urgent_financial: bool
    investor_updates: bool
    customer_issues: bool
    team_urgent: bool
    partnership_deals: bool
    product_launches: bool
    meeting_reminder_timing: Timing
    meeting_reminder_frequency: Frequency
    meeting_reminder_method: Method
    preferred_call_time: str
    voice_preference: str
    created_at: Moment
    updated_at: Moment


class PreferencesEdit(In):
    """What is left out stays as it is; nothing can be null."""

    urgent_financial: Flag = Field(True, description="Call me for urgent money matters; else tell me in the digest.")
    investor_updates: Flag = Field(True, description="Call me when investors can't wait; else tell me in the digest.")
    customer_issues: Flag = Field(
        True, description="Call me for urgent trouble of customers; else tell me in the digest."
    )
    team_urgent: Flag = Field(True, description="Call me for urgent mail of my team; else tell me in the digest.")
    partnership_deals: Flag = Field(
        True, description="Tell me of partnerships in the digest, and call me where one can't wait."
    )
    product_launches: Flag = Field(
        True, description="Tell me of launches in the digest, and call me where one can't wait."
    )
    meeting_reminder_timing: Timing = Timing.QUARTER_HOUR
    meeting_reminder_frequency: Frequency = Frequency.ALL
    meeting_reminder_method: Method = Method.BOTH
    preferred_call_time: TimeOfDay = Field("08:00", description="HH:MM in your time zone.")
    voice_preference: Voice = Field("alloy", description="The name of a voice.")


class HeldOut(Out):
    preferences: PreferencesOut


class BasisOut(Out):
    setting: str
    value: bool | str
    reason: str


class SuggestedOut(Out):
    preferences: PreferencesOut
    based_on: list[BasisOut]


@router.get("", needs=Permission.ACCOUNT_READ, model=HeldOut)
async def get_preferences(db: Db, actor: Caller) -> HeldOut:
    """Returns the caller's preferences, the usual ones at first."""
    return _held(await actions.of_user(db, actor.workspace_id, actor.user_id))


@router.put("", needs=Permission.ACCOUNT_WRITE, model=HeldOut)
async def edit_preferences(db: Db, actor: Caller, body: PreferencesEdit) -> HeldOut:
    """Changes what is given; each change is kept in the audit trail."""
    changes = body.model_dump(exclude_unset=True)
    return _held(await actions.change(db, actor.workspace_id, actor.user_id, changes))


@router.post("/reset", needs=Permission.ACCOUNT_WRITE, model=SuggestedOut)
async def reset_preferences(db: Db, actor: Caller) -> SuggestedOut:
    """Sets what suits the caller by their mail of the last 90 days and their calendars' next 28; `based_on` says from
    what, setting by setting.
    """
    ahead = await agenda.outlined(db, actor.workspace_id, actor.user_id, now())
    return SuggestedOut.model_validate(await actions.reset(db, actor.workspace_id, actor.user_id, agenda=ahead))


def _held(preferences: Preferences) -> HeldOut:
    return HeldOut(preferences=PreferencesOut.model_validate(preferences))
