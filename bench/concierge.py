"""Fifty people at the concierge's endpoints, on a server process of its own; then each kind of request against one written
by hand on the raw driver.
"""

import asyncio
import random
import statistics
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import httpx2
import orjson
from fastapi import FastAPI, Request, Response
from sqlalchemy import text
from tests.factories.accounts import Someone, make_user
from tests.faults import crowd
from tests.real.daemons import free_ports

from bench.figures import Figure
from bench.lists import client, vacuum
from bench.processes import environment
from outrider.core.clock import now
from outrider.core.tokens import AccessTokens
from outrider.main import create_app
from outrider.runtime import Addresses, Runtime

USERS, SENDERS, CALLS = 50, 2_000, 500
THINKING, SECONDS = (0.5, 1.5), 20.0
LIMIT = 20
ROUNDS, TIMES = 7, 40
TABLES = ("senders", "calls", "call_attempts", "preferences", "sessions", "members", "users")
SEED = """
    insert into senders (workspace_id, id, user_id, email, domain, name, words, category, email_count, sent_count, votes,
        sender_type, type_reasons, latest_subject, latest_preview, latest_date, created_at, updated_at, chosen_at)
    select :workspace, gen_random_uuid(), :user, 'p' || n || '@d' || n % 300 || '.test', 'd' || n % 300 || '.test',
        'Person ' || n, 'p' || n || ' person ' || n,
        (array['call-me', 'remind-me', 'keep-quiet', 'unassigned', 'unassigned'])[1 + n % 5], 1 + n % 90, n % 4, '{}',
        (array['personal', 'newsletter', 'tool', 'promotional', 'meeting'])[1 + n % 5], array['a header says so'],
        'Subject ' || n, repeat('preview ', 12), now() - n * interval '1 hour', now(), now(),
        case when n % 5 < 3 then now() end
    from generate_series(1, :senders) n;
    with made as (
        insert into calls (workspace_id, id, user_id, call_type, status, priority, origin, content, content_summary, language,
            voice, scheduled_at, due_at, give_up_at, attempts, most_attempts, completed_at, duration_seconds, created_at,
            updated_at)
        select :workspace, gen_random_uuid(), :user, (array['urgent', 'digest', 'meeting-reminder'])[1 + n % 3], 'completed',
            'medium', 'bench:' || n, 'What was said.', 'What was said.', 'en', 'alloy', now() - n * interval '3 hours',
            now() - n * interval '3 hours', now(), 1, 4, now(), 31, now(), now()
        from generate_series(1, :calls) n returning *
    )
    insert into call_attempts (workspace_id, id, call_id, user_id, number, carrier, state, line, sender, keys, told,
        last_sequence, looks, placed_at, ended_at, created_at, updated_at)
    select workspace_id, gen_random_uuid(), id, user_id, 1, 'console', 'completed', 'console', '', '', '{}', 0, 0,
        scheduled_at, scheduled_at, now(), now() from made;
"""
SENDERS_PAGE = (
    "select * from senders where workspace_id = $1 and user_id = $2 and email_count > 0"
    " order by latest_date desc, id desc limit $3"
)
HABITS = (
    "select 'type', sender_type, category, count(*) from (select sender_type, category from senders where workspace_id = $1"
    " and user_id = $2 and chosen_at is not null order by chosen_at desc limit 1000) lately group by 2, 3 union all"
    " select 'domain', domain, category, count(*) from senders where workspace_id = $1 and user_id = $2"
    " and chosen_at is not null and domain = any($3) group by 2, 3"
)
SENDERS_TOTAL = "select count(*) from senders where workspace_id = $1 and user_id = $2 and email_count > 0"
CALLS_PAGE = "select * from calls where workspace_id = $1 and user_id = $2 order by scheduled_at desc, id desc limit $3"
CALLS_TOTAL = "select count(*) from calls where workspace_id = $1 and user_id = $2"
ATTEMPTS = "select * from call_attempts where workspace_id = $1 and call_id = any($2) order by call_id, number"
PREFERENCES = (
    "update preferences set preferred_call_time = $3, updated_at = now() where workspace_id = $1 and user_id = $2"
    " returning *"
)

SESSION = (
    "select s.user_id from sessions s join users u on u.id = s.user_id where s.workspace_id = $1 and s.id = $2"
    " and s.revoked_at is null and s.expires_at > now() and u.disabled_at is null"
)

Connection = Any  # of a pool: asyncpg's own type can't be named outside of its stubs
Ask = Callable[["Visitor"], Awaitable[httpx2.Response]]


