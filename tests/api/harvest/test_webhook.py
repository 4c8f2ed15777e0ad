"""Google's calls: the genuine ones make us look, once for each piece of news; the others get an error that says why."""

import base64
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from sqlalchemy import func, select, update

from outrider.core.clock import now
from outrider.domain.mailboxes.models import Mailbox
from outrider.main import create_app
from outrider.runtime import Addresses, Runtime
from outrider.settings import Settings
from tests.client import Client
from tests.factories.accounts import Someone, make_user
from tests.factories.google import connect_gmail, google_runtime, retire_boxes
from tests.factories.harvest import letter
from tests.stand_ins.google import Google

PATH, BASE, ACCOUNT = "/api/gmail/webhook", "https://outrider.test", "push@project.iam.gserviceaccount.test"
GOOD = {"audience": BASE + PATH, "account": ACCOUNT}


@pytest.fixture
async def pushed(settings: Settings, database: Addresses, google: Google) -> AsyncIterator[Runtime]:
    changes = {"base_url": BASE, "gmail_push_account": ACCOUNT}
    async with google_runtime(settings, database, google, **changes) as opened:
        yield opened
        await retire_boxes(opened, google)


@pytest.fixture
async def hook(pushed: Runtime) -> AsyncIterator[Client]:
    async with Client(create_app(pushed)) as client:
        yield client


async def rest(runtime: Runtime, ada: Someone) -> None:
    async with runtime.db.begin(ada.scope) as db:
        await db.execute(update(Mailbox).values(sync_due_at=now() + timedelta(minutes=10)))


async def is_due(runtime: Runtime, ada: Someone) -> bool:
    async with runtime.db.begin(ada.scope) as db:
        return bool(await db.scalar(select(Mailbox.sync_due_at <= func.clock_timestamp())))


async def test_news_make_the_mailbox_due_once_and_older_ones_do_not(
    pushed: Runtime, hook: Client, google: Google
) -> None:
    ada = await make_user(pushed)
    mailbox = await connect_gmail(pushed, google, ada)
    headers, body = google.notice(mailbox.address, **GOOD)
    answers = []
    for _ in range(2):
        answers.append((await hook.post(PATH, json=body, headers=headers)).json()["data"]["is_new"])
        assert await is_due(pushed, ada) is answers[-1]
        await rest(pushed, ada)
    google.deliver(mailbox.address, letter(1))
    newer, newest = google.notice(mailbox.address, **GOOD), google.notice(mailbox.address, **GOOD)
    answers.append((await hook.post(PATH, json=newer[1], headers=newer[0])).json()["data"]["is_new"])
    answers.append((await hook.post(PATH, json=newest[1], headers=newest[0])).json()["data"]["is_new"])
    answers.append((await hook.post(PATH, json=body, headers=headers)).json()["data"]["is_new"])
    assert answers == [True, False, True, False, False]


async def test_an_address_that_is_unknown_here_is_no_news(hook: Client, google: Google) -> None:
    headers, body = google.notice("nobody@gmail.test", **GOOD)
    assert (await hook.post(PATH, json=body, headers=headers)).json()["data"] == {"is_new": False}


async def test_only_google_in_the_name_of_our_account_and_for_us_is_believed(
    pushed: Runtime, hook: Client, google: Google
) -> None:
    ada = await make_user(pushed)
    mailbox = await connect_gmail(pushed, google, ada)
    await rest(pushed, ada)
    _, body = google.notice(mailbox.address, **GOOD)
    stranger = rsa.generate_private_key(65537, 2048)
    claims: dict[str, Any] = {"aud": BASE + PATH, "email": ACCOUNT, "email_verified": True}
    tokens = {
        "none": "",
        "garbage": "eyJ.eyJ.x",
        "another issuer": google.signed(**{**claims, "iss": "https://evil.test"}),
        "another audience": google.signed(**{**claims, "aud": "https://other.test/"}),
        "another account": google.signed(**{**claims, "email": "other@b.test"}),
        "unverified": google.signed(**{**claims, "email_verified": False}),
        "run out": google.signed(**{**claims, "exp": 1}),
        "another key": google.signed(key=stranger, **claims),
    }
    through = []
    for name, token in tokens.items():
        answer = await hook.post(PATH, json=body, headers={"Authorization": f"Bearer {token}"} if token else {})
        if (answer.status_code, answer.json()["error"]["code"]) != (401, "UNAUTHENTICATED"):
            through.append(name)
    assert through == []
    assert not await is_due(pushed, ada)


@pytest.mark.parametrize(
    "message",
    [{}, {"data": "%"}, {"data": base64.b64encode(b"[]").decode()},
     {"data": base64.b64encode(json.dumps({"emailAddress": "a@b.test", "historyId": "²"}).encode()).decode()}],
    ids=["nothing", "no base64", "no object", "no number"],
)  # fmt: skip
async def test_a_genuine_call_of_another_form_is_an_error(
    hook: Client, google: Google, message: dict[str, Any]
) -> None:
    headers, _ = google.notice("ada@gmail.test", **GOOD)
    answer = await hook.post(PATH, json={"message": message}, headers=headers)
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "VALIDATION_ERROR")


async def test_without_an_account_of_its_own_the_server_takes_no_calls(anonymous: Client) -> None:
    answer = await anonymous.post(PATH, json={"message": {"data": ""}})
    assert (answer.status_code, answer.json()["success"]) == (404, False)
