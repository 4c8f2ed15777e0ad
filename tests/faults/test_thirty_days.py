"""Thirty simulated days of pacing: no cap is ever passed, no window left, whatever changes on the way."""

import random
from collections import defaultdict
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select, update

from outrider.core import windows
from outrider.domain.mailboxes.models import Mailbox
from outrider.domain.sending import claiming, results
from outrider.domain.sending.models import Send, State
from outrider.domain.sending.pacing import Pace
from outrider.providers.mail.interface import Receipt
from outrider.runtime import Runtime
from tests.factories.accounts import Someone, make_user, retire
from tests.factories.mailboxes import make_mailbox, make_message
from tests.factories.sending import make_send

WINDOW = {"days": ["mon", "tue", "wed", "thu", "fri"], "start": "09:00", "end": "17:00"}
# Both of the year's changes lie in thirty days from each of these, somewhere.
SPRING, AUTUMN = datetime(2026, 3, 5, tzinfo=UTC), datetime(2026, 10, 10, tzinfo=UTC)
ZONES = (
    "Europe/Berlin", "America/New_York", "Australia/Sydney", "Asia/Kolkata", "America/Sao_Paulo", "Africa/Cairo",
    "Pacific/Auckland", "Asia/Tokyo",
)  # fmt: skip
PACE = Pace(
    timedelta(minutes=15), "test", domain_limit=12, company_limit=6, ramp_start=3, ramp_step=2,
    gap_min=timedelta(minutes=3), gap_max=timedelta(minutes=10),
)  # fmt: skip
DAY = timedelta(days=1)
STEP = timedelta(minutes=20)


@pytest.mark.parametrize(
    ("start", "days"),
    [(SPRING, 4), pytest.param(SPRING, 30, marks=pytest.mark.faults), pytest.param(AUTUMN, 30, marks=pytest.mark.faults)],
)  # fmt: skip
async def test_no_cap_is_passed_and_no_window_left(runtime: Runtime, start: datetime, days: int) -> None:
    ada = await make_user(runtime)
    chance = random.Random(30)
    mailboxes = [await make_mailbox(runtime, ada, address=f"s{number}@a.test", daily_limit=8) for number in range(3)]
    async with runtime.db.begin(ada.scope) as db:
        await db.execute(update(Mailbox).values(connected_at=start))
    for mailbox in mailboxes:
        email = await make_message(runtime, mailbox)
        for number in range(days * 7):
            await make_send(
                runtime, ada, mailbox, email, recipient=f"p{number}@{chance.choice('abcdef')}.example",
                due_at=start + timedelta(days=chance.random() * days), window=WINDOW, timezone=chance.choice(ZONES),
                give_up_at=start + timedelta(days=400),
            )  # fmt: skip
    limits: dict[Any, list[tuple[datetime, int]]] = defaultdict(lambda: [(start, 8)])
    at = start
    while at < start + timedelta(days=days):
        if chance.random() < 0.02:  # somebody changes a limit in the middle of a day
            changed = chance.choice(mailboxes)
            limit = chance.randrange(2, 12)
            limits[changed.id].append((at, limit))
            async with runtime.db.begin(ada.scope) as db:
                await db.execute(update(Mailbox).where(Mailbox.id == changed.id).values(daily_limit=limit))
        for worker in range(4):  # one after the other or together: the lock makes it the same
            await take(runtime, ada, mailboxes, at, replace(PACE, worker=f"worker {worker}"))
        at += STEP
    async with runtime.db.begin(ada.scope) as db:
        sent = list(await db.scalars(select(Send).where(Send.state == State.SENT).order_by(Send.sent_at)))
    over = over_a_cap(sent, limits, start)
    outside = [each for each in sent if not is_inside(each)]
    print(
        f"\n{days} days from {start:%B}, {len(sent)} sent, limits changed {sum(len(each) - 1 for each in limits.values())}"
        f" times: {over} over a cap, {len(outside)} outside a window"
    )
    await retire(runtime, ada)
    assert len(sent) > days * 3
    assert (over, outside) == (0, [])


async def take(runtime: Runtime, ada: Someone, mailboxes: list[Mailbox], at: datetime, pace: Pace) -> None:
    async with runtime.db.begin(ada.scope) as db:
        claims = await claiming.claim(db, ada.workspace_id, [each.id for each in mailboxes], now=at, pace=pace)
        await results.record_sent(db, [(claim, Receipt("250")) for claim in claims.values()], at=at)


def over_a_cap(sent: list[Send], limits: dict[Any, list[tuple[datetime, int]]], start: datetime) -> int:
    """Counts mails that left although their mailbox, domain or company had had enough in the 24 hours before."""
    found = 0
    for send in sent:
        assert send.sent_at is not None
        before = [each for each in sent if each.sent_at and send.sent_at - DAY < each.sent_at <= send.sent_at]
        own = sum(each.mailbox_id == send.mailbox_id for each in before)
        owners = [limit for since, limit in limits[send.mailbox_id] if since <= send.sent_at][-1]
        ramp = PACE.ramp_start + PACE.ramp_step * ((send.sent_at - start) // DAY)
        found += own > min(owners, ramp)
        found += sum(each.recipient_domain == send.recipient_domain for each in before) > PACE.domain_limit
        found += sum(each.recipient_company == send.recipient_company for each in before) > PACE.company_limit
    return found


def is_inside(send: Send) -> bool:
    assert send.sent_at is not None
    return windows.is_open(send.sent_at, windows.parse(WINDOW), ZoneInfo(send.timezone))
