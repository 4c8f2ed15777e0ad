"""Which of many patterns a text may hold: one pass over it for all of them, by RE2, in linear time.

RE2 lacks what some patterns need, so each is searched for in a wider form: the answer may name one that is not there,
and never leaves out one that is.
"""

import re
from collections.abc import Iterator, Sequence

import re2

# Bytes of an automaton, which grows as texts are read; one that is full begins anew.
FOR_MANY, FOR_ONE = 16 * 2**20, 2 * 2**20
# Outside of a class, inside of one, inside of one that says what is not meant. Python knows the letters, digits and spaces
# of all scripts; here whatever is not ASCII may be any of them, which keeps an automaton small. An edge is left out.
_ANY = r"\x{80}-\x{10FFFF}"
_SIGNS = r"\x00-\x2f\x3a-\x40\x5b-\x5e\x60\x7b-"
_BLACK = r"\x00-\x08\x0e-\x1b\x21-"
_WIDER = {
    "b": ("", "\\x08", "\\x08"),
    "B": ("", "", ""),
    "w": (f"[0-9A-Za-z_{_ANY}]", f"0-9A-Za-z_{_ANY}", "0-9A-Za-z_"),
    "W": (r"[^0-9A-Za-z_]", rf"{_SIGNS}\x{{10FFFF}}", rf"{_SIGNS}\x7f"),
    "d": (f"[0-9{_ANY}]", f"0-9{_ANY}", "0-9"),
    "s": (rf"[\s\x0b\x1c-\x1f{_ANY}]", rf"\s\x0b\x1c-\x1f{_ANY}", r"\s"),
    "S": (r"[^\s\x0b]", rf"{_BLACK}\x{{10FFFF}}", rf"{_BLACK}\x7f"),
}
_OUTSIDE, _INSIDE, _NEGATED = range(3)
_LOOKS = ("(?=", "(?!", "(?<=", "(?<!")
_COUNTED = re.compile(r"(?<!\\)(\.|\[(?:\\.|[^\]\\])+\])\{\d+(?:,\d*)?\}\??")


class Sieve:
    """Patterns that are searched together."""

    def __init__(self, patterns: Sequence[re.Pattern[str]], *, memory: int = FOR_MANY) -> None:
        options = re2.Options()
        options.max_mem = memory
        self._set = re2.Set.SearchSet(options)
        for pattern in patterns:
            self._set.Add(wider(pattern))
        self._set.Compile()

    def may_hold(self, text: str) -> frozenset[int]:
        """Returns the places of the patterns that the text, or any beginning of it, may hold."""
        # The one letter that lower() leaves and that Python takes for an "i" where case does not count.
        return frozenset(self._set.Match(text.lower().replace("ı", "i").encode("utf-8", "replace")) or ())


class Sieved:
    """A pattern that is long to search for, behind a sieve of its own."""

    def __init__(self, pattern: re.Pattern[str]) -> None:
        self._pattern = pattern
        self._sieve = Sieve([pattern], memory=FOR_ONE)

    def search(self, text: str) -> re.Match[str] | None:
        return self._pattern.search(text) if self._sieve.may_hold(text) else None

    def match(self, text: str) -> re.Match[str] | None:
        return self._pattern.match(text) if self._sieve.may_hold(text) else None

    def finditer(self, text: str) -> Iterator[re.Match[str]]:
        if self._sieve.may_hold(text):
            yield from self._pattern.finditer(text)


def wider(pattern: re.Pattern[str]) -> str:
    """Returns an RE2 pattern that is found in the small letters of every text where this one is found."""
    source, written, at, where = pattern.pattern, [], 0, _OUTSIDE
    while at < len(source):
        if source[at] == "\\":
            written.append(_WIDER.get(source[at + 1], (source[at : at + 2],) * 3)[where])
            at += 2
        elif where == _OUTSIDE and source.startswith(_LOOKS, at):
            at = _end(source, at)
            written.append("(?:)")
        else:
            written.append("" if source[at] == "$" and where == _OUTSIDE else source[at])
            if where == _OUTSIDE and source[at] == "[":
                where = _NEGATED if source.startswith("[^", at) else _INSIDE
            elif source[at] == "]":
                where = _OUTSIDE
            at += 1
    # A count makes an automaton large; that there is something between says enough.
    loose = _COUNTED.sub(lambda found: f"{found[1]}*", "".join(written))
    flags = "im" if pattern.flags & re.MULTILINE else "i"
    return f"(?{flags}){loose}"


def _end(source: str, at: int) -> int:
    """Where the group ends that begins here."""
    depth = 0
    is_class = False
    while True:
        if source[at] == "\\":
            at += 1
        elif is_class:
            is_class = source[at] != "]"
        elif source[at] == "[":
            is_class = True
        else:
            depth += (source[at] == "(") - (source[at] == ")")
            if depth == 0:
                return at + 1
        at += 1
