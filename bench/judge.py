"""Measures the reading of incoming mail on a folder of labelled mails. `python -m bench.judge FOLDER [--errors]`.

The folder holds `autoreplies`, `bounces`, `replies`, `extraction`, `senders` and `urgency`, each with mails and a `labels.jsonl`; what is missing is passed
over. A folder that is one of them by itself will do too.
"""

import argparse
import json
import re
import time
import zlib
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

from bench import judge_leads, judge_senders, judge_urgency
from outrider.domain.mailboxes.classify import classify
from outrider.domain.mailboxes.verdict import Kind, Verdict
from outrider.providers.mail.mime import parse, visible_text
from outrider.providers.mail.parsed import Mailbox, ParsedMail

# A list's mail that a person wrote is no machine's answer; people's mail and a list's are one class here, and one who
# asks for no more mail is a person.
CLASS_OF = {
    Kind.OUT_OF_OFFICE: "ooo", Kind.AUTO_REPLY: "auto", Kind.RECEIPT: "mdn", Kind.BULK: "human", Kind.UNSUBSCRIBE: "human",
}  # fmt: skip
# In this set a complaint by a program's "unsubscribe" button counts as one.
BOUNCE_CLASS_OF = {
    Kind.RECEIPT: "delivery_notice", Kind.BOUNCE: "bounce", Kind.DELAY: "bounce", Kind.COMPLAINT: "complaint",
    Kind.UNSUBSCRIBE: "complaint", Kind.OUT_OF_OFFICE: "auto_reply", Kind.AUTO_REPLY: "auto_reply",
}  # fmt: skip
DATE = re.compile(rb"^Date:[ \t]*([^\r\n]+)", re.IGNORECASE | re.MULTILINE)
UNDATED = datetime(2026, 1, 1, tzinfo=UTC)
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Judged:
    row: Row
    mail: ParsedMail
    verdict: Verdict
    zone: tzinfo = UTC  # of whoever reads it


def main() -> None:
    options = _options()
    errors: list[str] = []
    parsing, judging, mails = 0.0, 0.0, 0
    for name, report in REPORTS.items():
        folder = _folder(options.folder, name)
        if folder is None:
            print(f"\n{name}: not there")
            continue
        rows = [row for row in _rows(folder) if options.part in {"all", _part(row["file"])}]
        judged = []
        for row in rows:
            raw = (folder / row["file"]).read_bytes()
            started = time.perf_counter()
            mail = parse(raw)
            parsed = time.perf_counter()
            judged.append(Judged(row, mail, classify(mail, received_at=mail.sent_at or UNDATED), _zone(raw)))
            parsing, judging, mails = parsing + parsed - started, judging + time.perf_counter() - parsed, mails + 1
        print(f"\n{name}: {len(rows)} mails")
        report(judged, errors)
    print(
        f"\n{mails / max(judging, 1e-9):,.0f} mails a second judged, {mails / max(parsing + judging, 1e-9):,.0f} with parsing"
    )
    if options.errors:
        print("\n".join(["", *errors]))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="judge", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--errors", action="store_true", help="list every error")
    parser.add_argument("--part", choices=("all", "seen", "held"), default="all", help="a third is held out by hash")
    return parser.parse_args()


def _folder(folder: Path, name: str) -> Path | None:
    if (folder / name / "labels.jsonl").exists():
        return folder / name
    # The folder may itself be one of the sets: the fields of its labels tell which.
    own = folder / "labels.jsonl"
    first = next(iter(own.read_text("utf-8").splitlines()), "{}") if own.exists() else "{}"
    return folder if FIELD_OF[name] in json.loads(first) else None


def _rows(folder: Path) -> list[Row]:
    lines = (folder / "labels.jsonl").read_text("utf-8").splitlines()
    rows = [json.loads(line) for line in lines if line.strip()]
    there = [row for row in rows if (folder / row["file"]).exists()]
    if len(there) < len(rows):
        print(f"\n{len(rows) - len(there)} mails of {folder} are labelled but not there")
    return there


def _zone(raw: bytes) -> tzinfo:
    """The zone that a mail's date is written in."""
    if match := DATE.search(raw):
        with suppress(ValueError, TypeError):
            return parsedate_to_datetime(match[1].decode("ascii", "replace")).tzinfo or UTC
    return UTC


def _part(file: str) -> str:
    return "seen" if zlib.crc32(file.encode()) % 3 else "held"


