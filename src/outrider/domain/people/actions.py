"""Taking people in: one `upsert` for every source."""

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
from outrider.domain.people.merging import LISTS, PIPELINE, SHARED_BY_MOST, TEXTS, Draft, Key, keys_of
from outrider.domain.people.models import Source
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
# The columns that a source fills, with their types.
COLUMNS = {
    **dict.fromkeys(TEXTS, "text"), **dict.fromkeys(LISTS, "jsonb"),
    "status": "text", "score": "double precision", "details": "jsonb",
}  # fmt: skip
ROWS = f"jsonb_to_recordset(cast(:rows as jsonb)) as r(id uuid, {', '.join(map(' '.join, COLUMNS.items()))})"
INSERT = text(f"""
    insert into contacts (workspace_id, id, owner_id, {", ".join(COLUMNS)}, typed, source, created_at, updated_at)
    select :ws, r.id, :owner, {", ".join(f"r.{each}" for each in COLUMNS)}, '{{}}', :source, :at, :at from {ROWS}
""")
UPDATE = text(f"""
    update contacts c set {", ".join(f"{each} = r.{each}" for each in COLUMNS)}, updated_at = :at
    from {ROWS} where c.workspace_id = :ws and c.id = r.id
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
WORDS = text("""
    insert into contact_words (workspace_id, contact_id, word)
    select :ws, r.contact_id, r.word from jsonb_to_recordset(cast(:rows as jsonb)) as r(contact_id uuid, word text)
    on conflict do nothing
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

    Somebody may be the same as a contact, or as one before them in `people`: `merging.py` says when, and what is taken
    of them. Everybody must be known again by something. `provider` is a `Source`, `account` whose there, `owner_id` who
    looks after those that are new.
    """
    source = Source(provider)
    if not all(each.can_be_known_again for each in people):
        raise Invalid("A person needs an email, a phone number or an id by which to be known again.", field="people")
    await db.execute(LOCK, {"ws": str(workspace_id)})
    wanted = {key for person in people for key in keys_of(person)}
    holders = await queries.holders(db, workspace_id, wanted, provider=provider, account=account)
    drafts = await queries.drafts(db, workspace_id, {each for several in holders.values() for each in several})
    outcomes = [_take(person, holders, drafts) for person in people]
    await _write(db, workspace_id, owner_id, drafts, source=source)
    await _write_sources(db, workspace_id, people, outcomes, provider=provider, account=account)
    return outcomes


def _take(person: Person, holders: dict[Key, list[UUID]], drafts: dict[UUID, Draft]) -> Outcome:
    keys = keys_of(person)
    draft = next((found for key in keys if (found := _holder(key, person, holders, drafts))), None)
    is_new = draft is None
    if draft is None:
        contact_id = new_id()
        draft = drafts[contact_id] = Draft(contact_id, is_new=True)
    took = draft.fill(person, {key for key in keys if key not in holders})
    for key in keys:
        held = holders.setdefault(key, [])
        if not held or (key[0] == "phone" and draft.id not in held):
            held.append(draft.id)
    return Outcome(draft.id, Taken.CREATED if is_new else Taken.UPDATED if took else Taken.UNCHANGED)


def _holder(key: Key, person: Person, holders: dict[Key, list[UUID]], drafts: dict[UUID, Draft]) -> Draft | None:
    held = holders.get(key, [])
    if key[0] != "phone":
        return drafts[held[0]] if held else None
    if len(held) > SHARED_BY_MOST:
        return None
    return next((draft for each in held if (draft := drafts.get(each)) is not None and draft.may_be(person)), None)


async def _write(
    db: AsyncSession, workspace_id: UUID, owner_id: UUID | None, drafts: dict[UUID, Draft], *, source: Source
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
    words = [{"contact_id": each.id, "word": word} for each in drafts.values() for word in sorted(each.words)]
    await _run(db, WORDS, words, ws=workspace_id)


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
    values = draft.values
    return {
        "id": draft.id,
        **{name: values.get(name, "") for name in TEXTS},
        **{name: values.get(name, []) for name in LISTS},
        **{name: values.get(name) for name in PIPELINE},
        "details": values.get("details", {}),
    }
