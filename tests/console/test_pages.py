"""How the console writes times, states and addresses."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from starlette.requests import Request

from outrider.console import pages
from outrider.core.clock import now
from outrider.core.pages import Page


@pytest.mark.parametrize(
    ("offset", "said"),
    [
        (timedelta(seconds=-10), "now"),
        (timedelta(minutes=-3, seconds=-2), "3 minutes ago"),
        (timedelta(hours=-1, minutes=-1), "1 hour ago"),
        (timedelta(days=2, minutes=1), "in 2 days"),
    ],
)
def test_moments_are_told_by_their_distance(offset: timedelta, said: str) -> None:
    assert pages.ago(now() + offset) == said


def test_moments_are_exact_in_the_users_zone_on_both_sides_of_a_clock_change() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    assert pages.exactly(datetime(2026, 10, 25, 0, 30, tzinfo=UTC), berlin) == "Sun 25 Oct 2026, 02:30 CEST"
    assert pages.exactly(datetime(2026, 10, 25, 1, 30, tzinfo=UTC), berlin) == "Sun 25 Oct 2026, 02:30 CET"


def test_a_filter_is_changed_and_the_others_stay() -> None:
    request = Request(
        {"type": "http", "path": "/senders", "root_path": "", "server": ("t", 80), "scheme": "http", "headers": [],
         "query_string": b"category=call-me&page=3&search=a%26b"}
    )  # fmt: skip
    assert pages.query(request, page=None, category="keep-quiet") == "/senders?category=keep-quiet&search=a%26b"
    assert pages.query(request, page=None, category=None, search=None) == "/senders"


def test_a_page_says_which_rows_it_shows() -> None:
    assert pages.span(Page(["a", "b"], 1_052, 22, 50)) == "1,051–1,052 of 1,052"


def test_names_from_outside_are_text_and_no_markup() -> None:
    made = pages.templates.from_string("{{ name }}").render(name="<script>alert(1)</script>")
    assert "<script>" not in made
