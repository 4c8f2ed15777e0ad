"""What one look at the outbox shows of a mailbox, and what it counts."""

from collections.abc import Sequence
from datetime import timedelta

import pytest

from outrider.core.clock import now
from outrider.domain.mailboxes.models import Mailbox
from outrider.domain.sending import holding
from outrider.domain.sending.looking import URGENT, Line, Traffic, look
from outrider.domain.sending.models import Hold, State
from outrider.domain.sending.pacing import Pace
from outrider.runtime import Runtime
from tests.factories.accounts import Someone, make_user
from tests.factories.mailboxes import make_mailbox, make_message
from tests.factories.sending import make_send

PACE = Pace(domain_limit=1000, lease=timedelta(minutes=15), worker="test")


@pytest.mark.parametrize(
    ("hold", "shows"),
    [(None, [URGENT, 0]), (Hold.GAP, [URGENT]), (Hold.HEALTH, []), (Hold.DAILY_LIMIT, [])],
    ids=["free", "gap", "health", "daily limit"],
)
async def test_a_hold_hides_what_may_not_leave(runtime: Runtime, hold: Hold | None, shows: list[int]) -> None:
    ada = await make_user(runtime)
    mailbox = await make_mailbox(runtime, ada)
    email = await make_message(runtime, mailbox)
    for priority in (0, URGENT):
        await make_send(runtime, ada, mailbox, email, priority=priority)
    async with runtime.db.begin(ada.scope) as db:
        if hold is not None:
            await holding.hold(db, [((ada.workspace_id, mailbox.id), now() + timedelta(hours=1))], why=hold)
    lines, _ = await looked(runtime, ada, [mailbox], ahead=5)
    assert [each.priority for line in lines for each in line.due] == shows


async def test_what_left_and_what_is_under_way_count_and_what_is_older_than_a_day_does_not(runtime: Runtime) -> None:
    ada = await make_user(runtime)
    mailbox = await make_mailbox(runtime, ada, daily_limit=10)
    email = await make_message(runtime, mailbox)
    recent, old = now() - timedelta(hours=23), now() - timedelta(hours=25)
    for sent_at in (old, recent):
        await make_send(runtime, ada, mailbox, email, recipient="a@acme.example", state=State.SENT, sent_at=sent_at)
    await make_send(runtime, ada, mailbox, email, recipient="b@acme.example", state=State.SENDING)
    await make_send(runtime, ada, mailbox, email, recipient="c@acme.example", state=State.UNKNOWN)
    await make_send(runtime, ada, mailbox, email, recipient="d@acme.example")
    [line], traffic = await looked(runtime, ada, [mailbox], ahead=1)
    assert (line.room, line.oldest) == (7, recent)
    assert traffic.counts == {("domain", "acme.example"): 3, ("company", "acme.example"): 3}
    assert traffic.oldest == {("domain", "acme.example"): recent, ("company", "acme.example"): recent}


async def test_rows_that_somebody_holds_are_passed_over(runtime: Runtime) -> None:
    ada = await make_user(runtime)
    mailbox = await make_mailbox(runtime, ada)
    email = await make_message(runtime, mailbox)
    for _ in range(3):
        await make_send(runtime, ada, mailbox, email)
    await looked(runtime, ada, [mailbox], ahead=1)  # its first look writes when it began
    async with runtime.db.begin(ada.scope) as db:
        first, _ = await look(db, ada.workspace_id, [mailbox.id], ahead=2, now=now(), pace=PACE)
        second, _ = await looked(runtime, ada, [mailbox], ahead=2)
    assert len(first[mailbox.id].due) == 2
    assert len(second[0].due) == 1


async def looked(
    runtime: Runtime, owner: Someone, mailboxes: Sequence[Mailbox], *, ahead: int
) -> tuple[list[Line], Traffic]:
    async with runtime.db.begin(owner.scope) as db:
        ids = [each.id for each in mailboxes]
        lines, traffic = await look(db, owner.workspace_id, ids, ahead=ahead, now=now(), pace=PACE)
    return list(lines.values()), traffic
