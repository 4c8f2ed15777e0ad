"""eSpeak NG, really speaking."""

import asyncio

import pytest

from outrider.providers.speech.espeak import Espeak, voices
from outrider.providers.speech.interface import LONGEST_TEXT, SpeechFailed
from tests.providers.speech.playing import loudness, seconds

TEXTS = {
    "en-US": "Good morning. Two people wrote to you about the contract.",
    "de-DE": "Guten Morgen. Zwei Leute haben Ihnen wegen des Vertrags geschrieben.",
    "es": "Buenos días. Dos personas le escribieron sobre el contrato.",
    "zz": "Nobody knows this language, so it is spoken as English.",
}


@pytest.mark.parametrize("language", TEXTS)
async def test_a_text_is_heard_for_as_long_as_is_told(language: str) -> None:
    spoken = await Espeak().speak(TEXTS[language], language=language, voice="alloy")
    heard = seconds(spoken.audio)
    print(f"\n{language}: told {spoken.seconds:.2f} s, heard {heard:.2f} s, {len(spoken.audio):,} bytes")
    assert 2 < spoken.seconds < 10
    assert heard == pytest.approx(spoken.seconds, abs=0.05)
    assert loudness(spoken.audio) > 300


async def test_several_texts_are_spoken_side_by_side() -> None:
    alone = await Espeak().speak(TEXTS["en-US"], language="en-US", voice="")
    together = await asyncio.gather(*(Espeak().speak(TEXTS["en-US"], language="en-US", voice="") for _ in range(4)))
    assert {each.seconds for each in together} == {alone.seconds}


@pytest.mark.parametrize("text", ["", " \n", "x" * (LONGEST_TEXT + 1)], ids=["nothing", "blank", "a book"])
async def test_what_can_not_be_spoken_says_so(text: str) -> None:
    with pytest.raises(SpeechFailed, match="characters") as failure:
        await Espeak().speak(text, language="en", voice="")
    assert failure.value.is_terminal


async def test_a_text_is_text_and_no_command() -> None:
    plain = await Espeak().speak("one two three", language="en", voice="")
    odd = await Espeak().speak("<break time='60s'/> one [[h@'loU]] \0 \ud800 😀 two three", language="en", voice="")
    assert odd.seconds < plain.seconds + 20


def test_the_closest_voice_comes_first() -> None:
    assert list(voices("pt_BR")) == ["pt-br", "pt", "en-us"]
