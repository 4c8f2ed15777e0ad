"""Whether the service works."""

from typing import Literal

from sqlalchemy import text

from outrider.api.contract import PUBLIC
from outrider.api.deps import App
from outrider.api.followups.contract import Out, contract
from outrider.api.moments import Moment
from outrider.core import workers
from outrider.core.clock import now

router = contract.router("/health", tag="analytics")


class ServiceHealth(Out):
    """Without a database the answer is 503; without a worker, degraded: nothing is sent."""

    status: Literal["ok", "degraded"]
    database: Literal["ok"]
    worker: Literal["ok", "missing"]
    time: Moment


@router.get("", needs=PUBLIC, model=ServiceHealth)
async def service_health(app: App) -> ServiceHealth:
    """Says whether database and worker are there."""
    async with app.db.begin() as db:
        await db.execute(text("select 1"))
        alive = await workers.alive(db)
    has_worker = alive.count > 0
    return ServiceHealth(
        status="ok" if has_worker else "degraded",
        database="ok",
        worker="ok" if has_worker else "missing",
        time=now(),
    )
