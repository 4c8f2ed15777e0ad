"""What follows from each result of a send."""

from datetime import timedelta

import pytest
from sqlalchemy import select, text

from outrider.core.clock import now
from outrider.domain.mailboxes.models import Direction, Mailbox, Message
from outrider.domain.sending import actions, claiming, results
from outrider.domain.sending.models import Claim, Hold, MailboxPace, Send, State, Waiting
from outrider.domain.sending.results import Looks
from outrider.providers.mail.interface import Outcome, Receipt, SendFailed
from outrider.runtime import Runtime
from tests.domain.sending.test_claiming import PACE, reload
from tests.factories.accounts import Someone, make_user
from tests.factories.mailboxes import make_mailbox, make_message
from tests.factories.sending import make_send

LOOKS = Looks(first=timedelta(seconds=60), last=timedelta(minutes=10))


async def claimed(runtime: Runtime) -> tuple[Someone, Mailbox, Send, Claim]:
    ada = await make_user(runtime)
    mailbox = await make_mailbox(runtime, ada)
    send = await make_send(runtime, ada, mailbox, await make_message(runtime, mailbox))
    async with runtime.db.begin(ada.scope) as db:
        taken = await claiming.claim(db, mailbox.workspace_id, [mailbox.id], now=now(), pace=PACE)
    return ada, mailbox, send, taken[mailbox.id]


async def fail(runtime: Runtime, ada: Someone, claim: Claim, outcome: Outcome, reply: str, **said: object) -> None:
    failure = SendFailed(outcome, reply, **said)  # type: ignore[arg-type]
    async with runtime.db.begin(ada.scope) as db:
        await results.record_failure(db, claim, failure, now=now(), looks=LOOKS)


async def events(runtime: Runtime, ada: Someone) -> list[str]:
    async with runtime.db.begin(ada.scope) as db:
        return list(await db.scalars(text("select name from events order by id")))


async def test_a_sent_mail_is_in_its_thread_at_once(runtime: Runtime) -> None:
    ada, _, send, claim = await claimed(runtime)
    async with runtime.db.begin(ada.scope) as db:
        assert await results.record_sent(db, [(claim, Receipt("250 2.0.0 queued as 1"))], at=now())
        outgoing = await db.scalar(select(Message).where(Message.message_id == send.message_id))
    assert outgoing is not None
    assert (outgoing.thread_id, outgoing.direction) == (send.thread_id, Direction.OUT)
    assert "send.sent" in await events(runtime, ada)


async def test_a_result_is_recorded_once(runtime: Runtime) -> None:
    ada, _, _, claim = await claimed(runtime)
    async with runtime.db.begin(ada.scope) as db:
        assert await results.record_sent(db, [(claim, Receipt("250"))], at=now())
        assert not await results.record_sent(db, [(claim, Receipt("250"))], at=now())


@pytest.mark.parametrize(("code", "enhanced", "gone"), [(550, "5.1.1", True), (554, "5.7.1", False), (550, None, True)])
async def test_a_refusal_fails_and_tells_whether_the_address_is_gone(
    runtime: Runtime, code: int, enhanced: str | None, gone: bool
) -> None:
    ada, _, send, claim = await claimed(runtime)
    await fail(runtime, ada, claim, Outcome.REFUSED, "no such user", code=code, enhanced=enhanced)
    assert (await reload(runtime, ada, send)).state is State.FAILED
    async with runtime.db.begin(ada.scope) as db:
        payload = await db.scalar(text("select payload from events where name = 'send.refused'"))
    assert payload["is_recipient"] is gone


async def test_later_means_at_least_five_minutes(runtime: Runtime) -> None:
    ada, _, send, claim = await claimed(runtime)
    await fail(runtime, ada, claim, Outcome.DEFERRED, "greylisted", code=451, enhanced="4.7.1")
    stored = await reload(runtime, ada, send)
    assert (stored.state, stored.waiting_for) == (State.QUEUED, Waiting.RETRY)
    assert stored.due_at >= now() + timedelta(minutes=4, seconds=50)


