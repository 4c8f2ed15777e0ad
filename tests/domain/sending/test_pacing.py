"""How much may leave a mailbox, and how fast."""

from datetime import UTC, datetime, timedelta

import pytest

from outrider.domain.sending import pacing
from outrider.domain.sending.pacing import NO_CAP, Pace

START = datetime(2026, 3, 2, 8, tzinfo=UTC)
PACE = Pace(lease=timedelta(minutes=15), worker="test", domain_limit=200, ramp_start=10, ramp_step=5)


def test_a_new_mailbox_gains_five_mails_a_day_for_fourteen_days() -> None:
    days = [pacing.allowance(500, NO_CAP, START, START + timedelta(days=day, hours=3), PACE) for day in range(14)]
    assert days == [10, 15, 20, 25, 30, 35, 40, 45, 50, 55, 60, 65, 70, 75]


def test_the_ramp_ends_at_its_owners_limit() -> None:
    assert pacing.allowance(50, NO_CAP, START, START + timedelta(days=40), PACE) == 50


def test_an_established_mailbox_has_no_ramp() -> None:
    assert pacing.allowance(50, NO_CAP, None, START, PACE) == 50


@pytest.mark.parametrize(
    ("host", "address", "daily", "per_minute"),
    [
        ("smtp.gmail.com", "ada@gmail.com", 500, None),
        ("smtp.gmail.com", "ada@lovelace.example", 2_000, None),
        ("smtp.office365.com", "ada@lovelace.example", 10_000, 30),
        ("mail.lovelace.example", "ada@lovelace.example", None, None),
    ],
)
def test_a_providers_documented_limit_is_known_by_its_server(
    host: str, address: str, daily: int | None, per_minute: int | None
) -> None:
    cap = pacing.cap_of(host, address)
    assert (cap.daily, cap.per_minute) == (daily, per_minute)


def test_a_providers_limit_bounds_a_generous_owner() -> None:
    assert pacing.allowance(5_000, pacing.GMAIL, None, START, PACE) == 500


def test_gaps_are_drawn_between_their_bounds() -> None:
    pace = Pace(PACE.lease, "test", 200, gap_min=timedelta(minutes=3), gap_max=timedelta(minutes=10))
    assert pacing.gap(NO_CAP, pace, draw=0) == timedelta(minutes=3)
    assert pacing.gap(NO_CAP, pace, draw=1) == timedelta(minutes=10)
    assert len({pacing.gap(NO_CAP, pace) for _ in range(100)}) > 50


def test_thirty_a_minute_means_two_seconds_between_two() -> None:
    assert pacing.gap(pacing.EXCHANGE, PACE) == timedelta(seconds=2)


@pytest.mark.parametrize(
    ("domain", "company"),
    [
        ("acme.example", "acme.example"),
        ("mail.acme.co.uk", "acme.co.uk"),
        ("gmail.com", None),
        ("yahoo.co.jp", None),
        ("hotmail.fr", None),
        ("web.de", None),
    ],
)
def test_subdomains_are_one_company_and_public_providers_are_none(domain: str, company: str | None) -> None:
    assert pacing.company_of(domain) == company
