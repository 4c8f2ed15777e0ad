"""Merging two contacts that are one person, and undoing it.

The one that is merged stays as it was, pointing to the one that is kept; its emails, numbers, sources and tags move over,
and what it has more fills the gaps of the other, by the rule of every import. Sends, enrolments and suppressions belong
to addresses and follow them; rows that name the merged contact still find it, and through it the one that is kept.
The record of a merge says what moved and what each field was before and after, so that undoing it restores exactly that;
what a person or an import changed since then stays.
"""

from typing import Any
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from outrider.core.clock import now
from outrider.core.errors import Conflict, Invalid
from outrider.core.ids import new_id
from outrider.domain.people import finding, queries
from outrider.domain.people.actions import LOCK
from outrider.domain.people.editing import check_not_merged
from outrider.domain.people.merging import LISTS, PIPELINE, TEXTS, comparable
from outrider.domain.people.models import Contact, ContactMerge, Status
from outrider.domain.people.person import Lead, Person

# What moves from one contact to another, but for what the other has already.
MOVES = {
    "contact_emails": "",
    "contact_sources": "",
    "contact_phones": "coalesce(k.number, k.text) = coalesce(m.number, m.text)",
    "contact_tags": "k.tag_id = m.tag_id",
}
FIELDS = (*TEXTS, *LISTS, *PIPELINE, "details", "owner_id", "typed")


class NotMerged(Conflict):
    code = "contact_not_merged"


async def merge(
    db: AsyncSession, workspace_id: UUID, kept_id: UUID, merged_id: UUID, *, by: UUID | None
) -> ContactMerge:
    """Merges one contact into another. Raises ContactNotFound, ContactMerged and Invalid."""
    if kept_id == merged_id:
        raise Invalid("A contact can't be merged into itself.", field="merged_id")
    await db.execute(LOCK, {"ws": str(workspace_id)})
    kept = await queries.as_it_was(db, workspace_id, kept_id, lock=True)
    merged = await queries.as_it_was(db, workspace_id, merged_id, lock=True)
    check_not_merged(kept)
    check_not_merged(merged)
    before = _fields(kept)
    _fill(kept, merged)
    after = _fields(kept)
    merged.merged_into = kept.id
    await db.flush()
    made = ContactMerge(
        workspace_id=workspace_id,
        id=new_id(),
        kept_id=kept.id,
        merged_id=merged.id,
        merged_by=by,
        record={
            "fields": {name: [before[name], after[name]] for name in FIELDS if before[name] != after[name]},
            "moved": {table: await _move(db, table, merged, kept) for table in MOVES},
        },
    )
    db.add(made)
    await db.flush()
    await finding.index(db, workspace_id, [kept.id, merged.id])
    return made


async def unmerge(db: AsyncSession, workspace_id: UUID, merged_id: UUID) -> Contact:
    """Makes a contact that was merged one of its own again. Raises ContactNotFound, NotMerged and ContactMerged."""
    await db.execute(LOCK, {"ws": str(workspace_id)})
    merged = await queries.as_it_was(db, workspace_id, merged_id, lock=True)
    made = await db.scalar(
        select(ContactMerge).where(
            ContactMerge.workspace_id == workspace_id,
            ContactMerge.merged_id == merged.id,
            ContactMerge.undone_at.is_(None),
        )
    )
    if made is None:
        raise NotMerged("This contact is not merged into another.")
    kept = await queries.as_it_was(db, workspace_id, made.kept_id, lock=True)
    check_not_merged(kept)
    for name, (before, after) in made.record["fields"].items():
        _restore(kept, name, before, after)
    merged.merged_into, made.undone_at = None, now()
    await db.flush()
    for table, ids in made.record["moved"].items():
        await _move_back(db, table, ids, kept, merged)
    await finding.index(db, workspace_id, [kept.id, merged.id])
    return merged


def _fill(kept: Contact, merged: Contact) -> None:
    typed = {name: getattr(merged, name) for name in merged.typed if name not in kept.typed}
    draft = queries.draft_of(kept)
    draft.values |= {name: value for name, value in typed.items() if name in draft.values}
    draft.typed |= typed.keys()
    lead = Lead(status=merged.status, score=merged.score, details=merged.details) if merged.status else None
    described: dict[str, Any] = {name: getattr(merged, name) for name in TEXTS}
    described |= {name: tuple(getattr(merged, name)) for name in LISTS}
    draft.fill(Person(**described, lead=lead), set())
    for name, value in draft.values.items():
        setattr(kept, name, value)
    kept.typed = sorted(draft.typed)
    if "owner_id" not in kept.typed or "owner_id" in typed:
        kept.owner_id = typed.get("owner_id", kept.owner_id or merged.owner_id)


def _fields(contact: Contact) -> dict[str, Any]:
    values = {name: getattr(contact, name) for name in FIELDS}
    return {**values, "owner_id": str(contact.owner_id) if contact.owner_id else None}


def _restore(kept: Contact, name: str, before: Any, after: Any) -> None:
    now_is = _fields(kept)[name]
    if now_is == after:
        value = before
    elif name in LISTS:
        brought = {comparable(each) for each in after} - {comparable(each) for each in before}
        value = [each for each in now_is if comparable(each) not in brought]
    elif name == "typed":
        value = sorted({*now_is} - ({*after} - {*before}))
    elif name == "details":
        value = {key: each for key, each in now_is.items() if key in before or after.get(key) != each}
    else:
        return  # somebody has written it since
    if name == "owner_id":
        value = UUID(value) if value else None
    elif name == "status":
        value = Status(value) if value else None
    setattr(kept, name, value)


async def _move(db: AsyncSession, table: str, merged: Contact, kept: Contact) -> list[str]:
    unless = MOVES[table]
    has_it = f"""and not exists (select 1 from {table} k
        where k.workspace_id = m.workspace_id and k.contact_id = :to and {unless})"""
    moved = await db.scalars(
        text(f"""update {table} m set contact_id = :to where m.workspace_id = :ws and m.contact_id = :from
            {has_it if unless else ""} returning m.id"""),
        {"ws": kept.workspace_id, "to": kept.id, "from": merged.id},
    )
    return sorted(str(each) for each in moved)


async def _move_back(db: AsyncSession, table: str, ids: list[str], kept: Contact, merged: Contact) -> None:
    await db.execute(
        text(f"""update {table} m set contact_id = :to
            where m.workspace_id = :ws and m.contact_id = :from and m.id = any(cast(:ids as uuid[]))"""),
        {"ws": kept.workspace_id, "to": merged.id, "from": kept.id, "ids": [UUID(each) for each in ids]},
    )
