"""What is planned, what waits and why, over the wire."""

from datetime import datetime, timedelta

from sqlalchemy import text

from outrider.core.clock import now
from outrider.domain.sending.models import State
from outrider.runtime import Runtime
from tests.client import Client
from tests.factories.accounts import Someone, make_user
from tests.factories.mailboxes import make_mailbox, make_message
from tests.factories.sending import make_send
from tests.factories.sequences import make_enrollment, make_sequence


async def test_a_planned_step_and_a_sent_one_are_one_list(runtime: Runtime, anonymous: Client) -> None:
    ada = await make_user(runtime)
    mailbox = await make_mailbox(runtime, ada)
    email = await make_message(runtime, mailbox)
    enrollment = await make_enrollment(runtime, ada, email, await make_sequence(runtime, ada, steps=3))
    await make_send(
        runtime, ada, mailbox, email, origin="sequence", origin_id=enrollment.id, state=State.SENT, sent_at=now()
    )
    async with runtime.db.begin(ada.scope) as db:
        (await db.merge(enrollment)).current_step = 1
    client = anonymous.signed_in(ada.access_token)
    listed = (await client.get(f"/schedules?enrollmentId={enrollment.id}")).json()["data"]
    assert [(each["step"], each["status"]) for each in listed] == [(1, "sent"), (2, "scheduled")]
    assert listed[0]["messageId"].endswith("@a.test>") or listed[0]["messageId"]
    assert [each["step"] for each in (await client.get("/schedules?status=sent")).json()["data"]] == [1]


async def test_a_step_waits_for_its_delay_until_a_moment(runtime: Runtime, anonymous: Client) -> None:
    _, client = await _enrolled(runtime, anonymous)
    [schedule] = (await client.get("/schedules")).json()["data"]
    assert (schedule["waitingFor"]["reason"], schedule["status"]) == ("delay", "scheduled")
    due = datetime.fromisoformat(schedule["waitingFor"]["until"]) - now()
    assert timedelta(hours=23) < due < timedelta(hours=25)


async def test_a_push_puts_the_step_in_front_of_its_delay(runtime: Runtime, anonymous: Client) -> None:
    _, client = await _enrolled(runtime, anonymous)
    [planned] = (await client.get("/schedules")).json()["data"]
    pushed = await client.post(f"/schedules/{planned['enrollmentId']}/trigger")
    assert pushed.status_code == 202
    assert pushed.json()["id"] == planned["id"], "the planned step and its row are one schedule"
    assert pushed.json()["status"] == "due"
    again = await client.post(f"/schedules/{planned['enrollmentId']}/trigger")
    assert again.status_code == 202
    assert (await client.get("/schedules")).json()["pagination"]["total"] == 1


async def test_a_paused_enrollment_is_resumed_by_a_push(runtime: Runtime, anonymous: Client) -> None:
    _, client = await _enrolled(runtime, anonymous)
    [planned] = (await client.get("/schedules")).json()["data"]
    await client.post(f"/enrollments/{planned['enrollmentId']}/pause")
    assert (await client.post(f"/schedules/{planned['enrollmentId']}/trigger")).status_code == 202
    assert (await client.get(f"/enrollments/{planned['enrollmentId']}")).json()["status"] == "active"


async def test_an_ended_enrollment_has_nothing_to_push(runtime: Runtime, anonymous: Client) -> None:
    ada = await make_user(runtime)
    email = await make_message(runtime, await make_mailbox(runtime, ada))
    enrollment = await make_enrollment(runtime, ada, email, await make_sequence(runtime, ada))
    async with runtime.db.begin(ada.scope) as db:
        (await db.merge(enrollment)).status = "completed"
    answer = await anonymous.signed_in(ada.access_token).post(f"/schedules/{enrollment.id}/trigger")
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "enrollment_closed")


async def test_health_tells_figures_and_a_missing_worker(runtime: Runtime, anonymous: Client) -> None:
    ada = await make_user(runtime)
    mailbox = await make_mailbox(runtime, ada)
    email = await make_message(runtime, mailbox)
    for columns in (
        {"due_at": now() - timedelta(minutes=10)},
        {"due_at": now() + timedelta(hours=1)},
        {"state": State.SENDING},
        {"state": State.UNKNOWN},
        {"state": State.SENT, "sent_at": now()},
        {"state": State.FAILED},
    ):
        await make_send(runtime, ada, mailbox, email, **columns)
    async with runtime.db.begin() as db:
        await db.execute(text("delete from workers"))
    body = (await anonymous.signed_in(ada.access_token).get("/schedules/health")).json()
    assert {name: body[name] for name in ("scheduled", "due", "sending", "confirming", "sentToday", "failedToday")} == {
        "scheduled": 1,
        "due": 1,
        "sending": 1,
        "confirming": 1,
        "sentToday": 1,
        "failedToday": 1,
    }
    assert body["status"] == "degraded"
    assert 590 < body["lagSeconds"] < 700


async def _enrolled(runtime: Runtime, anonymous: Client) -> tuple[Someone, Client]:
    ada = await make_user(runtime)
    email = await make_message(runtime, await make_mailbox(runtime, ada))
    await make_enrollment(runtime, ada, email, await make_sequence(runtime, ada))
    return ada, anonymous.signed_in(ada.access_token)
