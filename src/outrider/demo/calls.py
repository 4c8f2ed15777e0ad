"""A call in the demonstration: a mail that can't wait rings in the console, and the digest is spoken into a file."""

import asyncio
import tempfile
import time
from collections.abc import Callable
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid
from pathlib import Path
from typing import Any

import httpx2

from outrider.core.clock import now
from outrider.demo.servers import ADA, MailSystem
from outrider.runtime import Runtime

PATIENCE = 20.0
FILE = "outrider-digest.mp3"


async def ring(runtime: Runtime, http: httpx2.AsyncClient, system: MailSystem, say: Callable[[str], None]) -> bool:
    """Returns whether it rang and was spoken."""
    await system.put(ADA, "INBOX", _urgent_mail().as_bytes())
    call = await _until_it_rings(http)
    if call is None:
        say("The urgent mail did not ring.")
        return False
    why = (await http.get("/api/urgency?urgent=true")).raise_for_status().json()["data"]["judgements"][0]
    signs = ", ".join(f"{each['says']} ({each['words']})" for each in why["reasons"][:3])
    say(f"An urgent mail rings in the console: {call['content_summary']}.")
    say(f"It is {why['topic']}: {signs}.")
    answer = await http.get("/api/calls/next-digest")
    told = answer.raise_for_status().json()["data"]
    spoken = await runtime.speakers["local"].speak(told["content_preview"], language="en-US", voice="alloy")
    file = Path(tempfile.gettempdir()) / FILE
    await asyncio.to_thread(file.write_bytes, spoken.audio)
    say(f"The next digest, spoken in {spoken.seconds:.0f} s: {file}")
    return True


def _urgent_mail() -> EmailMessage:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "Mary Somerville <mary@bank.test>", ADA, "Your payroll file"
    mail["Message-ID"], mail["Date"] = make_msgid(domain="bank.test"), format_datetime(now())
    mail.set_content(
        "The payroll file was rejected. Only you can release it, please call me within the hour, otherwise nobody is paid today."
    )
    return mail


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
