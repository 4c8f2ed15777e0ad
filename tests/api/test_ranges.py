"""Parts of files: as a player seeks them."""

import pytest

from outrider.api.ranges import ranged

CONTENT = bytes(range(100))


@pytest.mark.parametrize(
    ("asked", "status", "first", "last"),
    [
        ("bytes=0-", 206, 0, 99), ("bytes=10-19", 206, 10, 19), ("bytes=90-500", 206, 90, 99), ("bytes=-5", 206, 95, 99),
        ("bytes=-500", 206, 0, 99), ("bytes=99-99", 206, 99, 99),
        (None, 200, 0, 99), ("bytes=0-1,5-6", 200, 0, 99), ("lines=1-2", 200, 0, 99), ("bytes=-", 200, 0, 99),
    ],
)  # fmt: skip
def test_a_part_is_what_was_asked_for(asked: str | None, status: int, first: int, last: int) -> None:
    answer = ranged(CONTENT, "audio/mpeg", asked)
    assert (answer.status_code, answer.body) == (status, CONTENT[first : last + 1])
    assert answer.headers["accept-ranges"] == "bytes"
    if status == 206:
        assert answer.headers["content-range"] == f"bytes {first}-{last}/100"


@pytest.mark.parametrize("asked", ["bytes=100-", "bytes=20-10", "bytes=-0"])
def test_a_part_that_is_not_there_is_refused(asked: str) -> None:
    answer = ranged(CONTENT, "audio/mpeg", asked)
    assert (answer.status_code, answer.headers["content-range"]) == (416, "bytes */100")
