"""Fits the wording of mail that can't wait, and of each topic, to the invented mails beside it.

`python -m scripts.wording [--check]`
"""

import json
import sys
from collections import Counter, defaultdict
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from outrider.domain.mailboxes.sender_types import SenderType
from outrider.domain.mailboxes.verdict import Kind
from outrider.domain.urgency import about, fitting, judging, wording
from outrider.domain.urgency.fitting import Row
from outrider.domain.urgency.judging import Subject
from outrider.domain.urgency.topics import Topic

SEEDS = Path(__file__).parent / "data/urgency_seeds.jsonl"
FOLDER = Path(wording.__file__).parent
ROUNDS, RATE, HOLD = 60, 0.3, 2.0
TOPIC_ROUNDS = 30
# What stands in every twentieth mail of a language tells nothing; what stands in one alone tells of that one.
RARE, OFTEN, FEW = 1, 0.05, 4
SLIGHT, SLIGHT_TOPIC = 0.02, 0.08  # weights that are not worth keeping


@dataclass(frozen=True, slots=True)
class Seed:
    language: str
    mail: Subject
    is_urgent: bool
    topic: Topic


def main() -> None:
    made = targets(seeds())
    if "--check" in sys.argv:
        if stale := [path.name for path, text in made.items() if path.read_text("utf-8") != text]:
            sys.exit(f"{', '.join(stale)}: not what the seeds give: python -m scripts.wording")
        print("The wording is up to date.")
        return
    for path, text in made.items():
        path.write_text(text, "utf-8")
    print(f"Wrote {len(made)} files from {len(seeds())} mails.")


def targets(given: list[Seed]) -> dict[Path, str]:
    return {FOLDER / wording.FILE: _shown(_kept(fit(given), SLIGHT)), FOLDER / about.FILE: _shown(fit_topics(given))}


def _kept(weights: dict[str, float], slight: float) -> dict[str, float]:
    return {name: round(value, 3) for name, value in sorted(weights.items()) if abs(value) >= slight}


def _shown(weights: dict[str, Any]) -> str:
    """One line for each word, or for each topic."""
    lines = (f"{json.dumps(name, ensure_ascii=False)}:{_short(value)}" for name, value in weights.items())
    return "{\n" + ",\n".join(lines) + "\n}\n"


def _short(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


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


def fit_topics(given: list[Seed]) -> dict[str, dict[str, float]]:
    """One regression for each topic: it or another."""
    found = [judging.clues(seed.mail, judging.read(seed.mail)) for seed in given]
    held = Counter(name for clues in found for name in clues.features)
    features = [{name: by for name, by in clues.features.items() if held[name] > RARE} for clues in found]
    fitted = {}
    for topic in about.lexicon().points:
        rows = [
            Row(clues.base(topic), own, seed.topic is topic)
            for seed, clues, own in zip(given, found, features, strict=True)
        ]
        fitted[topic.value] = _kept(fitting.fit(rows, rounds=TOPIC_ROUNDS, rate=RATE, hold=HOLD), SLIGHT_TOPIC)
    return fitted


def seeds() -> list[Seed]:
    rows = [json.loads(line) for line in SEEDS.read_text("utf-8").splitlines()]
    return [Seed(row["language"], _mail(row), row["is_urgent"], Topic(row["topic"])) for row in rows]


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
