"""Playing a file as a player does: decoded by ffmpeg, its samples counted."""

import subprocess
from array import array

from imageio_ffmpeg import get_ffmpeg_exe

RATE = 16_000


def played(audio: bytes) -> "array[int]":
    """Returns what is heard, 16,000 samples a second; fails where it is no file that plays."""
    command = [get_ffmpeg_exe(), "-loglevel", "error", "-xerror", "-i", "pipe:0", "-f", "s16le", "-ar", str(RATE), "-ac", "1", "pipe:1"]  # fmt: skip
    heard = subprocess.run(command, input=audio, capture_output=True, timeout=60, check=True)
    return array("h", heard.stdout)


def seconds(audio: bytes) -> float:
    return len(played(audio)) / RATE


def loudness(audio: bytes) -> float:
    samples = played(audio)
    return sum(map(abs, samples)) / max(len(samples), 1)
