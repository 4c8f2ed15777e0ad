"""The words that contacts are found by, and those that a search asks for: without case, accents and punctuation."""

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache

LONGEST_WORD, MOST_TERMS = 100, 8
# What a typing error may have put into a word or left out of it.
LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"
# Shorter words are an edit away from too many others.
SHORTEST_MISTYPED, LONGEST_MISTYPED = 4, 30

_SEPARATOR = re.compile(r"[\W_]+")
_DOMAIN = re.compile(r"[\w-]+(?:\.[\w-]+)*\.[^\W\d_]{2,}")


def fold(text: str) -> str:
    """`Łódź Straße` and `lodz strasse` are written alike to whoever looks for them."""
    text = text.casefold()
    if text.isascii():
        return text
    bare = "".join(each for each in unicodedata.normalize("NFKD", text) if not unicodedata.combining(each))
    return bare.translate(_STROKES)


@lru_cache(maxsize=10_000)
def of_text(text: str) -> frozenset[str]:
    return frozenset(each[:LONGEST_WORD] for each in _SEPARATOR.split(fold(text)) if each)


def of_email(address: str) -> set[str]:
    """The whole address, its domain, and the words before the @."""
    local, _, domain = address.rpartition("@")
    return {*of_text(local), fold(address)[:LONGEST_WORD], fold(domain)[:LONGEST_WORD]}


def of_person(texts: Iterable[str], addresses: Iterable[str]) -> set[str]:
    found: set[str] = set()
    return found.union(*map(of_text, texts), *map(of_email, addresses))


def terms(query: str) -> list[str]:
    """The beginnings of words that a search asks for, each once; addresses and domains stay whole."""
    found: dict[str, None] = {}
    for part in fold(query).split():
        whole = part.strip(".,;:<>()\"'")
        if "@" in whole or _DOMAIN.fullmatch(whole):
            found[whole[:LONGEST_WORD]] = None
        else:
            found |= dict.fromkeys(each[:LONGEST_WORD] for each in _SEPARATOR.split(part) if each)
    return list(found)[:MOST_TERMS]


def end_of(prefix: str) -> str:
    """What comes right after every word that begins so."""
    return prefix + "\U0010ffff"


def mistyped(term: str) -> list[str]:
    """What may have been meant: every word that is one letter more, less, other, or one exchange of neighbours away."""
    if not SHORTEST_MISTYPED <= len(term) <= LONGEST_MISTYPED:
        return [term]
    splits = [(term[:place], term[place:]) for place in range(len(term) + 1)]
    letters = sorted({*LETTERS, *term})
    less = {left + right[1:] for left, right in splits if right}
    exchanged = {left + right[1] + right[0] + right[2:] for left, right in splits if len(right) > 1}
    other = {left + letter + right[1:] for left, right in splits if right for letter in letters}
    more = {left + letter + right for left, right in splits for letter in letters}
    return sorted({term} | less | exchanged | other | more)


# Letters whose stroke is no accent to Unicode.
_STROKES = str.maketrans({"ł": "l", "ø": "o", "đ": "d", "ħ": "h", "ŧ": "t", "æ": "ae", "œ": "oe", "ı": "i", "ð": "d"})
