"""Whatever is polled is asked more rarely the longer it fails, and not at all where only a person can mend it."""

from datetime import UTC, datetime, timedelta

import pytest

from outrider.domain.calendars.models import CalendarConnection
from outrider.domain.calendars.models import State as CalendarState
from outrider.domain.mailboxes.models import Mailbox, State

AT = datetime(2026, 11, 21, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("polled", "first", "longest"),
    [
        (Mailbox(sync_failures=0), timedelta(seconds=10), timedelta(minutes=15)),
        (CalendarConnection(sync_failures=0), timedelta(seconds=30), timedelta(hours=1)),
    ],
    ids=["mailbox", "calendar"],
)
def test_each_failure_doubles_the_wait_up_to_a_bound(
    polled: Mailbox | CalendarConnection, first: timedelta, longest: timedelta
) -> None:
    waits = []
    for _ in range(40):
        polled.mark_failed(AT, "It does not answer.", is_terminal=False)
        assert polled.sync_due_at is not None
        waits.append(polled.sync_due_at - AT)
    assert waits[:3] == [first, first * 2, first * 4]
    assert max(waits) == waits[-1] == longest
    assert (polled.state.value, polled.state_reason) == ("unreachable", "It does not answer.")


def test_a_refusal_waits_for_a_person() -> None:
    mailbox, calendar = Mailbox(sync_failures=0), CalendarConnection(sync_failures=0)
    mailbox.mark_failed(AT, "The password is wrong.", is_terminal=True)
    calendar.mark_failed(AT, "The password is wrong.", is_terminal=True)
    assert (mailbox.state, calendar.state) == (State.REAUTH_REQUIRED, CalendarState.REAUTH_REQUIRED)
    assert (mailbox.sync_due_at, calendar.sync_due_at) == (None, None)
