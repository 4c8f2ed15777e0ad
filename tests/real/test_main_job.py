"""The main job on a real Dovecot and Postfix: connect, follow up, and stop for the right reasons only."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid
from typing import Any

import pytest
from sqlalchemy import func, select

from outrider import worker
from outrider.core.clock import now
from outrider.domain.mailboxes.models import Message
from outrider.main import create_app
from outrider.runtime import Addresses, Runtime, open_runtime
from outrider.settings import Settings
from tests.client import Client
from tests.factories.accounts import Someone, make_user
from tests.real.mail_servers import MailServers

pytestmark = pytest.mark.real


@pytest.fixture
async def working(settings: Settings, database: Addresses, mail: MailServers) -> AsyncIterator[Runtime]:
    """A runtime that trusts the mail servers, with a worker at work."""
    trusting = settings.model_copy(update={"ca_file": mail.ca_file})
    async with open_runtime(trusting, database.app, name="real") as runtime:
        stop = asyncio.Event()
        task = asyncio.create_task(worker.run(runtime, stop))
        yield runtime
        stop.set()
        await task


async def connected(runtime: Runtime, mail: MailServers, *recipients: str) -> tuple[Someone, Client]:
    """A user whose fresh mailbox holds one sent mail to each recipient, and is connected over the wire."""
    address = f"sender{time.monotonic_ns()}@a.test"
    mail.add_user(address)
    mail.append(address, "Sent", *(sent(address, each) for each in recipients))
    ada = await make_user(runtime, email=address)
    client = Client(create_app(runtime)).signed_in(ada.access_token)
    response = await client.post("/auth/connect", json=connection(mail, address, mail.password(address)))
    assert response.status_code == 200, response.text
    return ada, client


def connection(mail: MailServers, address: str, password: str) -> dict[str, Any]:
    return {
        "provider": "imap", "host": mail.host, "port": mail.ports["imaps"], "security": "tls",
        "username": address, "password": password, "name": "Ada Lovelace",
        "smtpHost": mail.host, "smtpPort": mail.ports["smtps"], "smtpSecurity": "tls",
    }  # fmt: skip


def sent(address: str, recipient: str) -> bytes:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = f"Ada <{address}>", recipient, f"A proposal to {recipient}"
    message["Message-ID"], message["Date"] = make_msgid(domain="a.test"), format_datetime(now())
    message.set_content("What do you think?")
    return message.as_bytes()


async def until(look: Callable[[], Awaitable[Any]], is_so: Callable[[Any], bool], seconds: float = 20) -> Any:
    async with asyncio.timeout(seconds):
        while not is_so(found := await look()):
            await asyncio.sleep(0.05)
    return found


async def enrolled(client: Client, recipient: str) -> dict[str, Any]:
    async def emails() -> list[dict[str, Any]]:
        return list((await client.get("/emails/sent?limit=100")).json()["data"])

    found = await until(emails, lambda all_: any(each["to"] == [recipient] for each in all_))
    email = next(each for each in found if each["to"] == [recipient])
    steps = [{"delayDays": 1, "body": "Any news?"}, {"delayDays": 3, "body": "Last try."}]
    sequence = (await client.post("/sequences", json={"name": "Two steps", "steps": steps})).json()
    response = await client.post("/enrollments", json={"emailId": email["id"], "sequenceId": sequence["id"]})
    assert response.status_code == 201, response.text
    return {**response.json(), "original": email["messageId"]}


async def test_a_follow_up_leaves_in_the_thread_and_an_answer_stops_the_rest(
    working: Runtime, mail: MailServers
) -> None:
    ada, client = await connected(working, mail, "bob@b.test")
    enrollment = await enrolled(client, "bob@b.test")
    assert (await client.post(f"/schedules/{enrollment['id']}/trigger")).status_code == 202
    follow_up = await asyncio.to_thread(
        mail.wait_for, "bob@b.test", lambda it: it["In-Reply-To"] == enrollment["original"]
    )
    assert enrollment["original"] in follow_up["References"]
    assert follow_up["Subject"] == "Re: A proposal to bob@b.test"
    await asyncio.to_thread(
        mail.send_as, "bob@b.test", ada.user.email, subject=f"Re: {follow_up['Subject']}", body="Let us talk.",
        headers={"In-Reply-To": follow_up["Message-ID"], "References": follow_up["Message-ID"]},
    )  # fmt: skip
    began = time.monotonic()

    async def current() -> dict[str, Any]:
        return dict((await client.get(f"/enrollments/{enrollment['id']}")).json())

    ended = await until(current, lambda it: it["status"] == "replied")
    seconds = time.monotonic() - began
    print(f"\nanswer to stop: {seconds:.2f} s")
    assert seconds < 10
    assert ended["reply"]["matchedBy"] == "message_id"
    assert ended["nextSendDate"] is None


async def test_a_bounce_ends_it_and_a_vacation_note_does_not(working: Runtime, mail: MailServers) -> None:
    _, client = await connected(working, mail, "x@gone.test", "away@b.test")
    gone, away = await enrolled(client, "x@gone.test"), await enrolled(client, "away@b.test")
    for each in (gone, away):
        assert (await client.post(f"/schedules/{each['id']}/trigger")).status_code == 202

    async def status() -> str:
        return str((await client.get(f"/enrollments/{gone['id']}")).json()["status"])

    await until(status, lambda it: it == "bounced")

    async def notes() -> int:
        found = (await client.get(f"/enrollments/{away['id']}")).json()
        return int(found["currentStep"])

    await until(notes, lambda it: it == 1)
    await asyncio.sleep(3)  # the vacation note arrives within a second
    still = (await client.get(f"/enrollments/{away['id']}")).json()
    assert (still["status"], still["replied"]) == ("active", False)
    assert still["nextSendDate"] is not None


async def test_a_wrong_password_names_the_step(working: Runtime, mail: MailServers) -> None:
    ada = await make_user(working)
    client = Client(create_app(working)).signed_in(ada.access_token)
    response = await client.post("/auth/connect", json=connection(mail, "alice@a.test", "wrong"))
    assert response.status_code == 422
    error = response.json()["error"]
    assert (error["code"], error["details"]["step"]) == ("mailbox_unreachable", "login")
    assert "wrong" not in response.text.replace("wrong user", "")


async def test_a_first_sync_brings_each_of_1000_messages_once(working: Runtime, mail: MailServers) -> None:
    address = f"full{time.monotonic_ns()}@a.test"
    mail.add_user(address)
    await asyncio.to_thread(mail.append, address, "INBOX", *(sent("bob@b.test", address) for _ in range(1000)))
    ada = await make_user(working, email=address)
    client = Client(create_app(working)).signed_in(ada.access_token)
    began = time.monotonic()
    assert (
        await client.post("/auth/connect", json=connection(mail, address, mail.password(address)))
    ).status_code == 200

    async def stored() -> int:
        async with working.db.begin(ada.scope) as db:
            return await db.scalar(select(func.count()).select_from(Message)) or 0

    await until(stored, lambda count: count >= 1000, seconds=60)
    print(f"\nfirst sync of 1,000 messages: {time.monotonic() - began:.1f} s")
    progress = (await client.get("/auth/status")).json()["sync"]
    assert progress["processed"] >= 1000
    await client.post("/emails/sync")
    await asyncio.sleep(2)
    assert await stored() == 1000
