"""Waiting before asking again."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from outrider.providers.retries import LONGEST_RETRY_AFTER, delay, retry_after


def test_each_wait_is_about_twice_the_one_before_up_to_the_longest() -> None:
    for attempt, middle in enumerate([1, 2, 4, 8, 10, 10]):
        waits = [delay(attempt, None, first=1, longest=10) for _ in range(200)]
        assert middle * 0.75 <= min(waits) < max(waits) <= middle * 1.25


def test_a_wait_is_never_shorter_than_asked_for() -> None:
    assert delay(0, 30.0, first=1, longest=10) == 30


@pytest.mark.parametrize(
    ("value", "seconds"),
    [("", None), ("0", 0), ("17", 17), (" 17 ", 17), ("-1", None), ("soon", None), ("²", None), ("9" * 30, LONGEST_RETRY_AFTER)],
)  # fmt: skip
def test_seconds_are_read_as_far_as_they_make_sense(value: str, seconds: float | None) -> None:
    assert retry_after({"retry-after": value}) == seconds


def test_a_date_is_read_as_the_time_until_it() -> None:
    soon = format_datetime(datetime.now(UTC) + timedelta(seconds=90), usegmt=True)
    assert 85 <= (retry_after({"retry-after": soon}) or 0) <= 90
    assert retry_after({"retry-after": "Sat, 01 Jan 2000 00:00:00 GMT"}) == 0
    assert retry_after({}) is None
