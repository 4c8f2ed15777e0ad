"""OpenAI's speech, by a stand-in that gives a tenth of a second of sound for each word."""

import math
from array import array
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from outrider.core.egress import Egress
from outrider.providers.speech.interface import SpeechFailed
from outrider.providers.speech.openai import LONGEST_INPUT, RATE, OpenAiSpeech, parts
from tests.providers.speech.playing import loudness, seconds
from tests.stand_ins.serving import serve

KEY = "sk-stand-in"


@dataclass
class StandIn:
    status: int = 200
    code: str = ""
    url: str = ""
    asked: list[dict[str, Any]] = field(default_factory=list)

    async def speak(self, request: Request) -> Response:
        body = await request.json()
        self.asked.append(body)
        assert set(body) == {"model", "input", "voice", "response_format"}
        assert len(body["input"]) <= LONGEST_INPUT
        if request.headers["authorization"] != f"Bearer {KEY}":
            return self._error(401, "invalid_api_key")
        if self.status != 200:
            return self._error(self.status, self.code)
        length = RATE // 10 * len(body["input"].split())
        wave = array("h", (int(8_000 * math.sin(n / RATE * 300 * math.tau)) for n in range(length)))
        return Response(wave.tobytes(), media_type="audio/pcm")

    def _error(self, status: int, code: str) -> Response:
        return JSONResponse({"error": {"message": "scripted", "type": "x", "param": None, "code": code}}, status)


@pytest.fixture
async def stand_in() -> AsyncIterator[StandIn]:
    made = StandIn()
    async with serve(Starlette(routes=[Route("/v1/audio/speech", made.speak, methods=["POST"])])) as made.url:
        yield made


async def speak(stand_in: StandIn, text: str, *, voice: str = "nova", key: str = KEY) -> Any:
    egress = Egress(allow=("127.0.0.1",))
    try:
        return await OpenAiSpeech(egress, stand_in.url, key).speak(text, language="en", voice=voice)
    finally:
        await egress.aclose()


async def test_a_text_is_heard_for_as_long_as_is_told(stand_in: StandIn) -> None:
    spoken = await speak(stand_in, "one two three four five six seven eight nine ten")
    assert spoken.seconds == 1.0
    assert seconds(spoken.audio) == pytest.approx(1.0, abs=0.05)
    assert loudness(spoken.audio) > 1_000
    assert stand_in.asked[0]["voice"] == "nova"


async def test_a_long_text_is_spoken_whole(stand_in: StandIn) -> None:
    text = "Seven words are in each sentence here. " * 150
    spoken = await speak(stand_in, text, voice="unheard of")
    assert len(stand_in.asked) == 2
    assert spoken.seconds == pytest.approx(150 * 7 / 10)
    assert {each["voice"] for each in stand_in.asked} == {"alloy"}
    assert "".join(each["input"] for each in stand_in.asked).split() == text.split()


@pytest.mark.parametrize(
    ("status", "code", "is_terminal"),
    [(401, "invalid_api_key", True), (429, "rate_limit_exceeded", False), (429, "insufficient_quota", True), (500, "", False)],
)  # fmt: skip
async def test_a_refusal_says_whether_waiting_helps(
    stand_in: StandIn, status: int, code: str, *, is_terminal: bool
) -> None:
    stand_in.status, stand_in.code = status, code
    with pytest.raises(SpeechFailed, match=str(status)) as failure:
        await speak(stand_in, "Hello")
    assert failure.value.is_terminal == is_terminal
    assert KEY not in failure.value.message


def test_a_text_is_cut_where_a_sentence_ends() -> None:
    text = "A sentence of some length. " * 300
    cut = parts(text)
    assert "".join(cut) == text
    assert all(each.endswith(". ") and len(each) <= LONGEST_INPUT for each in cut)
    assert "".join(parts("x" * 10_000)) == "x" * 10_000
