"""Speech without a key or a network: eSpeak NG, its library and voices from a package, in a process of its own.

A process for each text: the library speaks one text at a time for its whole process, and may not be stopped within one.
"""

import asyncio
import ctypes
import struct
import sys
from collections.abc import Iterator

import espeakng_loader

from outrider.providers.speech.encoding import mp3
from outrider.providers.speech.interface import LONGEST_TEXT, Pcm, SpeechFailed, Spoken

SECONDS = 60.0
_RATE = struct.Struct("<I")
# speak_lib.h
_SYNCHRONOUS, _UTF8, _OK = 2, 1, 0


class Espeak:
    """A `Speaker`. It has one voice for each language."""

    async def speak(self, text: str, *, language: str, voice: str) -> Spoken:
        if not text.strip() or len(text) > LONGEST_TEXT:
            raise SpeechFailed(f"A text has from 1 to {LONGEST_TEXT:,} characters.", is_terminal=True)
        return await mp3(await _synthesised(text.replace("\0", ""), language))


async def _synthesised(text: str, language: str) -> Pcm:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "outrider.providers.speech.espeak",
        language,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        async with asyncio.timeout(SECONDS):
            answer, _ = await process.communicate(text.encode("utf-8", "replace"))
    except TimeoutError as error:
        raise SpeechFailed("The synthesizer took too long.") from error
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode != 0 or len(answer) <= _RATE.size:
        raise SpeechFailed("The synthesizer said nothing.")
    rate: int = _RATE.unpack_from(answer)[0]
    return Pcm(answer[_RATE.size :], rate)


def voices(language: str) -> Iterator[str]:
    """eSpeak NG's names for a language, the closest first; English in the end."""
    parts = language.lower().replace("_", "-").split("-")
    yield "-".join(parts)
    yield parts[0]
    yield "en-us"


def _serve(language: str) -> None:
    """The child's whole life: reads a text, writes the rate and the samples."""
    library = ctypes.CDLL(espeakng_loader.get_library_path())
    folder = str(espeakng_loader.get_data_path()).encode()
    rate = library.espeak_Initialize(_SYNCHRONOUS, 0, folder, 0)
    samples = bytearray()

    def take(wave: "ctypes._Pointer[ctypes.c_short]", count: int, _: object) -> int:
        if count > 0:
            samples.extend(ctypes.string_at(wave, count * 2))
        return 0

    # Held here: the library keeps no reference of its own.
    callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)(take)
    library.espeak_SetSynthCallback(callback)
    if all(library.espeak_SetVoiceByName(each.encode()) != _OK for each in voices(language)):
        sys.exit(1)
    text = sys.stdin.buffer.read()
    if library.espeak_Synth(text, len(text) + 1, 0, 0, 0, _UTF8, None, None) != _OK:
        sys.exit(1)
    library.espeak_Synchronize()
    sys.stdout.buffer.write(_RATE.pack(rate) + samples)


if __name__ == "__main__":
    _serve(sys.argv[1])
