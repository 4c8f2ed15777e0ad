"""An SMTP server that stores before it answers, and keeps a copy in the sender's Sent folder, as large providers do.

Run as a process of its own: `python -m tests.faults.sink PORT MAIL_FOLDER LOG_FILE [before|after|slow]`. With the last word it
breaks the connection on the first try for every recipient, before the final dot or after it without an answer; or it
takes its time for every answer.
"""

import asyncio
import logging
import sys
import warnings
from email import message_from_bytes
from pathlib import Path
from uuid import uuid4

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session


class Store:
    """Appends each accepted Message-ID to the log and the mail to the sender's Maildir."""

    def __init__(self, folder: Path, log: Path, breaks: str) -> None:
        self.folder = folder
        self.log = log.open("a", buffering=1)
        self.breaks = breaks
        self.known: set[str] = set()

    def is_first_try(self, envelope: Envelope) -> bool:
        recipient = envelope.rcpt_tos[0]
        is_first = recipient not in self.known
        self.known.add(recipient)
        return is_first

    async def handle_DATA(self, server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        raw = envelope.content
        assert isinstance(raw, bytes)
        message_id = str(message_from_bytes(raw)["Message-ID"])
        name, _, domain = str(envelope.mail_from).partition("@")
        sent = self.folder / domain / name / "Maildir/.Sent"
        draft = sent / "tmp" / uuid4().hex
        draft.write_bytes(raw)
        draft.chmod(0o644)
        draft.rename(sent / "new" / f"{uuid4().hex}.sink")
        self.log.write(f"{message_id} {envelope.rcpt_tos[0]}\n")
        if self.breaks == "after" and self.is_first_try(envelope):
            assert server.transport is not None
            server.transport.abort()
        # Here a killed client has gone, and never learns that its mail was taken.
        await asyncio.sleep(0.3 if self.breaks == "slow" else 0.005)
        return "250 2.0.0 taken"


def let_in(_server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, data: object) -> AuthResult:
    return AuthResult(success=isinstance(data, LoginPassword))


class Breaking(SMTP):
    """Hangs up when the message should come."""

    async def smtp_DATA(self, arg: str) -> None:  # noqa: N802
        store = self.event_handler
        if store.breaks == "before" and self.envelope is not None and store.is_first_try(self.envelope):
            assert self.transport is not None
            self.transport.abort()
            return
        await super().smtp_DATA(arg)


async def main(port: int, folder: Path, log: Path, breaks: str) -> None:
    logging.getLogger("mail").setLevel(logging.CRITICAL)
    store = Store(folder, log, breaks)
    server = await asyncio.get_running_loop().create_server(
        lambda: Breaking(store, authenticator=let_in, auth_require_tls=False, hostname="sink.test"), "127.0.0.1", port
    )
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    warnings.filterwarnings("ignore")
    asyncio.run(main(int(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]), (*sys.argv, "")[4]))
