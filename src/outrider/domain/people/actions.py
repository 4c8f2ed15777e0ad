"""Taking people in: one `upsert` for every source, and what a person types about a contact."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from outrider.core.clock import now
from outrider.core.encoding import encode
from outrider.core.errors import Invalid
from outrider.core.ids import new_id
from outrider.domain.people import queries
from outrider.domain.people.merging import LISTS, TEXTS, Draft, Key, keys_of
from outrider.domain.people.models import Contact
from outrider.domain.people.person import Person


class Taken(StrEnum):
    CREATED = "created"
    UPDATED = "updated"  # merged into a contact that lacked something of it
    UNCHANGED = "unchanged"  # all of it was there


@dataclass(frozen=True, slots=True)
class Outcome:
    contact_id: UUID
    taken: Taken


# One writer of a workspace's people at a time: two imports at once find what the other made.
LOCK = text("select pg_advisory_xact_lock(hashtextextended('people:' || :ws, 0))")
INSERT = text("""
    insert into contacts (workspace_id, id, owner_id, name, given_name, family_name, notes, addresses, organisations,
        typed, source, created_at, updated_at)
    select :ws, r.id, :owner, r.name, r.given_name, r.family_name, r.notes, r.addresses, r.organisations, '{}', :source,
        :at, :at
    from jsonb_to_recordset(cast(:rows as jsonb)) as r(id uuid, name text, given_name text, family_name text,
        notes text, addresses jsonb, organisations jsonb)
""")
UPDATE = text("""
    update contacts c set name = r.name, given_name = r.given_name, family_name = r.family_name, notes = r.notes,
        addresses = r.addresses, organisations = r.organisations, updated_at = :at
    from jsonb_to_recordset(cast(:rows as jsonb)) as r(id uuid, name text, given_name text, family_name text,
        notes text, addresses jsonb, organisations jsonb)
    where c.workspace_id = :ws and c.id = r.id
""")
EMAILS = text("""
    insert into contact_emails (workspace_id, id, contact_id, address, label)
    select :ws, r.id, r.contact_id, r.address, r.label
    from jsonb_to_recordset(cast(:rows as jsonb)) as r(id uuid, contact_id uuid, address text, label text)
""")
PHONES = text("""
    insert into contact_phones (workspace_id, id, contact_id, number, text, label)
    select :ws, r.id, r.contact_id, r.number, r.text, r.label
    from jsonb_to_recordset(cast(:rows as jsonb)) as r(id uuid, contact_id uuid, number text, text text, label text)
""")
SOURCES = text("""
    insert into contact_sources as s (workspace_id, id, contact_id, provider, account, remote_id, etag)
    select :ws, r.id, r.contact_id, :provider, :account, r.remote_id, r.etag
    from jsonb_to_recordset(cast(:rows as jsonb)) as r(id uuid, contact_id uuid, remote_id text, etag text)
    on conflict (workspace_id, provider, account, remote_id) do update set etag = excluded.etag
    where s.etag <> excluded.etag
""")


async def upsert(
    db: AsyncSession,
    workspace_id: UUID,
    owner_id: UUID | None,
    people: Sequence[Person],
    *,
    provider: str,
    account: str,
) -> list[Outcome]:
    """Takes thousands of people in at once, in a few statements; returns what became of each, in their order.

    Somebody is the same as a contact, or as one before them in `people`, by the source's own id, else by an email,
    else by a phone; the first that is known decides. Everybody must be known again by something.
    """
    if not all(each.can_be_known_again for each in people):
        raise Invalid("A person needs an email, a phone number or an id by which to be known again.", field="people")
    await db.execute(LOCK, {"ws": str(workspace_id)})
    wanted = {key for person in people for key in keys_of(person)}
    holders = await queries.holders(db, workspace_id, wanted, provider=provider, account=account)
    drafts = await queries.drafts(db, workspace_id, set(holders.values()))
    outcomes = [_take(person, holders, drafts) for person in people]
    await _write(db, workspace_id, owner_id, drafts, source=provider)
    await _write_sources(db, workspace_id, people, outcomes, provider=provider, account=account)
    return outcomes


def _take(person: Person, holders: dict[Key, UUID], drafts: dict[UUID, Draft]) -> Outcome:
    keys = keys_of(person)
    contact_id = next((holders[key] for key in keys if key in holders), None)
    free = {key for key in keys if key not in holders}
    is_new = contact_id is None
    if contact_id is None:
        contact_id = new_id()
        drafts[contact_id] = Draft(contact_id, is_new=True)
    draft = drafts[contact_id]
    holders |= dict.fromkeys(free, contact_id)
    took = draft.fill(person, free)
    return Outcome(contact_id, Taken.CREATED if is_new else Taken.UPDATED if took else Taken.UNCHANGED)


async def _write(
    db: AsyncSession, workspace_id: UUID, owner_id: UUID | None, drafts: dict[UUID, Draft], *, source: str
) -> None:
    new = [_row(each) for each in drafts.values() if each.is_new]
    changed = [_row(each) for each in drafts.values() if each.has_changed and not each.is_new]
    emails = [
        {"id": new_id(), "contact_id": each.id, "address": email.address, "label": email.label}
        for each in drafts.values()
        for email in each.emails
    ]
    phones = [
        {"id": new_id(), "contact_id": each.id, "number": phone.number, "text": phone.text, "label": phone.label}
        for each in drafts.values()
        for phone in each.phones
    ]
    await _run(db, INSERT, new, ws=workspace_id, owner=owner_id, source=source, at=now())
    await _run(db, UPDATE, changed, ws=workspace_id, at=now())
    await _run(db, EMAILS, emails, ws=workspace_id)
    await _run(db, PHONES, phones, ws=workspace_id)


async def _write_sources(
    db: AsyncSession,
    workspace_id: UUID,
    people: Sequence[Person],
    outcomes: Sequence[Outcome],
    *,
    provider: str,
    account: str,
) -> None:
    rows = {
        person.remote_id: {
            "id": new_id(),
            "contact_id": outcome.contact_id,
            "remote_id": person.remote_id,
            "etag": person.etag,
        }
        for person, outcome in zip(people, outcomes, strict=True)
        if person.remote_id
    }
    await _run(db, SOURCES, list(rows.values()), ws=workspace_id, provider=provider, account=account)


async def _run(db: AsyncSession, statement: Any, rows: list[dict[str, Any]], **values: Any) -> None:
    if rows:
        await db.execute(statement, {**values, "rows": encode(rows).decode()})


def _row(draft: Draft) -> dict[str, Any]:
    texts = {name: draft.values.get(name, "") for name in TEXTS}
    return {"id": draft.id, **texts, **{name: draft.values.get(name, []) for name in LISTS}}


async def type_in(db: AsyncSession, contact: Contact, **values: Any) -> None:
    """Stores what a person typed, or emptied; no import changes these fields any more."""
    if unknown := values.keys() - {*TEXTS, *LISTS}:
        raise Invalid(f"A contact has no {', '.join(sorted(unknown))} to type.", field=min(unknown))
    for name, value in values.items():
        setattr(contact, name, value)
    contact.typed = sorted({*contact.typed, *values})
    await db.flush()