def _autoreplies(judged: list[Judged], errors: list[str]) -> None:
    pairs = [(each.row["class"], CLASS_OF.get(each.verdict.kind, str(each.verdict.kind)), each.row) for each in judged]
    _print_classes(pairs, errors)
    for language in sorted({row.get("language") or "?" for _, _, row in pairs}):
        own = [(want, got) for want, got, row in pairs if (row.get("language") or "?") == language]
        print(
            f"  {language}: class exact {_rate(want == got for want, got in own)}"
            f"  machines found {_rate(got != 'human' for want, got in own if want != 'human')}"
            f"  precision {_rate(want != 'human' for want, got in own if got != 'human')}"
            f"  people kept {_rate(got == 'human' for want, got in own if want == 'human')}"
        )
    _print("machines told from people", [got != "human" for want, got, _ in pairs if want != "human"])
    _print("people told from machines", [got == "human" for want, got, _ in pairs if want == "human"])
    dated = [each for each in judged if each.row.get("return_date")]
    _print("day of return exact, or the day after an end", [_is_day(each.row, each.verdict) for each in dated])
    away = [each for each in judged if each.row["class"] in {"ooo", "left_company"}]
    _print("successor exact", [each.row.get("forward_to") == each.verdict.successor for each in away])
    asked = [(each.row.get("intent") == "unsubscribe", each.verdict.kind is Kind.UNSUBSCRIBE) for each in judged]
    _print("requests for no more mail found", [got for want, got in asked if want])
    _print("of what was taken for one", [want for want, got in asked if got])
    errors += [f"{each.row['file']}: day of return {each.row['return_date']} read as {each.verdict.returns_on}"
               for each in dated if not _is_day(each.row, each.verdict)]  # fmt: skip
    errors += [f"{each.row['file']}: successor {each.row.get('forward_to')} read as {each.verdict.successor}"
               for each in away if each.row.get("forward_to") != each.verdict.successor]  # fmt: skip


def _is_day(row: Row, verdict: Verdict) -> bool:
    if verdict.returns_on is None:
        return False
    gap = (verdict.returns_on - datetime.fromisoformat(row["return_date"]).date()).days
    return gap == 0 or (row.get("return_kind") == "until" and gap == 1)


def _bounces(judged: list[Judged], errors: list[str]) -> None:
    _print_classes(
        [(each.row["kind"], BOUNCE_CLASS_OF.get(each.verdict.kind, "not_bounce"), each.row) for each in judged], errors
    )
    bounces = [each for each in judged if each.row["kind"] == "bounce"]
    _print("recipients exact", [sorted(each.row["recipients"]) == sorted(refusal.address for refusal in each.verdict.bounced)
                                for each in bounces if each.row.get("recipients")])  # fmt: skip
    _print("status exact, where it stands in the text", [
        bool(each.verdict.bounced) and each.verdict.bounced[0].status == each.row["status"]
        for each in bounces if each.row.get("status_in_text")
    ])  # fmt: skip
    _print("reason exact", [each.verdict.reason == each.row.get("reason") for each in bounces])
    _print("hard or soft", [each.verdict.is_hard == each.row.get("hard") for each in bounces])
    by_reason = Counter(each.row.get("reason") for each in bounces)
    hits = Counter(each.row.get("reason") for each in bounces if each.verdict.reason == each.row.get("reason"))
    print("  reasons:", " ".join(f"{reason} {hits[reason]}/{count}" for reason, count in by_reason.most_common()))
    errors += [
        f"{each.row['file']}: {each.row.get('format')} {each.row.get('reason')} ({_hardness(each.row.get('hard'))}) read as "
        f"{each.verdict.reason} ({_hardness(each.verdict.is_hard)})"
        for each in bounces if each.verdict.reason != each.row.get("reason")
    ]  # fmt: skip


def _hardness(is_hard: bool | None) -> str:
    return {True: "hard", False: "soft", None: "unknown"}[is_hard]


