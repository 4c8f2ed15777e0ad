"""Real listeners on the loopback interface that count what reaches them."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Listener:
    """`requests` holds the head of each HTTP request as text; `connections` counts TCP connections."""

    host: str = ""
    port: int = 0
    connections: int = 0
    requests: list[str] = field(default_factory=list)
    routes: dict[str, bytes] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while head := await _head(reader):
                self.requests.append(head)
                writer.write(self.routes.get(head.split(" ")[1], answer(body=b"hello")))
                await writer.drain()
        finally:
            writer.close()


async def _head(reader: asyncio.StreamReader) -> str:
    """Reads one request and returns its head followed by its body; empty once the client has left."""
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    except (asyncio.IncompleteReadError, ConnectionError):
        return ""
    for line in head.split("\r\n"):
        if line.lower().startswith("content-length:"):
            head += (await reader.readexactly(int(line.partition(":")[2]))).decode("latin-1")
    return head


def answer(status: str = "200 OK", body: bytes = b"", **headers: str) -> bytes:
    """Returns an HTTP answer; header names are given with underscores."""
    given = {"Content-Length": str(len(body)), "Content-Type": "text/plain"}
    given |= {name.replace("_", "-").title(): value for name, value in headers.items()}
    lines = [f"HTTP/1.1 {status}", *(f"{name}: {value}" for name, value in given.items())]
    return "\r\n".join([*lines, "", ""]).encode() + body


def redirect(location: str, status: str = "302 Found") -> bytes:
    return answer(status, location=location)


@asynccontextmanager
async def listening(
    host: str = "127.0.0.1", port: int = 0, tls: ssl.SSLContext | None = None
) -> AsyncIterator[Listener]:
    listener = Listener(host=host)
    async with talking(listener.serve, host, port, tls) as listener.port:
        yield listener


@asynccontextmanager
async def talking(
    talk: Talk, host: str = "127.0.0.1", port: int = 0, tls: ssl.SSLContext | None = None
) -> AsyncIterator[int]:
    """Serves each connection with `talk` and yields the port."""
    server = await asyncio.start_server(talk, host, port, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()  # not wait_closed: a client's idle connection must not hold the test
