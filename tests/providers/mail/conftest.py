"""The provider, pointed at the real mail servers."""

import ssl
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

from outrider.core.egress import Egress
from outrider.providers.mail.connecting import Network
from outrider.providers.mail.imap_smtp import ImapSmtp
from outrider.providers.mail.interface import Security, Server, ServerAccount
from tests.real.mail_servers import MailServers

_IMAP_PORTS = {Security.TLS: "imaps", Security.STARTTLS: "imap", Security.NONE: "imap"}
_SMTP_PORTS = {Security.TLS: "smtps", Security.STARTTLS: "submission", Security.NONE: "submission"}

AccountOf = Callable[..., ServerAccount]


@pytest.fixture(scope="session")
async def egress() -> AsyncIterator[Egress]:
    """Lets through what the tests themselves listen on."""
    egress = Egress(allow=("127.0.0.1", "localhost"))
    yield egress
    await egress.aclose()


@pytest.fixture(scope="session")
def network(egress: Egress, mail: MailServers) -> Network:
    return Network(egress, mail.trusting_context())


@pytest.fixture(scope="session")
def provider(network: Network) -> Iterator[ImapSmtp]:
    provider = ImapSmtp(network)
    yield provider
    provider.close()


@pytest.fixture(scope="session")
def distrusting(egress: Egress) -> Iterator[ImapSmtp]:
    """A provider that does not know the test servers' certificate authority."""
    provider = ImapSmtp(Network(egress, ssl.create_default_context()))
    yield provider
    provider.close()


@pytest.fixture
def account_of(mail: MailServers) -> AccountOf:
    """Makes the account of a test user; keyword arguments replace its fields."""

    def make(address: str, *, security: Security = Security.TLS, **fields: Any) -> ServerAccount:
        if "access_token" not in fields:
            fields.setdefault("password", mail.password(address))
        fields.setdefault("imap", Server(mail.host, mail.ports[_IMAP_PORTS[security]], security))
        fields.setdefault("smtp", Server(mail.host, mail.ports[_SMTP_PORTS[security]], security))
        return ServerAccount(address=address, username=fields.pop("username", address), **fields)

    return make


@pytest.fixture
def alice(account_of: AccountOf, mail: MailServers) -> ServerAccount:
    mail.reset("alice@a.test")
    return account_of("alice@a.test")
