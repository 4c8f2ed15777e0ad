"""Measures which mail is found to deserve a call now, and what it is found to be about."""

import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import tzinfo
from typing import Any

from outrider.domain.mailboxes.sender_types import sort
from outrider.domain.mailboxes.verdict import Verdict
from outrider.domain.urgency.judging import Judgement, Subject, judge
from outrider.domain.urgency.topics import Topic
from outrider.providers.mail.mime import visible_text
from outrider.providers.mail.parsed import ParsedMail

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Pair:
    row: Row
    found: Judgement

    @property
    def topic(self) -> str:
        # The labels have no class of their own for marketing.
        return "other" if self.found.topic is Topic.PROMOTION else str(self.found.topic)

    @property
    def has_topic(self) -> bool:
        return self.topic == self.row["class"]


def report(judged: Iterable[tuple[Row, ParsedMail, Verdict, tzinfo]], errors: list[str]) -> None:
    mails = [(row, _subject(mail, verdict, zone)) for row, mail, verdict, zone in judged]
    started = time.perf_counter()
    pairs = [Pair(row, judge(mail)) for row, mail in mails]
    spent = time.perf_counter() - started
    _print_calls("calls", pairs)
    for name, key in (("class", "class"), ("language", "language")):
        for value in sorted({str(pair.row[key]) for pair in pairs}):
            _print_calls(f"calls, {name} {value}", [pair for pair in pairs if str(pair.row[key]) == value])
    _print_topics(pairs)
    print(f"  {len(pairs) / max(spent, 1e-9):,.0f} mails a second judged for urgency")
    errors += [_told(pair) for pair in pairs if pair.found.is_urgent != pair.row["interrupt"] or not pair.has_topic]


def _subject(mail: ParsedMail, verdict: Verdict, zone: tzinfo) -> Subject:
    words = visible_text(mail.text)
    assert mail.sent_at is not None, "every mail of the set has a date"
    return Subject(
        subject=mail.subject,
        text=words or mail.text,
        from_address=mail.sender.address if mail.sender else "",
        from_name=mail.sender.name if mail.sender else "",
        kind=verdict.kind,
        sender_type=sort(mail, verdict, words).type,
        written_at=mail.sent_at.astimezone(zone),
    )


def _print_calls(title: str, pairs: list[Pair]) -> None:
    hits = sum(pair.found.is_urgent and pair.row["interrupt"] for pair in pairs)
    given, wanted = sum(pair.found.is_urgent for pair in pairs), sum(pair.row["interrupt"] for pair in pairs)
    print(f"  {title:28} precision {_share(hits, given)}  recall {_share(hits, wanted)}")


def _print_topics(pairs: list[Pair]) -> None:
    wanted, given = Counter(pair.row["class"] for pair in pairs), Counter(pair.topic for pair in pairs)
    hits = Counter(pair.topic for pair in pairs if pair.has_topic)
    for name in sorted(wanted):
        print(f"  {name:28} recall {_share(hits[name], wanted[name])}  precision {_share(hits[name], given[name])}")
    _print_share("class exact", pairs, lambda pair: pair.has_topic)
    _print_share(
        "or the second as good", pairs, lambda pair: pair.topic in {pair.row["class"], pair.row.get("alt_class")}
    )


def _print_share(title: str, pairs: list[Pair], is_right: Callable[[Pair], bool]) -> None:
    print(f"  {title}: {_share(sum(is_right(pair) for pair in pairs), len(pairs))}")


def _told(pair: Pair) -> str:
    row, found = pair.row, pair.found
    signs = ", ".join(f"{each.sign} {each.points:+.1f}" for each in found.reasons)
    return (
        f"{row['file']} ({row['language']}): {row['class']}, {'a call' if row['interrupt'] else 'no call'} ({row['why']})"
        f" taken for {pair.topic}, {found.score:+.1f}: {signs}"
    )


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:5.1f} % ({part}/{whole})" if whole else "–"
