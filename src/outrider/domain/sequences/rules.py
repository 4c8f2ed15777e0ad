"""Calculations over sequences: when the next step is due, and what its mail says."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from outrider.core import windows
from outrider.domain.sequences.models import Enrollment, Sequence, SequenceStep


@dataclass(frozen=True, slots=True)
class Plan:
    """When a step is due, and whether its delay or its window decided that."""

    at: datetime
    waiting_for: str


def plan(
    step: SequenceStep, *, last: datetime, window: Mapping[str, Any] | None, zone: str, not_before: date | None
) -> Plan:
    """Returns when a step after `last` is due: its delay, past the recipient's absence, then into the window."""
    place = ZoneInfo(zone)
    at = windows.delayed(last, delay_days=step.delay_days, delay_hours=step.delay_hours, zone=place)
    if not_before is not None:
        at = max(at, windows.resume_on(not_before, place))
    opens = windows.next_open(at, windows.parse(dict(window)) if window else None, place)
    return Plan(opens, "window" if opens > at else "delay")


def window_of(sequence: Sequence, step: SequenceStep) -> dict[str, Any] | None:
    return step.send_window or sequence.send_window


def first_name(name: str) -> str:
    """The given name of `Ada Lovelace` and `Lovelace, Ada`; empty where the name is an address."""
    if "@" in name:
        return ""
    last, comma, first = name.partition(",")
    words = (first if comma else last).split()
    return words[0] if words else ""


def last_name(name: str) -> str:
    if "@" in name:
        return ""
    last, comma, _ = name.partition(",")
    words = last.split()
    return last.strip() if comma else " ".join(words[1:])


@dataclass(frozen=True, slots=True)
class Original:
    """The enrolled mail and its sender, as templates see them."""

    subject: str
    snippet: str
    sent_at: datetime
    sender_email: str
    sender_name: str


def merge_data(enrollment: Enrollment, original: Original, *, step: int) -> dict[str, Any]:
    """Returns what a step's template may print; only plain values."""
    name = enrollment.recipient_name
    return {
        "recipient": {
            "email": enrollment.recipient,
            "name": name,
            "firstName": first_name(name),
            "lastName": last_name(name),
            "domain": enrollment.recipient.rpartition("@")[2],
        },
        "sender": {
            "email": original.sender_email,
            "name": original.sender_name,
            "firstName": first_name(original.sender_name),
        },
        "email": {
            "subject": original.subject,
            "snippet": original.snippet,
            "sentAt": original.sent_at.date().isoformat(),
        },
        "step": {"number": step, "total": enrollment.total_steps},
        "variables": enrollment.variables,
    }
