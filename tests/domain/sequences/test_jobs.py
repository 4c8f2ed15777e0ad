"""What moves enrolments: answers, bounces, absences, and what became of their mail."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import func, select, text

from outrider.core.clock import now
from outrider.core.events import emit
from outrider.domain.mailboxes.events import MessageReceived
from outrider.domain.mailboxes.models import Direction, Mailbox, Message
from outrider.domain.mailboxes.verdict import Kind
from outrider.domain.sending.events import SendRefused, SendUnconfirmed, Sent
from outrider.domain.sending.models import Send, State, Waiting
from outrider.domain.sequences import jobs
from outrider.domain.sequences.models import Enrollment, EnrollmentStatus
from outrider.runtime import Runtime
from tests.factories.accounts import Someone, make_user
from tests.factories.mailboxes import make_mailbox, make_message
from tests.factories.sending import make_send
from tests.factories.sequences import make_enrollment, make_sequence


class Case:
    """One enrolled mail and what happens to it."""

    def __init__(self, runtime: Runtime, ada: Someone, mailbox: Mailbox, email: Message, enrollment: Enrollment):
        self.runtime, self.ada, self.mailbox, self.email, self.enrollment = runtime, ada, mailbox, email, enrollment

    async def received(self, kind: Kind, *, returns_on: date | None = None, bounced: list[str] | None = None,
                       mentions: list[str] | None = None) -> None:  # fmt: skip
        message = await make_message(
            self.runtime, self.mailbox, direction=Direction.IN, kind=kind, thread_id=self.email.thread_id, minutes_ago=1
        )
        event = MessageReceived(
            workspace_id=self.ada.workspace_id,
            message_id=message.id,
            mailbox_id=self.mailbox.id,
            thread_id=self.email.thread_id,
            kind=kind,
            evidence="as the test says",
            mentions=[self.email.message_id or ""] if mentions is None else mentions,
            sender="bob@b.test",
            bounced=bounced or [],
            returns_on=returns_on,
            received_at=message.received_at,
        )
        await jobs.on_message(self.runtime, event)

    async def now(self) -> Enrollment:
        async with self.runtime.db.begin(self.ada.scope) as db:
            return await db.get_one(Enrollment, (self.ada.workspace_id, self.enrollment.id))

    async def queued(self) -> Send:
        return await make_send(
            self.runtime, self.ada, self.mailbox, self.email, origin="sequence", origin_id=self.enrollment.id
        )

    def fact(self, send: Send) -> dict[str, object]:
        return {
            "workspace_id": self.ada.workspace_id, "send_id": send.id, "mailbox_id": self.mailbox.id,
            "origin": "sequence", "origin_id": self.enrollment.id, "step": 1, "message_id": send.message_id, "recipient": send.recipient,
        }  # fmt: skip


@pytest.fixture
async def case(runtime: Runtime) -> Case:
    ada = await make_user(runtime)
    mailbox = await make_mailbox(runtime, ada)
    email = await make_message(runtime, mailbox)
    sequence = await make_sequence(runtime, ada, steps=2, timezone="Europe/Berlin")
    return Case(runtime, ada, mailbox, email, await make_enrollment(runtime, ada, email, sequence))


async def reload(case: Case, send: Send) -> Send:
    async with case.runtime.db.begin(case.ada.scope) as db:
        return await db.get_one(Send, (send.workspace_id, send.id))


async def test_a_persons_answer_ends_it_and_takes_back_what_waits(case: Case) -> None:
    send = await case.queued()
    await case.received(Kind.HUMAN)
    ended = await case.now()
    assert (ended.status, ended.stop_reason) == (EnrollmentStatus.REPLIED, "Somebody answered in the thread.")
    assert ended.reply is not None
    assert ended.reply["matchedBy"] == "message_id"
    assert (await reload(case, send)).state is State.CANCELLED


async def test_an_answer_without_references_is_matched_by_its_thread(case: Case) -> None:
    await case.received(Kind.HUMAN, mentions=[])
    ended = await case.now()
    assert ended.reply is not None
    assert ended.reply["matchedBy"] == "thread"


@pytest.mark.parametrize("kind", [Kind.AUTO_REPLY, Kind.OUT_OF_OFFICE, Kind.DELAY])
async def test_no_machine_ends_it(case: Case, kind: Kind) -> None:
    await case.received(kind)
    assert (await case.now()).status is EnrollmentStatus.ACTIVE


async def test_nothing_that_arrives_ever_causes_a_mail_or_hastens_one(case: Case) -> None:
    """So there is no loop: whoever answers by machine hears of us what was planned anyway, and no more."""
    planned = (await case.now()).next_step_at
    assert planned is not None
    for kind in sorted(Kind, key=lambda each: each is Kind.HUMAN):
        await case.received(kind)
        assert (following := (await case.now()).next_step_at) is None or following >= planned
    async with case.runtime.db.begin(case.ada.scope) as db:
        assert await db.scalar(select(func.count()).select_from(Send)) == 0


async def test_two_who_follow_up_on_each_other_stop_at_the_first_mail(case: Case) -> None:
    """The mail of another system like ours has no mark of a machine: it counts as its owner's answer."""
    send = await case.queued()
    await case.received(Kind.HUMAN)
    await case.received(Kind.HUMAN)
    assert (await reload(case, send)).state is State.CANCELLED
    assert (await case.now()).next_step_at is None


