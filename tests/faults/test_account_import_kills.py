"""Workers killed while they import an account under a limit: each contact once, counters right, hardly any time lost."""

import asyncio
import random
import time
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from sqlalchemy import func, select

from outrider.core.embedded import EmbeddedServer
from outrider.domain.imports.models import ImportedContact, ImportJob, Status
from outrider.domain.people import queries as people
from outrider.domain.people.models import ContactSource
from outrider.runtime import Runtime
from outrider.settings import Settings
from tests.factories.accounts import Someone, make_user
from tests.factories.google import google_urls
from tests.factories.imports import finish, sign_in, state
from tests.faults.test_kills import Workers
from tests.live import environment
from tests.stand_ins.google import CLIENT_ID, CLIENT_SECRET, Google
from tests.stand_ins.google_people import AddressBook

PAGE = 1000
# What Google answers to one walk besides pages: how many other contacts there are, and the page of those.
BESIDES = 2


@dataclass
class Drill:
    runtime: Runtime
    ada: Someone
    book: AddressBook
    job: ImportJob
    workers: Workers


async def set_up(
    connected: Runtime, settings: Settings, server: EmbeddedServer, google: Google, count: int, **limits: float
) -> Drill:
    ada = await make_user(connected)
    book = google.book(ada.user.email, **limits)
    book.add_many(count)
    job = await sign_in(connected, google, ada, ada.user.email)
    own = {name.upper(): value for name, value in google_urls(google).items()}
    own |= {"GOOGLE_CLIENT_ID": CLIENT_ID, "GOOGLE_CLIENT_SECRET": CLIENT_SECRET, "OUTRIDER_LOG_LEVEL": "WARNING"}
    return Drill(connected, ada, book, job, Workers(environment(settings, server, **own), []))


async def watch(drill: Drill, strike: Callable[[], bool], *, patience: float) -> ImportJob:
    """Kills a worker whenever it is time to, until the import is through."""
    chance = random.Random(7)
    deadline = time.monotonic() + patience
    while (job := await state(drill.runtime, drill.ada, drill.job.id)).is_open:
        assert time.monotonic() < deadline, f"not finished: {job.status}, {job.processed_contacts}, {job.error_message}"
        if strike():
            drill.workers.kill(chance)
        await asyncio.sleep(0.02)
    return job


async def check(drill: Drill, done: ImportJob, google: Google, count: int) -> None:
    assert done.status is Status.COMPLETED, done.error_message
    counters = (done.total_contacts, done.processed_contacts, done.imported_contacts, done.skipped_contacts)
    assert (counters, done.failed_contacts) == ((count, count, count, 0), 0)
    async with drill.runtime.db.begin(drill.ada.scope) as db:
        kept = await people.count(db, drill.ada.workspace_id)
        sources = await db.scalar(select(func.count()).select_from(ContactSource))
        rows = await db.scalar(select(func.count(ImportedContact.provider_contact_id.distinct())))
    assert kept == sources == rows == count
    drill.book.limit = None
    again = await sign_in(drill.runtime, google, drill.ada, drill.ada.user.email)
    second = await finish(drill.runtime, drill.ada, again.id)
    assert (second.status, second.imported_contacts) == (Status.COMPLETED, 0)
    async with drill.runtime.db.begin(drill.ada.scope) as db:
        assert await people.count(db, drill.ada.workspace_id) == count


async def struck_in_every_page(drill: Drill, google: Google, count: int, kills: int) -> None:
    """Each page's first answer is the death of a worker, somewhere between reading it and keeping it."""
    chance, struck = random.Random(5), set[int]()
    due: list[float] = []

    def strike() -> bool:
        given = drill.book.given
        if given and given not in struck and len(struck) < kills and not due:
            due.append(time.monotonic() + chance.random() * 0.3)
        if due and time.monotonic() >= due[0]:
            due.clear()
            # A page that is given again after the strike is that page's second chance.
            struck.update({given, given + PAGE})
            return True
        return False

    began = time.monotonic()
    try:
        drill.workers.start()
        done = await watch(drill, strike, patience=240)
    finally:
        drill.workers.stop()
    print(f"\n{count} contacts, {drill.workers.kills} kills in the middle of a page, {time.monotonic() - began:.0f} s")
    assert drill.workers.kills >= 1, "the drill did not fire"
    await check(drill, done, google, count)


async def test_a_kill_in_the_middle_of_a_page_loses_and_doubles_nothing_of_2000(
    connected: Runtime, settings: Settings, server: EmbeddedServer, google: Google
) -> None:
    await struck_in_every_page(await set_up(connected, settings, server, google, 2 * PAGE), google, 2 * PAGE, kills=1)


@pytest.mark.faults
async def test_a_kill_in_every_page_loses_and_doubles_nothing_of_10000(
    connected: Runtime, settings: Settings, server: EmbeddedServer, google: Google
) -> None:
    drill = await set_up(connected, settings, server, google, 10 * PAGE)
    await struck_in_every_page(drill, google, 10 * PAGE, kills=20)


@pytest.mark.faults
async def test_ten_kills_under_a_limit_cost_less_than_a_third_of_the_time(
    connected: Runtime, settings: Settings, server: EmbeddedServer, google: Google
) -> None:
    count, burst, interval = 10 * PAGE, 2, 10.0
    drill = await set_up(connected, settings, server, google, count, limit=burst, window=burst * interval)
    ideal = (count / PAGE + BESIDES - burst) * interval
    # Nine at any time, and one in the middle of a page: that costs another request.
    moments = sorted(random.Random(11).uniform(0, ideal) for _ in range(9))
    aimed = [5 * PAGE]
    began = time.monotonic()

    def strike() -> bool:
        if aimed and drill.book.given >= aimed[0]:
            aimed.clear()
            return True
        if moments and time.monotonic() - began >= moments[0]:
            moments.pop(0)
            return True
        return False

    try:
        drill.workers.start()
        done = await watch(drill, strike, patience=3 * ideal)
        took = time.monotonic() - began
    finally:
        drill.workers.stop()
    wasted = len(drill.book.answered) - (count // PAGE + BESIDES)
    print(
        f"\n{count} contacts, {drill.workers.kills} kills, {wasted} pages fetched twice, {drill.book.refused} refusals: "
        f"{took:.0f} s, {took / ideal:.2f} of the ideal {ideal:.0f} s"
    )
    assert drill.workers.kills == 10, "the drill did not fire"
    assert took <= 1.3 * ideal
    await check(drill, done, google, count)
