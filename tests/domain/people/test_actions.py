"""Taking people in: who is the same, what a merge takes, and that a thousand cost a few statements."""

import asyncio

import pytest
from sqlalchemy import event, select, text

from outrider.core.errors import Invalid
from outrider.domain.people import actions, editing, queries
from outrider.domain.people.actions import Outcome, Taken
from outrider.domain.people.merging import SHARED_BY_MOST
from outrider.domain.people.models import ContactEmail, ContactPhone, ContactSource, Source, Status
from outrider.domain.people.person import Lead, Person, make_person
from outrider.runtime import Runtime
from tests.factories.accounts import Someone, make_user


async def take(runtime: Runtime, owner: Someone, *people: Person) -> list[Outcome]:
    async with runtime.db.begin(owner.scope) as db:
        return await actions.upsert(
            db, owner.workspace_id, owner.user.id, people, provider="csv", account="contacts.csv"
        )


def person(email: str = "", phone: str = "", **rest: str) -> Person:
    return make_person(
        emails=[(email, "work")] if email else [], phones=[(phone, "cell")] if phone else [], region="GB", **rest
    )


async def test_the_same_email_in_other_letters_is_the_same_person(runtime: Runtime) -> None:
    ada = await make_user(runtime)
    first, second = await take(runtime, ada, person("Grace@B.test", name="Grace"), person(" grace@b.test "))
    (again,) = await take(runtime, ada, person("GRACE@b.test"))
    assert first.taken is Taken.CREATED
    assert {second, again} == {Outcome(first.contact_id, Taken.UNCHANGED)}


async def test_the_same_number_written_otherwise_is_the_same_person(runtime: Runtime) -> None:
    ada = await make_user(runtime)
    first, second = await take(
        runtime, ada, person(phone="020 7946 0018"), person("grace@b.test", phone="+44 (0)20 7946-0018")
    )
    assert second == Outcome(first.contact_id, Taken.UPDATED)
    (by_email,) = await take(runtime, ada, person("grace@b.test"))
    assert by_email == Outcome(first.contact_id, Taken.UNCHANGED)


async def test_a_merge_fills_gaps_and_keeps_everything(runtime: Runtime) -> None:
    ada = await make_user(runtime)
    (first,) = await take(runtime, ada, person("grace@b.test", name="Grace"))
    richer = make_person(
        name="Rear Admiral Hopper",
        notes="Met in Philadelphia",
        emails=[("grace@b.test", ""), ("hopper@navy.test", "work")],
        phones=[("+442079460018", "work"), ("ask the desk", "other")],
        organisations=[{"name": "Navy", "title": "Rear Admiral"}],
        addresses=[{"city": "Arlington"}],
    )
    (second,) = await take(runtime, ada, richer)
    assert second == Outcome(first.contact_id, Taken.UPDATED)
    async with runtime.db.begin(ada.scope) as db:
        kept = await queries.get(db, ada.workspace_id, first.contact_id)
        emails = set(await db.scalars(select(ContactEmail.address)))
        phones = {(each.number, each.text) for each in await db.scalars(select(ContactPhone))}
    assert (kept.name, kept.notes) == ("Grace", "Met in Philadelphia")
    assert kept.organisations == [{"name": "Navy", "title": "Rear Admiral"}]
    assert kept.addresses == [{"city": "Arlington"}]
    assert emails == {"grace@b.test", "hopper@navy.test"}
    assert phones == {("+442079460018", "+442079460018"), (None, "ask the desk")}
    (third,) = await take(runtime, ada, richer)
    assert third.taken is Taken.UNCHANGED


async def test_what_a_person_typed_or_emptied_no_import_touches(runtime: Runtime) -> None:
    ada = await make_user(runtime)
    (first,) = await take(runtime, ada, person("grace@b.test", name="Grace", notes="wrong"))
    async with runtime.db.begin(ada.scope) as db:
        contact = await queries.get(db, ada.workspace_id, first.contact_id)
        await editing.type_in(db, contact, name="Amazing Grace", notes="")
    again = await take(runtime, ada, person("grace@b.test", name="G. Hopper", notes="wrong"))
    async with runtime.db.begin(ada.scope) as db:
        kept = await queries.get(db, ada.workspace_id, first.contact_id)
    assert (kept.name, kept.notes) == ("Amazing Grace", "")
    assert again[0].taken is Taken.UNCHANGED


DESK = "+442079460018"


async def test_people_who_share_an_offices_number_stay_two_and_both_keep_it(runtime: Runtime) -> None:
    ada = await make_user(runtime)
    (first,) = await take(runtime, ada, person("grace@b.test", DESK, name="Grace Hopper"))
    by_name, by_email = await take(
        runtime, ada, person("joan@b.test", DESK, name="Joan Clarke"), person("info@b.test", DESK)
    )
    assert [by_name.taken, by_email.taken] == [Taken.CREATED, Taken.CREATED]
    assert len({first.contact_id, by_name.contact_id, by_email.contact_id}) == 3
    async with runtime.db.begin(ada.scope) as db:
        holders = set(await db.scalars(select(ContactPhone.contact_id).where(ContactPhone.number == DESK)))
    assert holders == {first.contact_id, by_name.contact_id, by_email.contact_id}
    again = await take(
        runtime,
        ada,
        person(phone=DESK, name="Clarke, J."),
        person(phone=DESK, name="Grace"),
        person("joan@b.test", DESK),
    )
    assert again == [
        Outcome(each, Taken.UNCHANGED) for each in (by_name.contact_id, first.contact_id, by_name.contact_id)
    ]


