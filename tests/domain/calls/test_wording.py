"""What is said: short, whole sentences, in the listener's language."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from outrider.domain.calls import wording
from outrider.domain.calls.wording import MailTold, MeetingTold

BERLIN = ZoneInfo("Europe/Berlin")
AT = datetime(2026, 11, 23, 9, tzinfo=UTC)


def test_a_digest_names_a_few_and_counts_the_rest() -> None:
    mails = [MailTold(f"Person {number}", "Hello") for number in range(9)]
    said = wording.digest(mails, [MeetingTold("The engine", AT), MeetingTold("A day off", None)], BERLIN, "en")
    assert "At 10:00, The engine. All day, A day off." in said
    assert said.count("Hello.") == wording.MOST_TOLD
    assert said.endswith("And 4 more. That is all.")


@pytest.mark.parametrize("language", sorted(wording.LANGUAGES))
def test_every_language_says_everything(language: str) -> None:
    people = ["Charles Babbage"]
    said = [
        wording.urgent("Die Bank {ruft}", language),
        wording.reminder("The engine", AT, BERLIN, people=people, place="Dorset Street", language=language),
        wording.digest([], [], BERLIN, language),
        wording.digest([MailTold("Bob", "Hello")], [], BERLIN, language),
    ]
    assert "{ruft}" in said[0]
    assert all(word in said[1] for word in ("The engine", "10:00", "Charles Babbage", "Dorset Street"))
    assert not any("{" in each for each in said[1:])
    assert wording.tag(language).startswith(language)


def test_an_unknown_language_is_english() -> None:
    assert wording.of("tlh") is wording.of("en")
    assert wording.of("de-AT") is wording.of("de")


def test_long_texts_are_cut_between_words() -> None:
    assert wording.summary("word " * 100).endswith("word")
    assert len(wording.summary("x" * 1_000)) == wording.LONGEST_SUMMARY
    assert wording.summary(" two\n lines. ") == "two lines"
