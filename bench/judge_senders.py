"""Measures by what kind of sender a mail is found to be written."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

from outrider.domain.mailboxes.sender_types import SenderType, sort
from outrider.domain.mailboxes.verdict import Verdict
from outrider.providers.mail.mime import visible_text
from outrider.providers.mail.parsed import ParsedMail

Row = dict[str, Any]


def report(judged: Iterable[tuple[Row, ParsedMail, Verdict]], errors: list[str]) -> None:
    rows = [(row, sort(mail, verdict, visible_text(mail.text))) for row, mail, verdict in judged]
    pairs = [(str(row["sender_type"]), str(found.type)) for row, found in rows]
    wanted, given = Counter(want for want, _ in pairs), Counter(got for _, got in pairs)
    hits = Counter(want for want, got in pairs if want == got)
    for name in map(str, SenderType):
        print(f"  {name:16} recall {_share(hits[name], wanted[name])}  precision {_share(hits[name], given[name])}")
    _groups("origin", rows, lambda row: "written for the set" if row["source"] == "synthetic" else "real")
    _groups("language", rows, lambda row: str(row.get("language") or "?"))
    lenient = sum(found.type in {row["sender_type"], row.get("alt_type")} for row, found in rows)
    print(
        f"  sender type exact {_share(sum(hits.values()), len(rows))}, or as another reader says {_share(lenient, len(rows))}"
    )
    errors += [
        f"{row['file']}: {row['sender_type']} taken for {found.type}: {' '.join(found.reasons)}"
        for row, found in rows
        if row["sender_type"] != found.type
    ]


def _groups(title: str, rows: list[tuple[Row, Any]], key: Any) -> None:
    sizes = Counter(key(row) for row, _ in rows)
    hits = Counter(key(row) for row, found in rows if row["sender_type"] == found.type)
    print(f"  by {title}:", " ".join(f"{name} {hits[name]}/{count}" for name, count in sizes.most_common()))


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:5.1f} % ({part}/{whole})" if whole else "–"
