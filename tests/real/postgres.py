"""A PostgreSQL of the system's own packages, and a PgBouncer before it, on loopback ports of their own."""

import grp
import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.real.daemons import free_ports

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


@contextmanager
def cluster() -> Iterator[Cluster]:
    binaries = max(VERSIONS.glob("*/bin"))
    folder = Path(tempfile.mkdtemp(prefix="outr-pg-", dir="/tmp"))
    user = pwd.getpwnam("postgres")
    os.chown(folder, user.pw_uid, grp.getgrnam("postgres").gr_gid)
    [port] = free_ports(1)

    def run(*command: str) -> None:
        subprocess.run(command, user="postgres", cwd=folder, check=True, stdout=subprocess.DEVNULL)

    run(str(binaries / "initdb"), "-D", str(folder / "data"), "-A", "trust", "-U", "postgres", "-E", "UTF8")
    options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1"
    run(str(binaries / "pg_ctl"), "-D", str(folder / "data"), "-l", str(folder / "log"), "-o", options, "-w", "start")
    try:
        at = ["-h", "127.0.0.1", "-p", str(port), "-U", "postgres"]
        run(str(binaries / "psql"), *at, "-c", "create role outrider_owner login createrole")
        run(str(binaries / "psql"), *at, "-c", "create database outrider owner outrider_owner")
        yield Cluster(port, folder)
    finally:
        run(str(binaries / "pg_ctl"), "-D", str(folder / "data"), "-m", "immediate", "stop")
        shutil.rmtree(folder, ignore_errors=True)


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
