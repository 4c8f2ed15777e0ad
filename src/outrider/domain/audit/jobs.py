"""Seals the audit trail as it grows, and writes its heads down outside the database once a day."""

import structlog

from outrider.core import jobs
from outrider.core.db import Scope
from outrider.domain.audit import trail
from outrider.runtime import Runtime

log = structlog.get_logger()

ACTOR = "audit"


@jobs.periodic("audit.seal", every=30.0)
async def seal(app: Runtime) -> None:
    """Short transactions one after the other, until what is certain is sealed."""
    sealed = trail.AT_ONCE
    while sealed:
        async with app.db.begin(Scope(actor=ACTOR)) as db:
            sealed = await trail.seal(db)


@jobs.periodic("audit.anchor", every=3600.0)
async def anchor(app: Runtime) -> None:
    """To a file, and to the log, which goes where the operator sends logs."""
    async with app.db.begin(Scope(actor=ACTOR)) as db:
        anchored = await trail.anchor(db, app.settings.data_dir)
    for head in anchored:
        log.info("audit.head", workspace_id=str(head.workspace_id), number=head.number, seal=head.seal)
