"""Two conversations that turn out to be one: what hangs on either goes on in it."""

from sqlalchemy import select, text

from outrider.core.clock import now
from outrider.core.db import Scope
from outrider.domain import all_jobs
from outrider.domain.mailboxes import joining
from outrider.domain.mailboxes.models import Direction, Mailbox, Message
from outrider.domain.sending import claiming
from outrider.domain.sending.desk import pace
from outrider.domain.sending.models import Send, State
from outrider.domain.sequences.models import Enrollment
from outrider.runtime import Runtime
from tests.domain.mailboxes.test_recording import a_mail, arrive, start
from tests.factories.accounts import Someone, make_user
from tests.factories.mailboxes import make_mailbox, make_message
from tests.factories.sending import make_send
from tests.factories.sequences import make_enrollment, make_sequence

all_jobs.load()


async def join(runtime: Runtime, mailbox: Mailbox, one: Message, other: Message) -> bool:
    pair = {max(one.thread_id, other.thread_id): min(one.thread_id, other.thread_id)}
    async with runtime.db.begin(Scope(mailbox.workspace_id)) as db:
        joined, _ = await joining.join(db, mailbox, pair)
    return bool(joined)


async def told(runtime: Runtime, owner: Someone) -> list[tuple[str, str]]:
    async with runtime.db.begin(owner.scope) as db:
        rows = await db.scalars(text("select payload from events where name = 'message.received' order by id"))
        return sorted((each["sender"], each["thread_id"]) for each in rows)


async def test_an_answer_stops_its_send_though_what_leads_to_it_is_read_later(runtime: Runtime) -> None:
    """Bob answers a colleague who had answered us, and names our mail no more."""
    ada, mailbox, inbox = await start(runtime)
    send = await make_send(runtime, ada, mailbox, await make_message(runtime, mailbox))
    await arrive(runtime, mailbox, inbox, a_mail(answers="<1@b.test>"))
    assert await told(runtime, ada) == []
    colleague = a_mail(message_id="<1@b.test>", answers=send.message_id, sender="carl@b.test")
    await arrive(runtime, mailbox, inbox, colleague, ids=["1.2"])
    async with runtime.db.begin(ada.scope) as db:
        threads = set(await db.scalars(select(Message.thread_id).where(Message.direction == Direction.IN)))
    assert threads == {send.thread_id}
    thread_id = str(send.thread_id)
    assert await told(runtime, ada) == [("bob@b.test", thread_id), ("carl@b.test", thread_id)]


async def test_what_waits_in_the_outbox_is_refused_by_an_answer_in_the_other_thread(runtime: Runtime) -> None:
    ada = await make_user(runtime)
    mailbox = await make_mailbox(runtime, ada)
    kept = await make_message(runtime, mailbox, subject="One")
    email = await make_message(runtime, mailbox, subject="Two")
    send = await make_send(runtime, ada, mailbox, email)
    await make_message(runtime, mailbox, direction=Direction.IN, thread_id=kept.thread_id, minutes_ago=5)
    assert await join(runtime, mailbox, kept, email)
    async with runtime.db.begin(ada.scope) as db:
        moved = await db.get_one(Send, (ada.workspace_id, send.id))
        assert moved.thread_id == min(kept.thread_id, email.thread_id)
        assert await claiming.claim(db, ada.workspace_id, [mailbox.id], now=now(), pace=pace(runtime)) == {}
        await db.refresh(moved)
    assert (moved.state, moved.last_error) == (State.CANCELLED, claiming.ANSWERED)


async def test_who_is_followed_up_goes_with_the_thread_unless_both_are(runtime: Runtime) -> None:
    ada, mailbox, _ = await start(runtime)
    sequence = await make_sequence(runtime, ada)
    emails = [await make_message(runtime, mailbox, subject=str(number)) for number in range(3)]
    followed = [await make_enrollment(runtime, ada, email, sequence) for email in emails[1:]]
    assert await join(runtime, mailbox, emails[0], emails[1])
    async with runtime.db.begin(ada.scope) as db:
        moved = await db.get_one(Enrollment, (ada.workspace_id, followed[0].id))
        email = await db.get_one(Message, (ada.workspace_id, emails[0].id))
    assert moved.thread_id == email.thread_id == emails[0].thread_id
    assert not await join(runtime, mailbox, emails[0], emails[2])
    async with runtime.db.begin(ada.scope) as db:
        apart = await db.get_one(Enrollment, (ada.workspace_id, followed[1].id))
        email = await db.get_one(Message, (ada.workspace_id, emails[2].id))
    assert apart.thread_id == email.thread_id == emails[2].thread_id


async def test_of_several_pairs_those_that_can_be_joined_are(runtime: Runtime) -> None:
    ada, mailbox, _ = await start(runtime)
    sequence = await make_sequence(runtime, ada)
    one, two, three, four = [(await make_message(runtime, mailbox)) for _ in range(4)]
    for email in (one, two):
        await make_enrollment(runtime, ada, email, sequence)
    pairs = {two.thread_id: one.thread_id, four.thread_id: three.thread_id}
    async with runtime.db.begin(ada.scope) as db:
        joined, _ = await joining.join(db, mailbox, pairs)
    assert joined == {four.thread_id: three.thread_id}


def test_groups_grow_together_in_any_order() -> None:
    groups = joining.Groups()
    for one, other in (("a", "b"), ("c", "d"), ("e", "e"), ("d", "b")):
        groups.join(one, other)
    assert len({groups.of(each) for each in "abcd"}) == 1
    assert groups.of("e") != groups.of("a")
