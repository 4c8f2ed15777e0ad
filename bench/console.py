"""Pages of the console over 100,000 rows: the last page against the first, and both against those of a small list."""

import statistics
import time
from uuid import UUID

import asyncpg
import httpx2
from sqlalchemy import text
from tests.factories.accounts import Someone, make_user
from tests.factories.browser import browser
from tests.factories.bulk import make_due_enrollments
from tests.factories.imports import finish, start
from tests.factories.mailboxes import make_mailbox

from bench.figures import Figure
from bench.importing import spreadsheet
from outrider.domain.people import finding
from outrider.domain.people.finding import Cursor, Sought
from outrider.runtime import Addresses, Runtime

ROWS, FEW, CHUNK, SIZE = 100_000, 200, 5_000, 50
ROUNDS, CALLS = 5, 4
SENDERS = text("""
    insert into senders (workspace_id, id, user_id, email, domain, name, words, category, email_count, sent_count, votes,
        sender_type, type_reasons, latest_subject, latest_preview, latest_date, created_at, updated_at)
    select :ws, gen_random_uuid(), :user, 'w' || n || '@d' || n % 997 || '.test', 'd' || n % 997 || '.test', 'Writer ' || n,
        'w' || n || '@d' || n % 997 || '.test writer ' || n,
        (array['unassigned', 'unassigned', 'call-me', 'keep-quiet'])[n % 4 + 1], n % 90 + 1, 0, '{}',
        (array['personal', 'newsletter', 'tool'])[n % 3 + 1], '{}', 'Subject ' || n, '',
        now() - n * interval '1 minute', now(), now()
    from generate_series(cast(:first as int), cast(:last as int)) n
""")
TABLES = ("senders", "enrollments", "sends", "contacts", "contact_emails", "contact_phones", "contact_words")


async def compare(runtime: Runtime, addresses: Addresses) -> list[Figure]:
    large, small = await make_user(runtime), await make_user(runtime)
    for owner, rows in ((large, ROWS), (small, FEW)):
        await _fill(runtime, owner, rows)
    await _vacuum(addresses)
    last = {
        "senders": f"page={ROWS // SIZE}",
        "senders?category=unassigned&": f"page={ROWS // 2 // SIZE}",
        "follow-ups": f"page={ROWS // SIZE}",
        "contacts": f"after={await _near_the_end(runtime, large.workspace_id, large)}",
    }
    figures: list[Figure] = []
    async with browser(runtime, large) as many, browser(runtime, small) as few:
        for path, end in last.items():
            first, deep, little = await _measure(many, few, path, end)
            name = path.rstrip("&")
            figures.append(_figure(f"console/{name}: the last page of {ROWS:,}", deep, "its first page", first, 3))
            figures.append(_figure(f"console/{name}: the first page of {ROWS:,}", first, f"one of {FEW}", little, 3))
    return figures


async def _measure(
    many: httpx2.AsyncClient, few: httpx2.AsyncClient, path: str, end: str
) -> tuple[float, float, float]:
    """Returns seconds a page, taken in turn so that a busy machine hits all alike."""
    first = f"/console/{path}".rstrip("&")
    deep = f"/console/{path}{'' if path.endswith('&') else '?'}{end}"
    rounds = [
        (await _timed(many, first), await _timed(many, deep), await _timed(few, first)) for _ in range(ROUNDS + 1)
    ][1:]
    return tuple(statistics.median(each[place] for each in rounds) for place in range(3))  # type: ignore[return-value]


async def _timed(client: httpx2.AsyncClient, path: str) -> float:
    began = time.perf_counter()
    for _ in range(CALLS):
        page = (await client.get(path)).raise_for_status()
        assert '<tr id="r' in page.text, path  # an empty page would be fast
    return (time.perf_counter() - began) / CALLS


async def _fill(runtime: Runtime, owner: Someone, rows: int) -> None:
    mailbox = await make_mailbox(runtime, owner)
    for begun in range(0, rows, CHUNK):
        many = min(CHUNK, rows - begun)
        own = {"ws": owner.workspace_id, "user": owner.user.id}
        async with runtime.db.begin(owner.scope) as db:
            await db.execute(SENDERS, {**own, "first": begun + 1, "last": begun + many})
        await make_due_enrollments(runtime, owner, [mailbox], many)
    await finish(runtime, owner, (await start(runtime, owner, spreadsheet(rows))).id)


async def _near_the_end(runtime: Runtime, workspace_id: UUID, owner: Someone) -> Cursor:
    async with runtime.db.begin(owner.scope) as db:
        query = "select id from contacts where workspace_id = :ws and merged_into is null order by id offset :n limit 1"
        place = UUID(str(await db.scalar(text(query), {"ws": workspace_id, "n": SIZE})))
        found = await finding.search(db, workspace_id, Sought(), limit=SIZE, cursor=Cursor(place))
        assert found.next is None
    return Cursor(place)


async def _vacuum(addresses: Addresses) -> None:
    connection = await asyncpg.connect(
        addresses.owner.set(drivername="postgresql").render_as_string(hide_password=False)
    )
    for table in TABLES:
        await connection.execute(f"vacuum analyze {table}")
    await connection.close()


def _figure(what: str, ours: float, peer: str, peers: float, goal: float) -> Figure:
    return Figure(what, f"{ours * 1e3:.1f} ms", peer, f"{peers * 1e3:.1f} ms", ours / peers, f"at most {goal:g}")
