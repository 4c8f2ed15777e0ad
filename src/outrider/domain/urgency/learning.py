"""Learning from what a user says of judgements: points that are added to the packaged ones, feature by feature.

It is logistic regression on top of the packaged score (which stays as it is), fitted by gradient descent with weights held
near zero, so that what nobody spoke of is judged as before. Every weight has a name, so every change can be explained.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from outrider.domain.urgency.judging import Judgement, Reason
from outrider.domain.urgency.topics import Topic

ROUNDS = 40
RATE = 0.5
HOLD = 0.02  # how strongly weights are drawn to zero
MOST_POINTS = 5.0  # that what was learnt may add or take away
MOST_WEIGHTS = 2_000
SLIGHT = 0.02  # a weight that is not worth keeping
# What a kind of feature tells of other mail: the same sender much, a single word little.
STRENGTH = {"sender": 1.0, "domain": 0.6, "topic": 0.3, "type": 0.2, "sign": 0.4, "word": 0.2}
SAYS = "you said so of mail like this"
MOST_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Example:
    """A judged mail and what the user made of it. `weight` is less than 1 where they said it of the sender alone."""

    judgement: Judgement
    is_urgent: bool
    topic: Topic | None = None
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Learnt:
    """`points` by feature, `topics` by sender."""

    points: dict[str, float] = field(default_factory=dict)
    topics: dict[str, Topic] = field(default_factory=dict)


def learn(examples: Sequence[Example]) -> Learnt:
    """The latest examples come last: of two topics for one sender the later counts."""
    points: dict[str, float] = {}
    for _ in range(ROUNDS):
        for each in examples:
            features = _strengths(each.judgement)
            score = each.judgement.score + sum(points.get(name, 0.0) * by for name, by in features.items())
            # A mail at the very edge rings: the target lies a point beyond it.
            error = _sigmoid(-score - 1) if each.is_urgent else -_sigmoid(score + 1)
            step = RATE * each.weight * error / math.sqrt(sum(by * by for by in features.values()))
            for name, by in features.items():
                points[name] = points.get(name, 0.0) * (1 - RATE * HOLD / ROUNDS) + step * by
    kept = sorted(points.items(), key=lambda item: -abs(item[1]))[:MOST_WEIGHTS]
    topics = {f"sender:{_sender(each.judgement)}": each.topic for each in examples if each.topic is not None}
    return Learnt({name: round(value, 3) for name, value in kept if abs(value) >= SLIGHT}, topics)


def apply(judgement: Judgement, learnt: Learnt) -> Judgement:
    """Returns the judgement as the user would have it, with what made the difference among its reasons."""
    topic = learnt.topics.get(f"sender:{_sender(judgement)}", judgement.topic)
    told = {name: learnt.points[name] * by for name, by in _strengths(judgement).items() if name in learnt.points}
    points = max(-MOST_POINTS, min(MOST_POINTS, sum(told.values())))
    if not told or abs(points) < SLIGHT:
        return replace(judgement, topic=topic)
    most = sorted(told, key=lambda name: -abs(told[name]))[:MOST_SHOWN]
    reason = Reason("learnt", round(points, 3), SAYS, ", ".join(most))
    return replace(
        judgement, topic=topic, score=round(judgement.score + points, 3), reasons=[*judgement.reasons, reason]
    )


def _strengths(judgement: Judgement) -> dict[str, float]:
    return {name: STRENGTH.get(name.partition(":")[0], 0.0) for name in judgement.features}


def _sender(judgement: Judgement) -> str:
    return next((name.partition(":")[2] for name in judgement.features if name.startswith("sender:")), "")


def _sigmoid(value: float) -> float:
    return 1 / (1 + math.exp(-max(-30.0, min(30.0, value))))
