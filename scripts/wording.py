"""Fits the wording of mail that can't wait to the invented mails beside it. `python -m scripts.wording [--check]`."""

import json
import sys
from collections import Counter, defaultdict
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from outrider.domain.mailboxes.sender_types import SenderType
from outrider.domain.mailboxes.verdict import Kind
from outrider.domain.urgency import fitting, judging, wording
from outrider.domain.urgency.fitting import Row
from outrider.domain.urgency.judging import Subject

SEEDS = Path(__file__).parent / "data/urgency_seeds.jsonl"
TARGET = Path(wording.__file__).with_name(wording.FILE)
ROUNDS, RATE, HOLD = 60, 0.3, 2.0
# What stands in every twentieth mail of a language tells nothing; what stands in one alone tells of that one.
RARE, OFTEN, FEW = 1, 0.05, 4
SLIGHT = 0.02  # a weight that is not worth keeping


@dataclass(frozen=True, slots=True)
class Seed:
    language: str
    mail: Subject
    is_urgent: bool


def main() -> None:
    made = text(seeds())
    if "--check" in sys.argv:
        if TARGET.read_text("utf-8") != made:
            sys.exit("The wording is not what the seeds give: python -m scripts.wording")
        print("The wording is up to date.")
        return
    TARGET.write_text(made, "utf-8")
    print(f"Wrote {len(json.loads(made)):,} weights from {len(seeds())} mails.")


def text(given: list[Seed]) -> str:
    kept = {name: round(value, 3) for name, value in sorted(fit(given).items()) if abs(value) >= SLIGHT}
    return json.dumps(kept, ensure_ascii=False, indent=0) + "\n"


def fit(given: list[Seed]) -> dict[str, float]:
    rows = []
    for seed in given:
        read = judging.read(seed.mail)
        rows.append(Row(read.by_signs, read.features, seed.is_urgent))
    told = _telling(given, rows)
    rows = [
        replace(row, features={name: by for name, by in row.features.items() if not _is_word(name) or name in told})
        for row in rows
    ]
    return fitting.fit(rows, rounds=ROUNDS, rate=RATE, hold=HOLD)


def seeds() -> list[Seed]:
    rows = [json.loads(line) for line in SEEDS.read_text("utf-8").splitlines()]
    return [Seed(row["language"], _mail(row), row["is_urgent"]) for row in rows]


def _telling(given: list[Seed], rows: list[Row]) -> set[str]:
    """The words that are neither in one mail alone nor in too many of any language."""
    held = Counter(name for row in rows for name in row.features)
    sizes = Counter(seed.language for seed in given)
    by_language: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for seed, row in zip(given, rows, strict=True):
        by_language[seed.language].update(row.features)
    usual = {
        name
        for language, counts in by_language.items()
        for name, count in counts.items()
        if count > max(sizes[language] * OFTEN, FEW)
    }
    return {name for name, count in held.items() if count > RARE} - usual


def _is_word(name: str) -> bool:
    return name.startswith("word:")


def _mail(row: dict[str, Any]) -> Subject:
    is_bulk = bool(row.get("is_bulk"))
    return Subject(
        subject=row["subject"],
        text=row["text"],
        from_address=row["from_address"],
        from_name=row["from_name"],
        kind=Kind.BULK if is_bulk else Kind.HUMAN,
        sender_type=SenderType.NEWSLETTER if is_bulk else SenderType.PERSONAL,
        written_at=datetime.fromisoformat(f"2026-11-23T{row['at']}:00+00:00"),
    )


if __name__ == "__main__":
    main()
