"""How mail was judged, over the wire, and the user's own word on it."""

from sqlalchemy import text

from outrider.core.ids import new_id
from outrider.domain.mailboxes.models import Direction
from outrider.runtime import Runtime
from tests.client import Client
from tests.factories.accounts import make_user
from tests.factories.mailboxes import make_mailbox, make_message
from tests.factories.urgency import make_judgement


async def test_judgements_are_listed_with_their_reasons_and_filtered(runtime: Runtime, anonymous: Client) -> None:
    ada = await make_user(runtime)
    client = anonymous.signed_in(ada.access_token)
    mailbox = await make_mailbox(runtime, ada)
    for subject, is_urgent in (("Line stopped", True), ("Lunch?", False)):
        mail = await make_message(runtime, mailbox, direction=Direction.IN, subject=subject, sender="bob@b.test")
        await make_judgement(runtime, ada, mail, is_urgent=is_urgent)
    page = (await client.get("/api/urgency?limit=1")).json()["data"]
    assert (page["total"], page["pages"], len(page["judgements"])) == (2, 2, 1)
    (found,) = (await client.get("/api/urgency?urgent=true")).json()["data"]["judgements"]
    assert (found["subject"], found["topic"], found["outcome"]) == ("Line stopped", "customer", "call")
    assert found["reasons"][0] == {"sign": "your_move", "points": 1.7, "says": "it needs you", "words": "please call"}
    assert found["correction"] is None


async def test_a_correction_is_kept_shown_and_audited_and_the_last_one_counts(
    runtime: Runtime, anonymous: Client
) -> None:
    ada = await make_user(runtime)
    client = anonymous.signed_in(ada.access_token)
    mail = await make_message(runtime, await make_mailbox(runtime, ada), direction=Direction.IN)
    await make_judgement(runtime, ada, mail)
    for body in ({"urgent": False}, {"urgent": True, "topic": "investor"}):
        answer = await client.put(f"/api/urgency/{mail.id}", json=body)
        assert answer.json()["data"]["judgement"]["correction"] == {"topic": None, **body}
    async with runtime.db.begin(ada.scope) as db:
        trail = await db.scalars(
            text("select action from audit_entries where object = 'judgement_corrections' order by id")
        )
        assert list(trail) == ["judgement_corrections.insert", "judgement_corrections.update"]
        queued = await db.scalar(text("select count(*) from pgqueuer where entrypoint = 'urgency.learn'"))
    assert queued >= 1


async def test_a_mail_without_a_judgement_can_not_be_corrected(runtime: Runtime, anonymous: Client) -> None:
    client = anonymous.signed_in((await make_user(runtime)).access_token)
    answer = await client.put(f"/api/urgency/{new_id()}", json={"urgent": False})
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "JUDGEMENT_NOT_FOUND")
    unknown = await client.put(f"/api/urgency/{new_id()}", json={"urgent": False, "topic": "weather"})
    assert unknown.status_code == 422
