"""Whether a mail may be answered by a machine at all: the guard against loops (RFC 3834 2, RFC 5230 4.6)."""

import re
from datetime import datetime, timedelta

from outrider.domain.mailboxes.verdict import Kind, Verdict
from outrider.providers.mail.parsed import ParsedMail

PER_CONTACT = timedelta(hours=24)  # at most one automatic answer to a contact in this time
PER_THREAD = 3
_NOBODY = re.compile(
    r"(?:(?:do[-_.]?)?not?[-_.]?reply|mailer[-_]?daemon|post[-_]?master|bounces?|owner-.*|.*-request|.*-bounces?)(?:[+=].*)?@",
    re.IGNORECASE,
)


def why_not(mail: ParsedMail, verdict: Verdict, *, own_loop_id: str) -> str:
    """Returns what forbids an automatic answer; nothing where one is allowed. `own_loop_id` stands in our X-Loop."""
    if verdict.kind is not Kind.HUMAN:
        return f"It is no person's letter: {verdict.evidence}"
    if mail.sender is None or _NOBODY.match(mail.sender.address):
        return "Nobody reads answers to its sender."
    return _forbidding_header(mail, own_loop_id)


def is_within_limits(to_contact: datetime | None, in_thread: int, *, at: datetime) -> bool:
    """`to_contact` is when the contact last got an automatic answer, `in_thread` how many the thread has had."""
    return in_thread < PER_THREAD and (to_contact is None or at - to_contact >= PER_CONTACT)


def _forbidding_header(mail: ParsedMail, own_loop_id: str) -> str:
    if any(value.strip().lower() != "no" for value in mail.headers.get("auto-submitted", ())):
        return "Auto-Submitted says that a machine sent it."
    if any(value.strip() in {"", "<>"} for value in mail.headers.get("return-path", ())):
        return "Its Return-Path is empty."
    if any(value.strip().lower().startswith("multipart/report") for value in mail.headers.get("content-type", ())):
        return "It is a report."
    for name in ("list-id", "x-auto-response-suppress"):
        if name in mail.headers:
            return f"It has a {name} header."
    return "It came from ourselves." if own_loop_id in mail.headers.get("x-loop", ()) else ""
