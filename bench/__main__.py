"""Prints one table of ratios, each against a peer or a limit measured in the same run. `python -m bench [NAME…]`."""

import sys
import tempfile
from pathlib import Path

import uvloop

from bench import footprint, lists, sending
from bench.figures import Figure, table
from outrider import starting
from outrider.core import log
from outrider.runtime import open_runtime
from outrider.settings import load

NAMES = ("footprint", "lists", "sending")
# Nothing is paced: what is measured is how fast it could be.
UNPACED = {
    "OUTRIDER_RATE_PER_USER": 10**9,
    "OUTRIDER_DOMAIN_DAILY_LIMIT": 100_000,
    "OUTRIDER_COMPANY_DAILY_LIMIT": 100_000,
    "OUTRIDER_RAMP_START": 100_000,
    "OUTRIDER_SEND_GAP_MIN": "0s",
    "OUTRIDER_SEND_GAP_MAX": "0s",
    "OUTRIDER_EGRESS_ALLOW": "127.0.0.1",
    "OUTRIDER_UNENCRYPTED_MAIL_HOSTS": "127.0.0.1",
}


async def measure(names: list[str], folder: Path) -> list[Figure]:
    figures: list[Figure] = []
    settings = load(OUTRIDER_DATA_DIR=folder / "data", DATABASE_URL=None, _env_file=None, **UNPACED)
    async with (
        starting.database(settings, migrate=True) as found,
        open_runtime(settings, found.app, name="bench") as runtime,
    ):
        if "lists" in names:
            figures += await lists.compare(runtime, found)
        if "sending" in names:
            figures += await sending.compare(runtime, folder)
    return figures


def main() -> None:
    log.configure("ERROR", json=True)
    names = sys.argv[1:] or list(NAMES)
    with tempfile.TemporaryDirectory(prefix="outr-bench-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o755)
        figures = footprint.measure(folder) if "footprint" in names else []
        figures += uvloop.run(measure(names, folder))
    print("\n" + table(figures))


if __name__ == "__main__":
    main()
