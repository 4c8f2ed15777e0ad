"""The way to a mail server, shared by IMAP and SMTP: guarded sockets, and failures said so that a person can act."""

import base64
import re
import socket
import ssl
from dataclasses import dataclass, field

from outrider.core.egress import Egress, EgressBlocked, EgressFailed, EgressUnresolved
from outrider.providers.mail.interface import ConnectFailed, Security, Server, ServerAccount, Step

MAX_WORDS = 300  # characters of a server's answer that are worth repeating

_CONTROL = re.compile(r"[\x00-\x1f\x7f]+")
_TEMPORARY = re.compile(
    r"\[(UNAVAILABLE|INUSE|LIMIT|SERVERBUG|THROTTLED)\]|too many|temporar|try again later|^4\d\d", re.IGNORECASE
)
_REFUSED = re.compile(r"\[AUTHENTICATIONFAILED\]|^535", re.IGNORECASE)
_APP_PASSWORD = re.compile(
    r"app(lication)?[- ]?(specific )?password|web login|InvalidSecondFactor|5\.7\.9", re.IGNORECASE
)
_NEEDS_OAUTH = re.compile(r"basic auth\w* is disabled|5\.7\.139|5\.7\.30|BASIC_?AUTH", re.IGNORECASE)
_PORTS = {
    "imap": "993 with TLS, or 143 with STARTTLS",
    "smtp": "465 with TLS, or 587 with STARTTLS",
}


@dataclass(frozen=True, slots=True)
class Network:
    """What every connection is made with. Only `unencrypted_hosts`, set by the operator, may be used without TLS."""

    egress: Egress
    tls: ssl.SSLContext = field(default_factory=ssl.create_default_context)
    unencrypted_hosts: frozenset[str] = frozenset()


async def dial(network: Network, kind: str, server: Server, *, seconds: float) -> socket.socket:
    """Returns a connected, non-blocking socket without TLS. Raises ConnectFailed; `kind` is "imap" or "smtp"."""
    if server.security is Security.NONE and server.host.lower() not in network.unencrypted_hosts:
        message = f"{server.host} was to be used without encryption."
        raise ConnectFailed(Step.TLS, kind, message, "Choose TLS or STARTTLS.", is_terminal=True)
    try:
        return await network.egress.connect(server.host, server.port, timeout=seconds, ports_open=True)
    except EgressUnresolved as error:
        hint = f"Check the spelling of the {kind.upper()} server's name; your mail provider's help pages list it."
        raise ConnectFailed(Step.DNS, kind, error.message, hint) from error
    except EgressBlocked as error:
        hint = "Use the mail server's public name. For a server on your own network, the operator has to allow it."
        raise ConnectFailed(Step.CONNECT, kind, error.message, hint, is_terminal=True) from error
    except EgressFailed as error:
        raise connect_failed(kind, error.message) from error


def connect_failed(kind: str, message: str) -> ConnectFailed:
    hint = f"Check the port (usually {_PORTS[kind]}). If it is right, the server may be down or a firewall in the way."
    return ConnectFailed(Step.CONNECT, kind, message, hint)


def tls_failed(kind: str, server: Server, error: BaseException) -> ConnectFailed:
    host, port = server.host, server.port
    if isinstance(error, ssl.SSLCertVerificationError):
        message = f"The certificate of {host} can't be trusted: {words(error.verify_message)}."
        hint = "Use exactly the server name your mail provider lists; a certificate only holds for its own names."
        return ConnectFailed(Step.TLS, kind, message, hint, is_terminal=True)
    message = f"No encrypted connection to {host} on port {port} came about."
    hint = f"Port and encryption must fit together (usually {_PORTS[kind]})."
    return ConnectFailed(Step.TLS, kind, message, hint)


def no_starttls(kind: str, server: Server) -> ConnectFailed:
    message = f"{server.host} does not offer STARTTLS on port {server.port}."
    return ConnectFailed(Step.TLS, kind, message, f"Try {_PORTS[kind].partition(',')[0]}.", is_terminal=True)


def login_failed(kind: str, account: ServerAccount, answer: str) -> ConnectFailed:
    """`answer` is the server's, with its number where it has one."""
    message = words(answer, account) or "The server refused the login."
    if _TEMPORARY.search(message) and not _REFUSED.search(message):
        hint = "The server can't take logins right now. We try again by ourselves."
        return ConnectFailed(Step.LOGIN, kind, message, hint)
    if _NEEDS_OAUTH.search(message):
        hint = "This provider no longer takes passwords. Connect the mailbox by signing in with the provider instead."
    elif account.access_token is not None:
        hint = "The permission has expired or was withdrawn. Connect the mailbox again."
    elif _APP_PASSWORD.search(message):
        hint = "This provider wants an app password. Create one in the account's security settings and use it here."
    else:
        hint = (
            "Check the user name (often the whole address) and the password. "
            "With two-step sign-in, use an app password from the account's security settings."
        )
    return ConnectFailed(Step.LOGIN, kind, message, hint, is_terminal=True)


def cannot_login(kind: str, message: str, hint: str) -> ConnectFailed:
    return ConnectFailed(Step.LOGIN, kind, message, hint, is_terminal=True)


def check_credentials(kind: str, account: ServerAccount) -> None:
    """Control characters separate the fields of every login mechanism, so they can't be part of one."""
    for value in (account.username, account.password or "", account.access_token or ""):
        if has_control(value):
            message = "The user name or password contains a line break or another invisible character."
            raise cannot_login(kind, message, "Enter them again by hand.")


def has_control(text: str) -> bool:
    return _CONTROL.search(text) is not None


def words(answer: str, account: ServerAccount | None = None, *, limit: int = MAX_WORDS) -> str:
    """A server's answer on one line, cut to a readable length, without what could give the account away."""
    for secret in _secrets(account) if account else ():
        answer = answer.replace(secret, "…")
    return _CONTROL.sub(" ", answer).encode(errors="replace").decode()[:limit].strip()


def _secrets(account: ServerAccount) -> list[str]:
    plain = [secret for secret in (account.password, account.access_token) if secret]
    logins = [f"\0{account.username}\0{secret}" for secret in plain]
    return plain + [base64.b64encode(text.encode()).decode() for text in plain + logins]
