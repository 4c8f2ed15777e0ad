"""By what a person is recognised: their address in its spellings, and no other that contains it."""

from uuid import UUID

import pytest
from sqlalchemy import text

from outrider.domain.erasure.subjects import Subject, of_contact
from outrider.domain.people import actions, merges
from outrider.domain.people.person import make_person
from outrider.runtime import Runtime
from tests.factories.accounts import make_user

BOB = Subject(UUID(int=1), None, [], ["bob+x@b.test"], [], ["Bob Baker"], [])


@pytest.mark.parametrize(
    ("said", "is_bob"),
    [
        ("bob+x@b.test", True),
        ("Write to BOB+x@B.TEST.", True),
        ("<mailto:bob+x@b.test?subject=Hi>", True),
        ("https://c.test/?to=bob%2Bx%40b.test&a=b", True),
        ("mailto%3Abob%2Bx%40b.test", True),
        ("jim-bob+x@b.test", False),
        ("bob+x@b.test.example", False),
        ("bobbx@b.test", False),
        ("bob+x@bxtest", False),
        ("Bob Baker", False),
    ],
)
async def test_an_address_is_recognised_wherever_it_stands_alone(runtime: Runtime, said: str, is_bob: bool) -> None:
    values = {"likes": BOB.values["likes"], "mask": BOB.values["mask"], "said": said}
    async with runtime.db.begin() as db:
        found = await db.scalar(
            text("select cast(:said as text) ilike any(:likes) and cast(:said as text) ~* :mask"), values
        )
    assert found is is_bob


async def test_names_are_sought_only_in_what_is_spoken(runtime: Runtime) -> None:
    async with runtime.db.begin() as db:
        pattern = text("select 'Bob Baker: an offer.' ~* :words")
        assert await db.scalar(pattern, {"words": BOB.values["words"]})
        nobody = Subject(UUID(int=1), None, [], [], [], [], [])
        assert not await db.scalar(pattern, {"words": nobody.values["words"]})


async def test_somebody_is_all_the_contacts_that_were_merged_into_them(runtime: Runtime) -> None:
    ada = await make_user(runtime)
    async with runtime.db.begin(ada.scope) as db:
        given = [
            make_person(name="Grace Hopper", emails=[("grace@b.test", "")], phones=[("+442079460123", "")]),
            make_person(name="G. Hopper", emails=[("hopper@c.test", "")]),
        ]
        taken = await actions.upsert(db, ada.workspace_id, ada.user.id, given, provider="csv", account="")
        first, second = (each.contact_id for each in taken)
        await merges.merge(db, ada.workspace_id, first, second, by=ada.user.id)
        for asked in (first, second):
            subject = await of_contact(db, ada.workspace_id, asked)
            assert (subject.contact_id, set(subject.contact_ids)) == (first, {first, second})
            assert subject.addresses == ["grace@b.test", "hopper@c.test"]
            assert subject.names == ["G. Hopper", "Grace Hopper"]
            assert subject.numbers == ["+442079460123"]
