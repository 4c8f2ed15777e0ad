"""Merging two contacts, undoing it, and finding those that may be one."""

from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select, text

from outrider.core.errors import Invalid
from outrider.domain.people import actions, editing, finding, merges, queries
from outrider.domain.people.editing import ContactMerged
from outrider.domain.people.finding import Sought
from outrider.domain.people.merges import NotMerged
from outrider.domain.people.models import ContactEmail, Status
from outrider.domain.people.person import Lead, Person, make_person
from outrider.runtime import Runtime
from tests.factories.accounts import Someone, make_user

TABLES = ("contacts", "contact_emails", "contact_phones", "contact_sources", "contact_tags", "contact_words")
DESK = "+442079460018"


async def take(runtime: Runtime, owner: Someone, *people: Person) -> list[UUID]:
    async with runtime.db.begin(owner.scope) as db:
        outcomes = await actions.upsert(
            db, owner.workspace_id, owner.user.id, people, provider="csv", account="contacts.csv"
        )
    return [each.contact_id for each in outcomes]


async def everything(runtime: Runtime, owner: Someone) -> dict[str, set[str]]:
    """All rows of a workspace's people, without the moment of their last change."""
    async with runtime.db.begin(owner.scope) as db:
        return {
            table: set(await db.scalars(text(f"select (to_jsonb(t) - 'updated_at')::text from {table} t")))
            for table in TABLES
        }


async def two(runtime: Runtime) -> tuple[Someone, UUID, UUID]:
    ada = await make_user(runtime)
    kept, merged = await take(
        runtime,
        ada,
        make_person(
            name="Grace Hopper",
            emails=[("grace@b.test", "work")],
            phones=[(DESK, ""), ("ask the desk", "")],
            organisations=[{"name": "Navy"}],
            remote_id="c1",
        ),
        make_person(
            name="Grandma COBOL",
            notes="Met in Philadelphia",
            emails=[("hopper@navy.test", ""), ("grace@univac.test", "")],
            phones=[(DESK, ""), ("+442079460019", ""), ("ask the desk", "")],
            organisations=[{"name": "navy"}, {"name": "Univac"}],
            lead=Lead(score=7, details={"wants": "a compiler"}),
            remote_id="c2",
        ),
    )
    async with runtime.db.begin(ada.scope) as db:
        for contact_id, tags in ((kept, ("vip",)), (merged, ("vip", "pioneer"))):
            for tag in tags:
                await editing.tag(db, await queries.get(db, ada.workspace_id, contact_id), tag)
        await editing.type_in(db, await queries.get(db, ada.workspace_id, merged), given_name="Amazing Grace")
    return ada, kept, merged


async def merge(runtime: Runtime, owner: Someone, kept: UUID, merged: UUID) -> None:
    async with runtime.db.begin(owner.scope) as db:
        await merges.merge(db, owner.workspace_id, kept, merged, by=owner.user.id)


async def unmerge(runtime: Runtime, owner: Someone, merged: UUID) -> None:
    async with runtime.db.begin(owner.scope) as db:
        await merges.unmerge(db, owner.workspace_id, merged)


async def entries(runtime: Runtime, owner: Someone, query: str = "") -> list[finding.Entry]:
    async with runtime.db.begin(owner.scope) as db:
        return (await finding.search(db, owner.workspace_id, Sought(query=query), limit=10)).items


async def test_a_merge_keeps_all_that_both_have(runtime: Runtime) -> None:
    ada, kept, merged = await two(runtime)
    await merge(runtime, ada, kept, merged)
    (only,) = await entries(runtime, ada)
    assert (only.id, only.name, only.status, only.score) == (kept, "Grace Hopper", Status.NEW, 7)
    assert only.organisations == [{"name": "Navy"}, {"name": "Univac"}]
    assert sorted(only.emails) == ["grace@b.test", "grace@univac.test", "hopper@navy.test"]
    assert sorted(only.phones) == [DESK, "+442079460019", "ask the desk"]
    assert only.tags == ["pioneer", "vip"]
    assert [each.id for each in await entries(runtime, ada, "univac")] == [kept]
    async with runtime.db.begin(ada.scope) as db:
        found = await queries.get(db, ada.workspace_id, merged)
        assert await queries.count(db, ada.workspace_id) == 1
    assert (found.id, found.notes, found.details) == (kept, "Met in Philadelphia", {"wants": "a compiler"})
    assert (found.given_name, found.typed) == ("Amazing Grace", ["given_name"])