async def test_a_number_that_everybody_has_tells_nobody_apart(runtime: Runtime) -> None:
    ada = await make_user(runtime)
    crowd = [person(f"p{number}@b.test", DESK, name=f"Person N{number}x") for number in range(SHARED_BY_MOST + 1)]
    await take(runtime, ada, *crowd)
    (stranger,) = await take(runtime, ada, person(phone=DESK, name="Person N0x"))
    assert stranger.taken is Taken.CREATED


async def test_a_lead_lands_in_the_pipeline_and_goes_nowhere_by_a_second_mail(runtime: Runtime) -> None:
    ada = await make_user(runtime)
    wish = Lead(score=6.5, details={"wants": "a quote", "budget": "5000 EUR"})
    async with runtime.db.begin(ada.scope) as db:
        (first,) = await actions.upsert(
            db,
            ada.workspace_id,
            ada.user.id,
            [make_person(name="Grace", emails=[("grace@b.test", "")], language="EN", lead=wish)],
            provider=Source.HARVEST,
            account="ada@a.test",
        )
        landed = await queries.get(db, ada.workspace_id, first.contact_id)
        assert (landed.status, landed.score, landed.source, landed.owner_id, landed.language) == (
            Status.NEW,
            6.5,
            Source.HARVEST,
            ada.user.id,
            "en",
        )
        await editing.type_in(db, landed, status=Status.QUALIFIED)
    later = Lead(score=9, details={"budget": "much more", "date": "in May"})
    (again,) = await take(runtime, ada, make_person(emails=[("grace@b.test", "")], lead=later))
    assert again == Outcome(first.contact_id, Taken.UPDATED)
    async with runtime.db.begin(ada.scope) as db:
        kept = await queries.get(db, ada.workspace_id, first.contact_id)
    assert (kept.status, kept.score) == (Status.QUALIFIED, 6.5)
    assert kept.details == {"wants": "a quote", "budget": "5000 EUR", "date": "in May"}


async def test_an_acquaintance_becomes_a_lead_when_they_write(runtime: Runtime) -> None:
    ada = await make_user(runtime)
    (known,) = await take(runtime, ada, person("grace@b.test"))
    (lead,) = await take(runtime, ada, make_person(emails=[("grace@b.test", "")], lead=Lead()))
    assert lead == Outcome(known.contact_id, Taken.UPDATED)
    async with runtime.db.begin(ada.scope) as db:
        assert (await queries.get(db, ada.workspace_id, known.contact_id)).is_lead


async def test_an_unknown_way_in_is_refused(runtime: Runtime) -> None:
    ada = await make_user(runtime)
    with pytest.raises(ValueError, match="carrier pigeon"):
        async with runtime.db.begin(ada.scope) as db:
            await actions.upsert(
                db, ada.workspace_id, None, [person("a@b.test")], provider="carrier pigeon", account=""
            )


async def test_the_sources_own_id_knows_a_person_whose_address_changed(runtime: Runtime) -> None:
    ada = await make_user(runtime)
    (first,) = await take(runtime, ada, person("old@b.test", remote_id="c1", etag="1"))
    (second,) = await take(runtime, ada, person("new@b.test", remote_id="c1", etag="2"))
    assert second == Outcome(first.contact_id, Taken.UPDATED)
    async with runtime.db.begin(ada.scope) as db:
        assert await db.scalar(select(ContactSource.etag)) == "2"


async def test_somebody_who_can_not_be_known_again_is_refused(runtime: Runtime) -> None:
    ada = await make_user(runtime)
    with pytest.raises(Invalid):
        await take(runtime, ada, person(name="Nobody"))


async def test_people_of_another_workspace_are_strangers(runtime: Runtime) -> None:
    ada, eve = await make_user(runtime), await make_user(runtime)
    (hers,) = await take(runtime, ada, person("grace@b.test"))
    (other,) = await take(runtime, eve, person("grace@b.test"))
    assert other.taken is Taken.CREATED
    async with runtime.db.begin(eve.scope) as db:
        assert await db.scalar(text("select count(*) from contacts")) == 1
        with pytest.raises(queries.ContactNotFound):
            await queries.get(db, eve.workspace_id, hers.contact_id)


async def test_two_at_once_make_each_person_once(runtime: Runtime) -> None:
    ada = await make_user(runtime)
    crowd = [person(f"p{number}@b.test") for number in range(200)]
    several = await asyncio.gather(*(take(runtime, ada, *crowd) for _ in range(4)))
    assert sum(each.taken is Taken.CREATED for outcomes in several for each in outcomes) == 200
    assert len({each.contact_id for outcomes in several for each in outcomes}) == 200


async def test_thousands_cost_a_few_statements(runtime: Runtime) -> None:
    ada = await make_user(runtime)
    statements: list[str] = []

    def note(_c: object, _cursor: object, statement: str, *_: object) -> None:
        statements.append(statement)

    engine = runtime.db.engine.sync_engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        outcomes = await take(
            runtime, ada, *(person(f"p{number}@b.test", f"+4420794{number:05}") for number in range(3000))
        )
    finally:
        event.remove(engine, "before_cursor_execute", note)
    print(f"\nstatements for 3,000 people: {len(statements)}")
    assert sum(each.taken is Taken.CREATED for each in outcomes) == 3000
    assert len(statements) <= 10


async def test_every_contact_leaves_an_entry_in_the_audit_trail(runtime: Runtime) -> None:
    ada = await make_user(runtime)
    (made,) = await take(runtime, ada, person("grace@b.test", name="Grace"))
    async with runtime.db.begin(ada.scope) as db:
        rows = await db.execute(
            text("select action, email from audit_entries where object_id = :id"), {"id": str(made.contact_id)}
        )
        assert rows.all() == [("contacts.insert", ada.user.email)]
