"""A small mail system on loopback, made of packages: an SMTP server that delivers, bounces and answers for those who
are away, and two real IMAP mailboxes behind it.
"""

import asyncio
import imaplib
import socket
import sys
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from email import message_from_bytes, message_from_string
from email.message import EmailMessage, Message
from email.mime.message import MIMEMessage
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from email.utils import format_datetime, make_msgid
from pathlib import Path
from types import TracebackType
from typing import Self

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

HOST = "127.0.0.1"
DOMAIN = "demo.test"
ADA, GRACE = f"ada@{DOMAIN}", f"grace@{DOMAIN}"
AWAY, SILENT, GONE = f"away@{DOMAIN}", f"silent@{DOMAIN}", f"gone@{DOMAIN}"
PASSWORD = "demonstration"  # noqa: S105  # of mailboxes that live for a minute


@dataclass
class MailSystem:
    """`received` holds every mail handed over for each recipient; `back_on` says when the absent one returns."""

    back_on: Callable[[], date]
    received: dict[str, list[Message]] = field(default_factory=lambda: defaultdict(list))
    imap_ports: dict[str, int] = field(default_factory=dict)
    smtp_port: int = 0
    _processes: list[asyncio.subprocess.Process] = field(default_factory=list)
    _server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        for address in (ADA, GRACE):
            self.imap_ports[address] = free_port()
            self._processes.append(await _start_imap(address, self.imap_ports[address]))
        for port in self.imap_ports.values():
            await _wait_for(port)
        self.smtp_port = free_port()
        self._server = await asyncio.get_running_loop().create_server(
            lambda: SMTP(self, authenticator=_authenticate, auth_require_tls=False, hostname=DOMAIN),
            HOST,
            self.smtp_port,
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._server is not None:
            self._server.close()
        for process in self._processes:
            with suppress(ProcessLookupError):
                process.terminate()
            await process.wait()

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Takes a mail over, then does with it what each recipient's server would."""
        raw = envelope.content
        if not isinstance(raw, bytes):
            return "554 5.6.0 not a mail"
        mail = message_from_bytes(raw)
        for recipient in envelope.rcpt_tos:
            self.received[recipient].append(mail)
            if recipient in self.imap_ports:
                await self.put(recipient, "INBOX", raw)
            if recipient == GONE:
                await self.put(ADA, "INBOX", _bounce(mail, recipient).as_bytes())
            if recipient == AWAY:
                await self.put(ADA, "INBOX", _absence(mail, recipient, self.back_on()).as_bytes())
        return "250 2.0.0 taken over"

    async def put(self, address: str, folder: str, raw: bytes) -> None:
        await asyncio.to_thread(_append, self.imap_ports[address], address, folder, raw)

    async def inbox(self, address: str) -> list[Message]:
        return await asyncio.to_thread(_read, self.imap_ports[address], address)


def _bounce(mail: Message, recipient: str) -> Message:
    """A delivery report (RFC 3464) as a mail server writes it."""
    report = MIMEMultipart("report", report_type="delivery-status")
    report["From"], report["To"] = f"Mail Delivery System <MAILER-DAEMON@{DOMAIN}>", ADA
    report["Subject"] = "Undelivered Mail Returned to Sender"
    report["Auto-Submitted"], report["Message-ID"] = "auto-replied", make_msgid(domain=DOMAIN)
    report["Date"] = format_datetime(datetime.now(UTC))
    report.attach(MIMEText(f"Your message to {recipient} could not be delivered: there is no such mailbox."))
    status = "\n".join(
        (
            "Content-Type: message/delivery-status",
            f"\nReporting-MTA: dns; {DOMAIN}",
            f"\nFinal-Recipient: rfc822; {recipient}",
            "Action: failed",
            "Status: 5.1.1",
            "Diagnostic-Code: smtp; 550 5.1.1 no such mailbox here\n",
        )
    )
    report.attach(message_from_string(status))
    report.attach(MIMEMessage(mail))
    return report


def _absence(mail: Message, recipient: str, back: date) -> EmailMessage:
    """An automatic reply (RFC 3834) of somebody who is away."""
    note = EmailMessage()
    note["From"], note["To"], note["Subject"] = recipient, ADA, f"Out of office: {mail['Subject']}"
    note["In-Reply-To"] = note["References"] = str(mail["Message-ID"])
    note["Auto-Submitted"], note["Message-ID"] = "auto-replied", make_msgid(domain=DOMAIN)
    note["Date"] = format_datetime(datetime.now(UTC))
    note.set_content(f"I am out of the office and will be back on {back.isoformat()}.")
    return note


def _authenticate(_server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, data: object) -> AuthResult:
    if not isinstance(data, LoginPassword):
        return AuthResult(success=False)
    return AuthResult(success=data.password == PASSWORD.encode() and data.login.decode() in {ADA, GRACE})


async def _start_imap(address: str, port: int) -> asyncio.subprocess.Process:
    command = [str(Path(sys.executable).parent / "pymap"), "--host", HOST, "--port", str(port), "--no-tls"]
    command += ["--no-service", "admin", "--no-service", "managesieve"]
    command += ["dict", "--demo-data", "--demo-user", address, "--demo-password", PASSWORD]
    return await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
    )


async def _wait_for(port: int) -> None:
    async with asyncio.timeout(15):
        while True:
            try:
                _, writer = await asyncio.open_connection(HOST, port)
            except OSError:
                await asyncio.sleep(0.05)
            else:
                writer.close()
                return


def _append(port: int, address: str, folder: str, raw: bytes) -> None:
    with imaplib.IMAP4(HOST, port, timeout=10) as imap:
        imap.login(address, PASSWORD)
        if folder != "INBOX":
            imap.create(folder)
        kind, answer = imap.append(folder, "", imaplib.Time2Internaldate(datetime.now(UTC)), raw)
        if kind != "OK":
            raise RuntimeError(f"The demonstration's mailbox refused a mail: {answer!r}")


def _read(port: int, address: str) -> list[Message]:
    with imaplib.IMAP4(HOST, port, timeout=10) as imap:
        imap.login(address, PASSWORD)
        imap.select("INBOX", readonly=True)
        _, found = imap.search(None, "ALL")
        mails = []
        for number in found[0].split():
            _, parts = imap.fetch(number, "(BODY.PEEK[])")
            mails += [message_from_bytes(part[1]) for part in parts if isinstance(part, tuple)]
        return mails


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port
