"""A language model behind OpenAI's chat completions (https://platform.openai.com/docs/api-reference/chat/create), at
OpenAI or at any server that speaks the same, over the guarded client.
"""

import asyncio
from dataclasses import dataclass, field
from decimal import Decimal
from http import HTTPStatus
from typing import Any, TypeVar
from urllib.parse import urlsplit

from pydantic import BaseModel, Field, ValidationError

from outrider.core.egress import (
    Answer,
    Egress,
    EgressBlocked,
    EgressFailed,
    EgressTooLarge,
    EgressUnresolved,
    Limits,
)
from outrider.providers import retries
from outrider.providers.llm.interface import Answered, AskFailed, Question, Usage

T = TypeVar("T", bound=BaseModel)

TRIES = 3
FIRST_WAIT, LONGEST_WAIT = 0.5, 8.0  # seconds between tries
MILLION = 1_000_000
# US dollars for a million tokens, in and out (https://platform.openai.com/docs/pricing, 2026-06).
KNOWN_PRICES = {"gpt-4.1-mini": (Decimal("0.40"), Decimal("1.60")), "gpt-4.1-nano": (Decimal("0.10"), Decimal("0.40"))}
# A spent budget comes as 429 too, and no waiting mends it; the type stays while the codes multiply.
SPENT = "insufficient_quota"
_OURS = frozenset({400, 401, 403, 404, 413, 422})


@dataclass(frozen=True, slots=True)
class Prices:
    """US dollars for a million tokens."""

    input: Decimal
    output: Decimal

    def of(self, input_tokens: int, output_tokens: int) -> Decimal:
        return (self.input * input_tokens + self.output * output_tokens) / MILLION


@dataclass(frozen=True, slots=True)
class Door:
    """Where the model is and how it is entered; a server of one's own may need no `key`."""

    base_url: str
    model: str
    key: str | None = field(default=None, repr=False)
    prices: Prices | None = None
    at_once: int = 4


class OpenAiChat:
    """A `LanguageModel`."""

    def __init__(self, egress: Egress, door: Door) -> None:
        self._egress, self._door = egress, door
        self._url = f"{door.base_url}/v1/chat/completions"
        self._room = asyncio.Semaphore(door.at_once)

    @property
    def name(self) -> str:
        return self._door.model

    @property
    def host(self) -> str:
        return urlsplit(self._door.base_url).hostname or ""

    async def ask(self, question: Question, wanted: type[T]) -> Answered[T]:
        body = _request(self._door.model, question, wanted)
        try:
            async with asyncio.timeout(question.seconds):
                answer = await self._try(body, question.seconds)
        except TimeoutError:
            raise AskFailed(f"{self.host} took too long to answer.") from None
        return self._read(answer, wanted)

    async def _try(self, body: dict[str, Any], seconds: float) -> Answer:
        for attempt in range(TRIES):
            try:
                return await self._once(body, seconds)
            except AskFailed as failure:
                if failure.is_terminal or attempt + 1 == TRIES or (failure.retry_after or 0) > seconds:
                    raise
                wait = retries.delay(attempt, failure.retry_after, first=FIRST_WAIT, longest=LONGEST_WAIT)
                await asyncio.sleep(wait)
        raise AssertionError  # the last try returned or raised

    async def _once(self, body: dict[str, Any], seconds: float) -> Answer:
        headers = {"Authorization": f"Bearer {self._door.key}"} if self._door.key else {}
        limits = Limits(read=seconds, total=seconds, body=2**20)
        try:
            async with self._room:
                answer = await self._egress.request("POST", self._url, json=body, headers=headers, limits=limits)
        except EgressBlocked as error:
            raise AskFailed(error.message, is_terminal=True) from error
        except EgressTooLarge as error:
            # It was answered and is charged for: asking again gives as much again.
            raise AskFailed(error.message, is_terminal=True) from error
        except (EgressFailed, EgressUnresolved) as error:
            raise AskFailed(error.message) from error
        if not answer.is_success:
            raise _refused(answer, self.host)
        return answer

    def _read(self, answer: Answer, wanted: type[T]) -> Answered[T]:
        try:
            told = _Completion.model_validate_json(answer.content)
        except ValidationError:
            raise AskFailed(f"{self.host} answered something that is no chat completion.") from None
        usage, choice = self._usage(told.usage), told.choices[0]
        if choice.message.refusal:
            raise AskFailed("The model refused to answer.", is_terminal=True, usage=usage)
        if choice.finish_reason in {"length", "content_filter"}:
            raise AskFailed(f"The answer was cut off: {choice.finish_reason}.", is_terminal=True, usage=usage)
        try:
            return Answered(wanted.model_validate_json(choice.message.content or ""), usage)
        except ValidationError:
            raise AskFailed("The answer has not the shape that was asked for.", usage=usage) from None

    def _usage(self, told: "_Usage | None") -> Usage:
        if told is None:
            return Usage()
        into, out = told.prompt_tokens, told.completion_tokens
        return Usage(into, out, self._door.prices.of(into, out) if self._door.prices else None)


class _Message(BaseModel):
    content: str | None = None
    refusal: str | None = None


class _Choice(BaseModel):
    message: _Message
    finish_reason: str | None = None


class _Usage(BaseModel):
    prompt_tokens: int = 0
    completion_tokens: int = 0


class _Completion(BaseModel):
    """What is used of an answer; compatible servers leave out much of the rest."""

    choices: list[_Choice] = Field(min_length=1)
    usage: _Usage | None = None


def known_prices(model: str) -> Prices | None:
    found = KNOWN_PRICES.get(model)
    return Prices(*found) if found else None


def _request(model: str, question: Question, wanted: type[BaseModel]) -> dict[str, Any]:
    schema = {"name": wanted.__name__.lower(), "strict": True, "schema": wanted.model_json_schema()}
    return {
        "model": model,
        # `system` is what every compatible server knows; OpenAI reads it as `developer` where a model has that.
        "messages": [
            {"role": "system", "content": question.instructions},
            {"role": "user", "content": question.material},
        ],
        "response_format": {"type": "json_schema", "json_schema": schema},
        "max_completion_tokens": question.most_tokens,
        "store": False,  # nothing of it is to be kept there for others to read
    }


def _refused(answer: Answer, host: str) -> AskFailed:
    try:
        error = answer.json()["error"]
        message, kind = str(error.get("message") or "")[:300], f"{error.get('type')} {error.get('code')}"
    except (ValueError, LookupError, TypeError, AttributeError):
        message, kind = "no reason given", ""
    return AskFailed(
        f"{host} answered {answer.status_code}: {message}",
        is_terminal=answer.status_code in _OURS or SPENT in kind,
        retry_after=retries.retry_after(answer.headers) if answer.status_code >= HTTPStatus.TOO_MANY_REQUESTS else None,
    )
