"""How a source's words become comparable."""

import pytest

from outrider.core.errors import Invalid
from outrider.domain.people.merging import names_agree
from outrider.domain.people.person import Lead, make_person, read_phone


@pytest.mark.parametrize(
    ("text", "region", "number"),
    [
        ("+1 (650) 253-0000", None, "+16502530000"),
        ("030 901820", "DE", "+4930901820"),
        ("tel:+49-30-901820", None, "+4930901820"),
        ("030 901820", None, None),
        ("+44 20 7946 0018 ext. 7", None, None),  # somebody behind a switchboard that others share
        ("ask the desk", "DE", None),
        ("", None, None),
    ],
)
def test_numbers_are_read_where_they_are_at_home(text: str, region: str | None, number: str | None) -> None:
    assert read_phone(text, region).number == number


def test_what_is_no_address_is_left_out_and_told() -> None:
    made = make_person(emails=[("grace@b.test", ""), ("not an address", ""), ("Grace@B.test", "home")])
    assert [each.address for each in made.emails] == ["grace@b.test"]
    assert len(made.problems) == 1
    assert "not an address" in made.problems[0]


def test_a_name_is_put_together_where_only_its_parts_are_given() -> None:
    assert make_person(given_name=" Grace ", family_name="Hopper\0").name == "Grace Hopper"


def test_only_a_way_or_the_sources_id_lets_somebody_be_known_again() -> None:
    assert not make_person(name="Grace").can_be_known_again
    assert not make_person(phones=[("ask the desk", "")]).can_be_known_again
    assert make_person(remote_id="c1").can_be_known_again


@pytest.mark.parametrize("score", [-0.1, 10.1, float("nan")])
def test_a_score_runs_from_0_to_10(score: float) -> None:
    with pytest.raises(Invalid):
        Lead(score=score)


@pytest.mark.parametrize(
    ("one", "other", "agree"),
    [
        ("Grace Hopper", "hopper, g.", True),
        ("Grace Hopper", "Grace", True),
        ("Zoë Łukasz", "Zoe Lukasz", True),
        ("Grace Hopper", "Joan Hopper", False),
        ("John Smith", "John Miller", False),
        ("G. H.", "Grace Hopper", False),
    ],
)
def test_names_agree_where_one_is_short_for_the_other(one: str, other: str, agree: bool) -> None:
    assert names_agree(one, other) is agree
    assert names_agree(other, one) is agree
