"""Logistic regression on top of a given score: plain, the same each time, every weight under a name."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

STEEPEST = 30.0


@dataclass(frozen=True, slots=True)
class Row:
    """An example: what it scores already, how strongly it has each feature, and what it ought to be.

    `margin` is how far beyond the edge it ought to lie; `weight` how much it counts.
    """

    base: float
    features: Mapping[str, float]
    is_wanted: bool
    margin: float = 0.0
    weight: float = 1.0


def fit(rows: Sequence[Row], *, rounds: int, rate: float, hold: float) -> dict[str, float]:
    """Returns a weight for each feature, by gradient descent, row after row; `hold` draws them to zero."""
    weights: dict[str, float] = {}
    for number in range(rounds):
        step = rate / (1 + number / 10)
        for row in rows:
            error = step * row.weight * _error(row, score(weights, row.features))
            fade = 1 - step * hold / len(rows)
            for name, strength in row.features.items():
                weights[name] = weights.get(name, 0.0) * fade + error * strength
    return weights


def score(weights: Mapping[str, float], features: Mapping[str, float]) -> float:
    return sum(weights.get(name, 0.0) * strength for name, strength in features.items())


def _error(row: Row, learnt: float) -> float:
    value = row.base + learnt + (-row.margin if row.is_wanted else row.margin)
    return (1.0 if row.is_wanted else 0.0) - 1 / (1 + math.exp(-max(-STEEPEST, min(STEEPEST, value))))
