"""Mail is judged as it comes in: once, by the user's own words first, and what came in long ago rings for nothing."""

from uuid import UUID

import pytest
from sqlalchemy import select, text

from outrider.core.clock import now
from outrider.domain.mailboxes.events import MailStored
from outrider.domain.mailboxes.models import Direction, Mailbox, Message
from outrider.domain.mailboxes.verdict import Kind
from outrider.domain.preferences import actions as preferences
from outrider.domain.senders import actions as senders
from outrider.domain.senders.models import Category
from outrider.domain.urgency import actions, jobs
from outrider.domain.urgency.models import MessageJudgement, Outcome, UrgencyModel
from outrider.domain.urgency.topics import Topic
from outrider.runtime import Runtime
from tests.api.concierge.test_senders import make_sender
from tests.factories.accounts import Someone, make_user
from tests.factories.mailboxes import make_mailbox, make_message

FROZEN = "The bank has frozen our account, payroll goes out today and they only want to talk to you. Please call."
IDLE = "No rush at all, whenever it suits you next week."


async def mail(
    runtime: Runtime, mailbox: Mailbox, words: str = FROZEN, *, minutes_ago: int = 0, sender: str = "ruth@b.test",
    kind: Kind = Kind.HUMAN,
) -> Message:  # fmt: skip
    return await make_message(
        runtime, mailbox, direction=Direction.IN, sender=sender, subject="Bank account", text=words, kind=kind,
        minutes_ago=minutes_ago,
    )  # fmt: skip


async def judged(runtime: Runtime, mailbox: Mailbox, *mails: Message) -> list[MessageJudgement]:
    """Judges mails as the worker does; returns their judgements in the same order."""
    fact = MailStored(
        workspace_id=mailbox.workspace_id, mailbox_id=mailbox.id, user_id=mailbox.user_id, message_ids=[m.id for m in mails]
    )  # fmt: skip
    await jobs.on_mail(runtime, fact)
    async with runtime.db.begin(jobs.Scope(mailbox.workspace_id, mailbox.user_id)) as db:
        rows = {each.message_id: each for each in await db.scalars(select(MessageJudgement))}
    return [rows[each.id] for each in mails if each.id in rows]


async def rung(runtime: Runtime, owner: Someone) -> list[UUID]:
    async with runtime.db.begin(owner.scope) as db:
        told = await db.scalars(text("select payload->>'message_id' from events where name = 'message.judged_urgent'"))
        return [UUID(each) for each in told]


@pytest.fixture
async def ada(runtime: Runtime) -> Someone:
    return await make_user(runtime)


@pytest.fixture
async def mailbox(runtime: Runtime, ada: Someone) -> Mailbox:
    return await make_mailbox(runtime, ada)


async def test_an_urgent_mail_rings_and_says_why_and_an_idle_one_does_not(
    runtime: Runtime, ada: Someone, mailbox: Mailbox
) -> None:
    urgent, idle = await mail(runtime, mailbox), await mail(runtime, mailbox, IDLE)
    first, second = await judged(runtime, mailbox, urgent, idle)
    assert (first.topic, first.is_urgent, first.outcome) == (Topic.FINANCIAL, True, Outcome.CALL)
    assert first.decided_by == "preference urgent_financial"
    assert first.sentence.startswith("The bank has frozen our account")
    assert {"standstill", "founder_needed_now", "your_move"} <= {each["sign"] for each in first.reasons}
    assert (second.is_urgent, second.outcome) == (False, Outcome.DIGEST)
    assert await rung(runtime, ada) == [urgent.id]


async def test_a_mail_that_is_told_of_twice_is_judged_and_rings_once(
    runtime: Runtime, ada: Someone, mailbox: Mailbox
) -> None:
    urgent = await mail(runtime, mailbox)
    await judged(runtime, mailbox, urgent)
    assert len(await judged(runtime, mailbox, urgent)) == 1
    assert await rung(runtime, ada) == [urgent.id]


async def test_what_came_in_before_the_mailbox_was_connected_or_long_ago_rings_for_nothing(
    runtime: Runtime, ada: Someone, mailbox: Mailbox
) -> None:
    recent, old = await mail(runtime, mailbox, minutes_ago=30), await mail(runtime, mailbox, minutes_ago=3 * 24 * 60)
    found = await judged(runtime, mailbox, recent, old)
    assert [(each.is_urgent, each.outcome) for each in found] == [(True, Outcome.DIGEST)], "the old one is not judged"
    assert await rung(runtime, ada) == []


