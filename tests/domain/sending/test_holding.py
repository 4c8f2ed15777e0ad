"""What keeps a whole mailbox from sending, and what ends it."""

from datetime import datetime, timedelta

from outrider.core.clock import now
from outrider.domain.mailboxes.models import Mailbox
from outrider.domain.sending import holding
from outrider.domain.sending.models import Hold, MailboxPace
from outrider.runtime import Runtime
from tests.factories.accounts import Someone, make_user
from tests.factories.mailboxes import make_mailbox

SOON, LATER = timedelta(minutes=5), timedelta(hours=5)


async def test_what_holds_a_mailbox_longer_stands(runtime: Runtime) -> None:
    ada = await make_user(runtime)
    mailbox = await make_mailbox(runtime, ada)
    at = now()
    await hold(runtime, ada, mailbox, at + LATER, Hold.HEALTH)
    await hold(runtime, ada, mailbox, at + SOON, Hold.GAP)
    assert await held(runtime, ada, mailbox) == (at + LATER, Hold.HEALTH)
    await hold(runtime, ada, mailbox, at + 2 * LATER, Hold.PROVIDER_LIMIT)
    assert await held(runtime, ada, mailbox) == (at + 2 * LATER, Hold.PROVIDER_LIMIT)


async def test_only_the_named_holds_end(runtime: Runtime) -> None:
    ada = await make_user(runtime)
    mailbox = await make_mailbox(runtime, ada)
    until = now() + LATER
    await hold(runtime, ada, mailbox, until, Hold.HEALTH)
    async with runtime.db.begin(ada.scope) as db:
        await holding.lift(db, mailbox.workspace_id, mailbox.id, {Hold.UNREACHABLE, Hold.GAP})
    assert await held(runtime, ada, mailbox) == (until, Hold.HEALTH)
    async with runtime.db.begin(ada.scope) as db:
        await holding.lift(db, mailbox.workspace_id, mailbox.id, {Hold.HEALTH})
    assert await held(runtime, ada, mailbox) == (None, None)


async def hold(runtime: Runtime, owner: Someone, mailbox: Mailbox, until: datetime, why: Hold) -> None:
    async with runtime.db.begin(owner.scope) as db:
        await holding.hold(db, [((mailbox.workspace_id, mailbox.id), until)], why=why)


async def held(runtime: Runtime, owner: Someone, mailbox: Mailbox) -> tuple[datetime | None, Hold | None]:
    async with runtime.db.begin(owner.scope) as db:
        pace = await db.get_one(MailboxPace, (mailbox.workspace_id, mailbox.id))
    return pace.held_until, pace.held_for
