"""An SMTP server that stores before it answers, and keeps a copy in the sender's Sent folder, as large providers do.

Run as a process of its own: `python -m tests.faults.sink PORT MAIL_FOLDER LOG_FILE`.
"""

import asyncio
import sys
from email import message_from_bytes
from pathlib import Path
from uuid import uuid4

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session


class Store:
    """Appends each accepted Message-ID to the log and the mail to the sender's Maildir."""

    def __init__(self, folder: Path, log: Path) -> None:
        self.folder = folder
        self.log = log.open("a", buffering=1)

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
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
        # Here a killed client has gone, and never learns that its mail was taken.
        await asyncio.sleep(0.005)
        return "250 2.0.0 taken"


def let_in(_server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, data: object) -> AuthResult:
    return AuthResult(success=isinstance(data, LoginPassword))


async def main(port: int, folder: Path, log: Path) -> None:
    store = Store(folder, log)
    server = await asyncio.get_running_loop().create_server(
        lambda: SMTP(store, authenticator=let_in, auth_require_tls=False, hostname="sink.test"), "127.0.0.1", port
    )
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3])))
