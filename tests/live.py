"""Outrider as users run it: `outrider serve` as a process of its own, on the tests' database."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2

from outrider.core.embedded import OWNER, EmbeddedServer
from outrider.settings import Settings
from tests.real.daemons import free_ports

PATIENCE = 90.0  # seconds; how long a machine under load may take to start a process


@dataclass(frozen=True, slots=True)
class Live:
    """Where it listens, and the file its output goes to."""

    url: str
    log: Path
    process: "subprocess.Popen[bytes]"


def environment(settings: Settings, server: EmbeddedServer, **extra: str) -> dict[str, str]:
    """The environment of a process that shares the tests' database and secrets; nothing is paced or limited."""
    assert settings.jwt_secret is not None
    assert settings.encryption_keys is not None
    return {
        "PATH": os.environ["PATH"],
        "PYTHONUNBUFFERED": "1",
        "DATABASE_URL": server.url(OWNER),
        "DATABASE_APP_URL": server.url(settings.database_app_role),
        "JWT_SECRET": settings.jwt_secret.get_secret_value(),
        "OUTRIDER_ENCRYPTION_KEYS": settings.encryption_keys.get_secret_value(),
        "OUTRIDER_EGRESS_ALLOW": "127.0.0.1,localhost",
        "OUTRIDER_RATE_PER_USER": "1000000",
        "OUTRIDER_RATE_PER_ADDRESS": "1000000",
        "OUTRIDER_MAILBOX_DAILY_LIMIT": "10000",
        "OUTRIDER_DOMAIN_DAILY_LIMIT": "100000",
        "OUTRIDER_COMPANY_DAILY_LIMIT": "100000",
        "OUTRIDER_RAMP_START": "100000",
        "OUTRIDER_SEND_GAP_MIN": "0s",
        "OUTRIDER_SEND_GAP_MAX": "0s",
        **extra,
    }


@contextmanager
def serving(settings: Settings, server: EmbeddedServer, folder: Path, **extra: str) -> Iterator[Live]:
    with _running(environment(settings, server, **extra), folder) as live:
        yield live


@contextmanager
def fresh_install(folder: Path, **extra: str) -> Iterator[Live]:
    """As somebody has it who has just installed it: nothing is set but where its data lie, and there is nobody yet."""
    known = {"PATH": os.environ["PATH"], "PYTHONUNBUFFERED": "1", "OUTRIDER_DATA_DIR": str(folder)}
    with _running({**known, **extra}, folder) as live:
        yield live


@contextmanager
def _running(variables: dict[str, str], folder: Path) -> Iterator[Live]:
    [port] = free_ports(1)
    log = folder / "serve.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [str(Path(sys.executable).parent / "outrider"), "serve"],
            env={**variables, "OUTRIDER_PORT": str(port)},
            cwd=folder,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    live = Live(f"http://127.0.0.1:{port}", log, process)
    try:
        _wait_until_ready(live)
        yield live
    finally:
        process.terminate()
        process.wait(PATIENCE)


def _wait_until_ready(live: Live) -> None:
    ends = time.monotonic() + PATIENCE
    while time.monotonic() < ends:
        try:
            if httpx2.get(f"{live.url}/readyz", timeout=2).status_code == 200:
                return
        except httpx2.HTTPError:
            pass
        if live.process.poll() is not None:
            break
        time.sleep(0.1)
    raise RuntimeError(f"outrider serve did not become ready:\n{live.log.read_text()[-2000:]}")
