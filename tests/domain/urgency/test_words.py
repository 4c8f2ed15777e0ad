"""Phrases are found wherever they stand, in whatever spelling, once for each place."""

import pytest

from outrider.domain.urgency.words import Phrases, tokens_of

KNOWN = Phrases({"sign": "not working, bloque*, only _ can, need .. signature, since @, # minutes, fur sie"})


@pytest.mark.parametrize(
    ("text", "phrase"),
    [
        ("It is NOT working.", "not working"), ("Tout est bloqué", "bloque*"), ("only Ada can", "only _ can"),
        ("we need your written signature", "need .. signature"), ("we need signature", "need .. signature"),
        ("down since 14:02", "since @"), ("down since 14.02", "since @"), ("for 25 minutes", "# minutes"),
        ("für Sie", "fur sie"),
    ],
)  # fmt: skip
def test_a_phrase_is_found(text: str, phrase: str) -> None:
    assert [hit.phrase for hit in KNOWN.find(tokens_of(text, 50))] == [phrase]


@pytest.mark.parametrize(
    "text", ["it works", "not really working", "need a b c d signature", "since 14", "only Ada and Bob can", ""]
)
def test_what_is_no_phrase_is_not_found(text: str) -> None:
    assert list(KNOWN.find(tokens_of(text, 50))) == []


def test_tokens_know_where_they_stand_in_the_text_as_it_was_given() -> None:
    text = "Größe: 12:30 ÉTÉ"
    assert [(each.word, text[each.start : each.end]) for each in tokens_of(text, 50)] == [
        ("grosse", "Größe"), ("12:30", "12:30"), ("ete", "ÉTÉ"),
    ]  # fmt: skip


def test_letters_that_grow_when_made_small_move_no_other_word() -> None:
    text = "İstanbul calls"
    assert [text[each.start : each.end] for each in tokens_of(text, 50)][-1] == "calls"
