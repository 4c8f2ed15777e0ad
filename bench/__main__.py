"""Prints one table of ratios, each against a peer or a limit measured in the same run.

`python -m bench [NAME…] [--mail FOLDER]`; the mails of FOLDER are what is synced, else made-up ones. Those that take
minutes are measured only where they are named.
"""

import argparse
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import uvloop
from tests.real.mail_servers import MailServers

from bench import (
    concierge,
    console,
    finding,
    footprint,
    harvesting,
    importing,
    lists,
    reading,
    scale,
    scanning,
    sending,
    syncing,
    workers,
)  # fmt: skip
from bench.figures import Figure, table
from bench.unpaced import UNPACED
from outrider import starting
from outrider.core import log
from outrider.runtime import open_runtime
from outrider.settings import load

NAMES = ("footprint", "lists", "sending", "workers", "reading", "harvesting", "syncing")
LONG = ("concierge", "console", "finding", "importing", "scale", "scanning")
ON_REAL_SERVERS = {"syncing", "scale", "scanning"}


async def measure(names: list[str], folder: Path, mail: Path | None, servers: MailServers | None) -> list[Figure]:
    figures: list[Figure] = []
    own: dict[str, Any] = {"OUTRIDER_CA_FILE": servers.ca_file} if servers is not None else {}
    settings = load(OUTRIDER_DATA_DIR=folder / "data", DATABASE_URL=None, _env_file=None, **UNPACED, **own)
    async with (
        starting.database(settings, migrate=True) as found,
        open_runtime(settings, found.app, name="bench") as runtime,
    ):
        if "lists" in names:
            figures += await lists.compare(runtime, found)
        if "sending" in names:
            figures += await sending.compare(runtime, folder)
        if "workers" in names:
            figures += await workers.compare(runtime, found, folder)
        for name, bench in (("finding", finding), ("importing", importing), ("console", console)):
            if name in names:
                figures += await bench.compare(runtime, found)
        if "concierge" in names:
            figures += await concierge.measure(runtime, found, folder)
        if servers is not None and "syncing" in names:
            figures += await syncing.compare(runtime, found, servers, mail)
        if servers is not None and "scanning" in names:
            figures += await scanning.compare(runtime, found, servers, folder, mail)
        if servers is not None and "scale" in names:
            figures += await scale.measure(runtime, found, servers, folder)
    return figures


def main() -> None:
    reader = argparse.ArgumentParser(prog="bench", description=__doc__)
    reader.add_argument("names", nargs="*", metavar="NAME", help=", ".join(NAMES + LONG))
    reader.add_argument("--mail", type=Path, metavar="FOLDER", help="mails to sync")
    given = reader.parse_args()
    names = given.names or list(NAMES)
    if unknown := set(names) - set(NAMES + LONG):
        reader.error(f"no such bench: {', '.join(sorted(unknown))}")
    log.configure("ERROR", json=True)
    with ExitStack() as stack:
        folder = Path(
            stack.enter_context(tempfile.TemporaryDirectory(prefix="outr-bench-", ignore_cleanup_errors=True))
        )
        folder.chmod(0o755)
        servers = stack.enter_context(syncing.serving()) if ON_REAL_SERVERS & set(names) else None
        figures = footprint.measure(folder) if "footprint" in names else []
        figures += reading.measure(given.mail) if "reading" in names else []
        figures += harvesting.measure(given.mail) if "harvesting" in names else []
        figures += uvloop.run(measure(names, folder, given.mail, servers))
    print("\n" + table(figures))


if __name__ == "__main__":
    main()
