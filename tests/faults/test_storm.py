"""A server that puts everything off for half an hour and then takes no connections at all: the flow comes back by itself."""

import asyncio
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pytest
from sqlalchemy import func, select

from outrider.core.embedded import EmbeddedServer
from outrider.domain.sending import rules
from outrider.domain.sending.models import Send, State
from outrider.runtime import Runtime
from outrider.settings import Settings
from tests.factories.accounts import Someone, make_user, retire
from tests.factories.bulk import make_due_enrollments
from tests.factories.mailboxes import make_mailbox
from tests.faults import crowd
from tests.live import environment
from tests.real.daemons import free_ports

RATE = 60  # a real second is a minute of due time
PACED = {
    "OUTRIDER_CLOCK_RATE": str(RATE),
    "OUTRIDER_SEND_GAP_MIN": "3m",
    "OUTRIDER_SEND_GAP_MAX": "6m",
    "OUTRIDER_UNENCRYPTED_MAIL_HOSTS": "127.0.0.1",
    "OUTRIDER_LOG_LEVEL": "ERROR",
}


@dataclass(frozen=True, slots=True)
class Noted:
    minute: float  # of due time, since the drill began
    what: str
    whom: str


@pytest.mark.parametrize(
    ("mailboxes", "count", "busy", "closed"),
    [(20, 80, 8, 3), pytest.param(60, 900, 30, 6, marks=pytest.mark.faults)],
)
async def test_a_storm_of_deferrals_is_weathered(
    runtime: Runtime, settings: Settings, server: EmbeddedServer, tmp_path: Path,
    mailboxes: int, count: int, busy: float, closed: float,
) -> None:  # fmt: skip
    """Figures are by minutes of due time; the steady rate is what the gaps between a mailbox's mails allow."""
    ada = await make_user(runtime)
    calm = 10.0 if count >= 500 else 5.0
    async with moody(tmp_path) as (port, mood, log):
        boxes = [
            await make_mailbox(runtime, ada, address=f"s{number}@a.test", smtp_port=port, security="none")
            for number in range(mailboxes)
        ]
        with crowd.worker(environment(settings, server, **PACED), tmp_path):
            await asyncio.sleep(2)
            await make_due_enrollments(runtime, ada, boxes, count)
            began = time.time()
            for each, minutes in (("ok", calm), ("busy", busy), ("closed", closed)):
                mood.write_text(each)
                await asyncio.sleep(minutes * 60 / RATE)
            mood.write_text("ok")
            over = (time.time() - began) / 60 * RATE
            states, attempts = await all_ended(runtime, ada, count)
        notes = read(log, began)
    await retire(runtime, ada)
    taken = [note for note in notes if note.what == "taken"]
    steady = per_minute(taken, 2, calm)
    after = per_minute(taken, over, over + 5)
    burst = max(per_minute(taken, at, at + 3) for at in range(int(over), int(taken[-1].minute) + 1))
    knocks = [note for note in notes if note.what == "closed"]
    most, soonest = tries(notes)
    print(
        f"\n{busy:.0f} minutes of 451 and {closed:.0f} of 421: {count - len(taken)} lost,"
        f" {len(taken) - len({note.whom for note in taken})} doubled; steady {steady:.1f} a minute, in the five minutes"
        f" after it {after:.1f}, at most {burst:.1f}; {len(knocks) / closed:.1f} connections a minute while closed;"
        f" at most {most} tries for one mail, never within {soonest:.1f} minutes of each other"
    )
    assert states == {State.SENT: count}
    assert len({note.whom for note in taken}) == len(taken) == count
    assert most <= scheduled(busy) + 1  # and the one that succeeds
    assert soonest >= 5 * 0.95  # what the sink sees is behind what was decided by the way there
    assert attempts <= most
    if count >= 500:
        assert after >= 0.8 * steady
        assert burst <= 2 * steady
        assert len(knocks) / closed <= 2 * steady


@asynccontextmanager
async def moody(folder: Path) -> AsyncIterator[tuple[int, Path, Path]]:
    [port] = free_ports(1)
    mood, log = folder / "mood", folder / "noted"
    mood.write_text("ok")
    log.touch()
    process = subprocess.Popen([sys.executable, "-m", "tests.faults.moody", str(port), str(mood), str(log)])
    try:
        await asyncio.sleep(1)
        yield port, mood, log
    finally:
        process.kill()
        process.wait()


async def all_ended(runtime: Runtime, ada: Someone, count: int) -> tuple[dict[State, int], int]:
    """Waits; returns how the rows ended, and the most attempts that one took."""
    ends = time.monotonic() + 200
    while True:
        async with runtime.db.begin(ada.scope) as db:
            rows = await db.execute(select(Send.state, func.count()).group_by(Send.state))
            states = {row[0]: row[1] for row in rows}
            attempts = await db.scalar(select(func.max(Send.attempts))) or 0
        if states.get(State.SENT, 0) + states.get(State.FAILED, 0) >= count:
            return states, attempts
        assert time.monotonic() < ends, states
        await asyncio.sleep(0.5)


def read(log: Path, began: float) -> list[Noted]:
    notes = []
    for line in log.read_text().splitlines():
        at, what, whom = line.split(maxsplit=2)
        notes.append(Noted((float(at) - began) / 60 * RATE, what, whom.split()[0]))
    return notes


def per_minute(notes: list[Noted], since: float, until: float) -> float:
    return sum(since <= note.minute < until for note in notes) / (until - since)


def tries(notes: list[Noted]) -> tuple[int, float]:
    """The most tries for one mail, and the shortest time between two of one mail."""
    by_mail: defaultdict[str, list[float]] = defaultdict(list)
    for note in notes:
        if note.whom != "-":
            by_mail[note.whom].append(note.minute)
    gaps = [later - earlier for each in by_mail.values() for earlier, later in pairwise(each)]
    return max(map(len, by_mail.values())), min(gaps, default=5.0)


def scheduled(minutes: float) -> int:
    """How many failing tries the schedule has room for within so many minutes, at its quickest."""
    passed, count = 0.0, 1
    for delay in rules.RETRIES:
        passed += max(delay.total_seconds() / 60 * (1 - rules.JITTER), 5)
        if passed > minutes:
            return count
        count += 1
    return count
