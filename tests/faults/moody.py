"""An SMTP server with moods. Run as a process of its own: `python -m tests.faults.moody PORT MOOD_FILE LOG_FILE`.

The mood file says `ok`, `busy` (451 to every recipient) or `closed` (421 to every connection). Each line of the log is
the moment, what was done, and to whom.
"""

import asyncio
import logging
import sys
import time
import warnings
from email import message_from_bytes
from pathlib import Path

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session


class Door:
    def __init__(self, mood: Path, log: Path) -> None:
        self._mood, self._log = mood, log.open("a", buffering=1)

    @property
    def mood(self) -> str:
        return self._mood.read_text().strip()

    def note(self, what: str, whom: str) -> None:
        self._log.write(f"{time.time()} {what} {whom}\n")

    async def handle_RCPT(  # noqa: N802
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        if self.mood == "busy":
            self.note("busy", address)
            return "451 4.3.0 The queue is full, try again later"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 ok"

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        assert isinstance(envelope.content, bytes)
        self.note("taken", f"{envelope.rcpt_tos[0]} {message_from_bytes(envelope.content)['Message-ID']}")
        return "250 2.0.0 taken"


class Moody(SMTP):
    async def _handle_client(self) -> None:
        door = self.event_handler
        if door.mood == "closed":
            door.note("closed", "-")
            await self.push("421 4.3.2 The service is not available")
            assert self.transport is not None
            self.transport.close()
            return
        await super()._handle_client()


def let_in(_server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, data: object) -> AuthResult:
    return AuthResult(success=isinstance(data, LoginPassword))


async def main(port: int, mood: Path, log: Path) -> None:
    logging.getLogger("mail").setLevel(logging.CRITICAL)
    door = Door(mood, log)
    server = await asyncio.get_running_loop().create_server(
        lambda: Moody(door, authenticator=let_in, auth_require_tls=False, hostname="moody.test"), "127.0.0.1", port
    )
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    warnings.filterwarnings("ignore")
    asyncio.run(main(int(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3])))
