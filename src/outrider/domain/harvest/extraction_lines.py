"""The lines of a mail with their offsets: the writer's own, and the signature among them."""

import re
from dataclasses import dataclass

from outrider.domain.harvest.lead import Evidence, Field, Source
from outrider.providers.mail import quotes

LONGEST = 400  # characters of a line that are looked at
MOST_TEXT = 60_000
MOST_LINES = 1_500
_SIGNATURE_LINES = 16
_LAST_LINES = 10  # of a letter that has no signature mark
_SHORT = 75
_DASHES = re.compile(r"\s*(?:-{2,6}|—|–)\s{0,3}$")
_RULE = re.compile(r"\s*[-_=*~#]{8,}\s*$")
_OF_A_LIST = re.compile(
    r"listinfo|mailing list|mailman|\(?un\)?subscri|sponsored by|groups\.yahoo|googlegroups|abmelden|désabonn|in remembrance|[\w-]-(?:users|devel|dev|list|talk)@",
    re.IGNORECASE,
)
_OF_LISTS_ALONE = re.compile(r"/listinfo/|/mailman/", re.IGNORECASE)
_LEAVING = re.compile(r"\s*to unsubscribe\b|\s*your use of yahoo! groups", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Line:
    text: str
    start: int
    source: Source = Source.TEXT

    def evidence(self, part: str) -> Evidence:
        at = max(self.text.find(part), 0)
        return Evidence(self.source, part, self.start + at, self.start + at + len(part))

    def field(self, part: str, confidence: float, *, value: str | None = None) -> Field:
        return Field(part if value is None else value, confidence, self.evidence(part))


def lines(text: str, source: Source = Source.TEXT) -> list[Line]:
    found: list[Line] = []
    at = 0
    for line in text[:MOST_TEXT].split("\n")[:MOST_LINES]:
        found.append(Line(line[:LONGEST].rstrip("\r"), at, source))
        at += len(line) + 1
    return found


def own(all_lines: list[Line]) -> list[Line]:
    """Without quotes, what stands below them, list footers and small print; a signature stays."""
    texts = [line.text for line in all_lines]
    kept: list[Line] = []
    is_footer = False
    for at, line in enumerate(all_lines):
        # Below a list's footer an answer may go on: it was written under the whole quoted mail.
        is_footer = _is_footer(texts, at) or (is_footer and bool(line.text.strip()))
        if is_footer or _OF_LISTS_ALONE.search(line.text):
            continue
        if line.text.lstrip().startswith((">", "|>")):
            continue
        if quotes.is_end(texts, at):
            break
        header = quotes.quote_header(texts, at)
        if header and not any(text.lstrip().startswith((">", "|")) for text in texts[at + header : at + header + 3]):
            break
        if not header and not quotes.is_added(line.text):
            kept.append(line)
    return kept


def signature(own_lines: list[Line]) -> tuple[list[Line], bool]:
    """The last lines that can be one, and whether a mark says that they are."""
    marks = [at for at, line in enumerate(own_lines) if _DASHES.match(line.text)]
    if marks:
        block = [line for line in own_lines[marks[-1] + 1 :] if line.text.strip()]
        if block:
            return block[:_SIGNATURE_LINES], True
    written = [line for line in own_lines if line.text.strip() and not _DASHES.match(line.text)]
    while written and _RULE.match(written[-1].text):
        written.pop()
    rules = [at for at, line in enumerate(written) if _RULE.match(line.text)]
    if rules and len(written) - rules[-1] <= _SIGNATURE_LINES:
        return written[rules[-1] + 1 :], False
    block = []
    for line in reversed(written[-_LAST_LINES:]):
        if len(line.text.strip()) > _SHORT:
            break
        block.insert(0, line)
    return block, False


def _is_footer(texts: list[str], at: int) -> bool:
    """Small print, or what a list adds below a rule or a signature mark of its own."""
    line = texts[at][:LONGEST]
    if _DASHES.match(line) or _RULE.match(line):
        below = [text[:LONGEST] for text in texts[at + 1 : at + 4]]
        return any(_OF_A_LIST.search(text) for text in below)
    return quotes.is_signature(texts, at) or _LEAVING.match(line) is not None
