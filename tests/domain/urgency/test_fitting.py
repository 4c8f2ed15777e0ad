"""Weights are found that tell examples apart, near zero where nothing speaks for them, and the same each time."""

from outrider.domain.urgency.fitting import Row, fit, score

ROWS = [
    Row(0.0, {"bias": 1.0, "fire": 1.0}, is_wanted=True),
    Row(0.0, {"bias": 1.0, "tea": 1.0}, is_wanted=False),
    Row(0.0, {"bias": 1.0, "tea": 1.0, "fire": 1.0}, is_wanted=True),
]


def test_examples_are_told_apart_by_what_differs() -> None:
    weights = fit(ROWS, rounds=60, rate=0.5, hold=0.1)
    assert weights["fire"] > 0 > weights["tea"]
    assert [score(weights, row.features) > 0 for row in ROWS] == [True, False, True]
    assert weights == fit(ROWS, rounds=60, rate=0.5, hold=0.1)


def test_what_a_base_explains_already_moves_little() -> None:
    free = fit([Row(0.0, {"fire": 1.0}, is_wanted=True)], rounds=20, rate=0.5, hold=0.1)
    explained = fit([Row(8.0, {"fire": 1.0}, is_wanted=True)], rounds=20, rate=0.5, hold=0.1)
    assert explained["fire"] < free["fire"] / 20


def test_a_stronger_hold_keeps_weights_smaller_and_a_slighter_example_counts_less() -> None:
    row = Row(0.0, {"fire": 1.0}, is_wanted=True)
    free = fit([row], rounds=20, rate=0.5, hold=0.1)["fire"]
    assert fit([row], rounds=20, rate=0.5, hold=1.0)["fire"] < free
    assert fit([Row(0.0, {"fire": 1.0}, is_wanted=True, weight=0.2)], rounds=20, rate=0.5, hold=0.1)["fire"] < free


def test_from_nothing_nothing_is_fitted() -> None:
    assert fit([], rounds=20, rate=0.5, hold=0.1) == {}
