"""Connecting a mailbox by the concierge, and reading it."""

import time
from typing import Any

import pytest

from outrider.core.clock import now
from outrider.domain.deliverability import actions as health
from outrider.domain.mailboxes.jobs import sync_one
from outrider.main import create_app
from outrider.providers.mail.preflight import Check, Verdict
from outrider.runtime import Addresses, Runtime, open_runtime
from outrider.settings import Settings
from tests.client import Client
from tests.factories.accounts import make_user, retire
from tests.factories.mailboxes import make_mailbox
from tests.real.mail_servers import MailServers
from tests.stand_ins.google import Google

LETTER = b"From: Bob Baker <bob@b.test>\r\nTo: ada@a.test\r\nSubject: Lunch\r\nDate: %s\r\nMessage-ID: <bob@b.test>\r\n\r\nAre you hungry?\r\n"


async def test_without_a_mailbox_it_is_said_so(runtime: Runtime, anonymous: Client) -> None:
    client = anonymous.signed_in((await make_user(runtime)).access_token)
    status = (await client.get("/api/integrations/email/status")).json()["data"]
    assert (status["connected"], status["provider"], status["last_sync"]) == (False, None, None)
    assert (await client.post("/api/integrations/email/sync")).json()["error"]["code"] == "NO_MAILBOX"


async def test_the_state_tells_what_the_dns_said(runtime: Runtime, anonymous: Client) -> None:
    ada = await make_user(runtime)
    mailbox = await make_mailbox(runtime, ada)
    client = anonymous.signed_in(ada.access_token)
    assert (await client.get("/api/integrations/email/status")).json()["data"]["deliverability"] is None
    async with runtime.db.begin(ada.scope) as db:
        found = [
            Check("mx", Verdict.OK, "mail.a.test"),
            Check("spf", Verdict.FAIL, "None.", "TXT of a.test: v=spf1 -all"),
        ]
        await health.record_preflight(db, ada.workspace_id, mailbox.id, found, at=now())
    told = (await client.get("/api/integrations/email/status")).json()["data"]["deliverability"]
    assert [(each["name"], each["verdict"]) for each in told] == [("mx", "ok"), ("spf", "fail")]
    assert told[1]["record"] == "TXT of a.test: v=spf1 -all"


async def test_a_sync_is_one_job_however_often_it_is_asked_for(runtime: Runtime, anonymous: Client) -> None:
    ada = await make_user(runtime)
    await make_mailbox(runtime, ada)
    client = anonymous.signed_in(ada.access_token)
    jobs = {(await client.post("/api/integrations/email/sync")).json()["data"]["job_id"] for _ in range(2)}
    assert len(jobs) == 1
    await retire(runtime, ada)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"provider": "imap", "auth_token": "x"}, "VALIDATION_ERROR"),
        ({"provider": "outlook", "auth_token": "x"}, "PROVIDER_UNAVAILABLE"),
        ({"provider": "pigeon", "auth_token": "x"}, "VALIDATION_ERROR"),
        ({"provider": "imap", "auth_token": "x", "host": "127.0.0.1", "port": 1}, "MAILBOX_UNREACHABLE"),
    ],
    ids=["no host", "not set up", "unknown", "nobody there"],
)
async def test_what_can_not_be_connected_says_why(
    runtime: Runtime, anonymous: Client, body: dict[str, Any], code: str
) -> None:
    client = anonymous.signed_in((await make_user(runtime)).access_token)
    refused = await client.post("/api/integrations/email/connect", json=body)
    assert (refused.status_code, refused.json()["error"]["code"]) == (422, code)


async def test_gmail_is_connected_by_a_refresh_token(connected: Runtime, google: Google) -> None:
    ada = await make_user(connected)
    google.box(ada.user.email)
    granted = google.granted(ada.user.email)
    client = Client(create_app(connected)).signed_in(ada.access_token)
    body = {"provider": "gmail", "auth_token": granted.refresh_token}
    answer = await client.post("/api/integrations/email/connect", json=body)
    assert (answer.status_code, answer.json()["data"]["status"]) == (200, "connected")
    status = (await client.get("/api/integrations/email/status")).json()["data"]
    assert (status["connected"], status["provider"], status["email"]) == (True, "gmail", ada.user.email)
    wrong = await client.post("/api/integrations/email/connect", json={**body, "auth_token": "made up"})
    assert (wrong.status_code, wrong.json()["error"]["details"]["field"]) == (422, "auth_token")
    await retire(connected, ada)


@pytest.mark.real
async def test_a_mailbox_is_connected_read_and_sorted_by_sender(
    settings: Settings, database: Addresses, mail: MailServers
) -> None:
    address = f"ada{time.monotonic_ns()}@a.test"
    mail.add_user(address)
    date = time.strftime("%a, %d %b %Y %H:%M:%S +0000", time.gmtime()).encode()
    mail.append(address, "INBOX", LETTER % date, (LETTER % date).replace(b"bob@b.test", b"eve@c.test"))
    own = settings.model_copy(update={"ca_file": mail.ca_file})
    async with open_runtime(own, database.app, name="concierge") as runtime:
        ada = await make_user(runtime, email=address)
        client = Client(create_app(runtime)).signed_in(ada.access_token)
        answer = await client.post(
            "/api/integrations/email/connect",
            json={
                "provider": "imap", "auth_token": mail.password(address), "host": mail.host,
                "port": mail.ports["imaps"], "security": "tls", "smtp_port": mail.ports["smtps"], "smtp_security": "tls",
            },
        )  # fmt: skip
        assert answer.status_code == 200, answer.text
        await sync_one(runtime, ada.workspace_id, answer.json()["data"]["integration_id"])
        listed = (await client.get("/api/senders?sort=email")).json()["data"]
        assert [(each["email"], each["latest_subject"]) for each in listed["senders"]] == [
            ("bob@b.test", "Lunch"), ("eve@c.test", "Lunch"),
        ]  # fmt: skip
        status = (await client.get("/api/integrations/email/status")).json()["data"]
        assert status["last_sync"]
        await retire(runtime, ada)
