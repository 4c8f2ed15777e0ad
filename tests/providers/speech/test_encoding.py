"""Files of sound: they play, as long as is told."""

import math
from array import array

import pytest

from outrider.providers.speech.encoding import mp3
from outrider.providers.speech.interface import Pcm, SpeechFailed
from tests.providers.speech.playing import loudness, seconds


def tone(length: float, rate: int) -> Pcm:
    samples = array("h", (int(8_000 * math.sin(n / rate * 440 * math.tau)) for n in range(int(length * rate))))
    return Pcm(samples.tobytes(), rate)


@pytest.mark.parametrize("rate", [22_050, 24_000])
@pytest.mark.parametrize("length", [0.3, 4.2, 61.0])
async def test_a_file_plays_as_long_as_is_told(rate: int, length: float) -> None:
    spoken = await mp3(tone(length, rate))
    assert spoken.media_type == "audio/mpeg"
    assert spoken.seconds == pytest.approx(length, abs=0.001)
    assert seconds(spoken.audio) == pytest.approx(length, abs=0.05)
    assert loudness(spoken.audio) > 1_000


async def test_no_sound_is_no_file() -> None:
    with pytest.raises(SpeechFailed):
        await mp3(Pcm(b"", 22_050))
