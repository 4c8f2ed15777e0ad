"""Many cursors die at once, as when a server is moved: all is read again, a little at a time, and the others hardly wait."""

import asyncio
import json
import statistics
import time
from pathlib import Path

import pytest
from sqlalchemy import func, select, update

from outrider.core.clock import now
from outrider.core.embedded import EmbeddedServer
from outrider.domain.mailboxes.models import Folder, Mailbox, Message, Place
from outrider.runtime import Runtime
from outrider.settings import Settings
from tests.factories.accounts import Someone, make_user, retire
from tests.faults import crowd
from tests.faults.test_many_mailboxes import answered, new_addresses, of_a_worker, until_read, until_watched
from tests.real.mail_servers import MailServers

pytestmark = pytest.mark.real

OTHERS = 10


@pytest.mark.parametrize(
    ("dead", "mails", "answers"), [(4, 60, 1), pytest.param(20, 1_500, 5, marks=pytest.mark.faults)]
)
async def test_cursors_that_die_together_hold_no_other_mailbox_up(
    runtime: Runtime, settings: Settings, server: EmbeddedServer, mail: MailServers, tmp_path: Path,
    dead: int, mails: int, answers: int,
) -> None:  # fmt: skip
    ada = await make_user(runtime)
    dying, others = new_addresses(dead), new_addresses(OTHERS)
    await asyncio.to_thread(crowd.fill, mail, dying, mails=mails)
    await asyncio.to_thread(crowd.fill, mail, others, mails=10)
    doomed = await crowd.connect_all(runtime, mail, ada, dying)
    alive = await crowd.connect_all(runtime, mail, ada, others)
    total = dead * mails + OTHERS * 10
    with crowd.worker(of_a_worker(settings, server, mail), tmp_path) as process:
        await until_read(runtime, ada, total, seconds=60 + total / 100)
        await until_watched(runtime, ada, dead + OTHERS, seconds=120)
        gone = await die(runtime, ada, doomed)
        began = time.monotonic()
        lags = sorted(await answered(runtime, mail, ada, alive * answers))
        await until_read_again(runtime, ada, gone, seconds=120 + total / 50)
        seconds = time.monotonic() - began
        peak = process.peak()
    async with runtime.db.begin(ada.scope) as db:
        ids = [each.id for each in doomed]
        stored = await db.scalar(select(func.count()).where(Message.mailbox_id.in_(ids))) or 0
        placed = (
            await db.scalar(
                select(func.count()).select_from(Place).join(Message, Message.id == Place.message_id)
                .where(Message.mailbox_id.in_(ids))
            )
            or 0
        )  # fmt: skip
        empty = await db.scalar(select(func.count()).where(Message.mailbox_id.in_(ids), Message.text == "")) or 0
    await retire(runtime, ada)
    p95 = lags[int(len(lags) * 0.95)]
    print(
        f"\n{dead} dead cursors over {dead * mails} mails while {len(lags)} answers came to {OTHERS} other mailboxes:"
        f" {dead * mails - stored} missing, {placed - dead * mails} doubled, {empty} emptied, all read again in"
        f" {seconds:.0f} s, peak {peak:.0f} MiB; lag of the others p50 {statistics.median(lags):.2f} s, p95 {p95:.2f} s"
    )
    assert (stored, placed, empty) == (dead * mails, dead * mails, 0)
    assert p95 < 60


async def die(runtime: Runtime, ada: Someone, mailboxes: list[Mailbox]) -> list[str]:
    """Makes the inboxes' cursors such as another server's would be, and has them read. Returns the dead ones."""
    gone = []
    async with runtime.db.begin(ada.scope) as db:
        ids = [each.id for each in mailboxes]
        for folder in await db.scalars(select(Folder).where(Folder.mailbox_id.in_(ids), Folder.name == "INBOX")):
            position = json.loads(folder.cursor or "{}")
            # Far from any other mailbox's: servers number by the second in which a folder is made.
            folder.cursor = json.dumps({**position, "uid_validity": position["uid_validity"] - 1_000_000})
            gone.append(folder.cursor)
        await db.execute(update(Mailbox).where(Mailbox.id.in_(ids)).values(sync_due_at=now()))
    return gone


async def until_read_again(runtime: Runtime, ada: Someone, gone: list[str], *, seconds: float) -> None:
    ends = time.monotonic() + seconds
    unread = select(Folder).where(Folder.is_read_anew | ~Folder.is_complete | Folder.cursor.in_(gone))
    while True:
        async with runtime.db.begin(ada.scope) as db:
            left = [(each.name, each.cursor, each.is_read_anew, each.is_complete) for each in await db.scalars(unread)]
        if not left:
            return
        assert time.monotonic() < ends, f"not read again of {len(gone)} inboxes: {left}"
        await asyncio.sleep(0.2)
