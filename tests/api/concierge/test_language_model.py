"""The workspace's word on the language model, as its owner gives and withdraws it."""

from collections.abc import AsyncIterator

import pytest
from sqlalchemy import text

from outrider.domain.accounts.models import Role
from outrider.main import create_app
from outrider.runtime import Addresses, Runtime
from outrider.settings import Settings
from tests.client import Client
from tests.factories.accounts import make_user
from tests.factories.drafts import make_draft, model_runtime
from tests.factories.mailboxes import make_mailbox
from tests.stand_ins.openai_chat import MODEL, OpenAi, running

PATH = "/api/language-model"


@pytest.fixture
async def openai() -> AsyncIterator[OpenAi]:
    async with running() as stand_in:
        stand_in.says = lambda _: {"body": "Dear Bob, thank you for the offer. We will tell you by Friday."}
        yield stand_in


@pytest.fixture
async def app(settings: Settings, database: Addresses, openai: OpenAi) -> AsyncIterator[Runtime]:
    async with model_runtime(settings, database, openai) as runtime:
        yield runtime


@pytest.fixture
async def nobody(app: Runtime) -> AsyncIterator[Client]:
    async with Client(create_app(app)) as client:
        yield client


async def test_the_owner_agrees_and_withdraws_and_both_are_kept(app: Runtime, nobody: Client) -> None:
    ada = await make_user(app)
    client = nobody.signed_in(ada.access_token)
    first = (await client.get(PATH)).json()["data"]["language_model"]
    assert (first["consents"], first["is_set_up"], first["model"], first["host"]) == (False, True, MODEL, "127.0.0.1")
    given = (await client.put(PATH, json={"consents": True})).json()["data"]["language_model"]
    assert (given["consents"], given["consented_by"]) == (True, str(ada.user.id))
    assert given["consented_at"] is not None
    assert (await client.put(PATH, json={"consents": True})).json()["data"]["language_model"] == given
    ended = (await client.put(PATH, json={"consents": False})).json()["data"]["language_model"]
    assert (ended["consents"], ended["consented_by"]) == (False, None)
    async with app.db.begin(ada.scope) as db:
        (kept,) = (await db.execute(text("select * from model_consents"))).mappings().all()
        audited = list(
            await db.scalars(text("select action from audit_entries where object = 'model_consents' order by id"))
        )
    assert (kept["user_id"], kept["wording"]) == (ada.user.id, first["consent_wording"])
    assert (kept["withdrawn_by"], kept["withdrawn_at"] is not None) == (ada.user.id, True)
    assert audited == ["model_consents.insert", "model_consents.update"]


async def test_what_left_and_what_it_cost_is_shown(app: Runtime, nobody: Client, openai: OpenAi) -> None:
    ada = await make_user(app)
    client = nobody.signed_in(ada.access_token)
    await client.put(PATH, json={"consents": True})
    await make_draft(app, ada, await make_mailbox(app, ada))
    (used,) = (await client.get(PATH)).json()["data"]["language_model"]["used"]
    assert (used["purpose"], used["questions"], used["failures"]) == ("reply", 1, 0)
    assert used["characters"] > 100
    assert used["input_tokens"] > used["output_tokens"] > 0


@pytest.mark.parametrize("role", [Role.MEMBER, Role.VIEWER])
async def test_only_an_owner_agrees(app: Runtime, nobody: Client, role: Role) -> None:
    ada = await make_user(app)
    other = await make_user(app, role=role, workspace_id=ada.workspace_id)
    client = nobody.signed_in(other.access_token)
    assert (await client.put(PATH, json={"consents": True})).status_code == 403
    assert (await client.get(PATH)).json()["data"]["language_model"]["consents"] is False


async def test_there_is_nothing_to_agree_to_without_a_model(runtime: Runtime, anonymous: Client) -> None:
    ada = await make_user(runtime)
    client = anonymous.signed_in(ada.access_token)
    refused = await client.put(PATH, json={"consents": True})
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "NO_LANGUAGE_MODEL")
    assert (await client.put(PATH, json={"consents": False})).status_code == 200
    assert (await client.put(PATH, json={"consents": "yes"})).status_code == 422
