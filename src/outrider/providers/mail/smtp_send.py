"""Handing over one message by SMTP, a stage at a time: what a failure means depends on the stage (RFC 5321 4.5.3.2).

Until the final dot is written the server can't have taken the message. From then on only its answer tells.
"""

import asyncio
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import cast

from aiosmtplib import SMTP, SMTPException, SMTPResponse
from aiosmtplib.protocol import SMTPProtocol

from outrider.providers.mail.connecting import words
from outrider.providers.mail.interface import Deadline, Outcome, Receipt, SendFailed

BLOCK = 64 * 1024
READY, TAKEN = 354, 250
MAX_REPLY = 1_000  # characters

_LINE_END = re.compile(rb"\r\n|\r|\n")
_LEADING_DOT = re.compile(rb"(?m)^\.")
_ENHANCED = re.compile(r"([245]\.\d{1,3}\.\d{1,3})\b")  # RFC 3463
# A guard against what would end the argument or the command; the grammar of addresses is checked elsewhere.
_ADDRESS = re.compile(r"[^\s<>\x00-\x1f\x7f-\x9f]+@[^\s<>@\x00-\x1f\x7f-\x9f]+")


@dataclass(frozen=True, slots=True)
class SmtpTimeouts:
    """Seconds, as RFC 5321 4.5.3.2 asks for."""

    connect: float = 30
    greeting: float = 300
    command: float = 300  # also MAIL and RCPT
    data: float = 120
    block: float = 180
    final: float = 600
    close: float = 5