@pytest.mark.parametrize(
    ("category", "outcome"),
    [
        (Category.CALL_ME, Outcome.CALL), (Category.REMIND_ME, Outcome.DIGEST), (Category.KEEP_QUIET, Outcome.SILENT),
        (Category.WHY_DID_I_SIGNUP, Outcome.SILENT), (Category.DONT_TELL_ANYONE, Outcome.SILENT),
    ],
)  # fmt: skip
async def test_what_the_user_chose_for_a_sender_decides_over_idle_mail(
    runtime: Runtime, ada: Someone, mailbox: Mailbox, category: Category, outcome: Outcome
) -> None:
    await make_sender(runtime, ada, "ruth@b.test", category=category)
    (found,) = await judged(runtime, mailbox, await mail(runtime, mailbox, IDLE))
    assert (found.outcome, found.decided_by) == (outcome, f"category {category}")


async def test_a_topic_that_the_user_does_not_want_to_be_called_for_is_told_in_the_digest(
    runtime: Runtime, ada: Someone, mailbox: Mailbox
) -> None:
    async with runtime.db.begin(ada.scope) as db:
        await preferences.change(db, ada.workspace_id, ada.user.id, {"urgent_financial": False})
    (found,) = await judged(runtime, mailbox, await mail(runtime, mailbox))
    assert (found.is_urgent, found.outcome, found.decided_by) == (True, Outcome.DIGEST, "preference urgent_financial")
    assert await rung(runtime, ada) == []


async def test_saying_that_a_mail_was_not_urgent_changes_how_the_next_is_judged_and_says_so(
    runtime: Runtime, ada: Someone, mailbox: Mailbox
) -> None:
    first = await mail(runtime, mailbox)
    await judged(runtime, mailbox, first)
    await correct(runtime, ada, first, is_urgent=False, topic=Topic.PARTNERSHIP)
    (again,) = await judged(runtime, mailbox, await mail(runtime, mailbox))
    assert (again.is_urgent, again.topic) == (False, Topic.PARTNERSHIP)
    learnt = next(each for each in again.reasons if each["sign"] == "learnt")
    assert learnt["points"] < 0
    assert "sender:ruth@b.test" in learnt["words"]
    # Somebody else's mail about something else is judged as before.
    line = "Line 3 stopped at noon, every hour costs us money. Only your side can reissue the licence. Please call."
    (other,) = await judged(runtime, mailbox, await mail(runtime, mailbox, line, sender="yuki@c.test"))
    assert other.is_urgent
    # What is unsaid again is forgotten.
    await correct(runtime, ada, first, is_urgent=True, topic=None)
    (last,) = await judged(runtime, mailbox, await mail(runtime, mailbox))
    assert (last.is_urgent, last.topic) == (True, Topic.FINANCIAL)


async def correct(runtime: Runtime, owner: Someone, mail: Message, *, is_urgent: bool, topic: Topic | None) -> None:
    async with runtime.db.begin(owner.scope) as db:
        await actions.correct(db, owner.workspace_id, owner.user.id, mail.id, is_urgent=is_urgent, topic=topic)
    await jobs.learn(runtime, workspace_id=owner.workspace_id, user_id=owner.user.id)


async def test_silencing_a_sender_is_learnt_from_where_their_mail_was_taken_for_urgent(
    runtime: Runtime, ada: Someone, mailbox: Mailbox
) -> None:
    await judged(runtime, mailbox, await mail(runtime, mailbox))
    ruth = await make_sender(runtime, ada, "ruth@b.test")
    async with runtime.db.begin(ada.scope) as db:
        await senders.categorise(db, await db.merge(ruth), Category.KEEP_QUIET)
        queued = await db.scalar(text("select count(*) from pgqueuer where entrypoint = 'urgency.learn'"))
    assert queued >= 1
    await jobs.learn(runtime, workspace_id=ada.workspace_id, user_id=ada.user.id)
    async with runtime.db.begin(ada.scope) as db:
        model = (await db.scalars(select(UrgencyModel))).one()
    assert (model.examples, model.learnt["points"]["domain:b.test"] < 0) == (1, True)


async def test_with_a_broken_model_mail_is_judged_by_the_rules_alone(
    runtime: Runtime, ada: Someone, mailbox: Mailbox
) -> None:
    async with runtime.db.begin(ada.scope) as db:
        broken = {"points": "all of them"}
        db.add(UrgencyModel(workspace_id=ada.workspace_id, user_id=ada.user.id, learnt=broken, trained_at=now()))
    (found,) = await judged(runtime, mailbox, await mail(runtime, mailbox))
    assert found.outcome is Outcome.CALL


async def test_a_machines_answer_rings_for_nobody(runtime: Runtime, ada: Someone, mailbox: Mailbox) -> None:
    await make_sender(runtime, ada, "ruth@b.test", category=Category.CALL_ME)
    (found,) = await judged(runtime, mailbox, await mail(runtime, mailbox, kind=Kind.OUT_OF_OFFICE))
    assert (found.outcome, found.decided_by) == (Outcome.SILENT, "kind out_of_office")