async def measure(runtime: Runtime, addresses: Addresses, folder: Path) -> list[Figure]:
    people = [await make_user(runtime) for _ in range(USERS)]
    for each in people:
        await furnish(runtime, each)
    await vacuum(addresses, TABLES)
    figures = await compare(runtime, addresses, people[0])
    [port] = free_ports(1)
    with crowd.worker(environment(runtime, addresses, OUTRIDER_PORT=str(port)), folder, command="serve"):
        url = f"http://127.0.0.1:{port}"
        await _until_ready(url)
        await visit(url, people, seconds=3.0, thinking=THINKING)
        figures += _told(await visit(url, people, seconds=SECONDS, thinking=THINKING), "1 s between requests")
        figures += _told(await visit(url, people, seconds=SECONDS / 2, thinking=(0, 0)), "no pauses", bound=False)
    return figures


async def furnish(runtime: Runtime, owner: Someone) -> None:
    known = {"workspace": owner.workspace_id, "user": owner.user.id, "senders": SENDERS, "calls": CALLS}
    async with runtime.db.begin(owner.scope) as db:
        for statement in SEED.strip().rstrip(";").split(";"):
            own = {name: value for name, value in known.items() if f":{name}" in statement}
            await db.execute(text(statement), own)


@dataclass(frozen=True, slots=True)
class Visitor:
    client: httpx2.AsyncClient
    chance: random.Random
    senders: list[str]  # some of theirs


# What people do, and how often: mostly they look.
LISTS: dict[str, tuple[int, Ask]] = {
    "GET /senders": (30, lambda who: who.client.get(f"/api/senders?page={who.chance.randint(1, 20)}")),
    "GET /senders?category": (10, lambda who: who.client.get("/api/senders?category=unassigned&sort=-email_count")),
    "GET /senders?search": (5, lambda who: who.client.get(f"/api/senders?search=person%20{who.chance.randint(1, 99)}")),
    "GET /calls": (15, lambda who: who.client.get(f"/api/calls?page={who.chance.randint(1, 10)}")),
    "GET /calendar/events": (5, lambda who: who.client.get("/api/calendar/events?days_ahead=7")),
    "GET /preferences": (5, lambda who: who.client.get("/api/preferences")),
    "GET /calls/next-digest": (5, lambda who: who.client.get("/api/calls/next-digest")),
}
WRITES: dict[str, tuple[int, Ask]] = {
    "PUT /preferences": (
        8, lambda who: who.client.put("/api/preferences", json={"preferred_call_time": f"08:{who.chance.randint(10, 59)}"})
    ),
    "PUT /senders/{id}/category": (
        12,
        lambda who: who.client.put(
            f"/api/senders/{who.chance.choice(who.senders)}/category",
            json={"category": who.chance.choice(("call-me", "remind-me", "keep-quiet"))},
        ),
    ),
    "POST /calls/schedule-urgent": (
        5, lambda who: who.client.post("/api/calls/schedule-urgent", json={"content": "Call back.", "priority": "medium"})
    ),
}  # fmt: skip


async def visit(
    url: str, people: list[Someone], *, seconds: float, thinking: tuple[float, float]
) -> dict[str, list[float]]:
    """Everybody asks for one thing after another for a while; returns the seconds of each answer by what was asked for."""
    took: defaultdict[str, list[float]] = defaultdict(list)
    ends = time.monotonic() + seconds

    async def person(number: int, owner: Someone) -> None:
        chance = random.Random(number)
        acts = [(name, ask) for name, (weight, ask) in (LISTS | WRITES).items() for _ in range(weight)]
        headers = {"Authorization": f"Bearer {owner.access_token}"}
        async with httpx2.AsyncClient(base_url=url, headers=headers, timeout=30) as client:
            first = (await client.get("/api/senders?limit=100")).json()["data"]["senders"]
            visitor = Visitor(client, chance, [each["id"] for each in first])
            await asyncio.sleep(chance.random() * thinking[1])
            while time.monotonic() < ends:
                name, ask = chance.choice(acts)
                began = time.perf_counter()
                answer = await ask(visitor)
                took[name if answer.is_success else "errors"].append(time.perf_counter() - began)
                await asyncio.sleep(chance.uniform(*thinking))

    await asyncio.gather(*(person(number, each) for number, each in enumerate(people)))
    return took


def _told(took: dict[str, list[float]], how: str, *, bound: bool = True) -> list[Figure]:
    figures = []
    for kind, names, goal in (("lists", LISTS, "p95 200 ms"), ("writes", WRITES, "p95 300 ms")):
        all_of = [each for name in names for each in took.get(name, [])]
        slowest = max(names, key=lambda name: _p95(took.get(name, [])))
        figures.append(
            Figure(
                f"{USERS} users, {how}: {kind}",
                f"p50 {statistics.median(all_of or [0]) * 1e3:.0f} ms, p95 {_p95(all_of) * 1e3:.0f} ms",
                f"slowest: {slowest}",
                f"p95 {_p95(took.get(slowest, [])) * 1e3:.0f} ms",
                None,
                goal if bound else "",
            )
        )
    asked = sum(map(len, took.values()))
    errors = len(took.get("errors", []))
    return [*figures, Figure(f"{USERS} users, {how}", f"{asked:,} requests, {errors} errors", "", "", None, "0 errors")]


