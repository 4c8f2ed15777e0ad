"""Calls of providers: the genuine ones make us look, the others make nothing."""

import asyncio
import random
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx2
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from sqlalchemy import func, select, update

from outrider.api.hooks import GMAIL
from outrider.core.clock import now
from outrider.domain.mailboxes import jobs
from outrider.domain.mailboxes.models import Mailbox, Message
from outrider.main import create_app
from outrider.runtime import Addresses, Runtime
from outrider.settings import Settings
from tests.client import Client
from tests.factories.accounts import Someone, make_user
from tests.factories.google import connect_gmail, google_runtime
from tests.providers.mail.test_gmail import mail
from tests.stand_ins.google import Google

AUDIENCE, ACCOUNT = "https://outrider.test/webhooks/gmail", "push@project.iam.gserviceaccount.test"
GOOD = {"audience": AUDIENCE, "account": ACCOUNT}


@pytest.fixture
async def pushed(settings: Settings, database: Addresses, google: Google) -> AsyncIterator[Runtime]:
    changes = {"gmail_push_audience": AUDIENCE, "gmail_push_account": ACCOUNT, "gmail_topic": "projects/a/topics/b"}
    async with google_runtime(settings, database, google, **changes) as opened:
        yield opened


@pytest.fixture
async def hook(pushed: Runtime) -> AsyncIterator[Client]:
    async with Client(create_app(pushed)) as client:
        yield client


async def connect(runtime: Runtime, google: Google) -> tuple[Someone, Mailbox]:
    ada = await make_user(runtime)
    mailbox = await connect_gmail(runtime, google, ada)
    await rest(runtime, ada)
    return ada, mailbox


async def rest(runtime: Runtime, ada: Someone) -> None:
    """As after a sync: nothing is due for a while."""
    async with runtime.db.begin(ada.scope) as db:
        await db.execute(update(Mailbox).values(sync_due_at=now() + timedelta(minutes=10), subscribe_at=None))


async def is_due(runtime: Runtime, ada: Someone) -> bool:
    async with runtime.db.begin(ada.scope) as db:
        return bool(await db.scalar(select(Mailbox.sync_due_at <= func.clock_timestamp())))


async def tell(client: Client, google: Google, address: str, **changes: Any) -> httpx2.Response:
    headers, body = google.notice(address, **{**GOOD, **changes})
    return await client.post(GMAIL, headers=headers, json=body)


async def test_a_genuine_call_makes_the_mailbox_due_at_once(pushed: Runtime, hook: Client, google: Google) -> None:
    ada, mailbox = await connect(pushed, google)
    answer = await tell(hook, google, mailbox.address)
    assert (answer.status_code, answer.content) == (204, b"")
    assert await is_due(pushed, ada)


async def test_a_thousand_calls_are_one_look(pushed: Runtime, hook: Client, google: Google) -> None:
    ada, mailbox = await connect(pushed, google)
    for _ in range(50):
        assert (await tell(hook, google, mailbox.address)).status_code == 204
    google.calls.clear()
    await jobs.sync_one(pushed, mailbox.workspace_id, mailbox.id)
    await jobs.sync_one(pushed, mailbox.workspace_id, mailbox.id)
    assert google.count("/history") == 1
    assert not await is_due(pushed, ada)


async def test_an_unknown_address_is_answered_like_a_known_one(pushed: Runtime, hook: Client, google: Google) -> None:
    _, mailbox = await connect(pushed, google)
    known, unknown = await tell(hook, google, mailbox.address), await tell(hook, google, "nobody@gmail.test")
    assert (known.status_code, known.content) == (unknown.status_code, unknown.content)
    names = {name for name in known.headers if name not in {"x-request-id", "date"}}
    assert names == {name for name in unknown.headers if name not in {"x-request-id", "date"}}


FORGED: dict[str, dict[str, Any]] = {
    "another audience": {"audience": "https://outrider.test/"},
    "another service account": {"account": "eve@project.iam.gserviceaccount.test"},
    "an address nobody verified": {"email_verified": False},
    "no address": {"email": None},
    "another issuer": {"iss": "https://accounts.evil.test"},
    "expired": {"exp": 1_700_000_000},
    "an unknown key": {"kid": "two"},
    "another key": {"key": rsa.generate_private_key(65537, 2048)},
}


@pytest.mark.parametrize("changes", FORGED.values(), ids=list(FORGED))
async def test_a_forged_call_does_nothing(
    pushed: Runtime, hook: Client, google: Google, changes: dict[str, Any]
) -> None:
    ada, mailbox = await connect(pushed, google)
    answer = await tell(hook, google, mailbox.address, **changes)
    assert (answer.status_code, answer.content) == (401, b"")
    assert not await is_due(pushed, ada)


@pytest.mark.parametrize("authorization", [None, "", "Bearer", "Basic eDp5", "Bearer x.y.z"])
async def test_a_call_without_a_token_does_nothing(
    pushed: Runtime, hook: Client, google: Google, authorization: str | None
) -> None:
    ada, mailbox = await connect(pushed, google)
    _, body = google.notice(mailbox.address, **GOOD)
    headers = {} if authorization is None else {"Authorization": authorization}
    assert (await hook.post(GMAIL, headers=headers, json=body)).status_code == 401
    assert not await is_due(pushed, ada)


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b'{"message": {"data": "e30="}}', b'{"message": {"data": "!"}}', b"\xff"]
)
async def test_a_genuine_call_that_says_nothing_is_taken_so_that_it_does_not_come_again(
    hook: Client, google: Google, body: bytes
) -> None:
    headers, _ = google.notice("a@b.test", **GOOD)
    assert (await hook.post(GMAIL, headers=headers, content=body)).status_code == 204


