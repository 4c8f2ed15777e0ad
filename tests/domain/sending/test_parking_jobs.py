"""Mail that waited for its mailbox: what is fresh leaves, what is stale asks."""

from datetime import timedelta

from outrider.core.clock import now
from outrider.domain.mailboxes.events import MailboxConnected
from outrider.domain.sending import holding, parking_jobs
from outrider.domain.sending.models import Hold, MailboxPace, Send, State, Waiting
from outrider.runtime import Runtime
from tests.factories.accounts import make_user, retire
from tests.factories.mailboxes import make_mailbox, make_message
from tests.factories.sending import make_send


async def test_nothing_waits_for_a_server_that_is_back(runtime: Runtime) -> None:
    ada = await make_user(runtime)
    mailbox = await make_mailbox(runtime, ada)
    soon = now() + timedelta(minutes=30)
    waiting = await make_send(
        runtime,
        ada,
        mailbox,
        await make_message(runtime, mailbox),
        due_at=soon,
        waiting_for=Waiting.MAILBOX_DISCONNECTED,
    )
    place = (ada.workspace_id, mailbox.id)
    async with runtime.db.begin(ada.scope) as db:
        await holding.hold(db, [(place, soon)], why=Hold.UNREACHABLE)
    await parking_jobs.on_connected(runtime, MailboxConnected(workspace_id=ada.workspace_id, mailbox_id=mailbox.id))
    async with runtime.db.begin(ada.scope) as db:
        assert (await db.get_one(MailboxPace, place)).held_until is None
        assert (await db.get_one(Send, (ada.workspace_id, waiting.id))).due_at <= now()
    await retire(runtime, ada)


async def test_what_is_fresh_keeps_its_place_and_what_is_stale_asks(runtime: Runtime) -> None:
    ada = await make_user(runtime)
    mailbox = await make_mailbox(runtime, ada)
    email = await make_message(runtime, mailbox)
    past = {
        days: await make_send(
            runtime,
            ada,
            mailbox,
            email,
            due_at=now() - timedelta(days=days),
            give_up_at=now() - timedelta(days=days - 3),
        )
        for days in (6, 8)
    }
    later = await make_send(runtime, ada, mailbox, email, due_at=now() + timedelta(days=1))
    other = await make_mailbox(runtime, ada, address="other@a.test")
    elsewhere = await make_send(
        runtime, ada, other, await make_message(runtime, other), due_at=now() - timedelta(days=9)
    )
    event = MailboxConnected(workspace_id=ada.workspace_id, mailbox_id=mailbox.id)
    for _ in range(2):
        await parking_jobs.on_connected(runtime, event)
    async with runtime.db.begin(ada.scope) as db:
        fresh, stale, future, foreign = [
            await db.get_one(Send, (ada.workspace_id, each.id)) for each in (past[6], past[8], later, elsewhere)
        ]
    assert (fresh.state, fresh.give_up_at > now() + timedelta(days=2)) == (State.QUEUED, True)
    assert stale.state is State.PAUSED
    assert "more than seven days" in (stale.last_error or "")
    assert (future.state, foreign.state) == (State.QUEUED, State.QUEUED)
    await retire(runtime, ada)
