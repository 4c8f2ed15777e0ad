"""A real Postfix, killed with all its children while follow-ups leave through it for mailboxes on a real Dovecot."""

import asyncio
import random
import re
import time
from collections import Counter, defaultdict

import pytest
from sqlalchemy import func, select, text

from outrider.core.embedded import EmbeddedServer
from outrider.domain.mailboxes.models import Mailbox
from outrider.domain.sending.models import Send, State
from outrider.runtime import Runtime
from tests.factories.accounts import Someone, make_user, retire
from tests.factories.bulk import make_due_enrollments
from tests.faults.test_drops import HURRY
from tests.faults.test_kills import MAILBOXES, Workers, embedded, mailbox_at
from tests.real.mail_servers import MailServers

pytestmark = pytest.mark.real

PATIENCE = 150.0
DOWN = 0.5  # seconds that Postfix stays away
# The one that took it from us stands last.
TAKEN_AS = re.compile(r"\bwith ESMTPSA?\s+id (\w+)")
ENDED = (State.SENT, State.FAILED, State.UNCONFIRMED)


@pytest.mark.parametrize(("count", "kills"), [(100, 2), pytest.param(500, 8, marks=pytest.mark.faults)])
async def test_a_killed_postfix_costs_no_mail_and_doubles_none(
    runtime: Runtime, server: EmbeddedServer, mail: MailServers, count: int, kills: int
) -> None:
    """Postfix itself may hand one mail to Dovecot twice when it dies in between; the id under which it took it tells."""
    ada = await make_user(runtime)
    bob = f"bob{time.monotonic_ns()}@b.test"
    mail.add_user(bob)
    mailboxes = [await mailbox_at(runtime, ada, mail, mail.ports["smtps"], number) for number in range(MAILBOXES)]
    await through_postfix(runtime, ada, mailboxes)
    await make_due_enrollments(runtime, ada, mailboxes, count)
    async with runtime.db.begin(ada.scope) as db:
        await db.execute(
            text("update enrollments set recipient = replace(:bob, '@', '+' || substr(md5(id::text), 1, 12) || '@')"),
            {"bob": bob},
        )
    workers = Workers({**embedded(runtime, server, mail), **HURRY}, [])
    began = time.monotonic()
    try:
        workers.start()
        workers.start()
        killed = await killing(runtime, ada, mail, count, kills)
        rows = await ended(runtime, ada, count)
    finally:
        workers.stop()
    arrived = await arrivals(mail, bob, {row.message_id for row in rows if row.state == State.SENT})
    seconds = time.monotonic() - began
    await retire(runtime, ada)
    states = Counter(row.state for row in rows)
    lost = [row for row in rows if row.state == State.SENT and row.message_id not in arrived]
    doubled = [each for each, taken in arrived.items() if len(set(taken)) > 1]
    repeated = sum(len(taken) - len(set(taken)) for taken in arrived.values())
    unsure = [row for row in rows if row.state == State.UNCONFIRMED]
    print(
        f"\n{count} follow-ups through Postfix, killed {killed} times: {states[State.SENT]} sent,"
        f" {len(unsure)} shown as unconfirmed ({sum(row.message_id in arrived for row in unsure)} of them had arrived),"
        f" {len(lost)} lost, {len(doubled)} doubled; Postfix handed {repeated} on twice; {seconds:.0f} s"
    )
    assert killed == kills, "the drill did not fire"
    assert (len(lost), len(doubled), states[State.FAILED]) == (0, 0, 0)
    assert len(unsure) <= kills * MAILBOXES * len(workers.running)  # what was in hand at each kill
    assert states[State.SENT] + len(unsure) == count


async def through_postfix(runtime: Runtime, ada: Someone, mailboxes: list[Mailbox]) -> None:
    """A server that keeps no copies: an unknown mail can't be told from one that never left, and is not sent again."""
    async with runtime.db.begin(ada.scope) as db:
        for each in mailboxes:
            stored = await db.get_one(Mailbox, (each.workspace_id, each.id))
            smtp = {**stored.servers["smtp"], "host": stored.servers["imap"]["host"], "security": "tls"}
            stored.servers = {**stored.servers, "smtp": smtp}
            stored.saves_sent = False


async def killing(runtime: Runtime, ada: Someone, mail: MailServers, count: int, kills: int) -> int:
    chance = random.Random(kills)
    marks = sorted(chance.randrange(count // 20, count * 9 // 10) for _ in range(kills))
    began, done = time.monotonic(), 0
    while marks:
        assert time.monotonic() - began < PATIENCE, f"killed {done} of {kills} times"
        async with runtime.db.begin(ada.scope) as db:
            sent = await db.scalar(select(func.count()).where(Send.state == State.SENT)) or 0
        if sent >= marks[0]:
            marks.pop(0)
            await asyncio.to_thread(mail.crash_postfix, seconds=DOWN)
            done += 1
        await asyncio.sleep(0.01)
    return done


async def ended(runtime: Runtime, ada: Someone, count: int) -> list[Send]:
    began = time.monotonic()
    while True:
        async with runtime.db.begin(ada.scope) as db:
            rows = list(await db.scalars(select(Send)))
        if sum(row.state in ENDED for row in rows) >= count:
            return rows
        assert time.monotonic() - began < PATIENCE, Counter(row.state for row in rows)
        await asyncio.sleep(0.2)


async def arrivals(mail: MailServers, address: str, awaited: set[str]) -> dict[str, list[str]]:
    """Message-IDs in the inbox, each with the ids under which Postfix took it; waits for what its queue still holds."""
    began = time.monotonic()
    while True:
        found: defaultdict[str, list[str]] = defaultdict(list)
        for message in await asyncio.to_thread(mail.messages, address):
            taken = [TAKEN_AS.search(str(each)) for each in message.get_all("Received", [])]
            found[str(message["Message-ID"])].append(next(each[1] for each in reversed(taken) if each))
        if awaited <= found.keys() or time.monotonic() - began > 60:
            return found
        await asyncio.sleep(1)
