"""Mail that can't wait becomes one call, and none once the user says that it can."""

from sqlalchemy import select

from outrider.domain.calls import urgent_jobs
from outrider.domain.calls.models import Call, Priority, Status
from outrider.domain.urgency import actions
from outrider.domain.urgency.events import MessageJudgedUrgent
from outrider.runtime import Runtime
from tests.domain.urgency.test_jobs import judged, mail
from tests.factories.accounts import Someone, make_user
from tests.factories.mailboxes import make_mailbox


async def calls_of(runtime: Runtime, owner: Someone) -> list[Call]:
    async with runtime.db.begin(owner.scope) as db:
        return list(await db.scalars(select(Call)))


async def test_an_urgent_mail_is_one_call_that_says_who_wrote_and_the_sentence_that_tells_most(
    runtime: Runtime,
) -> None:
    ada, fact = await urgent(runtime)
    for _ in range(2):
        await urgent_jobs.on_urgent(runtime, fact)
    (call,) = await calls_of(runtime, ada)
    assert (call.priority, call.message_id, call.origin) == (
        Priority.HIGH,
        fact.message_id,
        f"message:{fact.message_id}",
    )
    assert call.content_summary.startswith("ruth@b.test. Bank account. The bank has frozen our account")


async def test_a_call_that_waits_is_called_off_once_its_mail_is_said_not_to_be_urgent(runtime: Runtime) -> None:
    ada, fact = await urgent(runtime)
    await urgent_jobs.on_urgent(runtime, fact)
    async with runtime.db.begin(ada.scope) as db:
        own = (ada.workspace_id, ada.user.id, fact.message_id)
        await actions.correct(db, *own, is_urgent=False, topic=None)
    (call,) = await calls_of(runtime, ada)
    assert (call.status, call.last_error) == (Status.FAILED, urgent_jobs.NOT_URGENT)


async def test_who_is_faster_than_the_call_is_not_called(runtime: Runtime) -> None:
    ada, fact = await urgent(runtime)
    async with runtime.db.begin(ada.scope) as db:
        await actions.correct(db, ada.workspace_id, ada.user.id, fact.message_id, is_urgent=False, topic=None)
    await urgent_jobs.on_urgent(runtime, fact)
    assert await calls_of(runtime, ada) == []


async def urgent(runtime: Runtime) -> tuple[Someone, MessageJudgedUrgent]:
    ada = await make_user(runtime)
    mailbox = await make_mailbox(runtime, ada)
    (found,) = await judged(runtime, mailbox, await mail(runtime, mailbox))
    return ada, MessageJudgedUrgent(
        workspace_id=ada.workspace_id, user_id=ada.user.id, message_id=found.message_id, topic=found.topic, is_pressing=True
    )  # fmt: skip
