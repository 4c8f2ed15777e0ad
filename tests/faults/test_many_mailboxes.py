"""Two hundred mailboxes in one process: what they cost, how fast an answer stops a follow-up, and who waits for whom."""

import asyncio
import statistics
import time
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid
from pathlib import Path

import pytest
from sqlalchemy import func, select

from outrider.core.clock import now
from outrider.core.embedded import EmbeddedServer
from outrider.core.ids import new_id
from outrider.domain.mailboxes.models import Mailbox, Message
from outrider.domain.sequences.models import Enrollment, EnrollmentStatus
from outrider.runtime import Runtime
from outrider.settings import Settings
from tests.factories.accounts import Someone, make_user, retire
from tests.factories.mailboxes import make_message
from tests.factories.sequences import make_enrollment, make_sequence
from tests.faults import crowd
from tests.live import environment
from tests.real.mail_servers import MailServers

pytestmark = pytest.mark.real


def new_addresses(count: int) -> list[str]:
    mark = new_id().hex[-8:]
    return [f"crowd{number}-{mark}@a.test" for number in range(count)]


def of_a_worker(settings: Settings, server: EmbeddedServer, mail: MailServers, **extra: str) -> dict[str, str]:
    return environment(settings, server, OUTRIDER_CA_FILE=str(mail.ca_file), OUTRIDER_LOG_LEVEL="WARNING", **extra)


async def read_so_far(runtime: Runtime, ada: Someone) -> int:
    async with runtime.db.begin(ada.scope) as db:
        return await db.scalar(select(func.count()).select_from(Message)) or 0


async def until_read(runtime: Runtime, ada: Someone, count: int, *, seconds: float) -> float:
    """Waits until so many mails are stored; returns how long that took."""
    began = time.monotonic()
    while (stored := await read_so_far(runtime, ada)) < count:
        assert time.monotonic() - began < seconds, f"{stored} of {count} after {seconds} s"
        await asyncio.sleep(0.1)
    return time.monotonic() - began


def an_answer(to: Message, address: str) -> bytes:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "bob@b.test", address, "Re: A proposal"
    message["Date"], message["Message-ID"] = format_datetime(now()), make_msgid(domain="b.test")
    message["In-Reply-To"] = to.message_id
    message.set_content("Yes, let us talk on Monday.")
    return message.as_bytes()


@pytest.mark.parametrize(
    ("count", "each", "answers", "idle"), [(20, 50, 10, 2), pytest.param(200, 250, 100, 60, marks=pytest.mark.faults)]
)
async def test_many_mailboxes_in_one_process(
    runtime: Runtime, settings: Settings, server: EmbeddedServer, mail: MailServers, tmp_path: Path,
    count: int, each: int, answers: int, idle: float,
) -> None:  # fmt: skip
    ada = await make_user(runtime)
    addresses = new_addresses(count)
    await asyncio.to_thread(crowd.fill, mail, addresses, mails=each)
    mailboxes = await crowd.connect_all(runtime, mail, ada, addresses)
    with crowd.worker(of_a_worker(settings, server, mail), tmp_path) as process:
        first = await until_read(runtime, ada, count * each, seconds=30 + count * each / 100)
        reading = process.use()
        await until_watched(runtime, ada, count, seconds=30 + count / 4)
        await asyncio.sleep(1)
        before = process.use()
        await asyncio.sleep(idle)
        after = process.use()
        lines = process.connections(mail.ports["imaps"])
        lags = await answered(runtime, mail, ada, mailboxes[:: max(count // answers, 1)][:answers])
        peak = process.peak()
    await retire(runtime, ada)
    lags.sort()
    p50, p95 = statistics.median(lags), lags[int(len(lags) * 0.95)]
    print(
        f"\n{count} mailboxes, {count * each} mails: first sync {first:.0f} s ({count * each / first:.0f}/s,"
        f" {reading.cpu:.0f} s of processor), peak {peak:.0f} MiB, then {after.memory:.0f} MiB with its children,"
        f" {lines} connections, idle {100 * (after.cpu - before.cpu) / idle:.1f} % of a core;"
        f" {len(lags)} answers, arrival to stop p50 {p50:.2f} s, p95 {p95:.2f} s, worst {lags[-1]:.2f} s"
    )
    assert peak < 400
    assert lines <= count + 10
    assert p95 < 10


async def until_watched(runtime: Runtime, ada: Someone, count: int, *, seconds: float) -> None:
    began = time.monotonic()
    watched = select(func.count()).where(Mailbox.watched_until > func.clock_timestamp())
    while True:
        async with runtime.db.begin(ada.scope) as db:
            found = await db.scalar(watched) or 0
        if found >= count:
            return
        assert time.monotonic() - began < seconds, f"{found} of {count} mailboxes are watched after {seconds} s"
        await asyncio.sleep(0.2)


async def answered(runtime: Runtime, mail: MailServers, ada: Someone, mailboxes: list[Mailbox]) -> list[float]:
    """Enrols a mail of each mailbox, has it answered, and returns the seconds from each arrival to its stop."""
    sequence = await make_sequence(runtime, ada)
    waiting: dict[object, float] = {}
    lags: list[float] = []
    emails = [await make_message(runtime, mailbox) for mailbox in mailboxes]
    enrollments = [await make_enrollment(runtime, ada, email, sequence) for email in emails]

    async def arrive() -> None:
        for mailbox, email, enrollment in zip(mailboxes, emails, enrollments, strict=True):
            await asyncio.to_thread(mail.deliver, mailbox.address, an_answer(email, mailbox.address))
            waiting[enrollment.id] = time.monotonic()
            await asyncio.sleep(0.2)

    arriving = asyncio.create_task(arrive())
    ends = time.monotonic() + 60 + len(mailboxes)
    stopped = select(Enrollment.id).where(Enrollment.status == EnrollmentStatus.REPLIED)
    while len(lags) < len(mailboxes):
        assert time.monotonic() < ends, f"{len(lags)} of {len(mailboxes)} answers stopped their follow-up"
        async with runtime.db.begin(ada.scope) as db:
            found = set(await db.scalars(stopped))
        at = time.monotonic()
        lags += [max(at - waiting.pop(each), 0.0) for each in found & waiting.keys()]
        await asyncio.sleep(0.05)
    await arriving
    return lags
