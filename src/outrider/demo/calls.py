"""A call in the demonstration: something urgent rings in the console, and the digest is spoken into a file."""

import asyncio
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2

from outrider.runtime import Runtime

PATIENCE = 20.0
FILE = "outrider-digest.mp3"


async def ring(runtime: Runtime, http: httpx2.AsyncClient, say: Callable[[str], None]) -> bool:
    """Returns whether it rang and was spoken."""
    asked = {"content": "Grace Hopper answered: she wants to see you before noon.", "priority": "high"}
    (await http.post("/api/calls/schedule-urgent", json=asked)).raise_for_status()
    call = await _until_it_rings(http)
    if call is None:
        say("The urgent call did not ring.")
        return False
    say(f"The console rings: {call['content_summary']}.")
    answer = await http.get("/api/calls/next-digest")
    told = answer.raise_for_status().json()["data"]
    spoken = await runtime.speakers["local"].speak(told["content_preview"], language="en-US", voice="alloy")
    file = Path(tempfile.gettempdir()) / FILE
    await asyncio.to_thread(file.write_bytes, spoken.audio)
    say(f"The next digest, spoken in {spoken.seconds:.0f} s: {file}")
    return True


async def _until_it_rings(http: httpx2.AsyncClient) -> dict[str, Any] | None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        found = (await http.get("/api/calls")).raise_for_status().json()["data"]["calls"]
        ringing: list[dict[str, Any]] = [
            each for each in found if any(attempt["status"] == "ringing" for attempt in each["attempts"])
        ]
        if ringing:
            return ringing[0]
        await asyncio.sleep(0.3)
    return None
