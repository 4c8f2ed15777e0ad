"""A real CalDAV server (Radicale) on loopback, with what a person's calendar program would do to it."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import httpx2

from tests.real import daemons

USER, PASSWORD = "ada@a.test", "correct horse"
CONFIG = """
[server]
hosts = 127.0.0.1:{port}
[auth]
type = htpasswd
htpasswd_filename = {folder}/users
htpasswd_encryption = plain
delay = 0
[storage]
filesystem_folder = {folder}/collections
[logging]
level = error
"""
MAKE = """<?xml version="1.0"?><mkcalendar xmlns="urn:ietf:params:xml:ns:caldav" xmlns:d="DAV:"><d:set><d:prop>
<d:displayname>{name}</d:displayname>
<supported-calendar-component-set><comp name="{kind}"/></supported-calendar-component-set>
</d:prop></d:set></mkcalendar>"""


class Radicale:
    def __init__(self, folder: Path, user: str = USER, password: str = PASSWORD) -> None:
        self.folder = folder
        self.port = daemons.free_ports(1)[0]
        self.url = f"http://127.0.0.1:{self.port}"
        (folder / "users").write_text(f"{user}:{password}\neve@b.test:other\n")
        (folder / "config").write_text(CONFIG.format(port=self.port, folder=folder))
        self.user, self.password = user, password
        self._daemon: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._daemon = daemons.start([sys.executable, "-m", "radicale", "--config", str(self.folder / "config")])
        for _ in range(300):
            try:
                httpx2.get(self.url, timeout=5)
            except httpx2.HTTPError:
                time.sleep(0.1)
            else:
                return
        raise RuntimeError("Radicale did not start")

    def stop(self) -> None:
        if self._daemon is not None:
            daemons.stop(self._daemon)

    def make(self, name: str, kind: str = "VEVENT") -> str:
        """Makes a calendar and returns its address."""
        self.ask("MKCALENDAR", f"/{self.user}/{name}/", MAKE.format(name=name.capitalize(), kind=kind))
        return f"{self.url}/{quote(self.user)}/{name}/"

    def put(self, calendar: str, uid: str, *components: str) -> None:
        events = "\r\n".join(
            f"BEGIN:VEVENT\r\nUID:{uid}\r\nDTSTAMP:20260101T000000Z\r\n{each}\r\nEND:VEVENT" for each in components
        )
        body = f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//test//EN\r\n{events}\r\nEND:VCALENDAR\r\n"
        self.ask("PUT", f"{calendar}{uid}.ics", body, {"Content-Type": "text/calendar"})

    def delete(self, address: str) -> None:
        self.ask("DELETE", address)

    def ask(self, method: str, address: str, body: str = "", headers: dict[str, str] | None = None) -> httpx2.Response:
        url = address if address.startswith("http") else self.url + address
        answer = httpx2.request(
            method, url, content=body.encode(), headers=headers, auth=(self.user, self.password), timeout=20
        )
        assert answer.status_code < 300, (method, url, answer.status_code, answer.text)
        return answer


@contextmanager
def running(user: str = USER, password: str = PASSWORD) -> Iterator[Radicale]:
    server = Radicale(daemons.new_folder("radicale"), user, password)
    server.start()
    try:
        yield server
    finally:
        server.stop()
