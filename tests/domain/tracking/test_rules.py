"""Machines known by what they do, say and come from; people left alone."""

from datetime import timedelta

import pytest

from outrider.core.clock import now
from outrider.domain.tracking.rules import machine_of

CHROME = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36"
)


@pytest.mark.parametrize(
    ("method", "agent", "address", "seconds", "why"),
    [
        ("HEAD", CHROME, "203.0.113.9", 3600, "HEAD"),
        ("GET", "", "203.0.113.9", 3600, "no name"),
        ("GET", "Mozilla/5.0", "203.0.113.9", 3600, "no browser's"),
        ("GET", "Mozilla/5.0 (via ggpht.com GoogleImageProxy)", "203.0.113.9", 3600, "Proxy"),
        ("GET", "BarracudaCentral", "203.0.113.9", 3600, "Barracuda"),
        ("GET", CHROME, "40.94.10.1", 3600, None),
        ("GET", CHROME, "40.92.10.1", 3600, "Microsoft"),
        ("GET", CHROME, "::ffff:66.249.84.1", 3600, "Google"),
        ("GET", CHROME, "2a01:111:f400::7", 3600, "Microsoft"),
        ("GET", CHROME, "not an address", 3600, None),
        ("GET", CHROME, "203.0.113.9", 4, "sooner"),
        ("GET", CHROME, "203.0.113.9", 11, None),
    ],
)
def test_each_mark_of_a_machine_is_enough_and_without_one_it_may_be_a_person(
    method: str, agent: str, address: str, seconds: int, why: str | None
) -> None:
    at = now()
    found = machine_of(method=method, agent=agent, address=address, at=at, sent_at=at - timedelta(seconds=seconds))
    assert found is None if why is None else why in (found or "")