async def test_what_a_slow_machine_did_not_give_away_is_due_again_at_once(runtime: Runtime) -> None:
    ada, _, send, claim = await claimed(runtime)
    await fail(runtime, ada, claim, Outcome.OVERDUE, "too little time")
    stored = await reload(runtime, ada, send)
    assert (stored.state, stored.attempts) == (State.QUEUED, 0)
    assert stored.due_at <= now()


async def test_after_three_days_of_later_it_is_given_up(runtime: Runtime) -> None:
    ada, _, send, claim = await claimed(runtime)
    async with runtime.db.begin(ada.scope) as db:
        (await db.get_one(Send, (send.workspace_id, send.id))).give_up_at = now() - timedelta(seconds=1)
    await fail(runtime, ada, claim, Outcome.DEFERRED, "try again later", code=451)
    assert (await reload(runtime, ada, send)).state is State.FAILED
    assert "send.refused" in await events(runtime, ada)


async def test_what_may_have_left_is_looked_up_and_never_sent_blindly(runtime: Runtime) -> None:
    ada, mailbox, send, claim = await claimed(runtime)
    await fail(runtime, ada, claim, Outcome.UNKNOWN, "connection lost after the final dot")
    stored = await reload(runtime, ada, send)
    assert (stored.state, stored.waiting_for) == (State.UNKNOWN, Waiting.CONFIRMING)
    assert stored.look_at is not None
    async with runtime.db.begin(ada.scope) as db:
        await results.settle(db, stored, mailbox, was_found=True, now=now(), real_now=now(), looks=LOOKS)
    assert (await reload(runtime, ada, send)).state is State.SENT


@pytest.mark.parametrize(
    ("saves", "ends"), [(True, State.QUEUED), (False, State.UNCONFIRMED), (None, State.UNCONFIRMED)]
)
async def test_not_found_means_again_only_where_the_server_keeps_copies(
    runtime: Runtime, saves: bool | None, ends: State
) -> None:
    ada, mailbox, send, claim = await claimed(runtime)
    mailbox.saves_sent = saves
    await fail(runtime, ada, claim, Outcome.UNKNOWN, "connection lost")
    stored = await reload(runtime, ada, send)
    async with runtime.db.begin(ada.scope) as db:
        await results.settle(db, stored, mailbox, was_found=False, now=now(), real_now=now(), looks=LOOKS)
    looked = await reload(runtime, ada, send)
    assert looked.state is State.UNKNOWN, "one look is not enough"
    late = now() + timedelta(minutes=11)
    async with runtime.db.begin(ada.scope) as db:
        await results.settle(db, looked, mailbox, was_found=False, now=late, real_now=late, looks=LOOKS)
    assert (await reload(runtime, ada, send)).state is ends


async def test_a_vanished_workers_row_becomes_unknown_by_the_databases_clock(runtime: Runtime) -> None:
    ada, _, send, _ = await claimed(runtime)
    async with runtime.db.begin(ada.scope) as db:
        assert await results.expire_leases(db, ada.workspace_id, looks=LOOKS) == 0
        await db.execute(text("update sends set lease_until = clock_timestamp() - interval '1 second'"))
        assert await results.expire_leases(db, ada.workspace_id, looks=LOOKS) == 1
    assert (await reload(runtime, ada, send)).state is State.UNKNOWN


async def test_a_released_row_has_lost_no_attempt(runtime: Runtime) -> None:
    ada, _, send, claim = await claimed(runtime)
    async with runtime.db.begin(ada.scope) as db:
        await results.release(
            db, claim, due_at=now(), why=Waiting.MAILBOX_DISCONNECTED, reason="The server can't be reached."
        )
    stored = await reload(runtime, ada, send)
    assert (stored.state, stored.attempts, stored.waiting_for) == (State.QUEUED, 0, Waiting.MAILBOX_DISCONNECTED)


