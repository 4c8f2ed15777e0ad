"""Whether a mail deserves a call now, what it is about, and why: by signs that add up, each with a name a user understands,
and by its wording.

It knows no language as such: the words of all of them are looked for at once. Runs in a child process.
"""

import tomllib
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cache
from importlib.resources import files

from outrider.domain.mailboxes.sender_types import SenderType
from outrider.domain.mailboxes.verdict import Kind
from outrider.domain.urgency import about, hours, wording
from outrider.domain.urgency.about import Clues
from outrider.domain.urgency.topics import Topic
from outrider.domain.urgency.words import Hit, Phrases, Token, tokens_of

LOOKED_AT = 150  # words of a mail: what can't wait is said at once
LONG = -2.5  # and briefly: more than that is said with time
NOT_TO_YOU = -6.0
MOST_WORDING = 2.0  # points: words alone ring nobody
LONGEST_SENTENCE = 240
MOST_REASONS = 5
BIAS = -2.9
LEAN = 0.4  # towards a call: a missed matter costs more than a call that could have waited
SHARE = 0.7  # of the points of signs; the wording has the rest
MOST_WORDS = 3
DUE_SOON = 1.9
SECOND = 0.35  # what a second phrase of the same sense adds to the first
# What wrote it: machines ring nobody by themselves.
BY_KIND = {Kind.HUMAN: 0.0, Kind.CALENDAR: -6.0, Kind.BULK: -8.0}
BY_OTHER_KIND = -12.0
BY_TYPE = {SenderType.NEWSLETTER: -6.0, SenderType.PROMOTIONAL: -6.0, SenderType.TOOL: -1.0}
_SAYS = {
    "due_soon": "it names an hour of today",
    "wording": "it is worded like such mail",
    "long": "it is long",
    "not_to_you": "it is not addressed to you",
    "kind": "a machine or a list sent it",
    "sender_type": "its sender is no person",
}


@dataclass(frozen=True, slots=True)
class Subject:
    """What is judged. `text` holds the writer's own words; `written_at` stands in the zone of whoever reads it.

    `is_own_house` says that it comes from the user's own domain, `is_to_user` that it names them as recipient.
    """

    subject: str
    text: str
    from_address: str
    from_name: str
    kind: Kind
    sender_type: SenderType
    written_at: datetime
    is_own_house: bool = False
    is_to_user: bool = True


@dataclass(frozen=True, slots=True)
class Reason:
    """A sign, what it counts, what it means, and the words that show it."""

    sign: str
    points: float
    says: str
    words: str = ""


@dataclass(frozen=True, slots=True)
class Judgement:
    """`score` is in points: 0 or more deserves a call. `sentence` is the one that tells most."""

    topic: Topic
    score: float
    reasons: list[Reason]
    sentence: str
    features: list[str] = field(default_factory=list)

    @property
    def is_urgent(self) -> bool:
        return self.score >= 0


@dataclass(frozen=True, slots=True)
class Lexicon:
    points: Mapping[str, float]
    says: Mapping[str, str]
    phrases: Phrases


@cache
def lexicon() -> Lexicon:
    signs = tomllib.loads((files("outrider.domain.urgency") / "signs.toml").read_text("utf-8"))
    return Lexicon(
        {name: each["points"] for name, each in signs.items()},
        {name: each["says"] for name, each in signs.items()} | _SAYS,
        Phrases({name: each["phrases"] for name, each in signs.items()}),
    )


@dataclass(frozen=True, slots=True)
class Read:
    """A mail as its words show it, before its wording is weighed."""

    tokens: Sequence[Token]
    reasons: Sequence[Reason]
    sentence: str
    features: Mapping[str, float]

    @property
    def by_signs(self) -> float:
        return SHARE * (BIAS + sum(each.points for each in self.reasons))


def judge(mail: Subject) -> Judgement:
    found = read(mail)
    reasons = sorted(_weighed(found), key=lambda each: -abs(each.points))
    score = LEAN + SHARE * BIAS + wording.weights().get("bias", 0.0) + sum(each.points for each in reasons)
    topic = _topic(mail, found)
    features = _features(mail, found.tokens, topic, found.reasons)
    return Judgement(topic, round(score, 3), reasons, found.sentence, features)


def read(mail: Subject) -> Read:
    text = f"{mail.subject}.\n{mail.text}"
    tokens = tokens_of(text, LOOKED_AT)
    known = lexicon()
    sentences = _sentences(text)
    hits = list(known.phrases.find(tokens))
    reasons = [
        *_by_words(hits, tokens, text, known),
        *_by_hours(hits, tokens, sentences, text, mail),
        *_by_sender(mail),
        *_by_form(mail, tokens),
    ]
    features = wording.features(tokens, [each.sign for each in reasons], is_question=mail.text.rstrip().endswith("?"))
    return Read(tokens, reasons, _telling(hits, tokens, sentences, text, known), features)


def clues(mail: Subject, found: Read) -> Clues:
    """What tells of the topic of a mail that was read."""
    local, _, domain = mail.from_address.partition("@")
    sender = f"{domain.rpartition('.')[0]} {local} {mail.from_name}"
    signs = [each.sign for each in found.reasons]
    return about.clues(mail.subject, sender, found.tokens, signs, is_own_house=mail.is_own_house)


