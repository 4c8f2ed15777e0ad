"""Reads of contacts."""

from collections.abc import Collection
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Text, Uuid, any_, func, literal, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from outrider.core.errors import NotFound
from outrider.domain.people.merging import LISTS, PIPELINE, SHARED_BY_MOST, TEXTS, Draft, Key
from outrider.domain.people.models import Contact, ContactEmail, ContactMerge, ContactPhone, ContactSource

MOST_SHOWN = 100
SHARERS = text("""
    select n.number, p.contact_id
    from unnest(cast(:numbers as text[])) n(number)
    cross join lateral (
        select contact_id from contact_phones
        where workspace_id = :ws and number = n.number order by contact_id limit :most
    ) p
    order by p.contact_id
""")


class ContactNotFound(NotFound):
    code = "contact_not_found"


async def get(db: AsyncSession, workspace_id: UUID, contact_id: UUID, *, lock: bool = False) -> Contact:
    """Returns a contact, or the one that it was merged into. Raises ContactNotFound."""
    found = await as_it_was(db, workspace_id, contact_id, lock=lock)
    # As long as the longest chain of merges, which is one or two.
    while found.merged_into is not None:
        found = await as_it_was(db, workspace_id, found.merged_into, lock=lock)
    return found


async def as_it_was(db: AsyncSession, workspace_id: UUID, contact_id: UUID, *, lock: bool = False) -> Contact:
    """Returns this very contact, also where it was merged into another. Raises ContactNotFound."""
    query = select(Contact).where(Contact.workspace_id == workspace_id, Contact.id == contact_id)
    found: Contact | None = await db.scalar(query.with_for_update() if lock else query)
    if found is None:
        raise ContactNotFound("There is no such contact.")
    return found


async def count(db: AsyncSession, workspace_id: UUID) -> int:
    where = (Contact.workspace_id == workspace_id, Contact.merged_into.is_(None))
    return await db.scalar(select(func.count()).select_from(Contact).where(*where)) or 0


async def sources(db: AsyncSession, workspace_id: UUID, contact_id: UUID) -> list[ContactSource]:
    """Returns where a contact came from, the first accounts of many."""
    query = (
        select(ContactSource)
        .where(ContactSource.workspace_id == workspace_id, ContactSource.contact_id == contact_id)
        .order_by(ContactSource.id)
        .limit(MOST_SHOWN)
    )
    return list(await db.scalars(query))


async def merged_into(db: AsyncSession, workspace_id: UUID, contact_id: UUID) -> list[ContactMerge]:
    """Returns the merges that a contact was kept in and that are not undone, the last first."""
    query = (
        select(ContactMerge)
        .where(
            ContactMerge.workspace_id == workspace_id,
            ContactMerge.kept_id == contact_id,
            ContactMerge.undone_at.is_(None),
        )
        .order_by(ContactMerge.id.desc())
        .limit(MOST_SHOWN)
    )
    return list(await db.scalars(query))


async def holders(
    db: AsyncSession, workspace_id: UUID, keys: Collection[Key], *, provider: str, account: str
) -> dict[Key, list[UUID]]:
    """Returns, for each key that contacts have, which; the eldest first, and none where a number is everybody's."""
    found: dict[Key, list[UUID]] = {}
    for kind, column, contact_id, conditions in (
        ("email", ContactEmail.address, ContactEmail.contact_id, ()),
        ("source", ContactSource.remote_id, ContactSource.contact_id,
         (ContactSource.provider == provider, ContactSource.account == account)),
    ):  # fmt: skip
        values = [value for each, value in keys if each == kind]
        if values:
            own = (column.class_.workspace_id == workspace_id, *conditions)
            rows = await db.execute(select(column, contact_id).where(*own, column == _any(values)))
            found |= {(kind, str(row[0])): [row[1]] for row in rows}
    numbers = [value for each, value in keys if each == "phone"]
    rows = await db.execute(SHARERS, {"ws": workspace_id, "numbers": numbers, "most": SHARED_BY_MOST + 1})
    for number, sharer_id in rows:
        found.setdefault(("phone", number), []).append(sharer_id)
    return {key: ids for key, ids in found.items() if len(ids) <= SHARED_BY_MOST}


async def drafts(db: AsyncSession, workspace_id: UUID, ids: Collection[UUID]) -> dict[UUID, Draft]:
    """Returns these contacts as drafts to merge into, but for those that were merged into another."""
    if not ids:
        return {}
    wanted = any_(literal(list(ids), ARRAY(Uuid)))
    rows = await db.scalars(
        select(Contact).where(Contact.workspace_id == workspace_id, Contact.id == wanted, Contact.merged_into.is_(None))
    )
    made = {each.id: draft_of(each) for each in rows}
    phones = await db.execute(
        select(ContactPhone.contact_id, ContactPhone.number, ContactPhone.text).where(
            ContactPhone.workspace_id == workspace_id, ContactPhone.contact_id == wanted
        )
    )
    for contact_id, number, written in phones:
        if contact_id in made:
            made[contact_id].numbers.add(number or written)
    addressed = await db.scalars(
        select(ContactEmail.contact_id).where(
            ContactEmail.workspace_id == workspace_id, ContactEmail.contact_id == wanted
        )
    )
    for contact_id in addressed:
        made[contact_id].has_email = True  # only who is not merged has any
    return made


def draft_of(contact: Contact) -> Draft:
    values: dict[str, Any] = {name: getattr(contact, name) for name in (*TEXTS, *PIPELINE)}
    values |= {name: list(getattr(contact, name)) for name in LISTS}
    values["details"] = dict(contact.details)
    return Draft(contact.id, is_new=False, values=values, typed=frozenset(contact.typed))


def _any(values: list[str]) -> Any:
    # An array is one parameter, however many there are.
    return any_(literal(values, ARRAY(Text)))
