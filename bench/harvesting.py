"""Mails a second that one process reads leads out of, against the standard library's parser alone on the same bytes."""

from pathlib import Path

from bench import mails
from bench.figures import Figure
from bench.reading import MAILS, RECEIVED, fastest, parsed
from outrider.domain.harvest.reading import harvest


def measure(folder: Path | None) -> list[Figure]:
    raws = mails.read(folder, MAILS)
    ours = fastest(raws, lambda raw: harvest(raw, RECEIVED))
    bare = fastest(raws, parsed)
    source = "made-up mails" if folder is None else f"mails of {folder.name}"
    return [
        Figure(
            f"reading leads out of {MAILS:,} {source}",
            f"{MAILS / ours:.0f}/s",
            "the standard library's parser, headers and text",
            f"{MAILS / bare:.0f}/s",
            bare / ours,
            "0.3",
        )
    ]
