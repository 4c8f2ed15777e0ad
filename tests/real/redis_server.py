"""A real Redis on loopback, which can be stopped, started again and emptied."""

import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.real import daemons


class RedisServer:
    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, daemons.free_ports(1)[0]
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._daemon: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        options = ["--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        self._daemon = daemons.start(["redis-server", *options, "--dir", str(self.folder)])
        for _ in range(200):
            if self.ask("PING") == "PONG":
                return
            time.sleep(0.05)
        raise RuntimeError("Redis did not start")

    def stop(self) -> None:
        if self._daemon is not None:
            daemons.stop(self._daemon)
            self._daemon = None

    def ask(self, *command: str) -> str:
        asked = subprocess.run(
            ["redis-cli", "-p", str(self.port), *command], capture_output=True, text=True, timeout=10, check=False
        )
        return asked.stdout.strip()


@contextmanager
def running() -> Iterator[RedisServer]:
    """Skips where Redis is not installed."""
    if shutil.which("redis-server") is None:
        pytest.skip("redis-server is not installed; `make mail-servers` as root installs it")
    with TemporaryDirectory(prefix="outr-redis-") as folder:
        server = RedisServer(Path(folder))
        server.start()
        try:
            yield server
        finally:
            server.stop()
