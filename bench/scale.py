"""Two hundred mailboxes on a real Dovecot in one worker: what they cost, and how soon an answer stops a follow-up."""

import asyncio
import statistics
from pathlib import Path

from tests.factories.accounts import make_user, retire
from tests.faults import crowd
from tests.faults.test_many_mailboxes import answered, new_addresses, until_read, until_watched
from tests.real.mail_servers import MailServers

from bench.figures import Figure
from bench.processes import environment
from outrider.runtime import Addresses, Runtime

MAILBOXES, EACH, ANSWERS = 200, 250, 100
IDLE = 30.0  # seconds


async def measure(runtime: Runtime, addresses: Addresses, servers: MailServers, folder: Path) -> list[Figure]:
    owner = await make_user(runtime)
    accounts = new_addresses(MAILBOXES)
    await asyncio.to_thread(crowd.fill, servers, accounts, mails=EACH)
    mailboxes = await crowd.connect_all(runtime, servers, owner, accounts)
    with crowd.worker(environment(runtime, addresses, OUTRIDER_CA_FILE=str(servers.ca_file)), folder) as process:
        first = await until_read(runtime, owner, MAILBOXES * EACH, seconds=600)
        await until_watched(runtime, owner, MAILBOXES, seconds=120)
        before = process.use()
        await asyncio.sleep(IDLE)
        after = process.use()
        lines = process.connections(servers.ports["imaps"])
        lags = sorted(await answered(runtime, servers, owner, mailboxes[:: MAILBOXES // ANSWERS]))
        peak = process.peak()
    await retire(runtime, owner)
    what = f"{MAILBOXES} mailboxes"
    share = (after.cpu - before.cpu) / IDLE
    return [
        Figure(f"{what}, {MAILBOXES * EACH:,} mails, first sync", _rate(first), "", "", None, ""),
        Figure(f"{what}, idle", f"{share:.1%} of a core, {lines} connections", "", "", None, ""),
        Figure(f"{what}, memory with children", f"{after.memory:.0f} MiB, peak {peak:.0f}", "", "", None, "400 MiB"),
        Figure(
            f"{what}, arrival of an answer to the stop",
            f"p50 {statistics.median(lags):.2f} s, p95 {lags[int(len(lags) * 0.95)]:.2f} s",
            "",
            "",
            None,
            "p95 60 s",
        ),
    ]


def _rate(seconds: float) -> str:
    return f"{seconds:.0f} s, {MAILBOXES * EACH / seconds:.0f}/s"
