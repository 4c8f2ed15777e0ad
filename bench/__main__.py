"""Prints one table of ratios, each against a peer measured in the same run. `python -m bench`."""

import asyncio
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import asyncpg
import httpx2
import orjson
from fastapi import FastAPI, Response
from tests.factories.accounts import make_user
from tests.factories.bulk import make_due_enrollments
from tests.factories.mailboxes import make_mailbox

from outrider import starting
from outrider.core import log
from outrider.main import create_app
from outrider.runtime import open_runtime
from outrider.settings import load

ENROLLMENTS = 100_000
CHUNK = 5_000
LIMIT = 20
ROUNDS, CALLS = 7, 40
COUNT = "select count(*) from enrollments where workspace_id = $1 and user_id = $2 and deleted_at is null"
PAGE = (
    "select * from enrollments where workspace_id = $1 and id in (select id from enrollments where workspace_id = $1"
    " and user_id = $2 and deleted_at is null order by id desc offset $3 limit $4) order by id desc"
)


async def main() -> None:
    log.configure("ERROR", json=True)
    with tempfile.TemporaryDirectory(prefix="outr-bench-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        settings = load(OUTRIDER_DATA_DIR=Path(folder), OUTRIDER_RATE_PER_USER=10**9, DATABASE_URL=None, _env_file=None)
        async with (
            starting.database(settings, migrate=True) as found,
            open_runtime(settings, found.app, name="bench") as runtime,
        ):
            owner = await make_user(runtime)
            mailbox = await make_mailbox(runtime, owner)
            for _ in range(ENROLLMENTS // CHUNK):
                await make_due_enrollments(runtime, owner, [mailbox], CHUNK)
            driver = found.owner.set(drivername="postgresql").render_as_string(hide_password=False)
            connection = await asyncpg.connect(driver)
            for table in ("enrollments", "sends", "sessions", "members", "users"):
                await connection.execute(f"vacuum analyze {table}")
            await connection.close()
            pool = await asyncpg.create_pool(
                found.app.set(drivername="postgresql").render_as_string(hide_password=False), min_size=1, max_size=2
            )
            bare = client(bare_app(pool, str(owner.workspace_id), str(owner.user.id)))
            ours = client(create_app(runtime), Authorization=f"Bearer {owner.access_token}")
            first = await measure(ours, bare, "/enrollments?page=1")
            deep = await measure(ours, bare, "/enrollments?page=1000")
            print(
                f"\nGET /enrollments over {ENROLLMENTS:,} enrolments, {LIMIT} a page, in-process, medians of {ROUNDS} rounds"
            )
            print(
                f"  {'page 1':<24}{first[0] * 1e3:6.2f} ms   hand-written {first[1] * 1e3:6.2f} ms   ratio {first[1] / first[0]:.2f}"
            )
            print(
                f"  {'page 1,000':<24}{deep[0] * 1e3:6.2f} ms   hand-written {deep[1] * 1e3:6.2f} ms   ratio {deep[1] / deep[0]:.2f}"
            )
            print(f"  page 1,000 / page 1     {deep[0] / first[0]:.2f}")
            await pool.close()


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


asyncio.run(main())
