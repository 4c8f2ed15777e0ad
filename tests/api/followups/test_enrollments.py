"""Enrolments over the wire."""

from outrider.domain.mailboxes.models import Direction
from outrider.runtime import Runtime
from tests.client import Client
from tests.factories.accounts import make_user
from tests.factories.mailboxes import make_mailbox, make_message
from tests.factories.sequences import make_enrollment, make_sequence


async def test_a_sent_email_is_enrolled_and_says_when_its_follow_up_leaves(runtime: Runtime, anonymous: Client) -> None:
    ada = await make_user(runtime)
    email = await make_message(runtime, await make_mailbox(runtime, ada))
    sequence = await make_sequence(runtime, ada, delay_days=3)
    client = anonymous.signed_in(ada.access_token)
    response = await client.post("/enrollments", json={"emailId": str(email.id), "sequenceId": str(sequence.id)})
    assert response.status_code == 201, response.text
    enrollment = response.json()
    assert enrollment["status"] == "active"
    assert enrollment["recipientEmail"] == "bob@b.test"
    assert enrollment["nextSendDate"].endswith("Z")
    listed = (await client.get("/enrollments")).json()
    assert listed["pagination"] == {"page": 1, "limit": 20, "total": 1, "pages": 1}
    assert listed["data"][0]["id"] == enrollment["id"]


async def test_a_thread_is_enrolled_once(runtime: Runtime, anonymous: Client) -> None:
    ada = await make_user(runtime)
    email = await make_message(runtime, await make_mailbox(runtime, ada))
    sequence = await make_sequence(runtime, ada)
    first = await make_enrollment(runtime, ada, email, sequence)
    client = anonymous.signed_in(ada.access_token)
    response = await client.post("/enrollments", json={"emailId": str(email.id), "sequenceId": str(sequence.id)})
    assert response.status_code == 409
    error = response.json()["error"]
    assert error["code"] == "already_enrolled"
    assert error["details"]["enrollmentId"] == str(first.id)


async def test_pausing_resuming_and_deleting(runtime: Runtime, anonymous: Client) -> None:
    ada = await make_user(runtime)
    email = await make_message(runtime, await make_mailbox(runtime, ada))
    enrollment = await make_enrollment(runtime, ada, email, await make_sequence(runtime, ada))
    client = anonymous.signed_in(ada.access_token)
    paused = await client.post(f"/enrollments/{enrollment.id}/pause")
    assert paused.json()["status"] == "paused"
    assert (await client.post(f"/enrollments/{enrollment.id}/pause")).status_code == 409
    schedule = (await client.get("/schedules")).json()["data"][0]
    waiting = schedule["waitingFor"]
    assert (waiting["reason"], waiting["code"], waiting["until"]) == ("paused", "enrollment_paused", None)
    assert (await client.post(f"/enrollments/{enrollment.id}/resume")).json()["status"] == "active"
    assert (await client.delete(f"/enrollments/{enrollment.id}")).status_code == 204
    assert (await client.get(f"/enrollments/{enrollment.id}")).status_code == 404


async def test_an_answered_email_is_not_enrolled(runtime: Runtime, anonymous: Client) -> None:
    ada = await make_user(runtime)
    mailbox = await make_mailbox(runtime, ada)
    email = await make_message(runtime, mailbox)
    await make_message(runtime, mailbox, direction=Direction.IN, thread_id=email.thread_id, minutes_ago=5)
    sequence = await make_sequence(runtime, ada)
    client = anonymous.signed_in(ada.access_token)
    body = {"emailId": str(email.id), "sequenceId": str(sequence.id)}
    response = await client.post("/enrollments", json=body)
    assert response.status_code == 409
    assert response.json()["error"]["code"] == "already_answered"


async def test_unknown_fields_and_parameters_are_named(runtime: Runtime, anonymous: Client) -> None:
    ada = await make_user(runtime)
    client = anonymous.signed_in(ada.access_token)
    response = await client.get("/enrollments?pages=2")
    assert response.status_code == 422
    assert response.json()["error"]["details"]["errors"] == [{"field": "query.pages", "message": "Unknown parameter"}]
    response = await client.post("/enrollments", json={"emailId": "x", "workspaceId": "y"})
    fields = {each["field"] for each in response.json()["error"]["details"]["errors"]}
    assert {"body.emailId", "body.sequenceId", "body.workspaceId"} <= fields


async def test_the_same_idempotency_key_gives_the_first_answer_again(runtime: Runtime, anonymous: Client) -> None:
    ada = await make_user(runtime)
    email = await make_message(runtime, await make_mailbox(runtime, ada))
    sequence = await make_sequence(runtime, ada)
    client = anonymous.signed_in(ada.access_token)
    body = {"emailId": str(email.id), "sequenceId": str(sequence.id)}
    first = await client.post("/enrollments", json=body, headers={"Idempotency-Key": "one"})
    again = await client.post("/enrollments", json=body, headers={"Idempotency-Key": "one"})
    assert first.status_code == again.status_code == 201
    assert first.json() == again.json()
    other = await client.post(
        "/enrollments", json={**body, "timezone": "Europe/Rome"}, headers={"Idempotency-Key": "one"}
    )
    assert other.status_code == 409
    assert other.json()["error"]["code"] == "idempotency_key_reused"
