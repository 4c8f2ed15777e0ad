"""What a person says of a contact themselves: its fields, its place in the pipeline, its tags."""

from typing import Any

from sqlalchemy import delete, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from outrider.core.clock import now
from outrider.core.errors import Conflict, Invalid, NotFound
from outrider.core.ids import new_id
from outrider.domain.people import finding
from outrider.domain.people.merging import LISTS, PIPELINE, TEXTS
from outrider.domain.people.models import Contact, ContactTag, Tag
from outrider.domain.people.person import check_score

FIELDS = frozenset({*TEXTS, *LISTS, *PIPELINE, "owner_id"})
LONGEST_TAG = 100
ADD_TAG = text("""
    insert into tags (workspace_id, id, name, created_at, updated_at) values (:ws, :id, :name, :at, :at)
    on conflict (workspace_id, name) do nothing
""")
PUT_TAG = text("""
    insert into contact_tags (workspace_id, id, contact_id, tag_id)
    select :ws, :id, :contact_id, t.id from tags t where t.workspace_id = :ws and t.name = :name
    on conflict do nothing
""")


class ContactMerged(Conflict):
    code = "contact_merged"


async def type_in(db: AsyncSession, contact: Contact, **values: Any) -> None:
    """Stores what a person typed, or emptied; no import changes these fields any more. Raises Invalid."""
    if unknown := values.keys() - FIELDS:
        raise Invalid(f"A contact has no {', '.join(sorted(unknown))} to type.", field=min(unknown))
    check_not_merged(contact)
    check_score(values.get("score"))
    for name, value in values.items():
        setattr(contact, name, value)
    contact.typed = sorted({*contact.typed, *values})
    await db.flush()
    await finding.index(db, contact.workspace_id, [contact.id])


async def tag(db: AsyncSession, contact: Contact, name: str) -> None:
    """Puts a tag on a contact; one that nothing has had before is made. Raises Invalid."""
    check_not_merged(contact)
    values = {"ws": contact.workspace_id, "name": clean_tag(name)}
    await db.execute(ADD_TAG, {**values, "id": new_id(), "at": now()})
    await db.execute(PUT_TAG, {**values, "id": new_id(), "contact_id": contact.id})


async def untag(db: AsyncSession, contact: Contact, name: str) -> None:
    """Raises NotFound where the contact has no such tag."""
    ids = select(Tag.id).where(Tag.workspace_id == contact.workspace_id, Tag.name == clean_tag(name))
    removed = await db.scalars(
        delete(ContactTag)
        .where(
            ContactTag.workspace_id == contact.workspace_id,
            ContactTag.contact_id == contact.id,
            ContactTag.tag_id.in_(ids),
        )
        .returning(ContactTag.id)
    )
    if removed.first() is None:
        raise NotFound(f"This contact has no tag {name!r}.")


def clean_tag(name: str) -> str:
    """Returns a tag as it is kept, in small letters. Raises Invalid."""
    cleaned = " ".join(name.replace("\0", "").casefold().split())
    if not 0 < len(cleaned) <= LONGEST_TAG:
        raise Invalid(f"A tag has between 1 and {LONGEST_TAG} characters.", field="tag")
    return cleaned


def check_not_merged(contact: Contact) -> None:
    if contact.merged_into is not None:
        raise ContactMerged("This contact was merged into another; change that one.", merged_into=contact.merged_into)
