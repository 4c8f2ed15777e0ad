"""What a user allows: the number, the hours, the consent to an artificial voice, and its end."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import phonenumbers
from sqlalchemy import delete, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from outrider.core.clock import now
from outrider.core.errors import Invalid
from outrider.core.ids import new_id
from outrider.domain.calls.models import CallConsent, CallSettings, DoNotCall

WORDING = "I agree that an artificial voice calls me at this number with what I asked to be told."


async def settings_of(db: AsyncSession, workspace_id: UUID, user_id: UUID, *, lock: bool = False) -> CallSettings:
    """Returns how a user can be called, the usual settings at first."""
    query = select(CallSettings).where(CallSettings.workspace_id == workspace_id, CallSettings.user_id == user_id)
    query = query.with_for_update() if lock else query
    found: CallSettings | None = await db.scalar(query)
    if found is None:
        made = insert(CallSettings).values(workspace_id=workspace_id, id=new_id(), user_id=user_id)
        await db.execute(made.on_conflict_do_nothing())
        found = (await db.scalars(query)).one()
    return found


async def change(
    db: AsyncSession, workspace_id: UUID, user_id: UUID, changes: Mapping[str, Any], *, consents: bool | None
) -> CallSettings:
    """Changes what is given. `consents` gives or withdraws the consent for the number that is set then; another number
    needs a consent of its own.
    """
    settings = await settings_of(db, workspace_id, user_id, lock=True)
    before = settings.phone_number
    for name, value in changes.items():
        setattr(settings, name, e164(value) if name == "phone_number" and value is not None else value)
    await db.flush()
    if before is not None and before != settings.phone_number:
        await withdraw(db, workspace_id, user_id, before)
    if consents is True:
        await _consent(db, settings)
    elif consents is False and settings.phone_number is not None:
        await withdraw(db, workspace_id, user_id, settings.phone_number)
    return settings


def e164(text: str) -> str:
    """Raises Invalid where it is no telephone number with its country."""
    try:
        number = phonenumbers.parse(text)
    except phonenumbers.NumberParseException:
        number = None
    if number is None or not phonenumbers.is_valid_number(number):
        raise Invalid("Write the number with its country, such as +442079460958.", field="phone_number")
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


async def has_consent(db: AsyncSession, settings: CallSettings) -> bool:
    query = select(CallConsent.id).where(
        CallConsent.workspace_id == settings.workspace_id,
        CallConsent.user_id == settings.user_id,
        CallConsent.phone_number == settings.phone_number,
        CallConsent.withdrawn_at.is_(None),
    )
    return await db.scalar(query) is not None


async def withdraw(db: AsyncSession, workspace_id: UUID, user_id: UUID, phone_number: str) -> None:
    await db.execute(
        update(CallConsent)
        .where(
            CallConsent.workspace_id == workspace_id,
            CallConsent.user_id == user_id,
            CallConsent.phone_number == phone_number,
            CallConsent.withdrawn_at.is_(None),
        )
        .values(withdrawn_at=now())
    )


async def do_not_call(db: AsyncSession, workspace_id: UUID, phone_number: str, reason: str, at: datetime) -> None:
    """Takes a number off the telephone for good, until somebody at it consents anew."""
    made = insert(DoNotCall).values(
        workspace_id=workspace_id, id=new_id(), phone_number=phone_number, reason=reason, created_at=at
    )
    await db.execute(made.on_conflict_do_nothing())


async def _consent(db: AsyncSession, settings: CallSettings) -> None:
    if settings.phone_number is None:
        raise Invalid("Name the number that you agree to be called at.", field="phone_number")
    made = insert(CallConsent).values(
        workspace_id=settings.workspace_id,
        id=new_id(),
        user_id=settings.user_id,
        phone_number=settings.phone_number,
        wording=WORDING,
    )
    await db.execute(made.on_conflict_do_nothing())
    # Who agrees anew takes back that they asked not to be called.
    await db.execute(
        delete(DoNotCall).where(
            DoNotCall.workspace_id == settings.workspace_id, DoNotCall.phone_number == settings.phone_number
        )
    )
