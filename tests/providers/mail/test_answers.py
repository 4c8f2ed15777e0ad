"""Answers are read as JSON objects, and lists of messages fetched no further than memory allows."""

from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

from outrider.core.egress import Answer
from outrider.providers.mail import answers
from outrider.providers.mail.interface import Fetched, ReadFailed

AT = datetime(2026, 1, 1, tzinfo=UTC)


def answer(content: bytes) -> Answer:
    return Answer(200, content=content)


def test_an_object_is_read() -> None:
    assert answers.object_of(answer(b'{"id": "1"}'), whose="Google") == {"id": "1"}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"<html>", "Google's answer is no JSON."),
        (b"\xff", "Google's answer is no JSON."),
        (b"[]", "Google's answer has another form than it describes."),
        (b"null", "Google's answer has another form than it describes."),
    ],
    ids=["a page", "no text", "a list", "nothing"],
)
def test_anything_else_is_said_to_be_the_providers_mistake(content: bytes, said: str) -> None:
    with pytest.raises(ReadFailed) as failure:
        answers.object_of(answer(content), whose="Google")
    assert (failure.value.message, failure.value.is_lost) == (said, False)


async def test_fetching_stops_behind_the_chunk_that_fills_the_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers, "MAX_BATCH_BYTES", 1_000)
    asked: list[list[int]] = []

    async def fetch(numbers: Sequence[int]) -> list[Fetched]:
        asked.append(list(numbers))
        return [Fetched(str(each), AT, 300, b"", b"x" * 300) for each in numbers if each != 1]  # one was deleted

    messages, count = await answers.bounded(fetch, range(9), at_once=2)
    assert asked == [[0, 1], [2, 3], [4, 5]]
    assert ([each.id for each in messages], count) == (["0", "2", "3", "4", "5"], 6)
    assert await answers.bounded(fetch, [], at_once=2) == ([], 0)
