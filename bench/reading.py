"""Mails a second that one process takes apart and judges, against the standard library's parser alone."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from email import message_from_bytes, policy
from pathlib import Path

from bench import mails
from bench.figures import Figure
from outrider.domain.mailboxes.judging import judge

MAILS, ROUNDS = 2_000, 3
RECEIVED = datetime(2026, 1, 5, tzinfo=UTC)


def measure(folder: Path | None) -> list[Figure]:
    raws = mails.read(folder, MAILS)
    ours = fastest(raws, lambda raw: judge(raw, RECEIVED))
    bare = fastest(raws, parsed)
    source = "made-up mails" if folder is None else f"mails of {folder.name}"
    return [
        Figure(
            f"taking apart and judging {MAILS:,} {source}",
            f"{MAILS / ours:.0f}/s",
            "the standard library's parser, headers and text",
            f"{MAILS / bare:.0f}/s",
            bare / ours,
            "1",
        )
    ]


def fastest(raws: list[bytes], work: Callable[[bytes], object]) -> float:
    """Seconds of processor time for all of them, in the best of a few rounds."""
    found = []
    for _ in range(ROUNDS):
        began = time.process_time()
        for raw in raws:
            work(raw)
        found.append(time.process_time() - began)
    return min(found)


def parsed(raw: bytes) -> None:
    mail = message_from_bytes(raw, policy=policy.default)
    try:
        for name in ("Subject", "From", "To", "Date", "Message-ID", "References"):
            str(mail[name])
        if (body := mail.get_body(("plain", "html"))) is not None:
            body.get_content()
    except Exception:  # noqa: BLE001  # the library raises nearly anything on a bad mail
        return
