"""Due steps become rows of the outbox, each once."""

import asyncio
from datetime import timedelta

from sqlalchemy import func, select

from outrider.core.clock import now
from outrider.core.db import Scope
from outrider.domain.mailboxes.models import Direction
from outrider.domain.sending.models import Send
from outrider.domain.sequences import scheduling
from outrider.domain.sequences.models import Enrollment, EnrollmentStatus
from outrider.runtime import Runtime
from tests.factories.accounts import make_user
from tests.factories.bulk import make_due_enrollments
from tests.factories.mailboxes import make_mailbox, make_message
from tests.factories.sequences import make_enrollment, make_sequence


async def test_fifty_schedulers_make_exactly_one_row_of_each_of_1000_due_steps(runtime: Runtime) -> None:
    ada = await make_user(runtime)
    await make_due_enrollments(runtime, ada, [await make_mailbox(runtime, ada)], 1000)

    async def schedule_until_done() -> int:
        written = 0
        while True:
            async with runtime.db.begin(Scope(ada.workspace_id)) as db:
                found = await scheduling.schedule_due(db, ada.workspace_id, now=now(), at_most=50)
            if not found:
                return written
            written += found

    written = await asyncio.gather(*(schedule_until_done() for _ in range(50)))
    async with runtime.db.begin(ada.scope) as db:
        rows, intents = (
            await db.execute(select(func.count(), func.count(func.distinct(Send.origin_id))).select_from(Send))
        ).one()
    print(f"\n50 schedulers, 1000 due: {rows} rows, {sum(1 for each in written if each)} of them wrote some")
    assert (sum(written), rows, intents) == (1000, 1000, 1000)


async def test_a_follow_up_is_written_into_the_thread(runtime: Runtime) -> None:
    ada = await make_user(runtime, name="Ada Lovelace")
    email = await make_message(runtime, await make_mailbox(runtime, ada), subject="A proposal")
    body = "Hi {{ recipient.firstName }}, it is {{ sender.firstName }} again ({{ step.number }} of {{ step.total }})."
    sequence = await make_sequence(runtime, ada, body=body)
    await make_enrollment(runtime, ada, email, sequence, is_due=True)
    async with runtime.db.begin(ada.scope) as db:
        assert await scheduling.schedule_due(db, ada.workspace_id, now=now()) == 1
        send = (await db.scalars(select(Send))).one()
    assert send.subject == "Re: A proposal"
    assert send.body == "Hi Bob, it is Ada again (1 of 2)."
    assert send.in_reply_to == email.message_id
    assert send.references == [email.message_id]
    assert send.message_id == f"<{send.id}@a.test>"


async def test_a_step_whose_mail_would_have_a_hole_is_held_and_says_why(runtime: Runtime) -> None:
    ada = await make_user(runtime)
    email = await make_message(runtime, await make_mailbox(runtime, ada))
    sequence = await make_sequence(runtime, ada, body="About {{ variables.product }}:")
    enrolled = await make_enrollment(runtime, ada, email, sequence, is_due=True)
    async with runtime.db.begin(ada.scope) as db:
        assert await scheduling.schedule_due(db, ada.workspace_id, now=now()) == 0
        held = await db.get_one(Enrollment, (ada.workspace_id, enrolled.id))
    assert held.status is EnrollmentStatus.PAUSED
    assert held.stop_reason is not None
    assert "variables.product" in held.stop_reason


async def test_nothing_is_scheduled_before_its_time(runtime: Runtime) -> None:
    ada = await make_user(runtime)
    email = await make_message(runtime, await make_mailbox(runtime, ada))
    await make_enrollment(runtime, ada, email, await make_sequence(runtime, ada, delay_days=2))
    async with runtime.db.begin(ada.scope) as db:
        assert await scheduling.schedule_due(db, ada.workspace_id, now=now() + timedelta(days=2, minutes=-1)) == 0
        assert await scheduling.schedule_due(db, ada.workspace_id, now=now() + timedelta(days=2, minutes=1)) == 1


async def test_a_follow_up_refers_to_no_mail_that_never_left(runtime: Runtime) -> None:
    ada = await make_user(runtime)
    mailbox = await make_mailbox(runtime, ada)
    email = await make_message(runtime, mailbox)
    await make_message(runtime, mailbox, direction=Direction.DRAFT, thread_id=email.thread_id, minutes_ago=1)
    await make_enrollment(runtime, ada, email, await make_sequence(runtime, ada), is_due=True)
    async with runtime.db.begin(ada.scope) as db:
        await scheduling.schedule_due(db, ada.workspace_id, now=now())
        send = (await db.scalars(select(Send))).one()
    assert (send.in_reply_to, send.references) == (email.message_id, [email.message_id])
