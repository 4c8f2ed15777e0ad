"""Real mail servers on loopback: Dovecot holds the mailboxes, Postfix takes, routes, bounces and refuses mail.

Users live at a.test and b.test. Mail to anyone else ends at a listener that plays the rest of the world and
refuses by domain: gone.test (5.1.1), full.test (5.2.2), blocked.test (5.7.1), slow.test (4.2.1).
"""

import base64
import imaplib
import os
import shutil
import smtplib
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import make_msgid
from pathlib import Path
from typing import Any

import jwt
import psutil

from tests.real import certificates, daemons

DOVECOT = "/usr/sbin/dovecot"
POSTFIX_DAEMONS = "/usr/lib/postfix/sbin"
CONFIG = Path(__file__).parent / "mail_config"
JWT_KEY = b"a key that only the tests' mail server knows"
STANDARD_FOLDERS = frozenset({"INBOX", "Drafts", "Sent", "Junk", "Trash", "Archive"})
VACATION = """require ["vacation"];
vacation :days 1 :subject "Out of office: away until Monday" :from "away@b.test" "I am away until Monday.";
"""


def available() -> str | None:
    """Why the servers can't run here; None where they can."""
    needed = (DOVECOT, f"{POSTFIX_DAEMONS}/master", "/usr/lib/dovecot/modules/lib90_sieve_plugin.so")
    missing = [path for path in needed if not Path(path).exists()]
    if missing:
        return f"Dovecot and Postfix are not installed ({', '.join(missing)}): see scripts/install-mail-servers"
    if os.geteuid() != 0:
        return "Postfix's master process needs root"
    return None