def _p95(values: list[float]) -> float:
    return sorted(values)[int(len(values) * 0.95)] if values else 0


async def compare(runtime: Runtime, addresses: Addresses, owner: Someone) -> list[Figure]:
    """In this process, in turn; the peer asks whether the caller's session stands and passes the same wall."""
    pool = await asyncpg.create_pool(
        addresses.app.set(drivername="postgresql").render_as_string(hide_password=False), min_size=1, max_size=2
    )
    signed_in = {"Authorization": f"Bearer {owner.access_token}"}
    bare = client(bare_app(pool, runtime.tokens), **signed_in)
    ours = client(create_app(runtime), **signed_in)
    (await ours.get("/api/preferences")).raise_for_status()
    asks: dict[str, Callable[[httpx2.AsyncClient], Awaitable[httpx2.Response]]] = {
        "GET /api/senders": lambda to: to.get("/api/senders"),
        "GET /api/calls": lambda to: to.get("/api/calls"),
        "PUT /api/preferences": lambda to: to.put("/api/preferences", json={"preferred_call_time": "07:30"}),
    }
    figures = []
    for name, ask in asks.items():
        pairs = [(await _timed(ask, ours), await _timed(ask, bare)) for _ in range(ROUNDS + 1)][1:]
        mine, theirs = (statistics.median(each[number] for each in pairs) for number in (0, 1))
        figures.append(
            Figure(
                name, f"{mine * 1e3:.1f} ms", "hand-written endpoint, same SQL", f"{theirs * 1e3:.1f} ms",
                theirs / mine, "0.5",
            )
        )  # fmt: skip
    await pool.close()
    return figures


async def _timed(ask: Callable[[httpx2.AsyncClient], Awaitable[httpx2.Response]], to: httpx2.AsyncClient) -> float:
    began = time.perf_counter()
    for _ in range(TIMES):
        (await ask(to)).raise_for_status()
    return (time.perf_counter() - began) / TIMES


def bare_app(pool: "asyncpg.Pool[Any]", tokens: AccessTokens) -> FastAPI:
    app = FastAPI()

    async def under(request: Request, work: Callable[[Connection, str, str], Awaitable[Any]]) -> Response:
        claims = tokens.read(request.headers["authorization"].removeprefix("Bearer "), now=now())
        async with pool.acquire() as connection, connection.transaction():
            await connection.execute("select set_config('app.ws', $1, true)", str(claims.workspace_id))
            user = await connection.fetchval(SESSION, claims.workspace_id, claims.session_id)
            body = await work(connection, str(claims.workspace_id), user) if user else None
        return Response(orjson.dumps(body, default=str), 200 if user else 401, media_type="application/json")

    @app.get("/api/senders")
    async def senders(request: Request) -> Response:
        async def work(connection: Connection, workspace: str, user: str) -> Any:
            total = await connection.fetchval(SENDERS_TOTAL, workspace, user)
            rows = await connection.fetch(SENDERS_PAGE, workspace, user, LIMIT)
            chosen = await connection.fetch(HABITS, workspace, user, [row["domain"] for row in rows])
            return {"data": [dict(row) for row in rows], "habits": [tuple(row) for row in chosen], "total": total}

        return await under(request, work)

    @app.get("/api/calls")
    async def calls(request: Request) -> Response:
        async def work(connection: Connection, workspace: str, user: str) -> Any:
            total = await connection.fetchval(CALLS_TOTAL, workspace, user)
            rows = await connection.fetch(CALLS_PAGE, workspace, user, LIMIT)
            tried = await connection.fetch(ATTEMPTS, workspace, [row["id"] for row in rows])
            return {"data": [dict(row) for row in rows], "attempts": [dict(row) for row in tried], "total": total}

        return await under(request, work)

    @app.put("/api/preferences")
    async def preferences(request: Request) -> Response:
        asked = orjson.loads(await request.body())

        async def work(connection: Connection, workspace: str, user: str) -> Any:
            return dict(await connection.fetchrow(PREFERENCES, workspace, user, asked["preferred_call_time"]))

        return await under(request, work)

    return app


async def _until_ready(url: str) -> None:
    async with httpx2.AsyncClient() as asking:
        for _ in range(300):
            try:
                if (await asking.get(f"{url}/readyz")).is_success:
                    return
            except httpx2.HTTPError:
                pass
            await asyncio.sleep(0.2)
    raise RuntimeError("the server did not start")
