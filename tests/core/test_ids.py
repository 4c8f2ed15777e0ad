"""Identifiers."""

import time
from uuid import UUID

from outrider.core.ids import new_id


def test_ids_are_version_seven_and_grow_with_time() -> None:
    first = new_id()
    time.sleep(0.002)
    second = new_id()
    assert type(first) is UUID
    assert first.version == 7
    assert first < second


def test_a_hundred_thousand_are_all_different() -> None:
    assert len({new_id() for _ in range(100_000)}) == 100_000
