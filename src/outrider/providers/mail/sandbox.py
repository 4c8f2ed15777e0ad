"""Mail is hostile: it is taken apart in child processes with little time and memory, which may die of it.

Frames on a child's pipes are a 4-byte length and a body: raw mail one way, JSON the other, in the same order.
"""

import asyncio
import os
import resource
import signal
import struct
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from types import TracebackType
from typing import BinaryIO, Self

import orjson
from pydantic import TypeAdapter

from outrider.providers.mail import limits
from outrider.providers.mail.parsed import ParsedMail

CPU_SECONDS = 5
WALL_SECONDS = 6.0
START_SECONDS = 30.0
MEMORY = 512 * 1024 * 1024
MAX_ANSWER = 8 * 1024 * 1024
BLOCK = 64 * 1024  # bytes written at a time, so that a large mail is not held twice
BATCH = 32  # mails that one child is given at a time

_LENGTH = struct.Struct(">I")
_READY = b"\x01"
_PARSED = TypeAdapter(ParsedMail)


class ParserUnavailable(Exception):
    """No child could be started. The machine is at fault, not the mail: try again later."""


class Parser:
    """Some children, each started when first needed. A mail that kills its child or takes too long becomes poison."""

    def __init__(self, *, processes: int = 1, seconds: float = WALL_SECONDS) -> None:
        self._children = [_Child(seconds) for _ in range(processes)]
        self._free: asyncio.LifoQueue[_Child] = asyncio.LifoQueue()
        for child in self._children:
            self._free.put_nowait(child)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        for child in self._children:
            await child.end()

    async def parse(self, raw: bytes) -> ParsedMail:
        return (await self.parse_many([raw]))[0]

    async def parse_many(self, raws: Sequence[bytes]) -> list[ParsedMail]:
        """Returns one result a mail, in order. Raises ParserUnavailable."""
        batches = [raws[start : start + BATCH] for start in range(0, len(raws), BATCH)]
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._batch(batch)) for batch in batches]
        return [mail for task in tasks for mail in task.result()]

    async def _batch(self, raws: Sequence[bytes]) -> list[ParsedMail]:
        child = await self._free.get()
        try:
            mails: list[ParsedMail] = []
            while len(mails) < len(raws):
                read, poison = await child.read(raws[len(mails) :])
                mails += read
                if poison is not None:
                    mails.append(await _headers_alone(child, raws[len(mails)], poison))
            return mails
        finally:
            self._free.put_nowait(child)


class _Child:
    """One process, for one caller at a time."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._process: asyncio.subprocess.Process | None = None

    async def read(self, raws: Sequence[bytes]) -> tuple[list[ParsedMail], str | None]:
        """Returns the results up to the first mail that can't be read, and what is wrong with that one."""
        stdin, stdout = await self._streams()
        feeding = asyncio.create_task(_feed(stdin, raws))
        read: list[ParsedMail] = []
        try:
            while len(read) < len(raws):
                read.append(_PARSED.validate_json(await asyncio.wait_for(_answer(stdout), self._seconds)))
        except TimeoutError:
            await self.end()
            return read, f"The mail took longer than {self._seconds:g} seconds to read."
        except (asyncio.IncompleteReadError, ConnectionError, ValueError):
            await self.end()
            return read, "The mail ended its reader: it takes too much time or memory."
        except BaseException:
            # Given up in the middle: the next answers would be those of these mails.
            await self.end()
            raise
        finally:
            feeding.cancel()
            await asyncio.gather(feeding, return_exceptions=True)
        return read, None

    async def end(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    async def _streams(self) -> tuple[asyncio.StreamWriter, asyncio.StreamReader]:
        if self._process is not None and self._process.returncode is not None:
            await self.end()
        if self._process is None:
            self._process = await _start()
            try:
                await asyncio.wait_for(_ready(self._process), START_SECONDS)
            except (TimeoutError, asyncio.IncompleteReadError) as error:
                await self.end()
                raise ParserUnavailable("The reader of mails did not start.") from error
            except BaseException:
                await self.end()
                raise
        return _pipes(self._process)


async def _start() -> asyncio.subprocess.Process:
    try:
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "outrider.providers.mail.sandbox",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env={name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ},
            start_new_session=True,  # a Ctrl-C meant for the parent must not make poison of the mail in hand
        )
    except OSError as error:
        raise ParserUnavailable("The reader of mails could not be started.") from error


async def _ready(process: asyncio.subprocess.Process) -> None:
    await _pipes(process)[1].readexactly(len(_READY))


def _pipes(process: asyncio.subprocess.Process) -> tuple[asyncio.StreamWriter, asyncio.StreamReader]:
    assert process.stdin is not None  # noqa: S101  # both are pipes
    assert process.stdout is not None  # noqa: S101
    return process.stdin, process.stdout


async def _feed(stdin: asyncio.StreamWriter, raws: Sequence[bytes]) -> None:
    # A child that dies shows by its missing answers.
    with suppress(ConnectionError):
        for raw in raws:
            stdin.write(_LENGTH.pack(len(raw)))
            for start in range(0, len(raw), BLOCK):
                stdin.write(raw[start : start + BLOCK])
                await stdin.drain()


async def _answer(stdout: asyncio.StreamReader) -> bytes:
    length: int = _LENGTH.unpack(await stdout.readexactly(_LENGTH.size))[0]
    if length > MAX_ANSWER:
        raise ValueError("An answer longer than any mail can make it.")
    return await stdout.readexactly(length)


async def _headers_alone(child: _Child, raw: bytes, poison: str) -> ParsedMail:
    """A second try with the header block, so that even such a mail has a sender and a subject."""
    header = await asyncio.to_thread(limits.header_block, raw[: limits.MAX_HEADER_BLOCK])
    read, _ = await child.read([header])
    return replace(read[0], poison=poison) if read else replace(_NOTHING, poison=poison)


_NOTHING = ParsedMail(
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
)


def _serve(source: BinaryIO, sink: BinaryIO) -> None:
    """The child's whole life: reads frames until its parent is gone."""
    from outrider.providers.mail import mime

    for interrupt in (signal.SIGINT, signal.SIGTERM):
        signal.signal(interrupt, signal.SIG_IGN)  # the end of stdin is the end
    _confine()
    sink.write(_READY)
    sink.flush()
    while len(header := source.read(_LENGTH.size)) == _LENGTH.size:
        raw = source.read(_LENGTH.unpack(header)[0])
        _allow_cpu(CPU_SECONDS)
        answer = orjson.dumps(mime.parse(raw))
        sink.write(_LENGTH.pack(len(answer)) + answer)
        sink.flush()


def _confine() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    for none in (resource.RLIMIT_CORE, resource.RLIMIT_NPROC, resource.RLIMIT_FSIZE):
        resource.setrlimit(none, (0, 0))


def _allow_cpu(seconds: int) -> None:
    used = resource.getrusage(resource.RUSAGE_SELF)
    soft = int(used.ru_utime + used.ru_stime) + seconds
    resource.setrlimit(resource.RLIMIT_CPU, (soft, resource.RLIM_INFINITY))


if __name__ == "__main__":
    _serve(sys.stdin.buffer, sys.stdout.buffer)