class MailServers:
    """One Dovecot and one Postfix with ports, a folder and a certificate authority of their own."""

    host = "localhost"

    def __init__(self) -> None:
        self.folder = daemons.new_folder("mail")
        names = ("imap", "imaps", "lmtp", "auth", "mx", "submission", "smtps", "remote")
        self.ports = dict(zip(names, daemons.free_ports(len(names)), strict=True))
        self.ca_file = self.folder / "tls/ca.pem"
        self._user = daemons.system_user("outrider-test")
        self._running: list[subprocess.Popen[bytes]] = []

    def start(self) -> None:
        for folder in ("tls", "dovecot/run", "dovecot/mail", "dovecot/keys/default/HS256", "postfix/conf"):
            (self.folder / folder).mkdir(parents=True)
        for folder in ("postfix/spool", "postfix/data", "postfix/log"):
            (self.folder / folder).mkdir()
        certificates.issue(self.folder / "tls", host=self.host)
        self._configure_dovecot()
        self._configure_postfix()
        dovecot = daemons.start([DOVECOT, "-F", "-c", str(self.folder / "dovecot/dovecot.conf")], user=self._user)
        self._running.append(dovecot)
        conf = str(self.folder / "postfix/conf")
        subprocess.run(["postfix", "-c", conf, "check"], check=True, stdin=subprocess.DEVNULL, capture_output=True)
        self._start_postfix()
        daemons.wait_until_open(self.ports["imaps"], daemon=dovecot)

    def _start_postfix(self) -> None:
        postfix = daemons.start([f"{POSTFIX_DAEMONS}/master", "-c", str(self.folder / "postfix/conf"), "-s"])
        self._running.append(postfix)
        daemons.wait_until_open(self.ports["submission"], daemon=postfix)

    def crash_postfix(self, *, seconds: float) -> None:
        """Kills its master and all its children without a warning, and starts it again after so long."""
        master = psutil.Process(int((self.folder / "postfix/spool/pid/master.pid").read_text()))
        family = [master, *master.children(recursive=True)]
        for each in family:
            with suppress(psutil.NoSuchProcess):
                each.kill()
        psutil.wait_procs(family, timeout=10)
        daemons.stop(self._running.pop())
        time.sleep(seconds)
        self._start_postfix()

    def stop(self) -> None:
        while self._running:
            daemons.stop(self._running.pop())
        shutil.rmtree(self.folder, ignore_errors=True)

    def add_user(self, address: str, *, quota_bytes: int | None = None, sieve: str | None = None) -> None:
        """Adds a mailbox at a.test or b.test; running servers know it at once."""
        if sieve is not None:
            name, _, domain = address.partition("@")
            home = self.folder / "dovecot/mail" / domain / name
            home.mkdir(parents=True)
            (home / ".dovecot.sieve").write_text(sieve)
            for path in (home.parent, home, home / ".dovecot.sieve"):
                shutil.chown(path, self._user, self._user)
        quota = f"userdb_quota_rule=*:bytes={quota_bytes}" if quota_bytes else ""
        with (self.folder / "dovecot/users").open("a") as users:
            users.write(f"{address}:{{PLAIN}}{self.password(address)}::::::{quota}\n")
        if self._running:
            self._wait_until_known(address)

    def password(self, address: str) -> str:
        return "pw-" + address.partition("@")[0]

    def access_token(self, address: str, *, lifetime: int = 3600) -> str:
        """A token (HS256) that Dovecot checks by itself; a negative lifetime makes an expired one."""
        now = int(time.time())
        claims = {"sub": address, "email": address, "iat": now - 5, "nbf": now - 5, "exp": now + lifetime}
        return jwt.encode(claims, JWT_KEY, algorithm="HS256")

    def trusting_context(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=self.ca_file)

    def deliver(self, address: str, raw: bytes, *, sender: str = "someone@elsewhere.test") -> None:
        """Puts a mail into a mailbox the way a mail server would (LMTP), Sieve and quota included."""
        with smtplib.LMTP("127.0.0.1", self.ports["lmtp"]) as lmtp:
            lmtp.sendmail(sender, [address], raw)

    def append(self, address: str, folder: str, *raws: bytes) -> None:
        with self.imap(address) as imap:
            for raw in raws:
                _ok(imap.append(_quoted(folder), None, None, raw))

    def messages(self, address: str, folder: str = "INBOX") -> list[EmailMessage]:
        """All messages of a folder, oldest first; none where there is no such folder."""
        with self.imap(address) as imap:
            if imap.select(_quoted(folder), readonly=True)[0] != "OK":
                return []
            fetched = _ok(imap.fetch("1:*", "(BODY.PEEK[])")) if int(_ok(imap.response("EXISTS"))[0] or 0) else []
        return [message_from_bytes(item[1], policy=policy.default) for item in fetched if isinstance(item, tuple)]

    def wait_for(
        self, address: str, wanted: Callable[[EmailMessage], bool], *, folder: str = "INBOX", seconds: float = 15
    ) -> EmailMessage:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            for message in self.messages(address, folder):
                if wanted(message):
                    return message
            time.sleep(0.1)
        raise AssertionError(f"no such mail in {folder} of {address} after {seconds} s")

    def send_as(
        self, address: str, to: str, *, subject: str, body: str = "Hello", headers: Mapping[str, str] | None = None
    ) -> str:
        """Sends as a person would, by authenticated submission. Returns the Message-ID."""
        message = EmailMessage()
        message["From"], message["To"], message["Subject"] = address, to, subject
        message["Message-ID"] = make_msgid(domain=address.partition("@")[2])
        for name, value in (headers or {}).items():
            message[name] = value
        message.set_content(body)
        with smtplib.SMTP(self.host, self.ports["submission"]) as smtp:
            smtp.starttls(context=self.trusting_context())
            smtp.login(address, self.password(address))
            smtp.send_message(message)
        return str(message["Message-ID"])

    def reset(self, address: str) -> None:
        """Empties a mailbox: all mails, and all folders but the standard ones."""
        with self.imap(address) as imap:
            for line in _ok(imap.list()):
                folder = line.decode().rpartition(' "/" ')[2].strip('"')
                if folder not in STANDARD_FOLDERS:
                    _ok(imap.delete(_quoted(folder)))
                elif int(_ok(imap.select(_quoted(folder)))[0]):
                    _ok(imap.store("1:*", "+FLAGS.SILENT", r"(\Deleted)"))
                    _ok(imap.expunge())

    @contextmanager
    def imap(self, address: str) -> Iterator[imaplib.IMAP4]:
        """A logged-in connection of the standard library, for what no helper does."""
        imap = imaplib.IMAP4("127.0.0.1", self.ports["imap"], timeout=30)
        try:
            imap.login(address, self.password(address))
            yield imap
        finally:
            imap.logout()

    def _wait_until_known(self, address: str) -> None:
        # Dovecot looks at its users file at most once a second.
        for attempt in range(50):
            try:
                with self.imap(address):
                    return
            except imaplib.IMAP4.error:
                if attempt == 49:
                    raise
                time.sleep(0.05)

    def _configure_dovecot(self) -> None:
        home = self.folder / "dovecot"
        (home / "keys/default/HS256/default").write_bytes(base64.b64encode(JWT_KEY))
        for name in ("dovecot.conf", "oauth2.conf"):
            self._fill(name, home / name)
        subprocess.run(["chown", "-R", f"{self._user}:", home, self.folder / "tls/server.key"], check=True)
        for address in ("alice@a.test", "carol@a.test", "bob@b.test"):
            self.add_user(address)
        self.add_user("away@b.test", sieve=VACATION)
        self.add_user("full@b.test", quota_bytes=2000)

    def _configure_postfix(self) -> None:
        conf = self.folder / "postfix/conf"
        for name in ("main.cf", "master.cf"):
            self._fill(name, conf / name)
        (conf / "owners").write_text("/^(.+)$/ ${1}\n")  # everyone owns just the address they log in with
        shutil.chown(self.folder / "postfix/data", "postfix")

    def _fill(self, name: str, target: Path) -> None:
        values = {"folder": self.folder, "user": self._user, "postfix_daemons": POSTFIX_DAEMONS, **self.ports}
        text = (CONFIG / name).read_text()
        for key, value in values.items():
            text = text.replace(f"@{key}@", str(value))
        target.write_text(text)


def _ok(answer: tuple[str, list[Any]]) -> list[Any]:
    status, data = answer
    if status in {"NO", "BAD"}:
        raise AssertionError(f"the mail server answered {status}: {data!r}")
    return data


def _quoted(folder: str) -> str:
    return '"' + folder.replace("\\", "\\\\").replace('"', '\\"') + '"'