async def test_paused_resumed_hastened_and_cancelled(runtime: Runtime) -> None:
    ada = await make_user(runtime)
    mailbox = await make_mailbox(runtime, ada)
    send = await make_send(runtime, ada, mailbox, await make_message(runtime, mailbox))
    own = (send.workspace_id, send.origin_id)
    async with runtime.db.begin(ada.scope) as db:
        await actions.pause_many(db, send.workspace_id, [send.origin_id])
    assert (await reload(runtime, ada, send)).waiting_for is Waiting.PAUSED
    async with runtime.db.begin(ada.scope) as db:
        await actions.resume(db, *own)
        assert await actions.hasten(db, *own, now=now())
    hastened = await reload(runtime, ada, send)
    assert (hastened.state, hastened.priority, hastened.window) == (State.QUEUED, 100, None)
    async with runtime.db.begin(ada.scope) as db:
        await actions.cancel(db, *own, reason="Changed my mind.")
    assert (await reload(runtime, ada, send)).state is State.CANCELLED


@pytest.mark.parametrize(
    ("code", "enhanced", "reply", "state", "hours"),
    [
        (550, "5.4.5", "Daily user sending limit exceeded.", State.QUEUED, 24),
        (421, "4.7.28", "Unusual rate of mail.", State.QUEUED, 24),
        (550, "5.7.515", "Access denied, sending domain does not meet the level.", State.QUEUED, 24),
        (550, "5.7.1", "This looks like spam.", State.FAILED, 1),
    ],
)
async def test_a_reply_about_the_mailbox_holds_the_mailbox(
    runtime: Runtime, code: int, enhanced: str, reply: str, state: State, hours: int
) -> None:
    ada, mailbox, send, claim = await claimed(runtime)
    outcome = Outcome.DEFERRED if code < 500 else Outcome.REFUSED
    await fail(runtime, ada, claim, outcome, reply, code=code, enhanced=enhanced)
    async with runtime.db.begin(ada.scope) as db:
        held = await db.get_one(MailboxPace, (mailbox.workspace_id, mailbox.id))
        payload = await db.scalar(text("select payload from events where name = 'send.refused'"))
    assert held.held_for is Hold.PROVIDER_LIMIT
    assert held.held_until is not None
    assert abs(held.held_until - now() - timedelta(hours=hours)) < timedelta(minutes=1)
    assert (await reload(runtime, ada, send)).state is state
    assert payload is None or payload["is_recipient"] is False


async def test_a_login_that_no_longer_does_parks_the_mail_for_its_owner(runtime: Runtime) -> None:
    ada, mailbox, send, claim = await claimed(runtime)
    await fail(runtime, ada, claim, Outcome.REFUSED, "Username and Password not accepted.", code=535, enhanced="5.7.8")
    stored = await reload(runtime, ada, send)
    assert (stored.state, stored.waiting_for, stored.attempts) == (State.QUEUED, Waiting.MAILBOX_DISCONNECTED, 0)
    async with runtime.db.begin(ada.scope) as db:
        current = await db.get_one(Mailbox, (mailbox.workspace_id, mailbox.id))
    assert current.state == "reauth_required"
    assert (await events(runtime, ada)).count("mailbox.needs_reconnect") == 1


@pytest.mark.parametrize("minutes", [5, 15, 60])
async def test_greylisting_of_any_usual_length_is_outwaited(runtime: Runtime, minutes: int) -> None:
    """The server takes the mail once the given time has passed since it first saw it."""
    ada, mailbox, send, claim = await claimed(runtime)
    first = at = now()
    tries = [at]
    while at - first < timedelta(minutes=minutes):
        failure = SendFailed(Outcome.DEFERRED, "Greylisted", code=451, enhanced="4.7.1")
        async with runtime.db.begin(ada.scope) as db:
            await results.record_failure(db, claim, failure, now=at, looks=LOOKS)
        at = (await reload(runtime, ada, send)).due_at
        async with runtime.db.begin(ada.scope) as db:
            claim = (await claiming.claim(db, ada.workspace_id, [mailbox.id], now=at, pace=PACE))[mailbox.id]
        tries.append(at)
    async with runtime.db.begin(ada.scope) as db:
        await results.record_sent(db, [(claim, Receipt("250"))], at=at)
    print(f"\ngreylisted for {minutes} min: delivered at try {len(tries)}, after {(at - first).seconds // 60} min")
    assert (await reload(runtime, ada, send)).state is State.SENT
    assert sum(each - first < timedelta(minutes=10) for each in tries) <= 2
