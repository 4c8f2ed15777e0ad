"""Fifty people at the concierge's endpoints, on a server process of its own; and three kinds of request against endpoints
written by hand.
"""

import asyncio
import random
import statistics
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import httpx2
from sqlalchemy import text
from tests.factories.accounts import Someone, make_user
from tests.faults import crowd
from tests.real.daemons import free_ports

from bench import concierge_peers as peers
from bench.figures import Figure
from bench.lists import client, vacuum
from bench.processes import environment
from outrider.main import create_app
from outrider.runtime import Addresses, Runtime

USERS, SENDERS, CALLS = 50, 2_000, 500
THINKING, SECONDS = (0.5, 1.5), 20.0
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
    "GET /calendar/events": (5, lambda who: who.client.get("/api/integrations/calendar/events?days_ahead=7")),
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
    """In this process, in turn."""
    pool = await asyncpg.create_pool(
        addresses.app.set(drivername="postgresql").render_as_string(hide_password=False), min_size=1, max_size=2
    )
    apps = [create_app(runtime), peers.plain_app(addresses, runtime.tokens), peers.raw_app(pool, runtime.tokens)]
    clients = [client(each, Authorization=f"Bearer {owner.access_token}") for each in apps]
    (await clients[0].get("/api/preferences")).raise_for_status()
    asks: dict[str, Callable[[httpx2.AsyncClient], Awaitable[httpx2.Response]]] = {
        "GET /api/senders": lambda to: to.get("/api/senders"),
        "GET /api/calls": lambda to: to.get("/api/calls"),
        "PUT /api/preferences": lambda to: to.put("/api/preferences", json={"preferred_call_time": "07:30"}),
    }
    figures = []
    for name, ask in asks.items():
        rounds = [[await _timed(ask, each) for each in clients] for _ in range(ROUNDS + 1)][1:]
        ours, plain, raw = (statistics.median(each) for each in zip(*rounds, strict=True))
        for peer, theirs, goal in (
            ("endpoint by hand: FastAPI, pydantic, SQLAlchemy", plain, "0.5"),
            ("endpoint by hand: raw driver and bytes", raw, ""),
        ):
            figures.append(Figure(name, f"{ours * 1e3:.1f} ms", peer, f"{theirs * 1e3:.1f} ms", theirs / ours, goal))
    await pool.close()
    return figures


async def _timed(ask: Callable[[httpx2.AsyncClient], Awaitable[httpx2.Response]], to: httpx2.AsyncClient) -> float:
    began = time.perf_counter()
    for _ in range(TIMES):
        (await ask(to)).raise_for_status()
    return (time.perf_counter() - began) / TIMES


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
