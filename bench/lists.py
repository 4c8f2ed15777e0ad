"""The list of enrolments, against an endpoint written by hand on the raw driver."""

import statistics
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import asyncpg
import httpx2
import orjson
from fastapi import FastAPI, Response
from tests.factories.accounts import make_user
from tests.factories.bulk import make_due_enrollments
from tests.factories.mailboxes import make_mailbox

from bench.figures import Figure
from outrider.main import create_app
from outrider.runtime import Addresses, Runtime

ENROLLMENTS = 100_000
CHUNK = 5_000
LIMIT = 20
TABLES = ("enrollments", "sends", "sessions", "members", "users")
ROUNDS, CALLS = 7, 40
COUNT = "select count(*) from enrollments where workspace_id = $1 and user_id = $2 and deleted_at is null"
PAGE = (
    "select * from enrollments where workspace_id = $1 and id in (select id from enrollments where workspace_id = $1"
    " and user_id = $2 and deleted_at is null order by id desc offset $3 limit $4) order by id desc"
)


async def compare(runtime: Runtime, addresses: Addresses) -> list[Figure]:
    """`GET /enrollments`, first page and thousandth, in this process; medians over rounds taken in turn."""
    owner = await make_user(runtime)
    mailbox = await make_mailbox(runtime, owner)
    for _ in range(ENROLLMENTS // CHUNK):
        await make_due_enrollments(runtime, owner, [mailbox], CHUNK)
    await vacuum(addresses)
    pool = await asyncpg.create_pool(
        addresses.app.set(drivername="postgresql").render_as_string(hide_password=False), min_size=1, max_size=2
    )
    bare = client(bare_app(pool, str(owner.workspace_id), str(owner.user.id)))
    ours = client(create_app(runtime), Authorization=f"Bearer {owner.access_token}")
    first = await measure(ours, bare, "/enrollments?page=1")
    deep = await measure(ours, bare, "/enrollments?page=1000")
    await pool.close()
    peer = "hand-written endpoint, same SQL"
    return [
        Figure(
            "GET /enrollments, page 1 of 5,000",
            f"{first[0] * 1e3:.1f} ms",
            peer,
            f"{first[1] * 1e3:.1f} ms",
            first[1] / first[0],
            "0.5",
        ),
        Figure(
            "GET /enrollments, page 1,000",
            f"{deep[0] * 1e3:.1f} ms",
            peer,
            f"{deep[1] * 1e3:.1f} ms",
            deep[1] / deep[0],
            "0.5",
        ),
        Figure(
            "page 1,000 against page 1",
            f"{deep[0] * 1e3:.1f} ms",
            "page 1",
            f"{first[0] * 1e3:.1f} ms",
            deep[0] / first[0],
            "at most 2",
        ),
    ]


async def vacuum(addresses: Addresses, tables: Sequence[str] = TABLES) -> None:
    connection = await asyncpg.connect(
        addresses.owner.set(drivername="postgresql").render_as_string(hide_password=False)
    )
    for table in tables:
        await connection.execute(f"vacuum analyze {table}")
    await connection.close()


def bare_app(pool: "asyncpg.Pool[Any]", workspace: str, user: str) -> FastAPI:
    """The hand-written peer: the same two statements under the same wall, straight from the driver to bytes."""
    app = FastAPI()

    @app.get("/enrollments")
    async def enrollments(page: int = 1) -> Response:
        async with pool.acquire() as connection, connection.transaction():
            await connection.execute("select set_config('app.ws', $1, true)", workspace)
            total = await connection.fetchval(COUNT, workspace, user)
            rows = await connection.fetch(PAGE, workspace, user, (page - 1) * LIMIT, LIMIT)
        body = orjson.dumps({"data": [dict(row) for row in rows], "total": total}, default=str)
        return Response(body, media_type="application/json")

    return app


def client(app: Any, **headers: str) -> httpx2.AsyncClient:
    return httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://bench", headers=headers)


async def measure(ours: httpx2.AsyncClient, bare: httpx2.AsyncClient, path: str) -> tuple[float, float]:
    """Returns seconds a call of both, measured in turn so that a busy machine hits both alike."""
    pairs = [(await timed(lambda: ours.get(path)), await timed(lambda: bare.get(path))) for _ in range(ROUNDS + 1)]
    return statistics.median(each[0] for each in pairs[1:]), statistics.median(each[1] for each in pairs[1:])


async def timed(call: Callable[[], Awaitable[httpx2.Response]]) -> float:
    began = time.perf_counter()
    for _ in range(CALLS):
        (await call()).raise_for_status()
    return (time.perf_counter() - began) / CALLS