async def test_a_bounce_of_its_recipient_ends_it_as_bounced(case: Case) -> None:
    await case.received(Kind.BOUNCE, bounced=[case.enrollment.recipient])
    assert (await case.now()).status is EnrollmentStatus.BOUNCED


async def test_a_bounce_of_somebody_else_ends_nothing(case: Case) -> None:
    await case.received(Kind.BOUNCE, bounced=["carol@c.test"])
    assert (await case.now()).status is EnrollmentStatus.ACTIVE


async def test_a_bounce_that_returns_no_mail_of_ours_ends_nothing(case: Case) -> None:
    await case.received(Kind.BOUNCE, bounced=[case.enrollment.recipient], mentions=["<forged@c.test>"])
    assert (await case.now()).status is EnrollmentStatus.ACTIVE


async def test_who_asks_for_no_more_mail_is_left_alone(case: Case) -> None:
    await case.received(Kind.UNSUBSCRIBE)
    assert (await case.now()).status is EnrollmentStatus.UNSUBSCRIBED


async def test_a_complaint_ends_it_as_unsubscribed(case: Case) -> None:
    await case.received(Kind.COMPLAINT)
    assert (await case.now()).status is EnrollmentStatus.UNSUBSCRIBED


async def test_an_absence_moves_the_next_step_behind_the_return(case: Case) -> None:
    back = now().date() + timedelta(days=20)
    await case.received(Kind.OUT_OF_OFFICE, returns_on=back)
    moved = await case.now()
    assert moved.status is EnrollmentStatus.ACTIVE
    assert moved.next_step_at is not None
    assert moved.next_step_at >= datetime(back.year, back.month, back.day, tzinfo=ZoneInfo("Europe/Berlin"))


async def test_an_absence_also_holds_back_what_lies_in_the_outbox(case: Case) -> None:
    send = await case.queued()
    back = now().date() + timedelta(days=20)
    await case.received(Kind.OUT_OF_OFFICE, returns_on=back)
    held = await reload(case, send)
    assert (held.state, held.waiting_for) == (State.QUEUED, Waiting.DELAY)
    assert held.due_at == datetime(back.year, back.month, back.day, tzinfo=ZoneInfo("Europe/Berlin"))
    assert held.give_up_at > held.due_at


async def test_a_sent_step_plans_the_next_and_the_last_completes(case: Case) -> None:
    at = now()
    send = await case.queued()
    async with case.runtime.db.begin(case.ada.scope) as db:
        await emit(db, Sent(at=at, proof="250", **case.fact(send)))  # type: ignore[arg-type]
    first = await case.now()
    assert (first.current_step, first.last_sent_at) == (1, at)
    assert first.next_step_at is not None
    assert first.next_step_at.date() == (at + timedelta(days=1)).date()
    async with case.runtime.db.begin(case.ada.scope) as db:
        await emit(db, Sent(at=at, proof="250", **{**case.fact(send), "step": 2}))  # type: ignore[arg-type]
    last = await case.now()
    assert (last.status, last.current_step, last.next_step_at) == (EnrollmentStatus.COMPLETED, 2, None)


async def test_the_same_fact_twice_counts_once(case: Case) -> None:
    send = await case.queued()
    for _ in range(2):
        async with case.runtime.db.begin(case.ada.scope) as db:
            await emit(db, Sent(at=now(), proof="250", **case.fact(send)))  # type: ignore[arg-type]
    assert (await case.now()).current_step == 1


async def test_an_answer_after_the_last_step_still_counts_as_one(case: Case) -> None:
    async with case.runtime.db.begin(case.ada.scope) as db:
        (await db.merge(case.enrollment)).end(EnrollmentStatus.COMPLETED, "Every step was sent.")
    await case.received(Kind.HUMAN)
    assert (await case.now()).status is EnrollmentStatus.REPLIED


@pytest.mark.parametrize(
    ("is_recipient", "status"), [(True, EnrollmentStatus.BOUNCED), (False, EnrollmentStatus.FAILED)]
)
async def test_a_refused_mail_ends_it(case: Case, is_recipient: bool, status: EnrollmentStatus) -> None:
    send = await case.queued()
    fact = SendRefused(reason="550 no", is_recipient=is_recipient, **case.fact(send))  # type: ignore[arg-type]
    await jobs.on_refused(case.runtime, fact)
    assert (await case.now()).status is status


async def test_an_unconfirmed_mail_waits_for_its_owner(case: Case) -> None:
    send = await case.queued()
    await jobs.on_unconfirmed(case.runtime, SendUnconfirmed(reason="Who knows.", **case.fact(send)))  # type: ignore[arg-type]
    paused = await case.now()
    assert (paused.status, paused.stop_reason) == (EnrollmentStatus.PAUSED, "Who knows.")


async def test_every_ending_is_a_fact_with_its_proof(case: Case) -> None:
    await case.received(Kind.HUMAN)
    async with case.runtime.db.begin(case.ada.scope) as db:
        payload = await db.scalar(text("select payload from events where name = 'enrollment.ended'"))
    assert payload["status"] == "replied"
    assert payload["proof"]["matchedBy"] == "message_id"
    assert payload["proof"]["evidence"] == "as the test says"
