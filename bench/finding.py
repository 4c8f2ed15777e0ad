"""Searches among 100,000 contacts, against the same question written by hand on the raw driver."""

import statistics
import time
from collections.abc import Awaitable, Callable
from typing import Any

import asyncpg
from tests.factories.accounts import Someone, make_user
from tests.factories.imports import finish, start

from bench.figures import Figure
from bench.importing import PEOPLE, spreadsheet
from outrider.domain.people import finding, words
from outrider.domain.people.finding import Sought
from outrider.runtime import Addresses, Runtime

LIMIT, ROUNDS, CALLS = 20, 5, 20
QUERIES = {
    "nothing, the newest": "",
    "one letter": "g",
    "a surname, a tenth of all": "hopper",
    "a name and a number": "grace hop 4242",
    "an address, one": "ada.turing.777",
    "nobody": "xylophone",
    "a typing error": "lovelcae",
}
PAGE = """
    select c.*, array(select e.address from contact_emails e
        where e.workspace_id = c.workspace_id and e.contact_id = c.id) as emails,
        array(select p.text from contact_phones p
        where p.workspace_id = c.workspace_id and p.contact_id = c.id) as phones
    from contacts c where c.workspace_id = $1 and c.merged_into is null {terms} order by c.id desc limit 21
"""
TERM = " and c.id in (select contact_id from contact_words where workspace_id = $1 and word >= ${0} and word < ${1})"


async def compare(runtime: Runtime, addresses: Addresses) -> list[Figure]:
    owner = await make_user(runtime)
    await finish(runtime, owner, (await start(runtime, owner, spreadsheet(PEOPLE))).id)
    await _vacuum(addresses)
    raw = await asyncpg.connect(addresses.app.set(drivername="postgresql").render_as_string(hide_password=False))
    try:
        return [await _figure(runtime, raw, owner, what, query) for what, query in QUERIES.items()]
    finally:
        await raw.close()


async def _figure(runtime: Runtime, raw: "asyncpg.Connection[Any]", owner: Someone, what: str, query: str) -> Figure:
    async def ours() -> int:
        async with runtime.db.begin(owner.scope) as db:
            return len((await finding.search(db, owner.workspace_id, Sought(query=query), limit=LIMIT)).items)

    async def bare() -> int:
        terms = words.terms(query)
        sql = PAGE.format(terms="".join(TERM.format(2 * at + 2, 2 * at + 3) for at in range(len(terms))))
        values = [each for term in terms for each in (term, words.end_of(term))]
        async with raw.transaction():
            await raw.execute("select set_config('app.ws', $1, true)", str(owner.workspace_id))
            await raw.execute("set local plan_cache_mode = force_custom_plan")
            return len(await raw.fetch(sql, owner.workspace_id, *values))

    found = await ours()
    pairs = [(await _timed(ours), await _timed(bare)) for _ in range(ROUNDS)]
    mine, peers = (statistics.median(each[side] for each in pairs) for side in (0, 1))
    return Figure(
        f"search of {PEOPLE:,} contacts: {what} ({found} on the page)",
        f"{mine * 1e3:.1f} ms",
        "hand-written SQL, raw driver",
        f"{peers * 1e3:.1f} ms",
        peers / mine,
        "" if found == 0 or what == "a typing error" else "0.5",  # these ask once more, forgiving
    )


async def _timed(call: Callable[[], Awaitable[int]]) -> float:
    began = time.perf_counter()
    for _ in range(CALLS):
        await call()
    return (time.perf_counter() - began) / CALLS


async def _vacuum(addresses: Addresses) -> None:
    connection = await asyncpg.connect(
        addresses.owner.set(drivername="postgresql").render_as_string(hide_password=False)
    )
    for table in ("contacts", "contact_emails", "contact_phones", "contact_words"):
        await connection.execute(f"vacuum analyze {table}")
    await connection.close()
