"""Contacts that may be one person."""

from outrider.domain.people import actions, editing, queries
from outrider.domain.people.duplicates import By, Group, duplicates
from outrider.domain.people.person import Person, make_person
from outrider.runtime import Runtime
from tests.factories.accounts import Someone, make_user

DESK = "+442079460018"


def person(name: str, email: str, phone: str = "") -> Person:
    return make_person(name=name, emails=[(email, "")] if email else [], phones=[(phone, "")] if phone else [])


async def take(runtime: Runtime, owner: Someone, *people: Person) -> None:
    async with runtime.db.begin(owner.scope) as db:
        await actions.upsert(db, owner.workspace_id, owner.user.id, people, provider="csv", account="")


async def groups(runtime: Runtime, owner: Someone, by: By) -> list[Group]:
    found: list[Group] = []
    after: str | None = ""
    while after is not None:
        async with runtime.db.begin(owner.scope) as db:
            page = await duplicates(db, owner.workspace_id, by, limit=1, after=after)
        found += page.items
        after = page.next
    return found


async def test_colleagues_behind_one_number_are_no_duplicates_but_namesakes_there_are(runtime: Runtime) -> None:
    ada = await make_user(runtime)
    await take(runtime, ada, person("Grace Hopper", "grace@b.test"), person("Joan Clarke", "joan@b.test", DESK))
    assert await groups(runtime, ada, By.PHONE) == []
    await take(runtime, ada, person("J. Clarke", "clarke@other.test", "+442079460019"))
    await take(runtime, ada, person("", "joan@b.test", "+442079460019"), person("", "grace@b.test", "+442079460019"))
    (group,) = await groups(runtime, ada, By.PHONE)
    assert group.value == "+442079460019"
    assert [each.name for each in group.contacts] == ["Joan Clarke", "J. Clarke"]


async def test_addresses_that_reach_one_mailbox_are_duplicates(runtime: Runtime) -> None:
    ada = await make_user(runtime)
    await take(
        runtime,
        ada,
        person("Grace", "grace.hopper@gmail.com"),
        person("Hopper", "gracehopper+list@googlemail.com"),
        person("Joan", "joan.clarke@b.test"),
        person("Clarke", "joan.clarke+work@b.test"),
        person("Another", "joanclarke@b.test"),
        person("Two Addresses", "two@b.test"),
    )
    async with runtime.db.begin(ada.scope) as db:
        await actions.upsert(
            db,
            ada.workspace_id,
            None,
            [make_person(emails=[("two@b.test", ""), ("two+more@b.test", "")])],
            provider="csv",
            account="",
        )
    found = await groups(runtime, ada, By.MAILBOX)
    assert [(each.value, [one.name for one in each.contacts]) for each in found] == [
        ("gracehopper@gmail.com", ["Grace", "Hopper"]),
        ("joan.clarke@b.test", ["Joan", "Clarke"]),
    ]


async def test_a_name_typed_later_can_make_a_duplicate(runtime: Runtime) -> None:
    ada = await make_user(runtime)
    await take(runtime, ada, person("Joan", "joan@b.test", DESK), person("Jane", "jane@b.test", DESK))
    assert await groups(runtime, ada, By.PHONE) == []
    async with runtime.db.begin(ada.scope) as db:
        (found,) = (
            await queries.holders(db, ada.workspace_id, {("email", "jane@b.test")}, provider="", account="")
        ).values()
        await editing.type_in(db, await queries.get(db, ada.workspace_id, found[0]), name="Joan")
    assert len(await groups(runtime, ada, By.PHONE)) == 1
