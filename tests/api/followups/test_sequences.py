"""Sequences over the wire."""

import asyncio
from typing import Any

import pytest

from outrider.runtime import Runtime
from tests.client import Client
from tests.factories.accounts import make_user
from tests.factories.mailboxes import make_mailbox, make_message
from tests.factories.sequences import make_enrollment, make_sequence

STEPS = [{"delayDays": 3, "body": "Any news?"}, {"delayDays": 5, "delayHours": 2, "subject": "Last", "body": "Bye."}]
DRAFT = {"name": "After the demo", "steps": STEPS, "timezone": "Europe/Berlin"}


async def a_client(runtime: Runtime, anonymous: Client) -> Client:
    return anonymous.signed_in((await make_user(runtime)).access_token)


async def test_a_sequence_comes_back_as_it_was_written(runtime: Runtime, anonymous: Client) -> None:
    client = await a_client(runtime, anonymous)
    made = await client.post("/sequences", json=DRAFT)
    assert made.status_code == 201
    body = made.json()
    assert [step["order"] for step in body["steps"]] == [1, 2]
    assert [(step["delayDays"], step["delayHours"], step["subject"]) for step in body["steps"]] == [
        (3, 0, ""),
        (5, 2, "Last"),
    ]
    assert (body["status"], body["stopOnReply"], body["timezone"]) == ("active", True, "Europe/Berlin")
    read = (await client.get(f"/sequences/{body['id']}")).json()
    assert read.pop("diagnosis")["code"] == "waiting_for_leads"
    assert body.pop("diagnosis") is None
    assert read == body


async def test_replacing_keeps_the_steps_that_keep_their_id(runtime: Runtime, anonymous: Client) -> None:
    client = await a_client(runtime, anonymous)
    made = (await client.post("/sequences", json=DRAFT)).json()
    first, second = made["steps"]
    steps = [{"id": second["id"], "body": "Bye."}, {"body": "New."}, {"id": first["id"], "body": "Any news?"}]
    replaced = (await client.put(f"/sequences/{made['id']}", json={**DRAFT, "steps": steps})).json()
    assert [step["id"] for step in replaced["steps"]][::2] == [second["id"], first["id"]]
    assert [step["order"] for step in replaced["steps"]] == [1, 2, 3]


async def test_order_decides_where_it_is_given(runtime: Runtime, anonymous: Client) -> None:
    client = await a_client(runtime, anonymous)
    steps = [{"order": 2, "body": "second"}, {"order": 1, "body": "first"}]
    made = (await client.post("/sequences", json={**DRAFT, "steps": steps})).json()
    assert [step["body"] for step in made["steps"]] == ["first", "second"]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": ""}, "body.name"),
        ({"timezone": "Mars/Olympus"}, "timezone"),
        ({"steps": []}, "steps"),
        ({"steps": [{"body": ""}]}, "body.steps.0.body"),
        ({"steps": [{"body": "x", "delayDays": -1}]}, "body.steps.0.delayDays"),
        ({"steps": [{"body": "x", "delayDays": "3"}]}, "body.steps.0.delayDays"),
        ({"sendWindow": {"days": ["mon"], "start": "17:00", "end": "09:00"}}, "sendWindow.end"),
        ({"sendWindow": {"days": []}}, "body.sendWindow.days"),
        ({"status": "paused"}, "body.status"),
        ({"colour": "red"}, "body.colour"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_a_bad_field_is_refused_by_its_name(
    runtime: Runtime, anonymous: Client, change: dict[str, Any], field: str
) -> None:
    client = await a_client(runtime, anonymous)
    answer = await client.post("/sequences", json={**DRAFT, **change})
    assert answer.status_code == 422
    assert field in answer.text


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("Hi {{ recipient.fistName }}", "recipient.firstName"),
        ("Hi {{ recipient.firstName", "line 1"),
        ("{% for a in b %}", "body"),
    ],
    ids=["unknown name", "open brace", "open loop"],
)
async def test_a_template_that_will_not_do_says_where(
    runtime: Runtime, anonymous: Client, body: str, said: str
) -> None:
    client = await a_client(runtime, anonymous)
    answer = await client.post("/sequences", json={**DRAFT, "steps": [{"body": body}]})
    assert answer.status_code == 422
    assert said in answer.text
    assert answer.json()["error"]["details"]["field"] == "steps.0.body"


async def test_a_draft_may_be_empty(runtime: Runtime, anonymous: Client) -> None:
    client = await a_client(runtime, anonymous)
    made = await client.post("/sequences", json={"name": "Later", "status": "draft"})
    assert made.status_code == 201
    assert made.json()["steps"] == []


async def test_lists_are_newest_first_filtered_and_paged(runtime: Runtime, anonymous: Client) -> None:
    client = await a_client(runtime, anonymous)
    ids = []
    for number in range(5):
        status = "draft" if number == 2 else "active"
        made = await client.post("/sequences", json={**DRAFT, "name": f"No. {number}", "status": status})
        ids.append(made.json()["id"])
    page = (await client.get("/sequences?page=2&limit=2")).json()
    assert [each["id"] for each in page["data"]] == [ids[2], ids[1]]
    assert page["pagination"] == {"page": 2, "limit": 2, "total": 5, "pages": 3}
    assert [each["id"] for each in (await client.get("/sequences?status=draft")).json()["data"]] == [ids[2]]


@pytest.mark.parametrize("query", ["page=0", "page=-1", "limit=0", "limit=101", "limit=1000000000", "page=x", "pge=1"])
async def test_a_bad_page_is_refused(runtime: Runtime, anonymous: Client, query: str) -> None:
    answer = await (await a_client(runtime, anonymous)).get(f"/sequences?{query}")
    assert answer.status_code == 422


async def test_a_sequence_in_use_is_not_deleted(runtime: Runtime, anonymous: Client) -> None:
    ada = await make_user(runtime)
    email = await make_message(runtime, await make_mailbox(runtime, ada))
    sequence = await make_sequence(runtime, ada)
    enrollment = await make_enrollment(runtime, ada, email, sequence)
    client = anonymous.signed_in(ada.access_token)
    refused = await client.delete(f"/sequences/{sequence.id}")
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "sequence_in_use")
    assert (await client.delete(f"/enrollments/{enrollment.id}")).status_code == 204
    assert (await client.delete(f"/sequences/{sequence.id}")).status_code == 204
    assert (await client.get(f"/sequences/{sequence.id}")).status_code == 404


async def test_of_many_edits_at_once_none_is_lost_in_part(runtime: Runtime, anonymous: Client) -> None:
    client = await a_client(runtime, anonymous)
    made = (await client.post("/sequences", json=DRAFT)).json()
    answers = await asyncio.gather(
        *(
            client.put(f"/sequences/{made['id']}", json={**DRAFT, "name": f"No. {number}", "description": str(number)})
            for number in range(10)
        )
    )
    assert {each.status_code for each in answers} <= {200, 409}
    kept = (await client.get(f"/sequences/{made['id']}")).json()
    assert kept["name"] == f"No. {kept['description']}"
