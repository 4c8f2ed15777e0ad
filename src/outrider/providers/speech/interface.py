"""What a speaker can do, in terms no vendor owns."""

from dataclasses import dataclass, field
from typing import Protocol

LONGEST_TEXT = 20_000  # characters: some twenty minutes


@dataclass(frozen=True, slots=True)
class Pcm:
    """Sound as it was made: 16 bits a sample, little-endian, one channel; `rate` in samples a second."""

    samples: bytes = field(repr=False)
    rate: int

    @property
    def seconds(self) -> float:
        return len(self.samples) / 2 / self.rate


@dataclass(frozen=True, slots=True)
class Spoken:
    """Speech as a file that plays everywhere."""

    audio: bytes = field(repr=False)
    media_type: str
    seconds: float


class SpeechFailed(Exception):
    """Nothing was spoken. `is_terminal`: neither will it be later, before a person acts."""

    def __init__(self, message: str, *, is_terminal: bool = False) -> None:
        super().__init__(message)
        self.message, self.is_terminal = message, is_terminal


class Speaker(Protocol):
    """A way to speak. Every failure is a SpeechFailed."""

    async def speak(self, text: str, *, language: str, voice: str) -> Spoken:
        """`language` is a BCP 47 tag such as `de-AT`; a voice that the speaker does not have is its usual one."""
        ...