async def test_undoing_a_merge_restores_exactly_what_was(runtime: Runtime) -> None:
    ada, kept, merged = await two(runtime)
    before = await everything(runtime, ada)
    await merge(runtime, ada, kept, merged)
    assert await everything(runtime, ada) != before
    await unmerge(runtime, ada, merged)
    assert await everything(runtime, ada) == before
    await merge(runtime, ada, merged, kept)
    await unmerge(runtime, ada, kept)
    assert await everything(runtime, ada) == before


async def test_what_was_written_since_a_merge_outlives_its_undoing(runtime: Runtime) -> None:
    ada, kept, merged = await two(runtime)
    await merge(runtime, ada, kept, merged)
    async with runtime.db.begin(ada.scope) as db:
        await editing.type_in(db, await queries.get(db, ada.workspace_id, merged), notes="Retired", score=9)
    await take(
        runtime,
        ada,
        make_person(
            emails=[("hopper@navy.test", ""), ("new@b.test", "")],
            organisations=[{"name": "DEC"}],
            lead=Lead(details={"when": "soon"}),
        ),
    )
    await unmerge(runtime, ada, merged)
    async with runtime.db.begin(ada.scope) as db:
        first = await queries.get(db, ada.workspace_id, kept)
        owns = dict((await db.execute(select(ContactEmail.address, ContactEmail.contact_id))).tuples().all())
    assert (first.notes, first.score, first.given_name, first.status) == ("Retired", 9, "", None)
    assert first.organisations == [{"name": "Navy"}, {"name": "DEC"}]
    assert (first.details, first.typed) == ({"when": "soon"}, ["notes", "score"])
    assert owns == {
        "grace@b.test": kept,
        "new@b.test": kept,
        "hopper@navy.test": merged,
        "grace@univac.test": merged,
    }


async def test_an_import_of_somebody_merged_finds_the_one_that_is_kept(runtime: Runtime) -> None:
    ada, kept, merged = await two(runtime)
    await merge(runtime, ada, kept, merged)
    again = await take(
        runtime,
        ada,
        make_person(emails=[("hopper@navy.test", "")]),
        make_person(remote_id="c2"),
        make_person(phones=[("+442079460019", "")], name="Hopper"),
        make_person(phones=[(DESK, "")], name="G. Hopper"),
    )
    assert again == [kept] * 4


async def test_merges_of_merges_are_undone_from_the_last(runtime: Runtime) -> None:
    ada, second, first = await two(runtime)
    (third,) = await take(runtime, ada, make_person(name="Rear Admiral", emails=[("admiral@b.test", "")]))
    before = await everything(runtime, ada)
    await merge(runtime, ada, second, first)
    await merge(runtime, ada, third, second)
    async with runtime.db.begin(ada.scope) as db:
        assert (await queries.get(db, ada.workspace_id, first)).id == third
    with pytest.raises(ContactMerged):
        await unmerge(runtime, ada, first)
    await unmerge(runtime, ada, second)
    await unmerge(runtime, ada, first)
    assert await everything(runtime, ada) == before


async def test_what_can_not_be_merged_is_refused(runtime: Runtime) -> None:
    ada, kept, merged = await two(runtime)
    eve = await make_user(runtime)
    with pytest.raises(queries.ContactNotFound):
        await merge(runtime, eve, kept, merged)
    with pytest.raises(Invalid):
        await merge(runtime, ada, kept, kept)
    with pytest.raises(NotMerged):
        await unmerge(runtime, ada, merged)
    await merge(runtime, ada, kept, merged)
    for refused in ((merged, kept), (kept, merged)):
        with pytest.raises(ContactMerged):
            await merge(runtime, ada, *refused)
    with pytest.raises(ContactMerged):
        async with runtime.db.begin(ada.scope) as db:
            await editing.type_in(db, await queries.as_it_was(db, ada.workspace_id, merged), name="x")


async def test_who_merged_and_undid_stands_in_the_audit_trail(runtime: Runtime) -> None:
    ada, kept, merged = await two(runtime)
    await merge(runtime, ada, kept, merged)
    await unmerge(runtime, ada, merged)
    async with runtime.db.begin(ada.scope) as db:
        rows: Any = await db.execute(
            text("select action, user_id from audit_entries where object = 'contact_merges' order by id")
        )
        assert rows.all() == [("contact_merges.insert", ada.user.id), ("contact_merges.update", ada.user.id)]
