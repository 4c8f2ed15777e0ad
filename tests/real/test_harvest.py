"""The harvest's whole way, with a worker of its own: at Gmail's stand-in, and in a mailbox on a real IMAP server."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from outrider import worker
from outrider.core.ids import new_id
from outrider.main import create_app
from outrider.runtime import Addresses, Runtime, open_runtime
from outrider.settings import Settings
from tests.client import Client
from tests.factories.accounts import make_user, retire
from tests.factories.google import google_runtime, retire_boxes
from tests.factories.harvest import letter
from tests.real.mail_servers import MailServers
from tests.real.test_main_job import connection, until
from tests.stand_ins.google import Google

ACCOUNT = "push@project.iam.gserviceaccount.test"
JUDGED = Path(__file__).parents[1] / "data/judging"


def a_hundred() -> list[bytes]:
    """Every kind of mail there is: real letters, answers, automatic ones and bounces, and made-up letters."""
    real = [file.read_bytes() for file in sorted(JUDGED.rglob("*.eml"))][:60]
    return real + [letter(n) for n in range(100 - len(real))]


@pytest.fixture
async def working(settings: Settings, database: Addresses, google: Google) -> AsyncIterator[Runtime]:
    async with google_runtime(settings, database, google, gmail_push_account=ACCOUNT) as runtime:
        stop = asyncio.Event()
        task = asyncio.create_task(worker.run(runtime, stop))
        yield runtime
        await retire_boxes(runtime, google)
        stop.set()
        await task


async def ended(client: Client, batch_id: str) -> dict[str, Any]:
    async def status() -> dict[str, Any]:
        told: dict[str, Any] = (await client.get(f"/api/processing/status/{batch_id}")).json()["data"]
        return told

    found: dict[str, Any] = await until(status, lambda told: told["status"] in {"completed", "failed"}, seconds=60)
    return found


async def test_gmail_from_the_sign_in_to_leads(working: Runtime, google: Google) -> None:
    address = f"ada-{new_id().hex}@gmail.test"
    box = google.box(address)
    box.own_labels["Label_7"] = "Enquiries"
    ids = [google.deliver(address, raw, labels=("INBOX", "Label_7")).id for raw in a_hundred()]
    async with Client(create_app(working)) as browser:
        begun = (await browser.post("/auth/connect", json={"provider": "google"})).json()
        back = await google.agree(begun["authUrl"], address)
        session = (await browser.get("/auth/callback", params=back)).json()
        client = browser.signed_in(session["accessToken"])

        google.expire_tokens()  # what was granted is renewed by itself
        labels = (await client.get("/api/gmail/labels")).json()["data"]["labels"]
        enquiries = next(each["id"] for each in labels if each["name"] == "Enquiries")
        page = (await client.get(f"/api/gmail/messages?label={enquiries}&limit=100")).json()["data"]
        assert {each["id"] for each in page["messages"]} == set(ids)
        assert [google.refreshes[each] for each in google.grants] == [1]

        lost = {each: box.messages.pop(each) for each in ids[-3:]}
        started = await client.post("/api/gmail/process-batch", json={"message_ids": ids})
        assert started.json()["data"]["total"] == 100
        told = await ended(client, started.json()["data"]["batch_id"])
        assert (told["processed"], told["failed"], told["progress"]) == (100, 3, 100)
        assert {each["message_id"] for each in told["errors"]} == set(lost)
        assert told["succeeded"] + told["skipped"] == 97

        box.messages |= lost
        assert (await client.post(f"/api/processing/retry/{told['batch_id']}")).status_code == 202
        again = await ended(client, told["batch_id"])
        assert (again["failed"], again["succeeded"]) == (0, told["succeeded"] + 3)

        google.deliver(address, letter(777))
        hook = f"{working.settings.public_url}/api/gmail/webhook"
        headers, body = google.notice(address, audience=hook, account=ACCOUNT)
        assert (await browser.post("/api/gmail/webhook", json=body, headers=headers)).json()["data"]["is_new"]
        search = await client.post("/api/gmail/process-batch", json={"query": "from:grace777@hopper777.test"})
        assert (await ended(client, search.json()["data"]["batch_id"]))["succeeded"] == 1
        history = (await client.get("/api/processing/history")).json()
        assert [each["failed"] for each in history["data"]] == [0, 0]


async def test_a_mailbox_on_its_own_servers_is_harvested_by_what_was_synced(
    settings: Settings, database: Addresses, mail: MailServers
) -> None:
    known = settings.model_copy(update={"ca_file": mail.ca_file})
    async with open_runtime(known, database.app, name="tests-harvest") as runtime:
        stop = asyncio.Event()
        task = asyncio.create_task(worker.run(runtime, stop))
        ada = await make_user(runtime)
        address = ada.user.email
        mail.add_user(address)
        for number in range(1, 4):
            mail.append(address, "INBOX", letter(number))
        async with Client(create_app(runtime)) as opened:
            client = opened.signed_in(ada.access_token)
            made = await client.post("/auth/connect", json=connection(mail, address, mail.password(address)))
            assert made.status_code == 200, made.text

            async def shown() -> list[dict[str, Any]]:
                answer = await client.get("/api/gmail/messages?label=INBOX")
                listed: list[dict[str, Any]] = answer.json()["data"]["messages"]
                return listed

            messages = await until(shown, lambda listed: len(listed) == 3)
            started = await client.post(
                "/api/gmail/process-batch", json={"message_ids": [each["id"] for each in messages]}
            )
            assert (await ended(client, started.json()["data"]["batch_id"]))["succeeded"] == 3
            search = await client.post("/api/gmail/process-batch", json={"query": "seats", "label": "INBOX"})
            told = await ended(client, search.json()["data"]["batch_id"])
            assert (told["total"], told["skipped"]) == (3, 3)
        await retire(runtime, ada)
        stop.set()
        await task
