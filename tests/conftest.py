"""A real PostgreSQL for each test process, a runtime on it, and clients that hold every answer to the OpenAPI."""

import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from outrider import starting
from outrider.core import embedded, log
from outrider.core.embedded import EmbeddedServer
from outrider.domain import all_jobs
from outrider.main import create_app
from outrider.runtime import Addresses, Runtime, addresses, open_runtime
from outrider.settings import Settings, load
from tests.client import Client
from tests.factories.google import google_runtime
from tests.real.mail_servers import MailServers, available
from tests.stand_ins import microsoft as microsofts
from tests.stand_ins.google import Google, running
from tests.stand_ins.graph_contacts import Contacts

all_jobs.load()  # what an action queues must be known, as in every process


@pytest.fixture(scope="session", autouse=True)
def logs() -> None:
    log.configure("WARNING", json=True)


@pytest.fixture(scope="session")
def data_dir() -> Iterator[Path]:
    """A folder of this process's own. Short: a socket's path has at most 107 characters."""
    folder = Path(tempfile.mkdtemp(prefix="outr-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def settings(data_dir: Path) -> Settings:
    for name in list(os.environ):
        if name.startswith("OUTRIDER_") or name in {"DATABASE_URL", "JWT_SECRET", "REDIS_URL"}:
            del os.environ[name]
    return load(
        OUTRIDER_DATA_DIR=data_dir,
        OUTRIDER_EGRESS_ALLOW=("127.0.0.1", "localhost"),
        OUTRIDER_RATE_PER_USER=1_000_000,
        OUTRIDER_RATE_PER_ADDRESS=1_000_000,
        OUTRIDER_MAILBOX_DAILY_LIMIT=10_000,
        OUTRIDER_DOMAIN_DAILY_LIMIT=100_000,
        OUTRIDER_COMPANY_DAILY_LIMIT=100_000,
        OUTRIDER_RAMP_START=100_000,
        OUTRIDER_SEND_GAP_MIN="0s",
        OUTRIDER_SEND_GAP_MAX="0s",
        _env_file=None,
    )


@pytest.fixture(scope="session")
def server(settings: Settings) -> Iterator[EmbeddedServer]:
    running = embedded.start(settings.data_dir)
    yield running
    running.stop()


@pytest.fixture(scope="session")
async def database(settings: Settings, server: EmbeddedServer) -> Addresses:
    """The migrated database of this process. Tests share it; each works in workspaces of its own."""
    await starting.create_embedded_database(server)
    found = addresses(settings, server)
    await starting.prepare(settings, found)
    return found


@pytest.fixture(scope="session")
async def runtime(settings: Settings, database: Addresses) -> AsyncIterator[Runtime]:
    async with open_runtime(settings, database.app, name="tests") as opened:
        yield opened


@pytest.fixture(scope="session")
async def anonymous(runtime: Runtime) -> AsyncIterator[Client]:
    """A client without credentials."""
    async with Client(create_app(runtime)) as client:
        yield client


@pytest.fixture
async def google() -> AsyncIterator[Google]:
    """A stand-in for Google; what it is asked and what it answers is held to Google's own description."""
    async with running() as stand_in:
        yield stand_in


@pytest.fixture
async def microsoft() -> AsyncIterator[microsofts.Microsoft]:
    """A stand-in for Microsoft; what it is asked and what it answers is held to Microsoft's published types."""
    async with microsofts.running() as stand_in:
        stand_in.plug(Contacts(stand_in).methods)
        yield stand_in


@pytest.fixture
async def connected(settings: Settings, database: Addresses, google: Google) -> AsyncIterator[Runtime]:
    """A runtime that knows the stand-in."""
    async with google_runtime(settings, database, google) as opened:
        yield opened


@pytest.fixture(scope="session")
def mail() -> Iterator[MailServers]:
    """Dovecot and Postfix, one pair for each test process."""
    reason = available()
    if reason is not None:
        pytest.skip(reason)
    servers = MailServers()
    try:
        servers.start()
        yield servers
    finally:
        servers.stop()
