"""Whether the service works, as anybody may ask."""

from sqlalchemy import text

from outrider.core import workers
from outrider.core.ids import new_id
from outrider.runtime import Runtime
from tests.client import Client


async def test_without_a_worker_it_is_degraded_and_with_one_it_is_ok(runtime: Runtime, anonymous: Client) -> None:
    async with runtime.db.begin() as db:
        await db.execute(text("delete from workers"))
    answer = await anonymous.get("/health")
    assert answer.status_code == 200
    assert (answer.json()["status"], answer.json()["worker"]) == ("degraded", "missing")
    worker_id = new_id()
    async with runtime.db.begin() as db:
        await workers.sign(db, worker_id, "tests")
    assert (await anonymous.get("/health")).json()["status"] == "ok"
    async with runtime.db.begin() as db:
        await workers.leave(db, worker_id)
