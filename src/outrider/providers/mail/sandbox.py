"""Mail is hostile: it is taken apart in child processes with little time and memory, which may die of it.

Frames on a child's pipes are a 4-byte length and a body: one way what is to be done with a mail and known of it (JSON) and
the mail itself, the other way what was made of it (JSON), in the same order. What a child is to do for the first time it
loads before, and says so with an empty frame.
"""

import asyncio
import os
import resource
import signal
import struct
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib import import_module
from types import TracebackType
from typing import BinaryIO, Generic, Self, TypeVar

import orjson
from pydantic import TypeAdapter

from outrider.providers.mail import limits, mime
from outrider.providers.mail.parsed import ParsedMail

CPU_SECONDS = 5
WALL_SECONDS = 6.0
START_SECONDS = 30.0  # to start a child, or to have it load what it is to do
MEMORY = 512 * 1024 * 1024
MAX_ANSWER = 8 * 1024 * 1024
BLOCK = 64 * 1024  # bytes written at a time, so that a large mail is not held twice
BATCH = 32  # mails that one child is given at a time

_LENGTH = struct.Struct(">I")
_UNDATED = datetime(1970, 1, 1, tzinfo=UTC)
T = TypeVar("T")


class ParserUnavailable(Exception):
    """No child could be started. The machine is at fault, not the mail: try again later."""


@dataclass(frozen=True, slots=True)
class Reading(Generic[T]):
    """What a child does with each mail: a function of a module, which it imports by name, and what that returns.

    The function gets the mail, when it was received, and what is wrong with it where only its header block is left.
    """

    work: Callable[[bytes, datetime, str | None], T]
    result: TypeAdapter[T]

    @property
    def name(self) -> str:
        return f"{self.work.__module__}:{self.work.__name__}"


@dataclass(frozen=True, slots=True)
class Given:
    """A mail, or its header block alone."""

    raw: bytes
    received_at: datetime = _UNDATED
    poison: str | None = None


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
        return await self.read_many(PLAIN, [Given(raw) for raw in raws])

    async def read_many(self, reading: Reading[T], mails: Sequence[Given]) -> list[T]:
        """Returns one result a mail, in order. Raises ParserUnavailable."""
        batches = [mails[start : start + BATCH] for start in range(0, len(mails), BATCH)]
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._batch(reading, batch)) for batch in batches]
        return [read for task in tasks for read in task.result()]

    async def _batch(self, reading: Reading[T], mails: Sequence[Given]) -> list[T]:
        child = await self._free.get()
        try:
            done: list[T] = []
            while len(done) < len(mails):
                read, poison = await child.read(reading, mails[len(done) :])
                done += read
                if poison is not None:
                    done.append(await _headers_alone(child, reading, replace(mails[len(done)], poison=poison)))
            return done
        finally:
            self._free.put_nowait(child)


def plain(raw: bytes, _received_at: datetime, poison: str | None) -> ParsedMail:
    mail = mime.parse(raw)
    return replace(mail, poison=poison) if poison else mail


PLAIN = Reading(plain, TypeAdapter(ParsedMail))


class _Child:
    """One process, for one caller at a time. It lives on from one reading to another: its start takes as long as 200 mails."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._process: asyncio.subprocess.Process | None = None
        self._loaded: set[str] = set()

    async def read(self, reading: Reading[T], mails: Sequence[Given]) -> tuple[list[T], str | None]:
        """Returns the results up to the first mail that can't be read, and what is wrong with that one."""
        stdin, stdout = await self._streams(reading.name)
        feeding = asyncio.create_task(_feed(stdin, reading.name, mails))
        read: list[T] = []
        try:
            while len(read) < len(mails):
                async with asyncio.timeout(self._seconds):
                    answer = await _answer(stdout)
                read.append(reading.result.validate_json(answer))
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

    async def _streams(self, reading: str) -> tuple[asyncio.StreamWriter, asyncio.StreamReader]:
        if self._process is not None and self._process.returncode is not None:
            await self.end()
        if self._process is None:
            self._process, self._loaded = await _start(), set()
        stdin, stdout = _pipes(self._process)
        if reading not in self._loaded:
            try:
                async with asyncio.timeout(START_SECONDS):
                    await _load(stdin, stdout, reading)
            except (TimeoutError, asyncio.IncompleteReadError, ConnectionError) as error:
                await self.end()
                raise ParserUnavailable("The reader of mails did not start.") from error
            except BaseException:
                await self.end()
                raise
            self._loaded.add(reading)
        return stdin, stdout


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


