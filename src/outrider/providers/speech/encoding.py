"""Making a file of sound: MP3, by ffmpeg in a process of its own."""

import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory

from imageio_ffmpeg import get_ffmpeg_exe

from outrider.providers.speech.interface import Pcm, SpeechFailed, Spoken

MEDIA_TYPE = "audio/mpeg"
SECONDS = 60.0
_QUALITY = ("-c:a", "libmp3lame", "-b:a", "48k")


async def mp3(sound: Pcm) -> Spoken:
    """Returns the sound as MP3. Raises SpeechFailed."""
    if not sound.samples:
        raise SpeechFailed("There is no sound to be written.")
    with TemporaryDirectory(prefix="speech-") as folder:
        # A file and no pipe: how long the sound is can only be written at its beginning once its end is known.
        made = Path(folder) / "spoken.mp3"
        known = ("-f", "s16le", "-ar", str(sound.rate), "-ac", "1", "-i", "pipe:0")
        await _run(("-loglevel", "error", "-nostdin", *known, *_QUALITY, str(made)), sound.samples)
        audio = await asyncio.to_thread(made.read_bytes)
    return Spoken(audio, MEDIA_TYPE, sound.seconds)


async def _run(arguments: tuple[str, ...], given: bytes) -> None:
    try:
        process = await asyncio.create_subprocess_exec(
            get_ffmpeg_exe(),
            *arguments,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
    except (OSError, RuntimeError) as error:
        raise SpeechFailed("ffmpeg could not be started.") from error
    try:
        async with asyncio.timeout(SECONDS):
            _, said = await process.communicate(given)
    except TimeoutError as error:
        raise SpeechFailed("ffmpeg took too long.") from error
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode != 0:
        raise SpeechFailed(f"ffmpeg failed: {said.decode(errors='replace').strip()[:300]}")
