"""Microsoft's calls: asked for, prolonged, made anew; the genuine ones make us look, the others make nothing."""

import random
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from sqlalchemy import func, select, update
from starlette.types import ASGIApp, Receive, Scope, Send

from outrider.api.hooks import MICROSOFT
from outrider.core.clock import now
from outrider.domain.mailboxes import jobs
from outrider.domain.mailboxes.models import Mailbox, Message
from outrider.main import create_app
from outrider.providers.mail.graph_push import GraphPush, NotGenuine
from outrider.runtime import Addresses, Runtime
from outrider.settings import Settings
from tests.client import Client
from tests.factories.accounts import Someone, make_user
from tests.factories.outlook import connect_outlook, outlook_runtime
from tests.providers.mail.test_gmail import mail
from tests.stand_ins.graph_mail import Mail, running
from tests.stand_ins.microsoft import Microsoft
from tests.stand_ins.serving import serve


class Served:
    """An application whose address is known before it is made."""

    app: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.app(scope, receive, send)


@pytest.fixture
async def stand_in() -> AsyncIterator[tuple[Microsoft, Mail]]:
    async with running() as both:
        yield both


@pytest.fixture
def microsoft(stand_in: tuple[Microsoft, Mail]) -> Microsoft:
    return stand_in[0]


@pytest.fixture
def box(stand_in: tuple[Microsoft, Mail]) -> Mail:
    return stand_in[1]


@pytest.fixture
async def called(settings: Settings, database: Addresses, microsoft: Microsoft) -> AsyncIterator[Runtime]:
    """A runtime whose server Microsoft can reach."""
    served = Served()
    async with serve(served) as url:
        address = {"microsoft_notification_url": f"{url}{MICROSOFT}"}
        async with outlook_runtime(settings, database, microsoft, **address) as runtime:
            served.app = create_app(runtime)
            yield runtime


@pytest.fixture
async def hook(called: Runtime) -> AsyncIterator[Client]:
    async with Client(create_app(called)) as client:
        yield client


@pytest.fixture
async def ada(called: Runtime) -> Someone:
    return await make_user(called)


@pytest.fixture
async def mailbox(called: Runtime, microsoft: Microsoft, box: Mail, ada: Someone) -> Mailbox:
    """Connected and subscribed, and nothing due for a while."""
    mailbox = await connect_outlook(called, microsoft, box, ada)
    await set_mailbox(called, ada, subscribe_at=now() - timedelta(seconds=1))
    await jobs.subscribe(called)
    await set_mailbox(called, ada, sync_due_at=now() + timedelta(minutes=10))
    return mailbox


async def set_mailbox(runtime: Runtime, ada: Someone, **values: Any) -> None:
    async with runtime.db.begin(ada.scope) as db:
        await db.execute(update(Mailbox).values(**values))


async def column(runtime: Runtime, ada: Someone, what: Any) -> Any:
    async with runtime.db.begin(ada.scope) as db:
        return await db.scalar(select(what))


async def is_due(runtime: Runtime, ada: Someone) -> bool:
    return bool(await column(runtime, ada, Mailbox.sync_due_at <= func.clock_timestamp()))


async def tell(client: Client, call: tuple[str, dict[str, Any]]) -> int:
    url, body = call
    parts = urlsplit(url)
    return (await client.post(f"{parts.path}?{parts.query}", json=body)).status_code


async def test_microsoft_is_asked_to_call_and_asks_back_whether_the_address_is_ours(
    called: Runtime, box: Mail, ada: Someone, mailbox: Mailbox
) -> None:
    [subscription] = box.box(mailbox.address).subscriptions.values()
    assert subscription["notificationUrl"] == subscription["lifecycleNotificationUrl"]
    assert 64 <= len(subscription["clientState"]) <= 128
    left = datetime.fromisoformat(subscription["expirationDateTime"]) - now()
    assert timedelta(days=2) < left < timedelta(minutes=4_230)
    again = await column(called, ada, Mailbox.subscribe_at)
    assert timedelta(hours=23) < again - now() <= timedelta(days=1)