@dataclass(frozen=True, slots=True)
class _Reply:
    code: int
    text: str

    @property
    def enhanced(self) -> str | None:
        found = _ENHANCED.match(self.text)
        return found[1] if found and found[1][0] == str(self.code)[0] else None

    def failure(self, *, otherwise: Outcome = Outcome.DEFERRED) -> SendFailed:
        """`otherwise` is what an answer that makes no sense here means."""
        outcome = {4: Outcome.DEFERRED, 5: Outcome.REFUSED}.get(self.code // 100, otherwise)
        return SendFailed(outcome, self.text, code=self.code, enhanced=self.enhanced)


class SmtpSender:
    """A `Sender`, over one connection that is logged in."""

    def __init__(self, smtp: SMTP, timeouts: SmtpTimeouts) -> None:
        self._smtp, self._timeouts = smtp, timeouts

    @property
    def extensions(self) -> frozenset[str]:
        return frozenset(name.upper() for name in self._smtp.esmtp_extensions)

    async def send(
        self,
        raw: bytes,
        *,
        sender: str,
        recipient: str,
        deadline: Deadline,
        thread_id: str | None = None,
    ) -> Receipt:
        options = self._options(raw, sender, recipient)
        await self._envelope(sender, recipient, options)
        await self._command(b"DATA", expected=(READY,), seconds=self._timeouts.data)
        if deadline.has_passed():
            self._drop()
            raise SendFailed(Outcome.OVERDUE, "There was too little time left to hand the message over.")
        return Receipt((await self._give(raw)).text)

    async def rehearse(self, *, sender: str, recipient: str) -> None:
        """The envelope without a message. Raises SendFailed."""
        await self._envelope(sender, recipient, self._options(b"", sender, recipient))
        await self._command(b"RSET")

    def _options(self, raw: bytes, sender: str, recipient: str) -> list[bytes]:
        for address, enhanced in ((sender, "5.1.7"), (recipient, "5.1.3")):
            if not _ADDRESS.fullmatch(address):
                raise SendFailed(Outcome.REFUSED, "The address can't be used in an envelope.", enhanced=enhanced)
        supports = self._smtp.supports_extension
        options = [f"SIZE={len(raw)}".encode()] if raw and supports("size") else []
        is_international = not (sender.isascii() and recipient.isascii())
        if is_international and not supports("smtputf8"):
            raise SendFailed(Outcome.REFUSED, "The server takes no addresses beyond ASCII.", enhanced="5.6.7")
        if is_international:
            options.append(b"SMTPUTF8")
        is_8bit = not raw.isascii()
        if is_8bit and not supports("8bitmime"):
            raise SendFailed(Outcome.REFUSED, "The server takes no 8-bit messages.", enhanced="5.6.3")
        if is_8bit:
            options.append(b"BODY=8BITMIME")
        return options

    async def _envelope(self, sender: str, recipient: str, options: list[bytes]) -> None:
        await self._command(b"MAIL", f"FROM:<{sender}>".encode(), *options)
        await self._command(b"RCPT", f"TO:<{recipient}>".encode())

    async def _command(
        self, *parts: bytes, expected: tuple[int, ...] = (250, 251, 252), seconds: float | None = None
    ) -> None:
        try:
            answer = await self._smtp.execute_command(*parts, timeout=seconds or self._timeouts.command)
        except (SMTPException, OSError) as error:
            self._drop()
            raise SendFailed(Outcome.DEFERRED, f"{parts[0].decode()}: {words(str(error))}") from error
        if answer.code not in expected:
            await self._start_over()
            raise _reply(answer).failure()

    async def _start_over(self) -> None:
        """Leaves the connection ready for another message, or closed."""
        try:
            answer = await self._smtp.execute_command(b"RSET", timeout=self._timeouts.close)
        except (SMTPException, OSError):
            self._drop()
        else:
            if answer.code != TAKEN:
                self._drop()

    async def _give(self, raw: bytes) -> _Reply:
        protocol = self._smtp.protocol
        if protocol is None:
            raise SendFailed(Outcome.DEFERRED, "The connection was lost.")
        # Listening from the first byte on, to hear a server that refuses half-way.
        answer = asyncio.create_task(protocol.read_response())
        try:
            await self._give_body(protocol, raw, answer)
            reply = await self._finish(protocol, answer)
        except BaseException:
            self._drop()
            raise
        finally:
            answer.cancel()
            with suppress(SMTPException, OSError, asyncio.CancelledError):
                await answer
        if reply.code != TAKEN:
            await self._start_over()
            raise reply.failure(otherwise=Outcome.UNKNOWN)
        return reply

    async def _give_body(self, protocol: SMTPProtocol, raw: bytes, answer: asyncio.Task[SMTPResponse]) -> None:
        """All but the final dot. Raises SendFailed where the server answers or goes away before it."""
        transport = cast("asyncio.WriteTransport", protocol.transport)
        # Drained then means: all of it has left. (With 0 and TLS, asyncio pauses for ever.)
        transport.set_write_buffer_limits(high=1, low=0)
        writer = asyncio.StreamWriter(transport, protocol, None, asyncio.get_running_loop())
        await asyncio.sleep(0)  # lets `answer` begin to listen
        try:
            for block in wire_blocks(raw):
                protocol.write(block)
                drained = asyncio.ensure_future(writer.drain())
                await asyncio.wait({drained, answer}, timeout=self._timeouts.block, return_when=asyncio.FIRST_COMPLETED)
                if not drained.done() and not answer.done():
                    drained.cancel()
                    raise SendFailed(Outcome.DEFERRED, "The server stopped reading in the middle of the message.")
                if answer.done():
                    drained.cancel()
                    raise _reply(answer.result()).failure()
                drained.result()
        except (SMTPException, OSError) as error:
            raise SendFailed(Outcome.DEFERRED, f"DATA: {words(str(error))}") from error

    async def _finish(self, protocol: SMTPProtocol, answer: asyncio.Task[SMTPResponse]) -> _Reply:
        try:
            protocol.write(b".\r\n")
        except SMTPException as error:
            raise SendFailed(Outcome.DEFERRED, "The connection was lost before the end of the message.") from error
        try:
            return _reply(await asyncio.wait_for(answer, self._timeouts.final))
        except TimeoutError as error:
            raise SendFailed(Outcome.UNKNOWN, "The server took the message but never answered.") from error
        except (SMTPException, OSError) as error:
            raise SendFailed(Outcome.UNKNOWN, "The connection was lost before the server answered.") from error

    def _drop(self) -> None:
        """Ends the connection at once: after half a message nothing else can be said on it."""
        protocol = self._smtp.protocol
        if protocol is not None and protocol.transport is not None:
            cast("asyncio.WriteTransport", protocol.transport).abort()
        self._smtp.close()


def wire_blocks(raw: bytes) -> Iterator[bytes]:
    """A message as it is sent, but for the final dot: lines end in CRLF, leading dots are doubled (RFC 5321 4.5.2)."""
    position = 0
    while position < len(raw):
        end = raw.find(b"\n", position + BLOCK) + 1 or len(raw)
        yield _LEADING_DOT.sub(b"..", _LINE_END.sub(b"\r\n", raw[position:end]))
        position = end
    if raw and not raw.endswith((b"\r", b"\n")):
        yield b"\r\n"


def _reply(answer: SMTPResponse) -> _Reply:
    return _Reply(answer.code, words(answer.message, limit=MAX_REPLY))
