"""When a mailbox burns, and when an address is given up."""

from datetime import timedelta

import pytest

from outrider.core.clock import now
from outrider.domain.deliverability.rules import Health, Returns, is_given_up


@pytest.mark.parametrize(
    ("sent", "bounces", "complaints", "health"),
    [
        (99, 99, 99, Health.GOOD),  # too few to say
        (100, 0, 0, Health.GOOD),
        (100, 1, 0, Health.GOOD),
        (100, 2, 0, Health.WATCH),
        (100, 4, 0, Health.WATCH),
        (100, 5, 0, Health.BURNING),
        (1000, 0, 1, Health.WATCH),
        (1000, 0, 2, Health.WATCH),
        (1000, 0, 3, Health.BURNING),
    ],
)
def test_the_share_of_bad_answers_is_the_health(sent: int, bounces: int, complaints: int, health: Health) -> None:
    assert Returns(sent, bounces, complaints).health is health


@pytest.mark.parametrize(
    ("days_ago", "is_over"),
    [([1, 2, 3, 4, 5], False), ([0, 0, 0, 0, 0], False), ([1, 20, 30], False), ([1, 3, 5, 7, 9], True)],
)
def test_an_address_is_given_up_after_weeks_and_not_after_one_bad_day(days_ago: list[int], is_over: bool) -> None:
    moment = now()
    assert is_given_up([moment - timedelta(days=each) for each in days_ago]) is is_over