async def test_each_day_the_same_subscription_is_prolonged(
    called: Runtime, box: Mail, microsoft: Microsoft, ada: Someone, mailbox: Mailbox
) -> None:
    subscriptions = box.box(mailbox.address).subscriptions
    [before] = subscriptions.values()
    before["expirationDateTime"] = "2026-11-21T00:00:00Z"
    await set_mailbox(called, ada, subscribe_at=now() - timedelta(seconds=1))
    await jobs.subscribe(called)
    [after] = subscriptions.values()
    assert after["id"] == before["id"]
    assert datetime.fromisoformat(after["expirationDateTime"]) > now() + timedelta(days=2)


async def test_a_subscription_that_ended_between_looking_and_prolonging_is_made_anew(
    called: Runtime, box: Mail, microsoft: Microsoft, ada: Someone, mailbox: Mailbox
) -> None:
    microsoft.fail("PATCH /subscriptions", 404, code="ResourceNotFound")
    box.box(mailbox.address).subscriptions.copy()
    await set_mailbox(called, ada, subscribe_at=now() - timedelta(seconds=1))
    await jobs.subscribe(called)
    assert microsoft.count("^/subscriptions$") == 4  # looked and made, twice


async def test_subscriptions_of_an_older_secret_are_ended_and_those_of_others_left_alone(
    called: Runtime, box: Mail, ada: Someone, mailbox: Mailbox
) -> None:
    subscriptions = box.box(mailbox.address).subscriptions
    [current] = subscriptions.values()
    url = current["notificationUrl"]
    subscriptions["old"] = {**current, "id": "old", "notificationUrl": url.replace("generation=", "generation=0")}
    subscriptions["other"] = {**current, "id": "other", "notificationUrl": "https://elsewhere.test/webhooks/microsoft"}
    await set_mailbox(called, ada, subscribe_at=now() - timedelta(seconds=1))
    await jobs.subscribe(called)
    assert set(subscriptions) == {current["id"], "other"}


async def test_a_genuine_call_makes_the_mailbox_due_at_once(
    called: Runtime, hook: Client, box: Mail, ada: Someone, mailbox: Mailbox
) -> None:
    assert await tell(hook, box.notice(mailbox.address)) == 202
    assert await is_due(called, ada)
    assert await column(called, ada, Mailbox.subscribe_at) > now() + timedelta(hours=23)


@pytest.mark.parametrize(
    ("event", "is_anew"), [("reauthorizationRequired", True), ("subscriptionRemoved", True), ("missed", False)]
)
async def test_what_happens_to_a_subscription_makes_us_look_and_ask_anew(
    called: Runtime, hook: Client, box: Mail, ada: Someone, mailbox: Mailbox, event: str, is_anew: bool
) -> None:
    call = box.notice(mailbox.address, lifecycle=event)
    if event == "subscriptionRemoved":
        box.box(mailbox.address).subscriptions.clear()
    assert await tell(hook, call) == 202
    assert await is_due(called, ada)
    assert (await column(called, ada, Mailbox.subscribe_at) <= now()) is is_anew
    await jobs.subscribe(called)
    assert len(box.box(mailbox.address).subscriptions) == 1


async def test_a_call_that_comes_many_times_is_one_look(
    called: Runtime, hook: Client, box: Mail, microsoft: Microsoft, ada: Someone, mailbox: Mailbox
) -> None:
    await sync(called, ada, mailbox)
    for _ in range(50):
        assert await tell(hook, box.notice(mailbox.address)) == 202
    microsoft.calls.clear()
    for _ in range(2):
        await jobs.sync_one(called, mailbox.workspace_id, mailbox.id)
    assert microsoft.count("inbox/messages/delta") == 1
    assert not await is_due(called, ada)


FORGED: dict[str, dict[str, Any]] = {
    "another secret": {"clientState": "0" * 64},
    "no secret": {"clientState": None},
    "a number for a secret": {"clientState": 7},
    "a secret that is no ASCII": {"clientState": "é" * 64},
}


@pytest.mark.parametrize("changes", FORGED.values(), ids=list(FORGED))
async def test_a_forged_call_does_nothing(
    called: Runtime, hook: Client, box: Mail, ada: Someone, mailbox: Mailbox, changes: dict[str, Any]
) -> None:
    assert await tell(hook, box.notice(mailbox.address, lifecycle="subscriptionRemoved", **changes)) == 401
    assert not await is_due(called, ada)


