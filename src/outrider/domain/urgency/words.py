"""Finding many phrases of many languages in one pass over a text, however many there are.

A phrase is words of small letters without accents: "x*" is any ending, "#" a number, "@" a time of day, "_" any word,
".." up to three words.
"""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

_TOKEN = re.compile(r"\d{1,2}(?::|\.|h|h )\d{2}(?!\d)|\d+(?:[.,]\d+)*|[^\W\d_]+|;-?\)|[%!?]", re.IGNORECASE)
_TIME = re.compile(r"\d{1,2}[:.h]\d{2}")
_LETTERS = str.maketrans({"ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "ł": "l"})
GAP = 3


@dataclass(frozen=True, slots=True)
class Token:
    """`word` is what is compared; it stands at `start` in the text as it was given."""

    word: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Hit:
    """That a phrase of a group was found: from its first token to its last."""

    group: str
    phrase: str
    first: int
    last: int


class Phrases:
    """Phrases in groups, looked up by their first word."""

    def __init__(self, groups: Mapping[str, str]) -> None:
        self._by_word: defaultdict[str, list[tuple[str, str, tuple[str, ...]]]] = defaultdict(list)
        for group, listed in groups.items():
            for phrase in dict.fromkeys(each.strip() for each in listed.replace("\n", ",").split(",")):
                if phrase:
                    first, *rest = phrase.split()
                    self._by_word[first].append((group, phrase, tuple(rest)))
        self._stems = {len(word) - 1 for word in self._by_word if word.endswith("*")}

    def find(self, tokens: Sequence[Token]) -> Iterator[Hit]:
        for at, token in enumerate(tokens):
            for key in self._keys(token.word):
                for group, phrase, rest in self._by_word.get(key, ()):
                    end = _end(rest, tokens, at + 1)
                    if end is not None:
                        yield Hit(group, phrase, at, end - 1)

    def _keys(self, word: str) -> Iterator[str]:
        yield word
        if word[0].isdigit():
            yield "@" if _TIME.fullmatch(word) else "#"
        for length in self._stems:
            if len(word) >= length:
                yield word[:length] + "*"


def tokens_of(text: str, at_most: int) -> list[Token]:
    """Returns a text's first words, comparable: small letters, no accents."""
    return [
        Token(plain(found[0].lower()), found.start(), found.end()) for found in islice(_TOKEN.finditer(text), at_most)
    ]


def plain(word: str) -> str:
    if word.isascii():
        return word.replace("h ", "h")
    bare = unicodedata.normalize("NFKD", word.translate(_LETTERS))
    return "".join(each for each in bare if not unicodedata.combining(each))


def _end(rest: Sequence[str], tokens: Sequence[Token], at: int) -> int | None:
    """Returns where the rest of a phrase ends that goes on at a token, None if it does not."""
    for number, wanted in enumerate(rest):
        if wanted == "..":
            ends = (_end(rest[number + 1 :], tokens, at + skipped) for skipped in range(GAP + 1))
            return next((end for end in ends if end is not None), None)
        if at >= len(tokens) or not _is(wanted, tokens[at].word):
            return None
        at += 1
    return at


def _is(wanted: str, word: str) -> bool:
    if wanted == "#":
        return word[0].isdigit() and not _TIME.fullmatch(word)
    if wanted == "@":
        return _TIME.fullmatch(word) is not None
    return wanted == "_" or (word.startswith(wanted[:-1]) if wanted.endswith("*") else word == wanted)
