"""Many due enrolments at once."""

from datetime import timedelta

from sqlalchemy import insert

from outrider.core.clock import now
from outrider.core.ids import new_id
from outrider.domain.mailboxes import rules
from outrider.domain.mailboxes.models import Direction, Mailbox, Message, Thread
from outrider.domain.mailboxes.verdict import Kind
from outrider.domain.sequences.models import Enrollment, EnrollmentStatus
from outrider.runtime import Runtime
from tests.factories.accounts import Someone
from tests.factories.sequences import make_sequence


async def make_due_enrollments(runtime: Runtime, owner: Someone, mailboxes: list[Mailbox], count: int) -> None:
    """Enrols `count` mails whose only follow-up is due, in three statements."""
    sequence = await make_sequence(runtime, owner, steps=1)
    threads, messages, enrollments = [], [], []
    for number in range(count):
        mailbox = mailboxes[number % len(mailboxes)]
        own = {"workspace_id": owner.workspace_id, "mailbox_id": mailbox.id}
        thread_id, email_id, message_id = new_id(), new_id(), f"<original-{number}-{new_id()}@a.test>"
        threads.append({**own, "id": thread_id, "subject": "hello", "last_at": now()})
        messages.append(
            {
                **own,
                "id": email_id,
                "user_id": owner.user.id,
                "thread_id": thread_id,
                "identity": rules.identity_of_outgoing(message_id),
                "message_id": message_id,
                "direction": Direction.OUT,
                "kind": Kind.HUMAN,
                "subject": "Hello",
                "sent_at": now() - timedelta(days=1),
                "received_at": now() - timedelta(days=1),
            }
        )
        enrollments.append(
            {
                **own,
                "id": new_id(),
                "user_id": owner.user.id,
                "sequence_id": sequence.id,
                "email_id": email_id,
                "thread_id": thread_id,
                "recipient": f"person{number}@b{number % 50}.test",
                "status": EnrollmentStatus.ACTIVE,
                "total_steps": 1,
                "next_step_at": now() - timedelta(minutes=1),
                "next_send_id": new_id(),
                "timezone": "UTC",
            }
        )
    async with runtime.db.begin(owner.scope) as db:
        await db.execute(insert(Thread), threads)
        await db.execute(insert(Message), messages)
        await db.execute(insert(Enrollment), enrollments)
