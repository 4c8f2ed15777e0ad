"""Mail is hostile: it is taken apart in a child process with little time and memory, which may die of it.

Frames on the child's pipes are a 4-byte length and a body: raw mail one way, JSON the other.
"""

import asyncio
import os
import resource
import struct
import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import BinaryIO

import orjson
from pydantic import TypeAdapter

from outrider.providers.mail.parsed import ParsedMail

CPU_SECONDS = 5
WALL_SECONDS = 6.0
MEMORY = 512 * 1024 * 1024
LENGTH = struct.Struct(">I")
_PARSED = TypeAdapter(ParsedMail)


class Parser:
    """One child, started when first needed. A mail that kills it or takes too long comes back as poison."""

    def __init__(self, *, seconds: float = WALL_SECONDS) -> None:
        self._seconds = seconds
        self._child: asyncio.subprocess.Process | None = None
        self._turn = asyncio.Lock()

    async def parse(self, raw: bytes) -> ParsedMail:
        return (await self.parse_many([raw]))[0]

    async def parse_many(self, raws: Sequence[bytes]) -> list[ParsedMail]:
        """Returns one result a mail, in order."""
        async with self._turn:
            return [await self._one(raw) for raw in raws]

    async def aclose(self) -> None:
        child, self._child = self._child, None
        if child is not None and child.returncode is None:
            child.kill()
            await child.wait()

    async def _one(self, raw: bytes) -> ParsedMail:
        try:
            answer = await asyncio.wait_for(self._exchange(raw), self._seconds)
        except TimeoutError:
            await self.aclose()
            return _poison(f"The mail took longer than {self._seconds:g} seconds to read.")
        except (asyncio.IncompleteReadError, ConnectionError):
            await self.aclose()
            return _poison("The mail ended its reader: it takes too much time or memory.")
        except BaseException:
            # Cancelled in the middle of a frame: the next answer would be this mail's.
            await self.aclose()
            raise
        return _PARSED.validate_json(answer)

    async def _exchange(self, raw: bytes) -> bytes:
        if self._child is None or self._child.returncode is not None:
            self._child = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                __name__,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
                env={"PATH": os.environ.get("PATH", ""), "PYTHONPATH": os.environ.get("PYTHONPATH", "")},
            )
        stdin, stdout = self._child.stdin, self._child.stdout
        assert stdin is not None  # noqa: S101  # both are pipes
        assert stdout is not None  # noqa: S101
        stdin.write(LENGTH.pack(len(raw)) + raw)
        await stdin.drain()
        return await stdout.readexactly(LENGTH.unpack(await stdout.readexactly(LENGTH.size))[0])


def _poison(reason: str) -> ParsedMail:
    return ParsedMail(
        message_id=None,
        in_reply_to=(),
        references=(),
        subject="",
        sent_at=None,
        sender=None,
        reply_to=(),
        to=(),
        cc=(),
        text="",
        html="",
        headers={},
        attachments=(),
        report=None,
        poison=reason,
    )


def _serve(source: BinaryIO, sink: BinaryIO) -> None:
    """The child's whole life: reads frames until its parent is gone."""
    from outrider.providers.mail import charsets, mime

    charsets.preload()
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    while len(header := source.read(LENGTH.size)) == LENGTH.size:
        raw = source.read(LENGTH.unpack(header)[0])
        used = resource.getrusage(resource.RUSAGE_SELF)
        soft = int(used.ru_utime + used.ru_stime) + CPU_SECONDS + 1
        resource.setrlimit(resource.RLIMIT_CPU, (soft, resource.RLIM_INFINITY))
        answer = orjson.dumps(asdict(mime.parse(raw)))
        sink.write(LENGTH.pack(len(answer)) + answer)
        sink.flush()


if __name__ == "__main__":
    _serve(sys.stdin.buffer, sys.stdout.buffer)
