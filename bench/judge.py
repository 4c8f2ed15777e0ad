"""Measures the reading of incoming mail on a folder of labelled mails. `python -m bench.judge FOLDER [--errors]`.

The folder holds `autoreplies`, `bounces` and `replies`, each with mails and a `labels.jsonl`.
"""

import argparse
import json
import re
import time
import zlib
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from outrider.domain.mailboxes.classify import classify
from outrider.domain.mailboxes.verdict import Kind, Verdict
from outrider.providers.mail.mime import parse, visible_text
from outrider.providers.mail.parsed import ParsedMail

SETS = ("autoreplies", "bounces", "replies")
# A list's mail that a person wrote is no machine's answer; people's mail and a list's are one class here.
CLASS_OF = {
    Kind.OUT_OF_OFFICE: "ooo", Kind.AUTO_REPLY: "auto", Kind.RECEIPT: "mdn", Kind.BULK: "human",
}  # fmt: skip
BOUNCE_CLASS_OF = {Kind.RECEIPT: "delivery_notice", Kind.BOUNCE: "bounce", Kind.DELAY: "bounce",
                   Kind.COMPLAINT: "complaint", Kind.OUT_OF_OFFICE: "auto_reply", Kind.AUTO_REPLY: "auto_reply"}  # fmt: skip
UNDATED = datetime(2026, 1, 1, tzinfo=UTC)
Row = dict[str, Any]


def main() -> None:
    options = _options()
    errors: list[str] = []
    spent, mails = 0.0, 0
    for name in SETS:
        rows = [row for row in _rows(options.folder / name) if options.part in {"all", _part(row["file"])}]
        judged = []
        for row in rows:
            mail = parse((options.folder / name / row["file"]).read_bytes())
            started = time.perf_counter()
            verdict = classify(mail, received_at=mail.sent_at or UNDATED)
            spent += time.perf_counter() - started
            mails += 1
            judged.append((row, mail, verdict))
        print(f"\n{name}: {len(rows)} mails")
        {"autoreplies": _autoreplies, "bounces": _bounces, "replies": _replies}[name](judged, errors)
    print(f"\n{mails / max(spent, 1e-9):,.0f} mails a second judged, parsing not counted")
    if options.errors:
        print("\n".join(["", *errors]))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="judge", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--errors", action="store_true", help="list every error")
    parser.add_argument("--part", choices=("all", "seen", "held"), default="all", help="a third is held out by hash")
    return parser.parse_args()


def _rows(folder: Path) -> list[Row]:
    labels = folder / "labels.jsonl"
    return [json.loads(line) for line in labels.read_text("utf-8").splitlines()] if labels.exists() else []


def _part(file: str) -> str:
    return "seen" if zlib.crc32(file.encode()) % 3 else "held"


def _autoreplies(judged: list[tuple[Row, ParsedMail, Verdict]], errors: list[str]) -> None:
    pairs = [(row["class"], CLASS_OF.get(verdict.kind, str(verdict.kind)), row) for row, _, verdict in judged]
    _print_classes(pairs, errors)
    languages = sorted({row["language"] for _, _, row in pairs})
    rates = {each: [want == got for want, got, row in pairs if row["language"] == each] for each in languages}
    print("  by language:", " ".join(f"{each} {_rate(rates[each])}" for each in languages))
    machines = [got != "human" for want, got, _ in pairs if want != "human"]
    print("  machines told from people:", _rate(machines))
    dated = [(row, verdict) for row, _, verdict in judged if row["return_date"]]
    print("  day of return exact, or the day after an end:", _rate([_is_day(*each) for each in dated]))


def _is_day(row: Row, verdict: Verdict) -> bool:
    if verdict.returns_on is None:
        return False
    gap = (verdict.returns_on - datetime.fromisoformat(row["return_date"]).date()).days
    return gap == 0 or (row["return_kind"] == "until" and gap == 1)


def _bounces(judged: list[tuple[Row, ParsedMail, Verdict]], errors: list[str]) -> None:
    _print_classes(
        [(row["kind"], BOUNCE_CLASS_OF.get(verdict.kind, "not_bounce"), row) for row, _, verdict in judged], errors
    )
    named = [(row, verdict) for row, _, verdict in judged if row["kind"] == "bounce" and row["recipients"]]
    print("  recipients exact:", _rate([sorted(row["recipients"]) == sorted(each.address for each in verdict.bounced)
                                         for row, verdict in named]))  # fmt: skip


def _replies(judged: list[tuple[Row, ParsedMail, Verdict]], errors: list[str]) -> None:
    outcomes = []
    for row, mail, _ in judged:
        if row["kind"] == "reply":
            is_exact = _fold(visible_text(mail.text)) in {_fold(text) for text in row["accept"]}
            outcomes.append(is_exact)
            if not is_exact:
                errors.append(f"{row['file']}: visible text of {row['origin']}")
    print("  visible text exact:", _rate(outcomes))


def _print_classes(pairs: list[tuple[str, str, Row]], errors: list[str]) -> None:
    wanted, given = Counter(want for want, _, _ in pairs), Counter(got for _, got, _ in pairs)
    hits = Counter(want for want, got, _ in pairs if want == got)
    for name in sorted(wanted | given):
        print(f"  {name:16} recall {_share(hits[name], wanted[name])}  precision {_share(hits[name], given[name])}")
    errors += [f"{row['file']}: {want} taken for {got}" for want, got, row in pairs if want != got]


def _rate(outcomes: list[bool]) -> str:
    return _share(sum(outcomes), len(outcomes))


def _share(part: int, whole: int) -> str:
    return f"{part / whole:6.1%} ({part}/{whole})" if whole else "     –"


def _fold(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip()


if __name__ == "__main__":
    main()
