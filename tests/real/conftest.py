"""The mail servers as a fixture: one pair of servers for each test process."""

from collections.abc import Iterator

import pytest

from tests.real.mail_servers import MailServers, available


@pytest.fixture(scope="session")
def mail() -> Iterator[MailServers]:
    reason = available()
    if reason is not None:
        pytest.skip(reason)
    servers = MailServers()
    try:
        servers.start()
        yield servers
    finally:
        servers.stop()
