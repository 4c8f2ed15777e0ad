"""A PostgreSQL of the system's own packages, and a PgBouncer before it, on loopback ports of their own."""

import grp
import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from tests.real.daemons import free_ports
from tests.real.disks import disk

VERSIONS = Path("/usr/lib/postgresql")
BOUNCER = """
[databases]
* = host=127.0.0.1 port={port}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {own}
auth_type = trust
auth_file = {folder}/users
pool_mode = transaction
default_pool_size = 5
unix_socket_dir =
"""


def available() -> str | None:
    """Why it can't run here, or None."""
    if os.geteuid() != 0:
        return "starting PostgreSQL as its own user needs root"
    if not list(VERSIONS.glob("*/bin/postgres")):
        return "no PostgreSQL of the system (apt-get install postgresql)"
    return None


@dataclass(frozen=True, slots=True)
class Cluster:
    """`owner` may create roles and is no superuser, as a careful administrator sets it up."""

    port: int
    folder: Path

    @property
    def owner(self) -> str:
        return f"postgresql://outrider_owner@127.0.0.1:{self.port}/outrider"

    def run(self, program: str, *arguments: str) -> None:
        binary = max(VERSIONS.glob("*/bin")) / program
        subprocess.run([binary, *arguments], user="postgres", cwd=self.folder, check=True, stdout=subprocess.DEVNULL)

    def start(self) -> None:
        options = f"-p {self.port} -k {self.folder} -c listen_addresses=127.0.0.1 -c max_connections=200"
        log = str(self.folder / "log")
        self.run("pg_ctl", "-D", str(self.folder / "data"), "-l", log, "-o", options, "-w", "start")

    def stop(self) -> None:
        self.run("pg_ctl", "-D", str(self.folder / "data"), "-m", "immediate", "stop")

    @property
    def is_running(self) -> bool:
        found = self.folder / "data/postmaster.pid"
        return found.exists() and psutil.pid_exists(int(found.read_text().split()[0]))

    def crash(self) -> None:
        """Kills every process of it without a warning, and starts it again."""
        postmaster = psutil.Process(int((self.folder / "data/postmaster.pid").read_text().split()[0]))
        family = [postmaster, *postmaster.children(recursive=True)]
        for each in family:
            with suppress(psutil.NoSuchProcess):
                each.kill()
        psutil.wait_procs(family, timeout=10)
        self.start()


@contextmanager
def cluster(*, size: str | None = None) -> Iterator[Cluster]:
    """With `size`, such as 100m, on a disk of its own."""
    folder = Path(tempfile.mkdtemp(prefix="outr-pg-", dir="/tmp"))
    with disk(folder, size) if size else nullcontext():
        yield from _running(folder)
    shutil.rmtree(folder, ignore_errors=True)


def _running(folder: Path) -> Iterator[Cluster]:
    os.chown(folder, pwd.getpwnam("postgres").pw_uid, grp.getgrnam("postgres").gr_gid)
    made = Cluster(free_ports(1)[0], folder)
    made.run("initdb", "-D", str(folder / "data"), "-A", "trust", "-U", "postgres", "-E", "UTF8")
    made.start()
    try:
        at = ["-h", "127.0.0.1", "-p", str(made.port), "-U", "postgres"]
        made.run("psql", *at, "-c", "create role outrider_owner login createrole")
        made.run("psql", *at, "-c", "create database outrider owner outrider_owner")
        yield made
    finally:
        made.stop()


@contextmanager
def pooler(cluster: Cluster) -> Iterator[int]:
    """PgBouncer in transaction mode with five connections; yields its port."""
    [own] = free_ports(1)
    settings = cluster.folder / "pgbouncer.ini"
    settings.write_text(BOUNCER.format(port=cluster.port, own=own, folder=cluster.folder))
    (cluster.folder / "users").write_text('"outrider_app" ""\n')
    process = subprocess.Popen(
        ["/usr/sbin/pgbouncer", "-q", str(settings)], user="postgres", cwd=cluster.folder, stderr=subprocess.DEVNULL
    )
    time.sleep(1)
    try:
        yield own
    finally:
        process.terminate()
        process.wait(10)
