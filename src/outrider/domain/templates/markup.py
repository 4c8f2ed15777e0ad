"""What may stand between the braces of a template, checked before the library sees it.

The library's patterns backtrack: 20 kB of opening braces keep it busy for 15 seconds.
"""

import re

LONGEST_MARKUP = 500
MOST_MARKUP = 1_000

_OPENING = re.compile(r"\{\{|\{%")
_RAW = re.compile(r"\{%-?\s{0,50}raw\s{0,50}-?%\}")
_END_OF_RAW = re.compile(r"\{%-?\s{0,50}endraw\s{0,50}-?%\}")
_LONG_GAP = re.compile(r"\s{51}")


class Unusable(Exception):
    """The source is no template; `index` is where, if that is known."""

    def __init__(self, message: str, index: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.index = index


def check_markup(source: str) -> None:
    """Keeps every piece of markup short and closed: the library's patterns take minutes over those that are not."""
    position = 0
    for _ in range(MOST_MARKUP + 1):
        opening = _OPENING.search(source, position)
        if opening is None:
            return
        start, closing = opening.start(), "}}" if opening[0] == "{{" else "%}"
        end = source.find(closing, opening.end())
        if end < 0:
            raise Unusable(f"This {opening[0]} is never closed with {closing}.", start)
        position = end + len(closing)
        if position - start > LONGEST_MARKUP or _LONG_GAP.search(source, start, position):
            raise Unusable(
                f"This is too long: what stands between {opening[0]} and {closing} has at most {LONGEST_MARKUP} "
                "characters and no wide gaps. Is the closing missing?",
                start,
            )
        if _RAW.match(source, start):
            raw = _END_OF_RAW.search(source, position)
            if raw is None:
                raise Unusable("This raw block is never closed with {% endraw %}.", start)
            position = raw.end()
    raise Unusable(f"A template has at most {MOST_MARKUP} fields and tags.", position)
