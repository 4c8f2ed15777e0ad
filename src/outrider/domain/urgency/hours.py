"""Times of day and spans that a text names, against the hour it was written at."""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib.resources import files

from outrider.domain.urgency.words import Token

SOON = 8 * 60  # minutes: what is due within a working day is due now
HALF_DAY = 12  # hours
SOON_UNSAID = 5 * 60  # minutes: how far off the other half of the day may be meant
MOST_HOURS, MOST_MINUTES = 24, 59
LOOKED_BACK = 4  # words before a span


@dataclass(frozen=True, slots=True)
class Words:
    noon: frozenset[str]
    midnight: frozenset[str]
    behind: frozenset[str]
    before: frozenset[str]
    minutes: frozenset[str]
    hours: frozenset[str]
    ahead: frozenset[str]
    ago: frozenset[str]
    numbers: Mapping[str, str]


@cache
def words() -> Words:
    told = tomllib.loads((files("outrider.domain.urgency") / "hours.toml").read_text("utf-8"))
    numbers = {word: number for number, same in told.pop("numbers").items() for word in same.split()}
    return Words(**{name: frozenset(listed.split()) for name, listed in told.items()}, numbers=numbers)


def due_soon(tokens: Sequence[Token], written_at: datetime) -> list[int]:
    """Returns the tokens that name a time of this day still to come, or a span of hours from now on."""
    now = written_at.hour * 60 + written_at.minute
    known = words()
    return [
        at
        for at, token in enumerate(tokens)
        if _is_soon(_clock(tokens, at, known), now, is_whole_day=token.word.startswith("0"))
        or (token.word in known.minutes | known.hours and _is_ahead(tokens, at, known))
    ]


def _is_soon(minutes: int | None, now: int, *, is_whole_day: bool) -> bool:
    if minutes is None:
        return False
    if 0 <= minutes - now <= SOON:
        return True
    # Half a clock face is meant where the morning has gone: "by 4" at two in the afternoon.
    other = minutes + HALF_DAY * 60
    return minutes < HALF_DAY * 60 and not is_whole_day and 0 <= other - now <= SOON_UNSAID


def _clock(tokens: Sequence[Token], at: int, known: Words) -> int | None:
    """Returns minutes since midnight, where a token is a time of day."""
    word = tokens[at].word
    if word in known.noon:
        return HALF_DAY * 60
    if word in known.midnight:
        return MOST_HOURS * 60
    word = known.numbers.get(word, word)
    hours, _, minutes = word.replace(".", ":").replace("h", ":").partition(":")
    if not hours.isdigit() or int(hours) > MOST_HOURS or (minutes and not _is_minutes(minutes)):
        return None
    after = tokens[at + 1].word if at + 1 < len(tokens) else ""
    before = tokens[at - 1].word if at else ""
    if not _is_marked(word, before, after, known):
        return None
    is_afternoon = after == "pm" and int(hours) < HALF_DAY
    return (int(hours) + HALF_DAY * is_afternoon) * 60 + int(minutes or 0)


def _is_minutes(text: str) -> bool:
    return len(text) == 2 and text.isdigit() and int(text) <= MOST_MINUTES  # noqa: PLR2004


def _is_marked(word: str, before: str, after: str, known: Words) -> bool:
    """Whether a number is a time: by its own form or by its neighbours. "At 5 minutes" is none, nor is "version 7.30"."""
    if after in known.minutes or after in known.hours - known.behind:
        return False
    return ":" in word or "h" in word or after in known.behind or before in known.before


def _is_ahead(tokens: Sequence[Token], at: int, known: Words) -> bool:
    """Whether a span begins now, such as "in 25 minutes", and is no age of anything."""
    near = [each.word for each in tokens[max(0, at - LOOKED_BACK) : at + 2]]
    if any(each in known.ago for each in near):
        return False
    amounts = [int(each) for each in near if each.isdigit()]
    if tokens[at].word in known.hours and any(each > HALF_DAY for each in amounts):
        return False
    return any(each in known.ahead for each in near)
