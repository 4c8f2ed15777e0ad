"""What a mail is about: the words of each topic, who sends it, and weights of word stems fitted to invented mails."""

import json
import math
import tomllib
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from outrider.domain.urgency import fitting, wording
from outrider.domain.urgency.topics import Topic
from outrider.domain.urgency.words import Phrases, Token, tokens_of

FILE = "topics.json"
IN_SUBJECT = 1.6
LONGER = 0.3  # what each further word of a phrase adds
BY_SENDER, BY_HOUSE = 1.5, 4.0  # who writes from the house of the user is the team
SHARE, GROUND = 2.5, -3.0  # what the points of a topic's words count, and what is there without any
MOST_SENDER = 20  # words of an address and a name
SHORTEST = 3


@dataclass(frozen=True, slots=True)
class Lexicon:
    points: Mapping[Topic, float]
    phrases: Phrases
    senders: Phrases


@dataclass(frozen=True, slots=True)
class Clues:
    """What tells of topics: points by the words of each, and features whose weights are fitted."""

    points: Mapping[Topic, float]
    features: Mapping[str, float]

    def base(self, topic: Topic) -> float:
        return SHARE * self.points.get(topic, 0.0) + GROUND


@cache
def lexicon() -> Lexicon:
    topics = tomllib.loads((files("outrider.domain.urgency") / "topics.toml").read_text("utf-8"))
    return Lexicon(
        {Topic(name): each["points"] for name, each in topics.items()},
        Phrases({name: each["phrases"] for name, each in topics.items()}),
        Phrases({name: each["senders"] for name, each in topics.items()}),
    )


@cache
def weights() -> Mapping[Topic, Mapping[str, float]]:
    """Returns the packaged weights of each topic."""
    found = json.loads((files("outrider.domain.urgency") / FILE).read_text("utf-8"))
    return {Topic(name): each for name, each in found.items()}


def topic_of(clues: Clues) -> Topic:
    known = weights()
    if not clues.points and not any(
        name in each for each in known.values() for name in clues.features if name != "bias"
    ):
        return Topic.OTHER  # nothing in it tells
    scores = {
        topic: clues.base(topic) + fitting.score(known.get(topic, {}), clues.features) for topic in lexicon().points
    }
    return max(scores, key=lambda each: scores[each])


def clues(subject: str, sender: str, tokens: Sequence[Token], signs: Collection[str], *, is_own_house: bool) -> Clues:
    """`sender` is an address and a name in one; `tokens` are those of the subject and then of the text."""
    known = lexicon()
    raw = _by_words(known, tokens, len(tokens_of(subject, len(tokens))))
    named = tokens_of(sender, MOST_SENDER)
    for group in {hit.group for hit in known.senders.find(named)}:
        raw[Topic(group)] += BY_SENDER
    if is_own_house:
        raw[Topic.TEAM] += BY_HOUSE
    points = {topic: math.sqrt(value) * known.points[topic] for topic, value in raw.items()}
    features = wording.features(tokens, sorted(signs), is_question=False) | {
        f"from:{wording.stem(each.word)}": wording.STRENGTH for each in named if len(each.word) >= SHORTEST
    }
    return Clues(points, features)


def _by_words(known: Lexicon, tokens: Sequence[Token], in_subject: int) -> defaultdict[Topic, float]:
    """Each phrase counts once; a longer one more, and more in the subject."""
    found: dict[tuple[str, str], float] = {}
    for hit in known.phrases.find(tokens):
        length = 1 + LONGER * (hit.last - hit.first)
        found.setdefault((hit.group, hit.phrase), length * (IN_SUBJECT if hit.last < in_subject else 1))
    raw: defaultdict[Topic, float] = defaultdict(float)
    for (group, _), points in found.items():
        raw[Topic(group)] += points
    return raw