async def _load(stdin: asyncio.StreamWriter, stdout: asyncio.StreamReader, reading: str) -> None:
    stdin.write(_framed(orjson.dumps((reading,))))
    await stdin.drain()
    await _answer(stdout)


def _pipes(process: asyncio.subprocess.Process) -> tuple[asyncio.StreamWriter, asyncio.StreamReader]:
    assert process.stdin is not None  # noqa: S101  # both are pipes
    assert process.stdout is not None  # noqa: S101
    return process.stdin, process.stdout


async def _feed(stdin: asyncio.StreamWriter, reading: str, mails: Sequence[Given]) -> None:
    # A child that dies shows by its missing answers.
    with suppress(ConnectionError):
        for each in mails:
            known = orjson.dumps((reading, each.received_at, each.poison))
            stdin.write(_framed(known) + _LENGTH.pack(len(each.raw)))
            for start in range(0, len(each.raw), BLOCK):
                stdin.write(each.raw[start : start + BLOCK])
                await stdin.drain()


async def _answer(stdout: asyncio.StreamReader) -> bytes:
    length: int = _LENGTH.unpack(await stdout.readexactly(_LENGTH.size))[0]
    if length > MAX_ANSWER:
        raise ValueError("An answer longer than any mail can make it.")
    return await stdout.readexactly(length)


async def _headers_alone(child: _Child, reading: Reading[T], mail: Given) -> T:
    """A second try with the header block, so that even such a mail has a sender and a subject."""
    header = await asyncio.to_thread(limits.header_block, mail.raw[: limits.MAX_HEADER_BLOCK])
    read, _ = await child.read(reading, [replace(mail, raw=header)])
    return read[0] if read else reading.work(b"", mail.received_at, mail.poison)


def _serve(source: BinaryIO, sink: BinaryIO) -> None:
    """The child's whole life: reads frames until its parent is gone."""
    for interrupt in (signal.SIGINT, signal.SIGTERM):
        signal.signal(interrupt, signal.SIG_IGN)  # the end of stdin is the end
    sys.dont_write_bytecode = True  # it may write no file
    _confine()
    works: dict[str, Callable[[bytes, datetime, str | None], object]] = {}
    while (told := _frame(source)) is not None:
        reading, *known = orjson.loads(told)
        if not known:
            _allow_cpu(int(START_SECONDS))
            works[reading] = _work(reading)
            answer = b""
        elif (raw := _frame(source)) is not None:
            received_at, poison = known
            _allow_cpu(CPU_SECONDS)
            answer = orjson.dumps(works[reading](raw, datetime.fromisoformat(received_at), poison))
        else:
            return
        sink.write(_framed(answer))
        sink.flush()


def _work(reading: str) -> Callable[[bytes, datetime, str | None], object]:
    module, _, name = reading.partition(":")
    found: Callable[[bytes, datetime, str | None], object] = getattr(import_module(module), name)
    return found


def _framed(body: bytes) -> bytes:
    return _LENGTH.pack(len(body)) + body


def _frame(source: BinaryIO) -> bytes | None:
    header = source.read(_LENGTH.size)
    return source.read(_LENGTH.unpack(header)[0]) if len(header) == _LENGTH.size else None


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
