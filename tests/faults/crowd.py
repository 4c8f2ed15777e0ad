"""Many mailboxes at once: filled on disk, connected without being asked one by one, and a worker whose use is measured."""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid
from pathlib import Path
from threading import Thread

import psutil

from outrider.core.clock import now
from outrider.core.ids import new_id
from outrider.domain.mailboxes import connections
from outrider.domain.mailboxes.models import Mailbox
from outrider.providers.mail.interface import Folder, Role, Security, Server, ServerAccount, Verified
from outrider.runtime import Runtime
from tests.factories.accounts import Someone
from tests.real.daemons import free_ports
from tests.real.mail_servers import MailServers

FOLDERS = (Folder("INBOX", Role.INBOX), Folder("Sent", Role.SENT), Folder("Archive", Role.ARCHIVE))
TICKS = os.sysconf("SC_CLK_TCK")


def fill(mail: MailServers, addresses: Sequence[str], *, mails: int) -> None:
    """Gives each address an account and an inbox of so many mails. The files are shared: only their names differ."""
    for address in addresses[:-1]:
        with (mail.folder / "dovecot/users").open("a") as users:
            users.write(f"{address}:{{PLAIN}}{mail.password(address)}::::::\n")
    mail.add_user(addresses[-1])  # which waits until the servers know them
    domain = mail.folder / "dovecot/mail/a.test"
    sources = domain / f"sources-{new_id()}"
    sources.mkdir(parents=True)
    for number in range(mails):
        file = sources / f"{int(time.time())}.{number:05}.crowd"
        file.write_bytes(_a_mail(number))
        arrived = time.time() - 3_600 * (mails - number)  # as in life, little of it is of today
        os.utime(file, (arrived, arrived))
    files = sorted(sources.iterdir())
    for address in addresses:
        inbox = domain / address.partition("@")[0] / "Maildir"
        for name in ("cur", "new", "tmp"):
            (inbox / name).mkdir(parents=True, exist_ok=True)
        for file in files:
            os.link(file, inbox / "new" / file.name)
    owner = (mail.folder / "dovecot/mail").owner()
    subprocess.run(["chown", "-R", f"{owner}:", domain], check=True)
    shutil.rmtree(sources)


def _a_mail(number: int) -> bytes:
    message = EmailMessage()
    message["From"], message["To"] = f"Person {number} <person{number}@b.test>", "somebody@a.test"
    message["Subject"] = f"Matter {number}"
    message["Date"], message["Message-ID"] = format_datetime(now()), make_msgid(domain="b.test")
    message.set_content(f"Hello,\n\nthis is mail number {number}.\n\n" + "A line of what people write.\n" * 30)
    message.add_alternative(f"<p>Hello,</p><p>this is mail number {number}.</p>" + "<p>A line.</p>" * 60, "html")
    return message.as_bytes(policy=message.policy.clone(linesep="\r\n"))


async def connect_all(
    runtime: Runtime, mail: MailServers, owner: Someone, addresses: Sequence[str], *, port: int | None = None
) -> list[Mailbox]:
    """Stores the mailboxes as if each had been verified; a worker finds them due."""
    imap = Server(mail.host, port or mail.ports["imaps"], Security.TLS)
    smtp = Server(mail.host, mail.ports["smtps"], Security.TLS)
    verified = Verified(FOLDERS)
    made = []
    async with runtime.db.begin(owner.scope) as db:
        for address in addresses:
            account = ServerAccount(address, address, imap, smtp, password=mail.password(address))
            made.append(
                await connections.connect(
                    db,
                    runtime.keyring,
                    workspace_id=owner.workspace_id,
                    user_id=owner.user.id,
                    provider="imap",
                    account=account,
                    verified=verified,
                    name=address,
                    daily_limit=50,
                )
            )
    return made


@dataclass(frozen=True, slots=True)
class Use:
    """What a process and its children have used so far: seconds of processor time and mebibytes."""

    cpu: float
    memory: float


@dataclass(frozen=True, slots=True)
class Worker:
    process: "subprocess.Popen[bytes]"
    log: Path

    def use(self) -> Use:
        own = self.process.pid
        family = [own, *_children(own)]
        return Use(sum(map(_cpu, family)), sum(map(_memory, family)))

    def connections(self, port: int) -> int:
        """How many connections it holds to a port."""
        held = psutil.Process(self.process.pid).net_connections("tcp")
        return sum(
            each.status == psutil.CONN_ESTABLISHED and bool(each.raddr) and each.raddr.port == port for each in held
        )

    def peak(self) -> float:
        """The most memory the process itself ever held, in mebibytes."""
        return _status(self.process.pid, "VmHWM") / 1024


@contextmanager
def worker(environment: dict[str, str], folder: Path, *, command: str = "worker") -> Iterator[Worker]:
    log = folder / f"{command}-{new_id()}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [str(Path(sys.executable).parent / "outrider"), command],
            env=environment, cwd=folder, stdout=output, stderr=subprocess.STDOUT,
        )  # fmt: skip
    try:
        yield Worker(process, log)
    finally:
        process.terminate()
        try:
            process.wait(40)
        finally:
            process.kill()


def _children(pid: int) -> list[int]:
    return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(int(fields[number]) for number in (11, 12)) / TICKS


def _memory(pid: int) -> float:
    return _status(pid, "VmRSS") / 1024


def _status(pid: int, name: str) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith(f"{name}:")))


@contextmanager
def tarpit() -> Iterator[int]:
    """A server that says one byte in ten seconds. Yields its port."""
    [port] = free_ports(1)
    listener = socket.create_server(("127.0.0.1", port), backlog=100)
    held: list[socket.socket] = []

    def drip(connection: socket.socket) -> None:
        try:
            while True:
                connection.sendall(b"*")
                time.sleep(10)
        except OSError:
            return

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            held.append(connection)
            Thread(target=drip, args=(connection,), daemon=True).start()

    Thread(target=accept, daemon=True).start()
    try:
        yield port
    finally:
        listener.close()
        for each in held:
            each.close()
