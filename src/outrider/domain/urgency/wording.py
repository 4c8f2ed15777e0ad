"""How mail is worded that can't wait: weights of word stems and signs, fitted to invented mails (scripts/wording.py)."""

import json
import math
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files

from outrider.domain.urgency.words import Token

STEM = 5  # letters: languages bend their words at the end
SHORTEST = 3
STRENGTH = 0.5
USUAL = 40  # different words of a mail; in a longer one each tells less
FILE = "wording.json"


@cache
def weights() -> Mapping[str, float]:
    """Returns the packaged weights."""
    found: dict[str, float] = json.loads((files("outrider.domain.urgency") / FILE).read_text("utf-8"))
    return found


def features(tokens: Sequence[Token], signs: Sequence[str], *, is_question: bool) -> dict[str, float]:
    found = {"bias": 1.0} | {sign_name(each): STRENGTH for each in signs}
    if is_question:
        found["question"] = STRENGTH
    stems = {stem(each.word) for each in tokens if len(each.word) >= SHORTEST and each.word.isalpha()}
    strength = STRENGTH * min(1.0, math.sqrt(USUAL / max(len(stems), 1)))
    return found | {f"word:{each}": strength for each in sorted(stems)}


def sign_name(sign: str) -> str:
    return f"sign:{sign}"


def stem(word: str) -> str:
    return word[:STEM]
