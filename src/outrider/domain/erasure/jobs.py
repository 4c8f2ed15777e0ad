"""Erases deleted accounts whose time has come, people who asked for it, and what has been kept long enough."""

from uuid import UUID

import structlog

from outrider.core import jobs
from outrider.core.db import Scope
from outrider.domain.erasure import contact_erasing, purging, retention
from outrider.runtime import Runtime

log = structlog.get_logger()

WAIT = 10.0  # seconds until what is under way has ended


async def _give_up(app: Runtime, *, workspace_id: UUID, erasure_id: UUID) -> None:
    await contact_erasing.fail(app.db, workspace_id, erasure_id)


@jobs.periodic("erasure.tidy", every=600.0)
async def tidy(app: Runtime) -> None:
    """Lets go what has been kept long enough, by the database's clock; one worker every six hours."""
    async with app.db.begin() as db:
        at = await retention.claim(db)
    if at is None:
        return
    gone = {
        name: count
        for name, count in (await retention.tidy(app.db, retention.limits(app.settings), at=at)).items()
        if count
    }
    if gone:
        log.info("retention.tidied", **gone)


@jobs.job(contact_erasing.JOB, set_aside=_give_up)
async def erase_contact(app: Runtime, *, workspace_id: UUID, erasure_id: UUID) -> None:
    """Goes on where a killed worker stopped; waits for a mail that is leaving."""
    if await contact_erasing.erase(app.db, workspace_id, erasure_id):
        log.info("contact.erased", erasure_id=str(erasure_id))
        return
    async with app.db.begin(Scope(workspace_id, actor=purging.ACTOR)) as db:
        await jobs.enqueue(db, contact_erasing.JOB, delay=WAIT, workspace_id=workspace_id, erasure_id=erasure_id)


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
