"""A sieve may let too much through, and never holds back what is there."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from outrider.domain.mailboxes import phrases, requests
from outrider.domain.mailboxes import sender_phrases as signs
from outrider.providers.mail.sieve import Sieve, Sieved, wider

PATTERNS = [
    *(sign.pattern for _, sign in (*signs.SUBJECTS._signs, *signs.TEXTS._signs)),
    *(each._pattern for module in (phrases, requests) for each in vars(module).values() if isinstance(each, Sieved)),
]
SIEVES = {pattern: Sieve([pattern]) for pattern in PATTERNS}
TRICKY = [
    r"\bmy\b", r"(?<!not )\bon (?=time)", r"[^\W\d_]+ \w+", r"\d\d[:.h]\d\d$", r"a.{0,60}b", r"[^\s@]{1,64}@\S{3,80}",
    r"^\s*re\s?:", r"(?:x|[a-c$]){2}\$", r"\Sü\s", r"[\W_]é[\w.-]*",
]  # fmt: skip


def test_there_are_patterns_to_hold_it_to() -> None:
    assert len(PATTERNS) > 60


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_no_pattern_of_ours_is_missed_where_it_is_found(data: st.DataObject) -> None:
    pattern = data.draw(st.sampled_from(PATTERNS))
    text = data.draw(st.from_regex(pattern).filter(lambda each: len(each) < 2_000))
    assert SIEVES[pattern].may_hold(text), wider(pattern)


@pytest.mark.parametrize("source", TRICKY)
def test_a_wider_pattern_is_found_wherever_the_narrow_one_is(source: str) -> None:
    pattern = re.compile(source, re.IGNORECASE)
    sieve = Sieve([pattern])
    letters = st.text(alphabet="aAbBcmyontie x@.:$_-/09éßüİı\n\u00a0\u0660\u3000日", max_size=12)

    @settings(max_examples=200, deadline=None)
    @given(letters)
    def holds(text: str) -> None:
        assert sieve.may_hold(text) or not pattern.search(text)

    holds()


def test_it_tells_the_places_of_what_it_may_hold() -> None:
    sieve = Sieve([re.compile(each, re.IGNORECASE) for each in ("order", r"\bnow\b", "later")])
    assert sieve.may_hold("ORDER it now") == {0, 1}
    assert sieve.may_hold("nothing of that") == frozenset()


def test_a_text_that_no_encoding_can_hold_is_looked_through_all_the_same() -> None:
    assert Sieve([re.compile("order")]).may_hold("\udcff order") == {0}