async def test_a_secret_of_one_mailbox_is_none_of_another(
    called: Runtime, hook: Client, box: Mail, microsoft: Microsoft, ada: Someone, mailbox: Mailbox
) -> None:
    url, body = box.notice(mailbox.address)
    other = await make_user(called)
    await connect_outlook(called, microsoft, box, other)
    await set_mailbox(called, other, sync_due_at=now() + timedelta(minutes=10))
    quoted = mailbox.address.replace("@", "%40")
    assert await tell(hook, (url.replace(quoted, other.user.email.replace("@", "%40")), body)) == 401
    assert not await is_due(called, other)


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"value": 1}', b'{"value": [1]}', b"\xff", b'{"value": []}'])
async def test_a_call_that_says_nothing_is_refused(hook: Client, box: Mail, mailbox: Mailbox, body: bytes) -> None:
    url, _ = box.notice(mailbox.address)
    parts = urlsplit(url)
    assert (await hook.post(f"{parts.path}?{parts.query}", content=body)).status_code == 401


async def test_an_unknown_address_is_answered_like_a_known_one(called: Runtime, hook: Client) -> None:
    push = called.graph_push
    assert push is not None
    body = {"value": [{"clientState": push.client_state("nobody@contoso.test")}]}
    assert await tell(hook, (push.url_of("nobody@contoso.test"), body)) == 202


async def test_who_guesses_is_slowed_down(settings: Settings, database: Addresses, microsoft: Microsoft) -> None:
    changes = {"rate_per_address": 5, "microsoft_notification_url": "https://outrider.test/webhooks/microsoft"}
    async with (
        outlook_runtime(settings, database, microsoft, **changes) as runtime,
        Client(create_app(runtime)) as client,
    ):
        answers = [(await client.post(f"{MICROSOFT}?mailbox=a%40b.test", json={})).status_code for _ in range(8)]
    assert answers == [401] * 5 + [429] * 3


async def test_a_question_is_answered_as_plain_text_and_no_browser_reads_it_otherwise(hook: Client) -> None:
    answer = await hook.post(MICROSOFT, params={"validationToken": "<script>alert(1)</script> ä+&"})
    assert (answer.status_code, answer.text) == (200, "<script>alert(1)</script> ä+&")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert (await hook.post(MICROSOFT, params={"validationToken": "x" * 3_000})).status_code == 400


async def test_where_microsoft_can_not_call_there_is_nothing(anonymous: Client) -> None:
    assert (await anonymous.post(MICROSOFT, json={})).status_code == 404


async def test_half_of_the_calls_lost_and_the_rest_shuffled_lose_no_mail(
    called: Runtime, hook: Client, box: Mail, ada: Someone, mailbox: Mailbox
) -> None:
    await sync(called, ada, mailbox)
    chance = random.Random(28)
    calls = []
    for number in range(40):
        box.deliver(mailbox.address, mail(number))
        calls.append(box.notice(mailbox.address))
        if len(calls) >= 5:
            chance.shuffle(calls)
            for call in calls:
                if chance.random() < 0.5:
                    await tell(hook, call)
            calls = []
            await jobs.sync_one(called, mailbox.workspace_id, mailbox.id)
    await sync(called, ada, mailbox)  # the poll behind it
    stored = await column(called, ada, select(func.count()).select_from(Message).scalar_subquery())
    print(f"\n40 mails, half of the calls lost: {40 - stored} lost")
    assert stored == 40


async def sync(runtime: Runtime, ada: Someone, mailbox: Mailbox) -> None:
    await set_mailbox(runtime, ada, sync_due_at=now() - timedelta(seconds=1))
    await jobs.sync_one(runtime, mailbox.workspace_id, mailbox.id)


def test_another_secret_makes_another_address_and_no_call_of_the_old_is_believed() -> None:
    old, new = (GraphPush("https://a.test/webhooks/microsoft", secret) for secret in ("one", "two"))
    assert old.url_of("A@b.test") == old.url_of("a@b.test") != new.url_of("a@b.test")
    body = f'{{"value": [{{"clientState": "{old.client_state("a@b.test")}"}}]}}'.encode()
    assert old.read("A@b.test", body).address == "a@b.test"
    for address in ("a@b.test", "", "x" * 400):
        with pytest.raises(NotGenuine):
            new.read(address, body)
