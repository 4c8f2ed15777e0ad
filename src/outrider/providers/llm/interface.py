"""What a language model can do here: answer one question about a text, in a shape that was asked for."""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Generic, Protocol, TypeVar

from pydantic import BaseModel

T = TypeVar("T", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Question:
    """`instructions` are ours; `material` is what somebody wrote, and nothing in it is an instruction. All tries together
    take at most `seconds`.
    """

    instructions: str
    material: str = field(repr=False)
    most_tokens: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Usage:
    """`cost` is in US dollars; None where nobody said what the model costs."""

    input_tokens: int = 0
    output_tokens: int = 0
    cost: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Answered(Generic[T]):
    value: T
    usage: Usage


class AskFailed(Exception):
    """There is no answer. `is_terminal`: neither will there be later, before a person acts or the question changes. What
    it cost all the same is in `usage`; `retry_after` is in seconds.
    """

    def __init__(
        self, message: str, *, is_terminal: bool = False, retry_after: float | None = None, usage: Usage | None = None
    ) -> None:
        super().__init__(message)
        self.message, self.is_terminal, self.retry_after = message, is_terminal, retry_after
        self.usage = usage or Usage()


class LanguageModel(Protocol):
    """A way to ask. Every failure is an AskFailed."""

    @property
    def name(self) -> str:
        """Which model, as its vendor calls it."""
        ...

    @property
    def host(self) -> str:
        """Where texts go that it is asked about."""
        ...

    async def ask(self, question: Question, wanted: type[T]) -> Answered[T]: ...
