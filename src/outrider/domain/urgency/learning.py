"""Learning from what a user says of judgements: points that are added to the packaged ones, feature by feature.

It is logistic regression on top of the packaged score, which stays as it is, with weights held near zero: what nobody spoke
of is judged as before. Every weight has a name, so every change can be explained.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from outrider.domain.urgency.fitting import Row, fit
from outrider.domain.urgency.judging import Judgement, Reason
from outrider.domain.urgency.topics import Topic

ROUNDS = 60
RATE = 0.5
HOLD = 0.05  # how strongly weights are drawn to zero
MOST_POINTS = 8.0  # that what was learnt may add or take away
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
    # A mail at the very edge rings: the target lies a point beyond it.
    rows = [
        Row(each.judgement.score, _strengths(each.judgement), each.is_urgent, margin=1.0, weight=each.weight)
        for each in examples
    ]
    points = fit(rows, rounds=ROUNDS, rate=RATE, hold=HOLD)
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
