"""Figures over a small history, worked out by hand."""

from datetime import UTC, datetime, timedelta

import pytest

from outrider.domain.sending.models import State
from outrider.domain.sequences.models import EnrollmentStatus
from outrider.runtime import Runtime
from tests.client import Client
from tests.factories.accounts import make_user
from tests.factories.mailboxes import make_mailbox, make_message
from tests.factories.sending import make_send
from tests.factories.sequences import make_enrollment, make_sequence

MONDAY = datetime(2026, 3, 2, 12, tzinfo=UTC)
SPAN = "from=2026-03-01T00:00:00Z&to=2026-03-10T00:00:00Z"


async def test_sends_are_counted_by_status_and_day(runtime: Runtime, anonymous: Client) -> None:
    ada = await make_user(runtime)
    mailbox = await make_mailbox(runtime, ada)
    email = await make_message(runtime, mailbox)
    late = datetime(2026, 3, 2, 23, 59, 59, tzinfo=UTC)
    for at in (MONDAY, late, late + timedelta(seconds=1), MONDAY - timedelta(days=30)):
        await make_send(runtime, ada, mailbox, email, state=State.SENT, sent_at=at)
    await make_send(runtime, ada, mailbox, email, state=State.FAILED, updated_at=MONDAY)
    await make_send(runtime, ada, mailbox, email, state=State.UNCONFIRMED, updated_at=MONDAY)
    body = (await anonymous.signed_in(ada.access_token).get(f"/analytics/sends?{SPAN}")).json()
    assert body["byStatus"] == {"sent": 3, "failed": 1, "unconfirmed": 1}
    assert body["days"] == [
        {"day": "2026-03-02", "sent": 2, "failed": 2},
        {"day": "2026-03-03", "sent": 1, "failed": 0},
    ]


async def test_enrollments_are_counted_with_their_rates(runtime: Runtime, anonymous: Client) -> None:
    ada = await make_user(runtime)
    mailbox = await make_mailbox(runtime, ada)
    sequence, other = await make_sequence(runtime, ada), await make_sequence(runtime, ada)
    hours = {EnrollmentStatus.REPLIED: 5, EnrollmentStatus.COMPLETED: 1, EnrollmentStatus.BOUNCED: None}
    for number, status in enumerate([*hours, EnrollmentStatus.ACTIVE]):
        email = await make_message(runtime, mailbox)
        enrollment = await make_enrollment(runtime, ada, email, other if number == 3 else sequence)
        async with runtime.db.begin(ada.scope) as db:
            row = await db.merge(enrollment)
            row.status, row.created_at = status, MONDAY
            if (waited := hours.get(status)) is not None:
                row.replied_at = MONDAY + timedelta(hours=waited)
    client = anonymous.signed_in(ada.access_token)
    body = (await client.get(f"/analytics/enrollments?{SPAN}")).json()
    assert body["byStatus"] == {"replied": 1, "completed": 1, "bounced": 1, "active": 1}
    assert (body["total"], body["replied"], body["replyRate"], body["bounceRate"]) == (4, 2, 0.5, 0.25)
    assert body["medianHoursToReply"] == 3.0
    of_one = (await client.get(f"/analytics/enrollments?{SPAN}&sequenceId={other.id}")).json()
    assert (of_one["total"], of_one["replied"], of_one["medianHoursToReply"]) == (1, 0, None)


async def test_an_empty_history_has_no_rates_to_divide(runtime: Runtime, anonymous: Client) -> None:
    client = anonymous.signed_in((await make_user(runtime)).access_token)
    body = (await client.get("/analytics/enrollments")).json()
    assert (body["total"], body["replyRate"], body["medianHoursToReply"]) == (0, 0.0, None)


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59-12:00"])
async def test_the_ends_of_the_calendar_break_nothing(runtime: Runtime, anonymous: Client, moment: str) -> None:
    client = anonymous.signed_in((await make_user(runtime)).access_token)
    for name in ("from", "to"):
        answer = await client.get("/analytics/sends", params={name: moment})
        assert answer.status_code == 200