def _replies(judged: list[Judged], errors: list[str]) -> None:
    replies = [each for each in judged if each.row["kind"] == "reply"]
    exact = {each.row["file"]: _is_visible_exact(each) for each in replies}
    _print("visible text exact", exact.values())
    languages = sorted({each.row.get("lang") or "?" for each in replies})
    rates = {
        name: [exact[each.row["file"]] for each in replies if (each.row.get("lang") or "?") == name]
        for name in languages
    }
    print("  by language:", " ".join(f"{name} {sum(rates[name])}/{len(rates[name])}" for name in languages))
    errors += [
        f"{each.row['file']}: visible text of {each.row.get('origin')}"
        for each in replies
        if not exact[each.row["file"]]
    ]
    forwards = [each for each in judged if each.row["kind"] == "forward"]
    for name, is_right in FORWARD_FIELDS.items():
        told = [(each, is_right(each)) for each in forwards]
        _print(f"forwarded {name}", [right for _, right in told])
        errors += [f"{each.row['file']}: forwarded {name} of {each.row.get('client')} {each.row.get('lang')}"
                   for each, right in told if not right]  # fmt: skip
    others = [each for each in judged if each.row["kind"] == "not_forward"]
    _print("answers not taken for forwards", [each.mail.forwarded is None for each in others])


def _is_visible_exact(each: Judged) -> bool:
    accepted = each.row.get("accept") or [each.row.get("visible_text") or ""]
    return _fold(visible_text(each.mail.text)) in {_fold(text) for text in accepted}


def _forwarded_text(name: str) -> Callable[[Judged], bool]:
    def is_right(each: Judged) -> bool:
        found = each.mail.forwarded
        return _fold(each.row["forwarded"].get(name) or "") == _fold(str(getattr(found, name)) if found else "")

    return is_right


def _forwarded_sender(label: str, field: str) -> Callable[[Judged], bool]:
    def is_right(each: Judged) -> bool:
        sender: Mailbox | None = each.mail.forwarded.sender if each.mail.forwarded else None
        return (each.row["forwarded"].get(label) or "").lower() == (getattr(sender, field).lower() if sender else "")

    return is_right


def _are_recipients_right(each: Judged) -> bool:
    wanted = sorted(one["email"].lower() for one in each.row["forwarded"].get("to") or ())
    return wanted == sorted(box.address for box in (each.mail.forwarded.to if each.mail.forwarded else ()))


def _is_note_right(each: Judged) -> bool:
    found = visible_text(each.mail.forwarded.note) if each.mail.forwarded else ""
    return _fold(each.row.get("visible_text") or "") == _fold(found)


FORWARD_FIELDS: dict[str, Callable[[Judged], bool]] = {
    "sender's address": _forwarded_sender("from_email", "address"),
    "sender's name": _forwarded_sender("from_name", "name"),
    "recipients": _are_recipients_right,
    "subject": _forwarded_text("subject"),
    "date": _forwarded_text("date"),
    "note": _is_note_right,
}


def _extraction(judged: list[Judged], errors: list[str]) -> None:
    judge_leads.report(((each.row, each.mail, each.verdict) for each in judged), errors)


def _senders(judged: list[Judged], errors: list[str]) -> None:
    judge_senders.report(((each.row, each.mail, each.verdict) for each in judged), errors)


def _urgency(judged: list[Judged], errors: list[str]) -> None:
    judge_urgency.report(((each.row, each.mail, each.verdict, each.zone) for each in judged), errors)


REPORTS = {
    "autoreplies": _autoreplies, "bounces": _bounces, "replies": _replies, "extraction": _extraction, "senders": _senders,
    "urgency": _urgency,
}  # fmt: skip
FIELD_OF = {
    "urgency": "interrupt",
    "senders": "sender_type",
    "autoreplies": "return_date",
    "bounces": "reason",
    "replies": "visible_text",
    "extraction": "lead_expected",
}


def _print_classes(pairs: list[tuple[str, str, Row]], errors: list[str]) -> None:
    wanted, given = Counter(want for want, _, _ in pairs), Counter(got for _, got, _ in pairs)
    hits = Counter(want for want, got, _ in pairs if want == got)
    for name in sorted(wanted | given):
        print(f"  {name:16} recall {_share(hits[name], wanted[name])}  precision {_share(hits[name], given[name])}")
    errors += [f"{row['file']}: {want} taken for {got}" for want, got, row in pairs if want != got]


def _print(name: str, outcomes: Iterable[bool]) -> None:
    print(f"  {name}: {_rate(outcomes)}")


def _rate(outcomes: Iterable[bool]) -> str:
    told = list(outcomes)
    return _share(sum(told), len(told))


def _share(part: int, whole: int) -> str:
    return f"{part / whole:6.1%} ({part}/{whole})" if whole else "     –"


def _fold(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip()


if __name__ == "__main__":
    main()
