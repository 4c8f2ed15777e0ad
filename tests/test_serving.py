"""`outrider serve` as a process: it starts, stops, starts again, and says plainly why when it can't."""

import os
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import psutil
import pytest

from outrider.settings import new_secrets
from tests.real.daemons import free_ports

OUTRIDER = str(Path(sys.executable).parent / "outrider")
PATIENCE = 20.0
NOWHERE = "postgresql://nobody@127.0.0.1:1/nothing"
KEY = new_secrets()["OUTRIDER_ENCRYPTION_KEYS"]
SECRET = "x" * 40


@pytest.fixture
def folder() -> Iterator[Path]:
    # Not under pytest's own folder, which the embedded server's user may not enter.
    made = Path(tempfile.mkdtemp(prefix="outr-serve-", dir="/tmp"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made, ignore_errors=True)


def environment(folder: Path, **extra: str) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "OUTRIDER_DATA_DIR": str(folder / "data"), "PYTHONUNBUFFERED": "1", **extra}


class Served:
    """A server being watched: its port, and what it said until it was ready."""

    def __init__(self, folder: Path, **extra: str) -> None:
        [self.port] = free_ports(1)
        began = time.monotonic()
        self.process = subprocess.Popen(
            [OUTRIDER, "serve"],
            env=environment(folder, OUTRIDER_PORT=str(self.port), **extra),
            cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        assert self.process.stdout is not None
        self.said = ""
        for line in self.process.stdout:
            self.said += line
            if "stop   Ctrl-C" in line:
                break
        self.seconds = time.monotonic() - began

    def end(self, number: int) -> int:
        self.process.send_signal(number)
        return self.process.wait(PATIENCE)


def refused(folder: Path, *arguments: str, **extra: str) -> tuple[int, str, float]:
    began = _spent_by_children()
    done = subprocess.run(
        [OUTRIDER, *(arguments or ("serve",))],
        env=environment(folder, OUTRIDER_PORT=str(free_ports(1)[0]), **extra),
        cwd=folder, capture_output=True, text=True, timeout=PATIENCE, check=False,
    )  # fmt: skip
    assert "Traceback" not in done.stderr
    return done.returncode, done.stderr, _spent_by_children() - began


def _spent_by_children() -> float:
    # Processor time: what else the machine does meanwhile is not ours.
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def postgres_in(folder: Path) -> list[int]:
    return [
        each.pid
        for each in psutil.process_iter(["cmdline", "name"])
        if "postgres" in each.info["name"] and str(folder) in " ".join(each.info["cmdline"] or [])
    ]


def create_user(folder: Path, email: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [OUTRIDER, "user", "create", email, "--name", "Ada"],
        env=environment(folder), cwd=folder, input="an apple falls far away\n",
        capture_output=True, text=True, timeout=PATIENCE, check=False,
    )  # fmt: skip


def test_it_starts_serves_stops_and_finds_its_data_again(folder: Path) -> None:
    first = Served(folder)
    assert f"Outrider is ready at http://127.0.0.1:{first.port}" in first.said
    assert "outrider user create" in first.said
    assert httpx2.get(f"http://127.0.0.1:{first.port}/readyz").status_code == 200
    made = create_user(folder, "ada@lovelace.example")
    assert made.returncode == 0, made.stderr
    assert first.end(signal.SIGINT) == 0
    assert postgres_in(folder) == []
    second = Served(folder)
    try:
        assert "sign in  POST /auth/connect" in second.said
        answer = httpx2.post(
            f"http://127.0.0.1:{second.port}/auth/connect",
            json={"provider": "password", "email": "ada@lovelace.example", "password": "an apple falls far away"},
            timeout=10,
        )
        assert answer.status_code == 200, answer.text
    finally:
        assert second.end(signal.SIGTERM) == 0
    print(f"\nready after {first.seconds:.1f} s the first time, {second.seconds:.1f} s the second")


def test_a_second_instance_on_the_same_folder_says_so(folder: Path) -> None:
    first = Served(folder)
    try:
        code, said, _ = refused(folder)
        assert code != 0
        assert "already" in said
        assert str(folder) in said
    finally:
        first.end(signal.SIGINT)


def test_after_a_kill_it_starts_as_if_nothing_had_been(folder: Path) -> None:
    first = Served(folder)
    made = create_user(folder, "ada@lovelace.example")
    assert made.returncode == 0
    first.end(signal.SIGKILL)
    second = Served(folder)
    try:
        assert "sign in  POST /auth/connect" in second.said
    finally:
        assert second.end(signal.SIGINT) == 0


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({}, "OUTRIDER_ENCRYPTION_KEYS"),
        ({"JWT_SECRET": SECRET}, "OUTRIDER_ENCRYPTION_KEYS"),
        ({"OUTRIDER_ENCRYPTION_KEYS": KEY}, "JWT_SECRET"),
        ({"JWT_SECRET": "short", "OUTRIDER_ENCRYPTION_KEYS": KEY}, "JWT_SECRET"),
        ({"JWT_SECRET": SECRET, "OUTRIDER_ENCRYPTION_KEYS": "k1:QUFB"}, "key"),
        ({"JWT_SECRET": SECRET, "OUTRIDER_ENCRYPTION_KEYS": "no key at all"}, "key"),
    ],
    ids=["neither", "no key", "no secret", "short secret", "short key", "nonsense"],
)
def test_without_good_keys_nothing_starts(folder: Path, given: dict[str, str], named: str) -> None:
    code, said, seconds = refused(folder, DATABASE_URL=NOWHERE, **given)
    assert code != 0
    assert named in said
    assert seconds < 2
    for secret in (SECRET, KEY):
        assert secret not in said


def test_another_key_than_the_databases_is_refused(folder: Path) -> None:
    first = Served(folder)
    first.end(signal.SIGINT)
    code, said, _ = refused(folder, OUTRIDER_ENCRYPTION_KEYS=KEY, JWT_SECRET=SECRET)
    assert code != 0
    assert "another key" in said


def test_a_database_that_is_not_there_is_named(folder: Path) -> None:
    code, said, _ = refused(folder, DATABASE_URL=NOWHERE, JWT_SECRET=SECRET, OUTRIDER_ENCRYPTION_KEYS=KEY)
    assert code != 0
    assert "127.0.0.1" in said
    assert "DATABASE_URL" in said


def test_a_port_in_use_is_named(folder: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        code, said, _ = refused(folder, "serve", "--port", port)
    assert code != 0
    assert port in said
    assert postgres_in(folder) == []


def test_a_data_folder_that_is_a_file_is_named(folder: Path) -> None:
    (folder / "data").write_text("in the way")
    code, said, _ = refused(folder)
    assert code != 0
    assert "OUTRIDER_DATA_DIR" in said


def test_a_misspelt_setting_is_named(folder: Path) -> None:
    code, said, _ = refused(folder, OUTRIDER_SYNC_EVERY="often")
    assert code != 0
    assert "OUTRIDER_SYNC_EVERY" in said