def _weighed(found: Read) -> list[Reason]:
    """The signs with what they count in truth, and the wording, named by the words that count most."""
    known, features = wording.weights(), dict(found.features)
    features.pop("bias", None)
    signs = []
    for each in found.reasons:
        name = wording.sign_name(each.sign)
        points = SHARE * each.points + known.get(name, 0.0) * features.pop(name, 0.0)
        signs.append(replace(each, points=round(points, 3)))
    told = {name: known[name] * strength for name, strength in features.items() if name in known}
    total = round(max(-MOST_WORDING, min(MOST_WORDING, sum(told.values()))), 3)
    most = sorted(told, key=lambda name: -told[name] if total > 0 else told[name])[:MOST_WORDS]
    stems = {wording.stem(each.word): each.word for each in found.tokens}
    words = [stems.get(name.partition(":")[2], name) for name in most]
    return [*signs, Reason("wording", total, _SAYS["wording"], ", ".join(words))] if total else signs


def _by_words(hits: Sequence[Hit], tokens: Sequence[Token], text: str, known: Lexicon) -> list[Reason]:
    found: defaultdict[str, dict[str, Hit]] = defaultdict(dict)
    for hit in hits:
        found[hit.group].setdefault(hit.phrase, hit)
    return [
        Reason(
            group, known.points[group] * (1 + SECOND * (len(same) > 1)), known.says[group], _shown(same, tokens, text)
        )
        for group, same in found.items()
    ]


def _by_hours(
    hits: Sequence[Hit], tokens: Sequence[Token], sentences: Sequence[int], text: str, mail: Subject
) -> list[Reason]:
    """An hour of today counts unless its sentence speaks of another day or of what is over."""
    elsewhere = {_at(sentences, tokens[each.first]) for each in hits if each.group in {"not_today", "past", "planned"}}
    for at in hours.due_soon(tokens, mail.written_at):
        if _at(sentences, tokens[at]) not in elsewhere:
            return [Reason("due_soon", DUE_SOON, _SAYS["due_soon"], _around(at, tokens, text))]
    return []


def _around(at: int, tokens: Sequence[Token], text: str) -> str:
    """A word with its neighbours, as far as nothing but blanks is between."""
    start, end = tokens[at].start, tokens[at].end
    if at and text[tokens[at - 1].end : start].isspace():
        start = tokens[at - 1].start
    if at + 1 < len(tokens) and text[end : tokens[at + 1].start].isspace():
        end = tokens[at + 1].end
    return " ".join(text[start:end].split())


def _by_sender(mail: Subject) -> list[Reason]:
    by_kind, by_type = BY_KIND.get(mail.kind, BY_OTHER_KIND), BY_TYPE.get(mail.sender_type, 0.0)
    return [
        Reason(sign, points, _SAYS[sign], words)
        for sign, points, words in (
            ("kind", by_kind, mail.kind.value),
            ("sender_type", by_type, mail.sender_type.value),
        )
        if points
    ]


def _by_form(mail: Subject, tokens: Sequence[Token]) -> list[Reason]:
    told = []
    if len(tokens) == LOOKED_AT:
        told.append(Reason("long", LONG, _SAYS["long"]))
    if not mail.is_to_user:
        told.append(Reason("not_to_you", NOT_TO_YOU, _SAYS["not_to_you"]))
    return told


def _topic(mail: Subject, found: Read) -> Topic:
    signs = {each.sign for each in found.reasons}
    if mail.sender_type is SenderType.PROMOTIONAL or ("selling" in signs and mail.kind is Kind.BULK):
        return Topic.PROMOTION
    return about.topic_of(clues(mail, found))


def _telling(hits: Sequence[Hit], tokens: Sequence[Token], sentences: Sequence[int], text: str, known: Lexicon) -> str:
    """The sentence whose words count most, one way or the other."""
    weights: defaultdict[int, float] = defaultdict(float)
    for hit in hits:
        weights[_at(sentences, tokens[hit.first])] += known.points[hit.group]
    if not weights:
        return ""
    best = max(weights, key=lambda each: (weights[each], -each))
    start = sentences[best]
    end = sentences[best + 1] if best + 1 < len(sentences) else len(text)
    return " ".join(text[start:end].split())[:LONGEST_SENTENCE]


def _sentences(text: str) -> list[int]:
    """Returns where each sentence begins."""
    starts = [0]
    for at, char in enumerate(text[:-1]):
        if char == "\n" or (char in ".!?" and text[at + 1].isspace()):
            starts.append(at + 1)
    return starts


def _at(sentences: Sequence[int], token: Token) -> int:
    return bisect_right(sentences, token.start) - 1


def _shown(same: Mapping[str, Hit], tokens: Sequence[Token], text: str) -> str:
    shown = [text[tokens[hit.first].start : tokens[hit.last].end] for hit in same.values()]
    return ", ".join(" ".join(each.split()) for each in dict.fromkeys(shown))[:120]


def _features(mail: Subject, tokens: Sequence[Token], topic: Topic, reasons: Sequence[Reason]) -> list[str]:
    """What a user's own choices are learnt by."""
    words = dict.fromkeys(token.word for token in tokens if len(token.word) > 3 and token.word.isalpha())  # noqa: PLR2004
    domain = mail.from_address.partition("@")[2]
    return [
        f"topic:{topic}", f"sender:{mail.from_address}", f"domain:{domain}", f"type:{mail.sender_type}",
        *(f"sign:{each.sign}" for each in reasons), *(f"word:{each}" for each in list(words)[:80]),
    ]  # fmt: skip
