"""Reads of contacts."""

from collections.abc import Collection
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Text, Uuid, any_, func, literal, select
from sqlalchemy.ext.asyncio import AsyncSession

from outrider.core.errors import NotFound
from outrider.domain.people.merging import LISTS, TEXTS, Draft, Key
from outrider.domain.people.models import Contact, ContactEmail, ContactPhone, ContactSource


class ContactNotFound(NotFound):
    code = "contact_not_found"


async def get(db: AsyncSession, workspace_id: UUID, contact_id: UUID) -> Contact:
    """Raises ContactNotFound."""
    found: Contact | None = await db.scalar(
        select(Contact).where(Contact.workspace_id == workspace_id, Contact.id == contact_id)
    )
    if found is None:
        raise ContactNotFound("There is no such contact.")
    return found


async def count(db: AsyncSession, workspace_id: UUID) -> int:
    return await db.scalar(select(func.count()).select_from(Contact).where(Contact.workspace_id == workspace_id)) or 0


async def holders(
    db: AsyncSession, workspace_id: UUID, keys: Collection[Key], *, provider: str, account: str
) -> dict[Key, UUID]:
    """Returns, for each key that a contact has, which contact."""
    found: dict[Key, UUID] = {}
    for kind, column, contact_id, conditions in (
        ("email", ContactEmail.address, ContactEmail.contact_id, (ContactEmail.workspace_id == workspace_id,)),
        ("phone", ContactPhone.number, ContactPhone.contact_id, (ContactPhone.workspace_id == workspace_id,)),
        (
            "source",
            ContactSource.remote_id,
            ContactSource.contact_id,
            (
                ContactSource.workspace_id == workspace_id,
                ContactSource.provider == provider,
                ContactSource.account == account,
            ),
        ),
    ):
        values = [value for each, value in keys if each == kind]
        if values:
            rows = await db.execute(select(column, contact_id).where(*conditions, column == _any(values)))
            found |= {(kind, str(row[0])): row[1] for row in rows}
    return found


async def drafts(db: AsyncSession, workspace_id: UUID, ids: Collection[UUID]) -> dict[UUID, Draft]:
    """Returns these contacts as drafts to merge into."""
    if not ids:
        return {}
    wanted = any_(literal(list(ids), ARRAY(Uuid)))
    rows = await db.scalars(select(Contact).where(Contact.workspace_id == workspace_id, Contact.id == wanted))
    made = {
        each.id: Draft(
            each.id,
            is_new=False,
            values={name: getattr(each, name) for name in TEXTS} | {name: list(getattr(each, name)) for name in LISTS},
            typed=frozenset(each.typed),
        )
        for each in rows
    }
    unread = await db.execute(
        select(ContactPhone.contact_id, ContactPhone.text).where(
            ContactPhone.workspace_id == workspace_id,
            ContactPhone.contact_id == wanted,
            ContactPhone.number.is_(None),
        )
    )
    for contact_id, text in unread:
        made[contact_id].unread.add(text)
    return made


def _any(values: list[str]) -> Any:
    # An array is one parameter, however many there are.
    return any_(literal(values, ARRAY(Text)))
