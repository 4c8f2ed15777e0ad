"""What a text of a language model may hold: no address, number or instruction that its source does not have. Pure: a
mail may say to the model whatever it likes, what comes out is read here before anybody sees or hears it.
"""

import re

_ADDRESS = re.compile(r"(?i)\b[a-z][a-z0-9+.-]{1,20}://\S+|\bmailto:\S+|[^\s@<>()\"']{1,64}@[^\s@<>()\"']{1,255}|\b(?:[a-z0-9-]{1,63}\.){1,8}[a-z]{2,24}\b(?:/\S*)?")  # fmt: skip
_RUN = re.compile(r"\d(?:[\d\s().,:/+'-]{0,40}\d)?")
_GROUP = re.compile(r"\d+")
_MARKUP = re.compile(r"[<>{}\[\]|\\^~`#*_]|&[a-z]{2,8};")
# "Press 4": only the call itself says what its keys do.
_DIGITS = (
    "zero one two three four five six seven eight nine star pound hash key null eins zwei drei vier fünf sechs sieben acht "
    "neun taste stern raute un deux trois quatre cinq sept huit neuf touche étoile dièse uno dos tres cuatro cinco seis "
    "siete ocho nueve tecla"
)
_KEYS = re.compile(
    r"(?i)\b(?:press|dial|drück\w*|wähl\w*|tapez|appuye\w*|composez|puls[ea]|presione|marque)\b[^.!?]{0,60}?"
    rf"(?:\d|\b(?:{'|'.join(_DIGITS.split())})\b)"
)
LONG_NUMBER = 7  # digits from which a number may be somebody's telephone or account


def addresses(text: str) -> set[str]:
    """Addresses of mail and of the web, as they are compared."""
    return {each.lower().rstrip(".,;:!?)\"'") for each in _ADDRESS.findall(text)}


def numbers(text: str) -> set[str]:
    """The digits of each number, whatever stands between them."""
    return {"".join(_GROUP.findall(each)) for each in _RUN.findall(text)}


def invented(text: str, source: str) -> str | None:
    """Says which address or number a text has that its source does not; None where there is none."""
    known = addresses(source)
    for each in sorted(addresses(text)):
        if each not in known:
            return f"an address that is not in the mail: {each[:80]}"
    runs, groups = numbers(source), set(_GROUP.findall(source))
    for run in _RUN.findall(text):
        digits = _GROUP.findall(run)
        whole = "".join(digits)
        # A short one may be put together anew (a date, an hour); a long one is somebody's number and stays as it is.
        if whole not in runs and (len(whole) >= LONG_NUMBER or not groups.issuperset(digits)):
            return f"a number that is not in the mail: {run[:40]}"
    return None


def unspeakable(text: str) -> str | None:
    """Says what in a text is nothing to be told by a voice that is trusted; None where all of it can be said."""
    if found := _MARKUP.search(text):
        return f"signs that can't be spoken: {found[0]}"
    if addresses(text):
        return "an address"
    if any(len(each) >= LONG_NUMBER for each in numbers(text)):
        return "a long number, which nobody should call or pay to by ear"
    if found := _KEYS.search(text):
        return f"an instruction for the keys: {found[0]}"
    return None
