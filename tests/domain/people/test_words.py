"""What a contact is found by, and what a search asks for."""

import pytest

from outrider.domain.people import words


@pytest.mark.parametrize(
    ("written", "sought"),
    [("Zoë", "zoe"), ("STRASSE", "straße"), ("Łukasz", "lukasz"), ("Ærø", "aero"), ("Иван", "ИВАН"), ("李", "李")],
)
def test_accents_and_case_tell_no_words_apart(written: str, sought: str) -> None:
    assert words.of_text(written) == words.of_text(sought)


def test_an_address_is_found_by_all_its_parts() -> None:
    assert words.of_email("grace.hopper@navy.mil") == {"grace.hopper@navy.mil", "navy.mil", "grace", "hopper"}


@pytest.mark.parametrize(
    ("query", "terms"),
    [
        ("  Grace   HOPPER ", ["grace", "hopper"]),
        ("grace.hopper@na", ["grace.hopper@na"]),
        ("<navy.mil>", ["navy.mil"]),
        ("J.R. O'Neil-Smith", ["j", "r", "o", "neil", "smith"]),
        ("!?", []),
    ],
)
def test_a_query_is_the_beginnings_of_words(query: str, terms: list[str]) -> None:
    assert words.terms(query) == terms


@pytest.mark.parametrize("meant", ["hoper", "hoppper", "hopper", "hpoper", "hoppet", "xhopper", "hoppe"])
def test_one_typing_error_is_forgiven(meant: str) -> None:
    assert "hopper" in words.mistyped(meant)


def test_short_words_are_taken_as_they_are() -> None:
    assert words.mistyped("ann") == ["ann"]
    assert len(words.mistyped("x" * words.LONGEST_MISTYPED)) < 3000
