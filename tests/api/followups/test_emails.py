"""Sent mail over the wire."""

from outrider.core.ids import new_id
from outrider.domain.mailboxes.models import Direction
from outrider.runtime import Runtime
from tests.client import Client
from tests.factories.accounts import make_user
from tests.factories.mailboxes import make_mailbox, make_message
from tests.factories.sequences import make_enrollment, make_sequence


async def test_sent_mail_is_listed_newest_first_without_what_came_in(runtime: Runtime, anonymous: Client) -> None:
    ada = await make_user(runtime)
    mailbox = await make_mailbox(runtime, ada)
    old = await make_message(runtime, mailbox, subject="Old", minutes_ago=90)
    new = await make_message(runtime, mailbox, subject="New", minutes_ago=10)
    await make_message(runtime, mailbox, direction=Direction.IN, subject="Came in")
    await make_message(runtime, mailbox, direction=Direction.DRAFT, subject="Not sent yet")
    listed = (await anonymous.signed_in(ada.access_token).get("/emails/sent")).json()
    assert [each["id"] for each in listed["data"]] == [str(new.id), str(old.id)]
    assert listed["data"][0]["to"] == ["bob@b.test"]
    assert "body" not in listed["data"][0]


async def test_one_email_has_its_body_and_its_enrollment(runtime: Runtime, anonymous: Client) -> None:
    ada = await make_user(runtime)
    email = await make_message(runtime, await make_mailbox(runtime, ada), text="What do you think?")
    enrollment = await make_enrollment(runtime, ada, email, await make_sequence(runtime, ada))
    body = (await anonymous.signed_in(ada.access_token).get(f"/emails/sent/{email.id}")).json()
    assert body["body"] == "What do you think?"
    assert body["enrollmentId"] == str(enrollment.id)


async def test_words_of_the_subject_are_searched_as_they_stand(runtime: Runtime, anonymous: Client) -> None:
    ada = await make_user(runtime)
    mailbox = await make_mailbox(runtime, ada)
    for subject in ("A proposal", "100% discount", "Lunch"):
        await make_message(runtime, mailbox, subject=subject)
    client = anonymous.signed_in(ada.access_token)

    async def found(search: str) -> list[str]:
        answer = await client.get("/emails/sent", params={"search": search})
        return [each["subject"] for each in answer.json()["data"]]

    assert await found("PROPOSAL") == ["A proposal"]
    assert await found("100%") == ["100% discount"]
    assert await found("%") == ["100% discount"]
    assert await found("\0") == await found("")


async def test_answered_mail_can_be_told_apart(runtime: Runtime, anonymous: Client) -> None:
    ada = await make_user(runtime)
    mailbox = await make_mailbox(runtime, ada)
    answered, silent = [await make_message(runtime, mailbox) for _ in range(2)]
    async with runtime.db.begin(ada.scope) as db:
        (await db.merge(answered)).replied_at = answered.sent_at
    client = anonymous.signed_in(ada.access_token)
    assert [each["id"] for each in (await client.get("/emails/sent?hasReply=true")).json()["data"]] == [
        str(answered.id)
    ]
    assert [each["id"] for each in (await client.get("/emails/sent?hasReply=false")).json()["data"]] == [str(silent.id)]


async def test_checking_replies_answers_at_once_and_looks_for_the_rest(runtime: Runtime, anonymous: Client) -> None:
    ada = await make_user(runtime)
    mailbox = await make_mailbox(runtime, ada)
    answered, silent = [await make_message(runtime, mailbox) for _ in range(2)]
    async with runtime.db.begin(ada.scope) as db:
        (await db.merge(answered)).replied_at = answered.sent_at
    unknown = new_id()
    client = anonymous.signed_in(ada.access_token)
    body = (
        await client.post("/emails/check-replies", json={"emailIds": [str(answered.id), str(silent.id), str(unknown)]})
    ).json()
    assert {each["emailId"]: each["hasReply"] for each in body["results"]} == {
        str(answered.id): True,
        str(silent.id): False,
    }
    assert (body["pending"], body["notFound"]) == ([str(silent.id)], [str(unknown)])
    assert (await client.get("/auth/status")).json()["sync"]["status"] == "queued"


async def test_a_sync_under_way_stands_for_a_new_one(runtime: Runtime, anonymous: Client) -> None:
    ada = await make_user(runtime)
    await make_mailbox(runtime, ada)
    client = anonymous.signed_in(ada.access_token)
    first, second = await client.post("/emails/sync"), await client.post("/emails/sync")
    assert (first.status_code, second.status_code) == (202, 202)
    assert first.json()["jobs"][0]["id"] == second.json()["jobs"][0]["id"]


async def test_without_a_mailbox_there_is_nothing_to_sync(runtime: Runtime, anonymous: Client) -> None:
    ada = await make_user(runtime)
    assert (await anonymous.signed_in(ada.access_token).post("/emails/sync")).json() == {"jobs": []}


async def test_at_most_a_hundred_replies_are_checked_at_once(runtime: Runtime, anonymous: Client) -> None:
    client = anonymous.signed_in((await make_user(runtime)).access_token)
    for ids in ([], [str(new_id()) for _ in range(101)]):
        assert (await client.post("/emails/check-replies", json={"emailIds": ids})).status_code == 422
