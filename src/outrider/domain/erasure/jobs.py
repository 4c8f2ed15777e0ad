"""Erases deleted accounts whose time has come."""

import structlog

from outrider.core import jobs
from outrider.core.db import Scope
from outrider.domain.erasure import purging
from outrider.runtime import Runtime

log = structlog.get_logger()


@jobs.periodic("erasure.purge_due", every=60.0)
async def purge_due(app: Runtime) -> None:
    """One account after the other; what a killed worker left is gone on with once its lease has ended."""
    while True:
        async with app.db.begin(Scope(actor=purging.ACTOR)) as db:
            erasure = await purging.claim(db)
        if erasure is None:
            return
        await purging.purge(app.db, erasure)
        log.info("account.erased", erasure_id=str(erasure.id))
