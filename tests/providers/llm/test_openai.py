"""A language model behind OpenAI's chat completions, by a stand-in that holds every word to OpenAI's own types."""

import asyncio
import time
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict

from outrider.core.egress import Egress
from outrider.providers.llm.interface import Answered, AskFailed, Question
from outrider.providers.llm.openai import Door, OpenAiChat, Prices, known_prices
from tests.stand_ins.openai_chat import KEY, MODEL, OpenAi, material_of, running


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
async def egress() -> AsyncIterator[Egress]:
    made = Egress(allow=("127.0.0.1",))
    yield made
    await made.aclose()


def chat(openai: OpenAi, egress: Egress, **known: Any) -> OpenAiChat:
    return OpenAiChat(egress, Door(**{"base_url": openai.url, "model": MODEL, "key": KEY, **known}))


async def ask(model: OpenAiChat, question: Question = ASKED) -> Answered[Colour]:
    return await model.ask(question, Colour)


async def test_an_answer_has_the_shape_that_was_asked_for(openai: OpenAi, egress: Egress) -> None:
    model = chat(openai, egress, prices=Prices(Decimal(2), Decimal(8)))
    answered = await ask(model)
    assert answered.value == Colour(name="blue")
    assert (answered.usage.input_tokens, answered.usage.output_tokens) == (7, 2)
    assert answered.usage.cost == Decimal("0.00003")
    (body,) = openai.asked
    assert (material_of(body), body["model"], body["store"]) == ("The sky over Kent", MODEL, False)
    assert body["max_completion_tokens"] == 50
    assert (model.name, model.host) == (MODEL, "127.0.0.1")


async def test_a_server_of_ones_own_needs_no_key_and_costs_nothing_known(openai: OpenAi, egress: Egress) -> None:
    openai.key = None
    assert (await ask(chat(openai, egress, key=None))).usage.cost is None


@pytest.mark.parametrize("status", [0, 429, 500, 503])
async def test_what_passes_is_tried_again(openai: OpenAi, egress: Egress, status: int) -> None:
    openai.fail(status)
    assert (await ask(chat(openai, egress))).value.name == "blue"
    assert len(openai.asked) == 2


async def test_a_wait_that_is_asked_for_is_kept(openai: OpenAi, egress: Egress) -> None:
    openai.fail(429, code="rate_limit_exceeded", retry_after="1")
    began = time.monotonic()
    await ask(chat(openai, egress))
    assert time.monotonic() - began >= 1


async def test_what_lasts_is_given_up_and_says_when_to_come_again(openai: OpenAi, egress: Egress) -> None:
    openai.fail(429, retry_after="90")
    with pytest.raises(AskFailed, match="429") as failure:
        await ask(chat(openai, egress))
    assert (len(openai.asked), failure.value.retry_after, failure.value.is_terminal) == (1, 90, False)
    openai.fail(503, times=3)
    with pytest.raises(AskFailed, match="503"):
        await ask(chat(openai, egress))
    assert len(openai.asked) == 4


@pytest.mark.parametrize(
    ("status", "told"),
    [
        (400, {"code": "invalid_request"}), (401, {"code": "invalid_api_key"}), (404, {"code": "model_not_found"}),
        (429, {"code": "insufficient_quota"}), (429, {"type": "insufficient_quota", "code": "credit_balance_exhausted"}),
    ],
)  # fmt: skip
async def test_what_no_waiting_mends_is_not_tried_again(
    openai: OpenAi, egress: Egress, status: int, told: dict[str, str]
) -> None:
    openai.fail(status, **told)
    with pytest.raises(AskFailed, match=str(status)) as failure:
        await ask(chat(openai, egress))
    assert failure.value.is_terminal
    assert len(openai.asked) == 1
    assert KEY not in failure.value.message


async def test_refused_cut_off_and_misshapen_answers_are_no_answers(openai: OpenAi, egress: Egress) -> None:
    model = chat(openai, egress)
    openai.refusal = "I can't help with that."
    with pytest.raises(AskFailed, match="refused") as refused:
        await ask(model)
    assert refused.value.usage.input_tokens == 7, "it is charged for all the same"
    openai.refusal, openai.finish = None, "length"
    with pytest.raises(AskFailed, match="cut off"):
        await ask(model)
    openai.finish = "stop"
    for said in ("no JSON", '{"name": 7}', '{"name": "blue", "and": "more"}', ""):
        openai.says = lambda _, said=said: said
        with pytest.raises(AskFailed, match="shape"):
            await ask(model)
    assert len(openai.asked) == 6


async def test_only_so_many_questions_are_open_at_once(openai: OpenAi, egress: Egress) -> None:
    openai.delay = 0.02
    model = chat(openai, egress, at_once=2)
    await asyncio.gather(*(ask(model) for _ in range(8)))
    assert (openai.most_at_once, len(openai.asked)) == (2, 8)


async def test_a_silent_server_is_left_in_time(openai: OpenAi, egress: Egress) -> None:
    openai.delay = 5
    with pytest.raises(AskFailed, match="too long") as failure:
        await ask(chat(openai, egress), Question("Name it.", "The sky", most_tokens=50, seconds=0.2))
    assert not failure.value.is_terminal
    openai.delay = 0


async def test_an_address_that_is_not_allowed_gets_nothing(openai: OpenAi) -> None:
    guarded = Egress()
    try:
        with pytest.raises(AskFailed, match="not on the public internet"):
            await ask(chat(openai, guarded))
    finally:
        await guarded.aclose()
    assert openai.asked == []


def test_the_price_of_an_unknown_model_is_not_guessed() -> None:
    assert known_prices(MODEL) == Prices(Decimal("0.40"), Decimal("1.60"))
    assert known_prices("llama3.3") is None
