"""Speech by OpenAI (https://platform.openai.com/docs/api-reference/audio/createSpeech), over the guarded client."""

from http import HTTPStatus

from outrider.core.egress import Answer, Egress, EgressBlocked, EgressFailed, EgressUnresolved, Limits
from outrider.providers.speech.encoding import mp3
from outrider.providers.speech.interface import LONGEST_TEXT, Pcm, SpeechFailed, Spoken

MODEL = "gpt-4o-mini-tts"
USUAL_VOICE = "alloy"
VOICES = frozenset(
    {"alloy", "ash", "ballad", "coral", "echo", "fable", "nova", "onyx", "sage", "shimmer", "verse", "marin", "cedar"}
)
RATE = 24_000  # of `pcm`: 16 bits, one channel, no header
LONGEST_INPUT = 4_096  # characters of one request
_LIMITS = Limits(read=60, total=120, body=48 * 2**20)


class OpenAiSpeech:
    """A `Speaker`. The language is heard from the text itself."""

    def __init__(self, egress: Egress, base_url: str, key: str) -> None:
        self._egress, self._url, self._key = egress, f"{base_url}/v1/audio/speech", key

    async def speak(self, text: str, *, language: str, voice: str) -> Spoken:
        if not text.strip() or len(text) > LONGEST_TEXT:
            raise SpeechFailed(f"A text has from 1 to {LONGEST_TEXT:,} characters.", is_terminal=True)
        spoken = [await self._part(each, voice if voice in VOICES else USUAL_VOICE) for each in parts(text)]
        return await mp3(Pcm(b"".join(spoken), RATE))

    async def _part(self, text: str, voice: str) -> bytes:
        # Samples and no file: how long they are needs no guess, and parts can be put together.
        asked = {"model": MODEL, "input": text, "voice": voice, "response_format": "pcm"}
        try:
            answer = await self._egress.request(
                "POST", self._url, json=asked, headers={"Authorization": f"Bearer {self._key}"}, limits=_LIMITS
            )
        except (EgressBlocked, EgressFailed, EgressUnresolved) as error:
            raise SpeechFailed(error.message) from error
        if not answer.is_success:
            raise _failure(answer)
        samples = answer.content
        if not samples or len(samples) % 2:
            raise SpeechFailed("OpenAI's answer is no speech.")
        return samples


def parts(text: str) -> list[str]:
    """Cuts a long text where a sentence ends, else between words."""
    found: list[str] = []
    while len(text) > LONGEST_INPUT:
        head = text[:LONGEST_INPUT]
        cut = max(head.rfind(mark) + len(mark) for mark in (". ", "! ", "? ", "\n"))
        cut = cut if cut > LONGEST_INPUT // 2 else head.rfind(" ") + 1 or LONGEST_INPUT
        found.append(text[:cut])
        text = text[cut:]
    return [each for each in [*found, text] if each.strip()]


def _failure(answer: Answer) -> SpeechFailed:
    try:
        error = answer.json()["error"]
        message, code = str(error.get("message") or "")[:300], str(error.get("code") or "")
    except (ValueError, LookupError, TypeError, AttributeError):
        message, code = "no reason given", ""
    # A spent budget comes as 429 too, and no waiting mends it.
    is_ours = answer.status_code in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.BAD_REQUEST}
    return SpeechFailed(
        f"OpenAI answered {answer.status_code}: {message}", is_terminal=is_ours or code == "insufficient_quota"
    )
