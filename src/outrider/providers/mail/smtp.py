"""Connecting to a submission server (RFC 6409): TLS, EHLO, login."""

import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from aiosmtplib import (
    SMTP,
    SMTPAuthenticationError,
    SMTPConnectError,
    SMTPConnectResponseError,
    SMTPConnectTimeoutError,
    SMTPException,
    SMTPReadTimeoutError,
    SMTPResponseException,
    SMTPServerDisconnected,
)

from outrider.providers.mail.connecting import (
    Network,
    cannot_login,
    check_credentials,
    connect_failed,
    dial,
    login_failed,
    no_starttls,
    tls_failed,
    words,
)
from outrider.providers.mail.interface import ConnectFailed, Outcome, Security, SendFailed, Server, ServerAccount, Step
from outrider.providers.mail.smtp_send import SmtpSender, SmtpTimeouts


@asynccontextmanager
async def open_smtp(network: Network, account: ServerAccount, *, timeouts: SmtpTimeouts) -> AsyncIterator[SmtpSender]:
    """Connects and logs in. Raises ConnectFailed."""
    check_credentials("smtp", account)
    sock = await dial(network, "smtp", account.smtp, seconds=timeouts.connect)
    smtp = SMTP(
        hostname=account.smtp.host,
        sock=sock,
        use_tls=account.smtp.security is Security.TLS,
        start_tls=False,
        tls_context=network.tls,
        local_hostname=_own_name(sock),
        timeout=timeouts.command,
    )
    try:
        await _greet(smtp, account.smtp, timeouts)
        await _log_in(smtp, account)
        sender = SmtpSender(smtp, timeouts)
        yield sender
        with suppress(SMTPException, OSError):
            await smtp.quit(timeout=timeouts.close)
    finally:
        smtp.close()  # and with it the socket, once TLS has said goodbye


async def check_sending(sender: SmtpSender, account: ServerAccount) -> None:
    """Asks whether the account may send to itself, without sending. Raises ConnectFailed."""
    try:
        await sender.rehearse(sender=account.address, recipient=account.address)
    except SendFailed as error:
        hint = f"The login works, but the server takes no mail from {account.address}. Check the address."
        is_terminal = error.outcome is Outcome.REFUSED
        raise ConnectFailed(Step.SEND, "smtp", error.reply, hint, is_terminal=is_terminal) from error


async def _greet(smtp: SMTP, server: Server, timeouts: SmtpTimeouts) -> None:
    try:
        await smtp.connect(timeout=timeouts.greeting)
        await smtp.ehlo()
        if server.security is Security.STARTTLS:
            await _start_tls(smtp, server)
    except SMTPConnectResponseError as error:
        raise connect_failed("smtp", f"{server.host} turned us away: {_said(error)}") from error
    except (SMTPConnectError, SMTPConnectTimeoutError) as error:
        # Both mean either the handshake or the greeting that follows it; the cause tells which.
        is_greeting = isinstance(error.__cause__, SMTPServerDisconnected | SMTPReadTimeoutError)
        if server.security is Security.TLS and not is_greeting:
            raise tls_failed("smtp", server, error.__cause__ or error) from error
        raise connect_failed("smtp", f"{server.host} did not greet us.") from error
    except SMTPResponseException as error:
        raise connect_failed("smtp", f"{server.host} turned us away: {_said(error)}") from error
    except (SMTPException, OSError) as error:
        raise connect_failed("smtp", f"{server.host} broke off the connection.") from error


async def _start_tls(smtp: SMTP, server: Server) -> None:
    if not smtp.supports_extension("starttls"):
        raise no_starttls("smtp", server)
    try:
        await smtp.starttls()
    except (SMTPException, OSError) as error:
        raise tls_failed("smtp", server, error) from error
    await smtp.ehlo()


async def _log_in(smtp: SMTP, account: ServerAccount) -> None:
    offered = set(smtp.server_auth_methods)
    user, password, token = account.username, account.password or "", account.access_token
    try:
        if token is not None and "xoauth2" in offered:
            await smtp.auth_xoauth2(user, token)
        elif token is not None:
            raise cannot_login("smtp", "The server takes no sign-in with another provider.", "Use a password instead.")
        elif "plain" in offered:
            await smtp.auth_plain(user, password)
        elif "login" in offered:
            await smtp.auth_login(user, password)
        else:
            raise cannot_login(
                "smtp", "The server takes no passwords on this connection.", "Choose TLS or STARTTLS, often port 587."
            )
    except SMTPAuthenticationError as error:
        raise login_failed("smtp", account, _said(error)) from error
    except (SMTPException, ssl.SSLError, OSError) as error:
        message = words(str(error), account)
        raise connect_failed("smtp", f"The connection ended during the login: {message}") from error


def _said(error: SMTPResponseException) -> str:
    return words(f"{error.code} {error.message}")


def _own_name(sock: socket.socket) -> str:
    """An address literal (RFC 5321 4.1.3): our host's name is nobody's business, and often isn't one."""
    address = sock.getsockname()[0]
    return f"[IPv6:{address}]" if ":" in address else f"[{address}]"
