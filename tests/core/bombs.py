"""Hostile answers, as servers on the loopback interface. `python -m tests.core.bombs NAME [MEGABYTES]` meets one of
them with the guarded client and prints, as JSON, how it ended, after how long and by how much memory had grown."""

import asyncio
import gzip
import json
import re
import sys
import time
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from outrider.core.egress import Egress, EgressFailed, Limits
from tests.core.listeners import answer, talking

MEGABYTE = 2**20
LIMITS = Limits(connect=1, read=1, total=3)  # the sizes are the real ones, the times a tenth


def _gzip_of_zeros(megabytes: int) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    return b"".join(packer.compress(bytes(MEGABYTE)) for _ in range(megabytes)) + packer.flush()


def _endless(start: bytes, chunk: bytes) -> Iterator[bytes]:
    yield start
    while True:
        yield chunk


OPEN_END = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n"
# A brotli and a zstd stream of zeros; their size does not matter, since neither encoding is accepted.
BROTLI, ZSTD = bytes.fromhex("5bffffff0300"), bytes.fromhex("28b52ffd0058")


def _answer_without_length(encoding: str) -> bytes:
    return answer(content_encoding=encoding).replace(b"Content-Length: 0\r\n", b"")


BOMBS: dict[str, Callable[[], Iterable[bytes]]] = {
    "gzip": lambda: [answer(body=_gzip_of_zeros(512), content_encoding="gzip")],
    "deflate": lambda: [answer(body=zlib.compress(bytes(64 * MEGABYTE), 9), content_encoding="deflate")],
    "brotli": lambda: _endless(_answer_without_length("br"), BROTLI * 1000),
    "zstd": lambda: _endless(_answer_without_length("zstd"), ZSTD * 1000),
    "nested": lambda: [answer(body=gzip.compress(_gzip_of_zeros(512)), content_encoding="gzip, gzip")],
    # Stored blocks of length zero: valid gzip that never ends and never unpacks to a byte.
    "endless-gzip": lambda: _endless(
        _answer_without_length("gzip") + gzip.compress(b"")[:10], b"\x00\x00\x00\xff\xff" * 10_000
    ),
    "endless-body": lambda: _endless(OPEN_END, bytes(64 * 1024)),
    "slow-drip": lambda: _endless(OPEN_END, b"."),
    "one-huge-header": lambda: _endless(b"HTTP/1.1 200 OK\r\nX-Flood: ", b"a" * 64 * 1024),
    "header-flood": lambda: _endless(b"HTTP/1.1 200 OK\r\n", b"X-Flood: aaaaaaaaaaaaaaaaaaaaaaaa\r\n" * 1000),
    "early-hints": lambda: _endless(b"", b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" * 100),
    "chunk-extension": lambda: _endless(
        OPEN_END.replace(b"\r\n\r\n", b"\r\nTransfer-Encoding: chunked\r\n\r\n1;"), b"a" * 64 * 1024
    ),
}


def _peak_memory() -> int:
    """Returns the most memory held since the last reset, in kilobytes."""
    peak = re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())
    assert peak is not None
    return int(peak[1])


def _reset_peak_memory() -> None:
    Path("/proc/self/clear_refs").write_text("5")


async def meet(name: str, limits: Limits) -> dict[str, object]:
    chunks = BOMBS[name]()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            for chunk in chunks:
                writer.write(chunk)
                await writer.drain()
                await asyncio.sleep(0.2 if name == "slow-drip" else 0)
        except ConnectionError:
            pass  # the client has had enough
        finally:
            writer.close()

    egress = Egress(allow=("127.0.0.1",), limits=limits)
    async with talking(talk) as port:
        _reset_peak_memory()
        before = _peak_memory()
        started = time.monotonic()
        try:
            await egress.request("GET", f"http://127.0.0.1:{port}/")
            ended = "answered"
        except EgressFailed as error:
            ended = error.message
        seconds = time.monotonic() - started
    grown = (_peak_memory() - before) / 1024
    await egress.aclose()
    return {"name": name, "ended": ended, "seconds": round(seconds, 2), "megabytes": round(grown, 1)}


if __name__ == "__main__":
    size = {"body": int(sys.argv[2]) * MEGABYTE} if len(sys.argv) > 2 else {}
    print(json.dumps(asyncio.run(meet(sys.argv[1], replace(LIMITS, **size)))))
