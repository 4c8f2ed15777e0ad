"""Judges mail as it comes in, and learns anew from what the user says of it."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from outrider.core import jobs
from outrider.core.clock import database_now
from outrider.core.db import Scope
from outrider.core.events import during, on
from outrider.domain.accounts import queries as accounts
from outrider.domain.mailboxes.events import MailStored
from outrider.domain.senders.events import SenderCategorised
from outrider.domain.urgency import actions, queries, reading
from outrider.domain.urgency.actions import LEARN
from outrider.runtime import Runtime

log = structlog.get_logger()

ACTOR = "urgency"
LOOKED_BACK = timedelta(hours=26)  # what the next digest may tell; older mail is not judged


@on(MailStored, "urgency.judge")
async def on_mail(app: Runtime, fact: MailStored) -> None:
    """Judges what came in lately, in a child process, and writes it down; twice is once."""
    scope = Scope(fact.workspace_id, fact.user_id, actor=ACTOR)
    async with app.db.begin(scope) as db:
        user = await accounts.get_user(db, fact.user_id)
        since = await database_now(db) - LOOKED_BACK
        found = await queries.unjudged(db, fact.workspace_id, user, fact.message_ids, since=since)
    if not found:
        return
    judged = await app.parser.read_many(reading.JUDGING, reading.given([each.mail for each in found]))
    pairs = [(candidate, each) for candidate, each in zip(found, judged, strict=True) if each is not None]
    async with app.db.begin(scope) as db:
        rings = await actions.record(db, fact.workspace_id, fact.user_id, pairs, await database_now(db))
    log.info("urgency.judged", user_id=str(fact.user_id), mails=len(pairs), rings=rings)


@during(SenderCategorised)
async def on_category(db: AsyncSession, facts: Sequence[SenderCategorised]) -> None:
    for workspace_id, user_id in {(each.workspace_id, each.user_id) for each in facts}:
        await actions.learn_again(db, workspace_id, user_id)


@jobs.job(LEARN)
async def learn(app: Runtime, *, workspace_id: UUID, user_id: UUID) -> None:
    """Learns from all that the user said lately, from the beginning: nothing that was unsaid stays."""
    scope = Scope(workspace_id, user_id, actor=ACTOR)
    async with app.db.begin(scope) as db:
        user = await accounts.get_user(db, user_id)
        taught = await queries.taught(db, workspace_id, user)
    learnt = (await app.parser.read_many(reading.LEARNING, [reading.lessons(taught)]))[0]
    if learnt is None:
        log.warning("urgency.learning_failed", user_id=str(user_id), examples=len(taught))
        return  # what was learnt before stands
    async with app.db.begin(scope) as db:
        await actions.keep(db, workspace_id, user_id, learnt, examples=len(taught))
