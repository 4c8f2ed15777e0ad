"""A relay between a client and a server that can be told to break."""

import asyncio
from contextlib import suppress
from typing import Self

BLOCK = 8192


class Proxy:
    """Passes bytes both ways; `drop_after` cuts a connection once the server has said so many of them."""

    def __init__(self, host: str, port: int) -> None:
        self._upstream = (host, port)
        self._most: int | None = None
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def port(self) -> int:
        assert self._server is not None
        return int(self._server.sockets[0].getsockname()[1])

    def drop_after(self, most: int | None) -> None:
        self._most = most

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._relay, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._tasks:
            task.cancel()

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        upstream_reader, upstream_writer = await asyncio.open_connection(*self._upstream)
        up = asyncio.create_task(self._pump(reader, upstream_writer, None))
        down = asyncio.create_task(self._pump(upstream_reader, writer, self._most))
        self._tasks |= {up, down}
        await asyncio.wait({up, down}, return_when=asyncio.FIRST_COMPLETED)
        for each in (writer, upstream_writer):
            with suppress(OSError):
                each.transport.abort()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, most: int | None) -> None:
        passed = 0
        with suppress(OSError):
            while block := await reader.read(BLOCK):
                passed += len(block)
                if most is not None and passed > most:
                    return
                writer.write(block)
                await writer.drain()
