"""Folders, ports and processes for the servers that tests start: nothing outlives the test run that started it."""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(tempfile.gettempdir()) / f"outrider-test-servers-{os.getuid()}"
# The kernel closes our end of the pipe however we die. (A parent-death signal would not do: Postfix changes its
# user id on the way, which clears it.)
LEASH = 'exec 3<&0; "$@" </dev/null 3<&- & daemon=$!; (read _ <&3; kill $daemon) & wait $daemon'
FIRST_PORT, LAST_PORT = 20000, 30000  # below the range that the kernel hands to outgoing connections


def new_folder(name: str) -> Path:
    """Returns an empty folder named for this process, after removing those of test runs that are gone."""
    ROOT.mkdir(mode=0o755, exist_ok=True)
    for folder in ROOT.iterdir():
        if not _is_alive(int(folder.name.rpartition("-")[2])):
            shutil.rmtree(folder, ignore_errors=True)
    folder = ROOT / f"{name}-{os.getpid()}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o755)
    return folder


def free_ports(count: int) -> list[int]:
    """Returns ports nobody listens on. Where the search begins depends on the process: workers start side by side."""
    found: list[int] = []
    port = FIRST_PORT + (os.getpid() * 37) % (LAST_PORT - FIRST_PORT - 500)
    while len(found) < count:
        port += 1
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            found.append(port)
    return found


def start(command: Sequence[str], *, user: str | None = None) -> subprocess.Popen[bytes]:
    """Starts a daemon in the foreground, as `user`, to end when `stop` is called or this process dies."""
    drop = ["setpriv", "--reuid", user, "--regid", user, "--clear-groups"] if user else []
    return subprocess.Popen(
        ["sh", "-c", LEASH, "leash", *drop, *command],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def stop(daemon: subprocess.Popen[bytes]) -> None:
    daemon.communicate(timeout=20)  # which closes its standard input first


def wait_until_open(port: int, *, daemon: subprocess.Popen[bytes], seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if daemon.poll() is not None:
            raise RuntimeError(f"{daemon.args!r} ended with {daemon.returncode} instead of listening on {port}")
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.02)
        else:
            return
    raise RuntimeError(f"nothing listens on {port} after {seconds} s")


def system_user(name: str) -> str:
    """Returns the name of a user without a login, made where it is missing."""
    try:
        pwd.getpwnam(name)
    except KeyError:
        command = ["useradd", "--system", "--no-create-home", "--home-dir", "/nonexistent", "--user-group"]
        made = subprocess.run([*command, "--shell", "/usr/sbin/nologin", name], check=False, capture_output=True)
        if made.returncode not in {0, 9}:  # 9: another worker was faster
            raise RuntimeError(made.stderr.decode()) from None
    return name


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
