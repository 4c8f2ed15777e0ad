"""The whole state in one document."""

from outrider.runtime import Runtime
from tests.client import Client
from tests.factories.accounts import make_user
from tests.factories.mailboxes import make_mailbox, make_message
from tests.factories.sequences import make_enrollment, make_sequence


async def test_everything_comes_first_and_then_only_what_changed(runtime: Runtime, anonymous: Client) -> None:
    ada = await make_user(runtime)
    email = await make_message(runtime, await make_mailbox(runtime, ada))
    sequence = await make_sequence(runtime, ada)
    enrollment = await make_enrollment(runtime, ada, email, sequence)
    client = anonymous.signed_in(ada.access_token)
    whole = (await client.post("/sync")).json()
    assert [each["id"] for each in whole["emails"]] == [str(email.id)]
    assert [each["id"] for each in whole["sequences"]] == [str(sequence.id)]
    assert [each["id"] for each in whole["enrollments"]] == [str(enrollment.id)]
    assert [each["enrollmentId"] for each in whole["schedules"]] == [str(enrollment.id)]
    assert whole["user"]["id"] == str(ada.user.id)
    nothing = (await client.post("/sync", json={"since": whole["syncedAt"]})).json()
    assert [nothing[kind] for kind in ("emails", "sequences", "enrollments", "schedules")] == [[], [], [], []]
    await client.post(f"/enrollments/{enrollment.id}/pause")
    changed = (await client.post("/sync", json={"since": whole["syncedAt"]})).json()
    assert [each["status"] for each in changed["enrollments"]] == ["paused"]
    assert changed["sequences"] == []


async def test_what_is_gone_is_named(runtime: Runtime, anonymous: Client) -> None:
    ada = await make_user(runtime)
    email = await make_message(runtime, await make_mailbox(runtime, ada))
    sequence = await make_sequence(runtime, ada)
    enrollment = await make_enrollment(runtime, ada, email, sequence)
    client = anonymous.signed_in(ada.access_token)
    since = (await client.post("/sync")).json()["syncedAt"]
    await client.delete(f"/enrollments/{enrollment.id}")
    await client.delete(f"/sequences/{sequence.id}")
    gone = (await client.post("/sync", json={"since": since})).json()
    assert gone["deleted"] == {"sequences": [str(sequence.id)], "enrollments": [str(enrollment.id)]}
    whole = (await client.post("/sync")).json()
    assert (whole["sequences"], whole["enrollments"]) == ([], [])


async def test_it_looks_for_new_mail_meanwhile(runtime: Runtime, anonymous: Client) -> None:
    ada = await make_user(runtime)
    await make_mailbox(runtime, ada)
    client = anonymous.signed_in(ada.access_token)
    await client.post("/sync")
    assert (await client.get("/auth/status")).json()["sync"]["status"] == "queued"
