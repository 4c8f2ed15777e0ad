"""IMAPClient over a socket that is already connected, bounded in time and bytes, and able to idle without a thread."""

import imaplib
import re
import socket
import ssl
import time
from typing import Any, Literal

from imapclient import IMAPClient

from outrider.providers.mail.interface import Security, Server, ServerAccount

MAX_LINE = 8 * 2**20  # a SEARCH of a million messages
MAX_IDLE_BUFFER = 64 * 1024
_CHUNK = 64 * 1024
_EXISTS = re.compile(rb"^\* \d+ EXISTS\b", re.IGNORECASE | re.MULTILINE)


class Wire(imaplib.IMAP4):
    """The connection below IMAPClient. Before each command, `allow` says how long and how much it may take."""

    def __init__(self, sock: socket.socket, host: str, *, seconds: float, received: int) -> None:
        self.sock = sock
        self._buffer = bytearray()
        self._idle_tag: bytes | None = None
        self.has_news = False  # the server has told of new messages since this was last set to False
        self.allow(seconds=seconds, received=received)
        super().__init__(host)

    def open(self, host: str = "", port: int = 143, timeout: float | None = None) -> None:
        self.host, self.port = host, port  # the socket is open

    def allow(self, *, seconds: float, received: int) -> None:
        self._deadline = time.monotonic() + seconds
        self._allowance = received

    def read(self, size: int) -> bytes:
        if size > self._allowance + len(self._buffer):
            raise self.abort("the server sends more than was asked for")
        while len(self._buffer) < size:
            self._receive()
        return self._take(size)

    def readline(self) -> bytes:
        searched = 0
        while (end := self._buffer.find(b"\n", searched)) < 0:
            searched = len(self._buffer)
            if searched > MAX_LINE:
                raise self.abort("the server sends a line without end")
            self._receive()
        line = self._take(end + 1)
        self.has_news = self.has_news or _EXISTS.match(line) is not None
        return line

    def send(self, data: Any) -> None:
        self.sock.settimeout(self._time_left())
        self.sock.sendall(data)

    def shutdown(self) -> None:
        self.sock.close()

    def starttls(self, ssl_context: ssl.SSLContext | None = None) -> tuple[Literal["OK"], list[None]]:
        status, _ = self._simple_command("STARTTLS")
        if status != "OK":
            raise self.error("STARTTLS was refused")
        if self._buffer:  # put in by somebody between us and the server
            raise self.abort("the server spoke on before TLS began")
        self.sock.settimeout(self._time_left())
        context = ssl_context or ssl.create_default_context()
        self.sock = context.wrap_socket(self.sock, server_hostname=self.host)
        self._tls_established = True
        self._get_capabilities()
        return "OK", [None]

    def login_quoted(self, username: str, password: str) -> None:
        """LOGIN; unlike the library's it quotes the name too, and takes more than ASCII."""
        status, data = self._simple_command("LOGIN", _quoted(username), _quoted(password))
        if status != "OK":
            raise self.error(data[-1].decode("utf-8", "replace"))
        self.state = "AUTH"

    def list_all(self, *options: str) -> list[Any]:
        status, data = self._simple_command("LIST", '""', '"*"', *options)
        if status != "OK":
            raise self.error(data[-1].decode("utf-8", "replace"))
        return list(self._untagged_response(status, data, "LIST")[1])

    @property
    def is_idle(self) -> bool:
        return self._idle_tag is not None

    def start_idle(self) -> None:
        """Afterwards only `hear` and `stop_idle` may be called."""
        tag = self._command("IDLE")
        while self._get_response() is not None:
            if self.tagged_commands[tag] is not None:
                raise self.error("IDLE was refused")
        self._idle_tag = tag
        self._allowance = MAX_IDLE_BUFFER
        self.sock.setblocking(False)

    def hear(self) -> bool:
        """Takes in what has arrived while idle, without blocking; True where it tells of new messages."""
        while True:
            try:
                self._receive_now()
            except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
                return self.has_news or _EXISTS.search(self._buffer) is not None

    def stop_idle(self) -> None:
        tag, self._idle_tag = self._idle_tag, None
        if tag is None:
            return
        self.send(b"DONE\r\n")
        status, _ = self._command_complete("IDLE", tag)
        if status != "OK":
            raise self.error("IDLE ended badly")

    def _receive(self) -> None:
        self.sock.settimeout(self._time_left())
        self._receive_now()

    def _receive_now(self) -> None:
        data = self.sock.recv(_CHUNK)
        if not data:
            raise self.abort("the server closed the connection")
        self._allowance -= len(data)
        if self._allowance < 0:
            raise self.abort("the server sends more than was asked for")
        self._buffer += data

    def _time_left(self) -> float:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("the server took too long")
        return left

    def _take(self, size: int) -> bytes:
        taken = bytes(memoryview(self._buffer)[:size])
        del self._buffer[:size]
        return taken

    def _log(self, line: str) -> None:
        """Keeps nothing: imaplib would remember the last commands, passwords included."""


class Connection(IMAPClient):  # type: ignore[misc] # the library is untyped
    """IMAPClient on a Wire, with what it lacks."""

    wire: Wire

    def __init__(self, sock: socket.socket, server: Server, *, seconds: float, received: int) -> None:
        self._given = sock
        self._seconds, self._received = seconds, received
        super().__init__(server.host, server.port, ssl=server.security is Security.TLS)
        self.wire.debug = 0  # IMAPClient turns on a log of all that is said
        self.normalise_times = False

    def _create_IMAP4(self) -> Wire:  # noqa: N802 (the library's name)
        self.wire = Wire(self._given, self.host, seconds=self._seconds, received=self._received)
        return self.wire

    def _set_read_timeout(self) -> None:
        """The wire has its own limits."""

    def sign_in(self, account: ServerAccount, mechanism: str) -> None:
        """Logs in by a SASL mechanism, or by the LOGIN command. Raises IMAPClient.Error with the server's answer."""
        if mechanism == "LOGIN":
            self.wire.login_quoted(account.username, account.password or "")
        else:
            first = _sasl_answer(mechanism, account)
            # A server may explain a refusal by a second challenge, which takes an empty answer.
            self.sasl_login(mechanism, lambda challenge: b"" if challenge else first)
        self._cached_capabilities = None

    def list_with_roles(self) -> list[tuple[tuple[bytes, ...], str, str]]:
        """(flags, delimiter, name) of each folder; some servers tell special uses only when asked (RFC 6154 3)."""
        asks = self.has_capability("SPECIAL-USE") and self.has_capability("LIST-EXTENDED")
        data = self.wire.list_all(*(["RETURN (SPECIAL-USE)"] if asks else []))
        return [(flags, (delimiter or b"").decode(), name) for flags, delimiter, name in self._proc_folder_list(data)]


def _sasl_answer(mechanism: str, account: ServerAccount) -> bytes:
    user, token = account.username, account.access_token
    if mechanism == "XOAUTH2":
        return f"user={user}\x01auth=Bearer {token}\x01\x01".encode()
    if mechanism == "OAUTHBEARER":  # RFC 7628 3.1
        escaped = user.replace("=", "=3D").replace(",", "=2C")
        return f"n,a={escaped},\x01auth=Bearer {token}\x01\x01".encode()
    return f"\0{user}\0{account.password}".encode()  # PLAIN, RFC 4616


def _quoted(text: str) -> bytes:
    return b'"' + text.encode().replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'
