"""Asking a language model about somebody's text: never without consent, once for the same words, written down."""

from collections.abc import AsyncIterator
from decimal import Decimal

import pytest
from pydantic import BaseModel, ConfigDict, SecretStr
from sqlalchemy import select, text

from outrider.core.clock import now
from outrider.domain.llm import asking, consent, queries
from outrider.domain.llm.models import ModelQuestion, Purpose
from outrider.providers.llm.interface import AskFailed, Question
from outrider.runtime import Addresses, Runtime
from outrider.settings import Settings
from tests.factories.accounts import Someone, make_user
from tests.factories.drafts import agree, model_runtime
from tests.stand_ins.openai_chat import MODEL, OpenAi, running


class Colour(BaseModel):
    model_config = ConfigDict(extra="forbid")
    name: str


ASKED = Question("Name the colour.", "The sky over Kent", most_tokens=50, seconds=20)


@pytest.fixture
async def openai() -> AsyncIterator[OpenAi]:
    async with running() as stand_in:
        stand_in.says = lambda _: {"name": "blue"}
        yield stand_in


@pytest.fixture
async def app(settings: Settings, database: Addresses, openai: OpenAi) -> AsyncIterator[Runtime]:
    async with model_runtime(settings, database, openai, openai_chat_price=(Decimal(2), Decimal(8))) as runtime:
        yield runtime


async def ask(app: Runtime, owner: Someone, question: Question = ASKED) -> Colour | None:
    return await asking.ask(app, owner.workspace_id, owner.user.id, Purpose.REPLY, question, Colour)


async def rows(app: Runtime, owner: Someone) -> list[ModelQuestion]:
    async with app.db.begin(owner.scope) as db:
        return list(await db.scalars(select(ModelQuestion).order_by(ModelQuestion.asked_at)))


async def test_nothing_is_asked_without_consent_nor_after_its_end(app: Runtime, openai: OpenAi) -> None:
    ada = await make_user(app)
    assert await ask(app, ada) is None
    await agree(app, ada)
    assert await ask(app, ada) == Colour(name="blue")
    async with app.db.begin(ada.scope) as db:
        await consent.withdraw(db, ada.workspace_id, ada.user.id)
    assert await ask(app, ada) is None, "what was answered before is not used either"
    assert len(openai.asked) == 1


async def test_a_consent_holds_for_one_place_alone(app: Runtime, openai: OpenAi) -> None:
    ada = await make_user(app)
    await agree(app, ada)
    async with app.db.begin(ada.scope) as db:
        await db.execute(text("update model_consents set host = 'elsewhere.test'"))
    assert await ask(app, ada) is None
    assert openai.asked == []
    await agree(app, ada)
    assert await ask(app, ada) is not None
    async with app.db.begin(ada.scope) as db:
        kept = (await db.execute(text("select host, withdrawn_at is null from model_consents order by given_at"))).all()
    assert [tuple(each) for each in kept] == [("elsewhere.test", False), ("127.0.0.1", True)]


async def test_the_same_words_are_asked_once_and_anothers_again(app: Runtime, openai: OpenAi) -> None:
    ada, eve = await make_user(app), await make_user(app)
    await agree(app, ada)
    await agree(app, eve)
    for _ in range(3):
        await ask(app, ada)
    await ask(app, ada, Question("Name the colour.", "The sea", most_tokens=50, seconds=20))
    await ask(app, eve)
    assert len(openai.asked) == 3


async def test_every_question_is_written_down_with_its_cost_and_without_its_words(app: Runtime, openai: OpenAi) -> None:
    ada = await make_user(app)
    await agree(app, ada)
    await ask(app, ada)
    openai.fail(401)
    with pytest.raises(AskFailed, match="401"):
        await ask(app, ada, Question("Name the colour.", "The sea", most_tokens=50, seconds=20))
    answered, failed = await rows(app, ada)
    assert (answered.purpose, answered.model, answered.host) == (Purpose.REPLY, MODEL, "127.0.0.1")
    assert (answered.characters, answered.input_tokens, answered.output_tokens) == (17, 7, 2)
    assert answered.cost_micros == 30
    assert (failed.answer, failed.error) == (None, "127.0.0.1 answered 401: scripted")
    assert "Kent" not in repr([vars(each) for each in (answered, failed)])
    async with app.db.begin(ada.scope) as db:
        (used,) = await queries.used(db, ada.workspace_id, ada.user.created_at)
        assert await queries.used(db, ada.workspace_id, now()) == []
    assert (used.questions, used.failures, used.characters, used.cost_micros) == (2, 1, 24, 30)


async def test_without_a_key_there_is_no_model(settings: Settings, runtime: Runtime) -> None:
    ada = await make_user(runtime)
    assert runtime.language_model is None
    assert await ask(runtime, ada) is None
    with pytest.raises(consent.NoLanguageModel):
        await agree(runtime, ada)


@pytest.mark.parametrize(
    ("changes", "host", "key"),
    [
        ({"openai_api_key": SecretStr("sk-a")}, "api.openai.com", "sk-a"),
        ({"openai_api_key": SecretStr("sk-a"), "openai_chat_key": SecretStr("sk-b")}, "api.openai.com", "sk-b"),
        ({"openai_api_key": SecretStr("sk-a"), "openai_chat_url": "http://localhost:1"}, "localhost", None),
        ({"openai_chat_url": "http://localhost:1", "openai_chat_key": SecretStr("sk-b")}, "localhost", "sk-b"),
    ],
)
async def test_a_key_goes_only_where_it_is_meant_to(
    settings: Settings, database: Addresses, changes: dict[str, object], host: str, key: str | None
) -> None:
    async with model_runtime(settings, database, OpenAi(url=""), **{"openai_chat_url": None, "openai_chat_key": None, **changes}) as app:  # fmt: skip
        assert app.language_model is not None
        assert app.language_model.host == host
        assert vars(app.language_model)["_door"].key == key
