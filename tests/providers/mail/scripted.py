"""Small servers that answer as a test says, for what real servers can't be made to do; they note all they hear."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

DROP = b"DROP"  # break the connection off
SILENCE = b"SILENCE"  # never answer

Answer = Callable[[bytes], bytes]
Speak = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Coroutine[Any, Any, None]]

POLITE = {
    b"GREETING": b"220 scripted",
    b"EHLO": b"250-scripted\r\n250-AUTH PLAIN LOGIN\r\n250-SIZE 50000000\r\n250-SMTPUTF8\r\n250 8BITMIME",
    b"AUTH": b"235 2.7.0 welcome",
    b"MAIL": b"250 2.1.0 ok",
    b"RCPT": b"250 2.1.5 ok",
    b"DATA": b"354 go ahead",
    b".": b"250 2.0.0 queued",
    b"RSET": b"250 2.0.0 ok",
    b"QUIT": b"221 bye",
}


@dataclass
class Heard:
    port: int = 0
    lines: list[bytes] = field(default_factory=list)
    messages: list[bytes] = field(default_factory=list)  # as sent, dots doubled, without the final one

    def verbs(self) -> list[str]:
        return [line.partition(b" ")[0].decode() for line in self.lines]


@asynccontextmanager
async def smtp_server(
    script: Mapping[str, bytes] | None = None, *, body_limit: int | None = None, stops_reading: bool = False
) -> AsyncIterator[Heard]:
    """`script` replaces answers, by verb; `dot` is the one to the message, which comes after `body_limit` bytes."""
    answers = POLITE | {(b"." if verb == "dot" else verb.encode()): said for verb, said in (script or {}).items()}
    heard = Heard()

    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _say(writer, answers[b"GREETING"])
        while line := await reader.readline():
            heard.lines.append(line.rstrip(b"\r\n"))
            verb = line.split()[0].upper()
            await _say(writer, answers[verb])
            if verb == b"DATA" and answers[verb].startswith(b"354"):
                if stops_reading:
                    await asyncio.sleep(3600)
                heard.messages.append(await _body(reader, body_limit))
                await _say(writer, answers[b"."])
            if verb == b"QUIT":
                break

    async with _listening(speak, heard):
        yield heard


@asynccontextmanager
async def line_server(greeting: bytes, answer: Answer) -> AsyncIterator[Heard]:
    """Answers each line with what `answer` returns for it."""
    heard = Heard()

    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _say(writer, greeting)
        while line := await reader.readline():
            heard.lines.append(line.rstrip(b"\r\n"))
            await _say(writer, answer(line.rstrip(b"\r\n")))

    async with _listening(speak, heard):
        yield heard


@asynccontextmanager
async def eavesdropper(port: int) -> AsyncIterator[Heard]:
    """Passes everything on to a server on `port`, noting the lines a client sends."""
    heard = Heard()

    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        upstream_reader, upstream = await asyncio.open_connection("127.0.0.1", port)

        async def back() -> None:
            while data := await upstream_reader.read(65536):
                writer.write(data)
            writer.close()

        returning = asyncio.create_task(back())
        while line := await reader.readline():
            heard.lines.append(line.rstrip(b"\r\n"))
            upstream.write(line)
        upstream.close()
        await returning

    async with _listening(speak, heard):
        yield heard


@asynccontextmanager
async def _listening(speak: Speak, heard: Heard) -> AsyncIterator[None]:
    conversations: set[asyncio.Task[None]] = set()

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        conversations.add(task)
        try:
            await speak(reader, writer)
        except (ConnectionError, asyncio.CancelledError):
            pass  # the other side left, or the test is over
        finally:
            writer.close()

    server = await asyncio.start_server(converse, "127.0.0.1", 0, limit=2**20)
    heard.port = server.sockets[0].getsockname()[1]
    try:
        yield
    finally:
        server.close()
        for task in conversations:
            task.cancel()
        await asyncio.gather(*conversations, return_exceptions=True)


async def _say(writer: asyncio.StreamWriter, answer: bytes) -> None:
    if answer == DROP:
        writer.transport.abort()
        raise ConnectionAbortedError
    if answer == SILENCE:
        await asyncio.sleep(3600)
    writer.write(answer + b"\r\n")
    await writer.drain()


async def _body(reader: asyncio.StreamReader, limit: int | None) -> bytes:
    body = b""
    while limit is None or len(body) < limit:
        line = await reader.readline()
        if line in {b".\r\n", b""}:
            break
        body += line
    return body
