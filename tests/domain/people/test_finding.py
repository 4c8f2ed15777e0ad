"""Finding contacts: prefixes, typing errors, filters, pages."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import asyncpg
import pytest
from sqlalchemy import text

from outrider.core.db import driver
from outrider.domain.people import actions, editing, finding, queries
from outrider.domain.people.finding import Cursor, Sought
from outrider.domain.people.models import Source, Status
from outrider.domain.people.person import Lead, Person, make_person
from outrider.runtime import Addresses, Runtime
from tests.factories.accounts import Someone, make_user


def person(name: str, email: str, company: str = "", lead: Lead | None = None) -> Person:
    return make_person(name=name, emails=[(email, "")], organisations=[{"name": company}] if company else [], lead=lead)


async def take(runtime: Runtime, owner: Someone, *people: Person, source: Source = Source.CSV) -> None:
    async with runtime.db.begin(owner.scope) as db:
        await actions.upsert(db, owner.workspace_id, owner.user.id, people, provider=source, account="")


async def names(runtime: Runtime, owner: Someone, **sought: object) -> list[str]:
    async with runtime.db.begin(owner.scope) as db:
        found = await finding.search(db, owner.workspace_id, Sought(**sought), limit=10)  # type: ignore[arg-type]
    return [each.name for each in found.items]


async def furnish(runtime: Runtime) -> Someone:
    ada = await make_user(runtime)
    await take(
        runtime,
        ada,
        person("Grace Hopper", "grace@navy.mil", "US Navy"),
        person("Zoë Łukasz", "z.lukasz@b.test", "Müller & Söhne"),
        person("Joan Clarke", "joan@bletchley.test", lead=Lead(score=8)),
    )
    await take(runtime, ada, person("Alan Turing", "alan@bletchley.test", lead=Lead(score=3)), source=Source.HARVEST)
    return ada


async def test_words_of_names_addresses_and_companies_are_found_by_their_beginnings(runtime: Runtime) -> None:
    ada = await furnish(runtime)
    for query in ("gra", "HOPPER gr", "grace@nav", "navy.mil", "us navy"):
        assert await names(runtime, ada, query=query) == ["Grace Hopper"], query
    for query in ("zoe", "lukasz", "muller", "soh"):
        assert await names(runtime, ada, query=query) == ["Zoë Łukasz"], query
    assert await names(runtime, ada, query="bletchley") == ["Alan Turing", "Joan Clarke"]
    assert await names(runtime, ada, query="grace clarke") == []
    assert await names(runtime, ada, query="?!") == []
    assert await names(runtime, ada, query="rac") == []


async def test_a_typing_error_is_forgiven_where_nothing_is_found(runtime: Runtime) -> None:
    ada = await furnish(runtime)
    for query in ("hoper", "grcae", "hopperr", "grace hopxer"):
        assert await names(runtime, ada, query=query) == ["Grace Hopper"], query
    assert await names(runtime, ada, query="tjuring") == ["Alan Turing"]
    await take(runtime, ada, person("Hoper Jane", "jane@b.test"))
    assert await names(runtime, ada, query="hoper") == ["Hoper Jane"]


async def test_lists_are_narrowed_by_status_score_source_owner_and_tag(runtime: Runtime) -> None:
    ada = await furnish(runtime)
    async with runtime.db.begin(ada.scope) as db:
        (grace,) = (await finding.search(db, ada.workspace_id, Sought(query="grace"), limit=1)).items
        contact = await queries.get(db, ada.workspace_id, grace.id)
        await editing.tag(db, contact, " VIP ")
        await editing.type_in(db, contact, owner_id=None, status=Status.QUALIFIED)
    assert await names(runtime, ada, tag="vip") == ["Grace Hopper"]
    assert await names(runtime, ada, status=Status.QUALIFIED) == ["Grace Hopper"]
    assert await names(runtime, ada, is_lead=True) == ["Alan Turing", "Joan Clarke", "Grace Hopper"]
    assert await names(runtime, ada, min_score=7.0) == ["Joan Clarke"]
    assert await names(runtime, ada, source=Source.HARVEST) == ["Alan Turing"]
    assert await names(runtime, ada, owner_id=ada.user.id, query="a") == ["Alan Turing"]
    assert await names(runtime, ada, status=Status.NEW, min_score=2.0, query="bletch") == ["Alan Turing", "Joan Clarke"]
    async with runtime.db.begin(ada.scope) as db:
        assert await finding.count(db, ada.workspace_id, Sought(status=Status.NEW, query="bletch")) == 2
        await editing.untag(db, await queries.get(db, ada.workspace_id, grace.id), "vip")
    assert await names(runtime, ada, tag="vip") == []


async def test_pages_neither_skip_nor_repeat_while_contacts_arrive(runtime: Runtime) -> None:
    ada = await make_user(runtime)
    await take(runtime, ada, *(person(f"Person {number}", f"p{number}@b.test") for number in range(95)))
    seen: list[str] = []
    cursor: Cursor | None = None
    for number in range(10):
        async with runtime.db.begin(ada.scope) as db:
            found = await finding.search(db, ada.workspace_id, Sought(query="persno"), limit=10, cursor=cursor)
        seen += [each.name for each in found.items]
        await take(runtime, ada, person(f"Person late {number}", f"late{number}@b.test"))
        cursor = found.next
    assert cursor is None
    assert seen == [f"Person {number}" for number in reversed(range(95))]


async def test_what_is_typed_is_found_and_what_was_there_no_more(runtime: Runtime) -> None:
    ada = await furnish(runtime)
    async with runtime.db.begin(ada.scope) as db:
        (grace,) = (await finding.search(db, ada.workspace_id, Sought(query="hopper"), limit=1)).items
        contact = await queries.get(db, ada.workspace_id, grace.id)
        await editing.type_in(db, contact, name="Grace Murray", organisations=[{"name": "Univac"}])
    assert await names(runtime, ada, query="univ murr") == ["Grace Murray"]
    assert await names(runtime, ada, query="us navy") == []


async def test_nobody_finds_another_workspaces_people(runtime: Runtime) -> None:
    await furnish(runtime)
    eve = await make_user(runtime)
    assert await names(runtime, eve, query="grace") == []
    assert await names(runtime, eve) == []


MANY = 100_000
FILL = [
    """insert into contacts (workspace_id, id, name, given_name, family_name, notes, birthday, photo_url, language,
        addresses, organisations, urls, details, status, typed, source, created_at, updated_at)
    select :ws, lpad(to_hex(n), 32, '0')::uuid, 'Person ' || n, '', '', '', '', '', '',
        '[]', '[]', '[]', '{}', case when n % 50 = 0 then 'qualified' end, '{}', 'csv', now(), now()
    from generate_series(1, :many) n""",
    """insert into contact_words (workspace_id, contact_id, word)
    select :ws, lpad(to_hex(n), 32, '0')::uuid, w
    from generate_series(1, :many) n, lateral (values ('person'), ('surname' || n % 1000), ('p' || n || '@b.test')) v(w)""",
]
NARROW = {
    "the newest": Sought(),
    "a word that all have": Sought(query="person"),
    "a word that a thousandth has": Sought(query="surname77"),
    "two words": Sought(query="pers surname5"),
    "one address": Sought(query="p4242@b"),
    "nobody": Sought(query="xylophone"),
    "a typing error": Sought(query="surnmae77"),
    "a status": Sought(status=Status.QUALIFIED),
    "a status and a word": Sought(status=Status.QUALIFIED, query="surname50"),
}


@pytest.fixture(scope="module")
async def crowd(runtime: Runtime, database: Addresses) -> AsyncIterator[Someone]:
    ada = await make_user(runtime)
    async with runtime.db.begin(ada.scope) as db:
        await db.execute(text("set local statement_timeout = '120s'"))
        for statement in FILL:
            await db.execute(text(statement), {"ws": ada.workspace_id, "many": MANY})
    owner = await asyncpg.connect(database.owner.set(drivername="postgresql").render_as_string(hide_password=False))
    for table in ("contacts", "contact_words"):
        await owner.execute(f"analyze {table}")
    yield ada
    await owner.execute("select set_config('app.ws', $1, false)", str(ada.workspace_id))
    await owner.execute("delete from contacts")
    await owner.close()


@pytest.mark.parametrize("sought", NARROW.values(), ids=NARROW)
async def test_among_100_000_every_question_is_answered_by_an_index(
    runtime: Runtime, crowd: Someone, sought: Sought
) -> None:
    asked: list[Any] = []
    async with runtime.db.begin(crowd.scope) as db:
        connection = await driver(db)
        with connection.query_logger(asked.append):
            found = await finding.search(db, crowd.workspace_id, sought, limit=20)
            await asyncio.sleep(0)  # what was asked is told by the loop
        assert sum("from contacts c" in each.query for each in asked) == 1 + found.is_mistyped
        assert found.items or sought.query == "xylophone"
        read = 0
        for question in asked:
            if question.query.lstrip().startswith("select"):
                explain = f"explain (analyze, timing off, format json) {question.query}"
                (plan,) = await connection.fetchval(explain, *question.args)
                nodes = list(walk(plan["Plan"]))
                assert [
                    each for each in nodes if each["Node Type"] == "Seq Scan" and each["Relation Name"] != "tags"
                ] == []
                read += sum(each["Actual Rows"] * each["Actual Loops"] for each in nodes if "Relation Name" in each)
    print(f"\nrows read for {sought.query or sought.status}: {read:.0f}")
    assert read < MANY / 10


def walk(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for each in plan.get("Plans", ()):
        yield from walk(each)