async def test_without_google_s_keys_it_comes_again_later(
    settings: Settings, database: Addresses, google: Google
) -> None:
    changes = {"gmail_push_audience": AUDIENCE, "gmail_push_account": ACCOUNT}
    async with (
        google_runtime(settings, database, google, **changes, google_certs_url="http://127.0.0.1:1/") as runtime,
        Client(create_app(runtime)) as client,
    ):
        answer = await tell(client, google, "a@b.test")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "30")


async def test_where_push_is_not_set_up_there_is_nothing(anonymous: Client, google: Google) -> None:
    assert (await tell(anonymous, google, "a@b.test")).status_code == 404


async def test_half_of_the_calls_lost_and_the_rest_shuffled_lose_no_mail(
    pushed: Runtime, hook: Client, google: Google
) -> None:
    ada, mailbox = await connect(pushed, google)
    await sync_if_due(pushed, ada, mailbox, force=True)
    chance = random.Random(28)
    calls = []
    for number in range(40):
        google.deliver(mailbox.address, mail(number))
        calls.append(google.notice(mailbox.address, **GOOD))
        if len(calls) >= 5:
            chance.shuffle(calls)
            for headers, body in calls:
                if chance.random() < 0.5:
                    await hook.post(GMAIL, headers=headers, json=body)
            calls = []
            await sync_if_due(pushed, ada, mailbox)
    await sync_if_due(pushed, ada, mailbox, force=True)  # the poll behind it
    async with pushed.db.begin(ada.scope) as db:
        stored = await db.scalar(select(func.count()).select_from(Message))
    print(f"\n40 mails, half of the calls lost: {40 - (stored or 0)} lost")
    assert stored == 40


async def sync_if_due(runtime: Runtime, ada: Someone, mailbox: Mailbox, *, force: bool = False) -> None:
    if force:
        async with runtime.db.begin(ada.scope) as db:
            await db.execute(update(Mailbox).values(sync_due_at=now() - timedelta(seconds=1)))
    await jobs.sync_one(runtime, mailbox.workspace_id, mailbox.id)


async def test_a_call_that_comes_while_a_mailbox_is_read_is_not_lost(
    pushed: Runtime, hook: Client, google: Google
) -> None:
    ada, mailbox = await connect(pushed, google)
    await sync_if_due(pushed, ada, mailbox, force=True)
    google.deliver(mailbox.address, mail(1))
    late = google.fail("/batch", 429, reason="rateLimitExceeded", headers={"Retry-After": "1"})
    async with pushed.db.begin(ada.scope) as db:
        await db.execute(update(Mailbox).values(sync_due_at=now() - timedelta(seconds=1)))
    reading = asyncio.create_task(jobs.sync_one(pushed, mailbox.workspace_id, mailbox.id))
    while late.times:
        await asyncio.sleep(0.01)
    await tell(hook, google, mailbox.address)
    await reading
    assert await is_due(pushed, ada)


async def test_google_is_asked_to_call_each_day(pushed: Runtime, google: Google) -> None:
    ada, mailbox = await connect(pushed, google)
    async with pushed.db.begin(ada.scope) as db:
        await db.execute(update(Mailbox).values(subscribe_at=now() - timedelta(seconds=1)))
    await jobs.subscribe(pushed)
    await jobs.subscribe(pushed)
    assert google.watched[mailbox.address] == 1
    async with pushed.db.begin(ada.scope) as db:
        again = await db.scalar(select(Mailbox.subscribe_at))
    assert again is not None
    assert timedelta(hours=23) < again - now() <= timedelta(days=1)


async def test_a_watch_that_fails_is_tried_again_within_the_hour(pushed: Runtime, google: Google) -> None:
    ada, _ = await connect(pushed, google)
    google.fail("/watch", 400, reason="invalidArgument", times=100)
    async with pushed.db.begin(ada.scope) as db:
        await db.execute(update(Mailbox).values(subscribe_at=now() - timedelta(seconds=1)))
    await jobs.subscribe(pushed)
    async with pushed.db.begin(ada.scope) as db:
        again, state = (await db.execute(select(Mailbox.subscribe_at, Mailbox.state))).one()
    assert again - now() <= timedelta(hours=1)
    assert state == "connected", "polling goes on"


async def test_what_no_provider_calls_for_is_asked_once(connected: Runtime, google: Google) -> None:
    ada = await make_user(connected)
    await connect_gmail(connected, google, ada)
    async with connected.db.begin(ada.scope) as db:
        await db.execute(update(Mailbox).values(subscribe_at=now() - timedelta(seconds=1)))
    await jobs.subscribe(connected)
    async with connected.db.begin(ada.scope) as db:
        assert await db.scalar(select(Mailbox.subscribe_at)) is None
    assert google.count("/watch") == 0
