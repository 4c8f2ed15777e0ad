"""Calculations over mail: what identifies it, what it is called, when two mails belong together."""

import hashlib
import re
from datetime import datetime

from outrider.domain.mailboxes.verdict import Kind
from outrider.providers.mail import transcripts
from outrider.providers.mail.interface import Fetched
from outrider.providers.mail.parsed import ParsedMail

REPLY_MARKS = re.compile(
    r"^\s*((re|aw|antw|sv|vs|r|rif|res|odp|ref|fw|fwd|wg|tr|rv|enc|i)(\[\d+\])?\s*[:：]\s*)+", re.IGNORECASE
)
LONGEST_SUBJECT = 200
_REPORTING = {Kind.BOUNCE, Kind.DELAY, Kind.COMPLAINT}


def identity(mail: ParsedMail, fetched: Fetched) -> bytes:
    """Tells copies of one mail from another: Message-ID, date and size, so that a forged Message-ID alone is no copy."""
    stamp = mail.sent_at or fetched.received_at
    return hashlib.sha256(f"{mail.message_id}|{stamp.isoformat()}|{fetched.size}".encode()).digest()


def identity_of_outgoing(message_id: str) -> bytes:
    """What we send is known by its Message-ID alone: the server's copy of it may differ in size."""
    return hashlib.sha256(f"out|{message_id}".encode()).digest()


def base_subject(subject: str) -> str:
    """Strips reply and forward marks of common languages, for joining mails without references."""
    return REPLY_MARKS.sub("", " ".join(subject.split()))[:LONGEST_SUBJECT].casefold()


def is_marked_as_reply(subject: str) -> bool:
    return REPLY_MARKS.match(subject) is not None


def mentioned(mail: ParsedMail, kind: Kind) -> list[str]:
    """Returns the Message-IDs a mail answers or reports on, nearest first."""
    reported = [mail.report.original_message_id] if mail.report and mail.report.original_message_id else []
    if not reported and kind in _REPORTING:
        reported = transcripts.returned_ids(mail.text)
    return list(dict.fromkeys([*reported, *mail.in_reply_to, *reversed(mail.references)]))[:100]


def sent_or_received(mail: ParsedMail, received_at: datetime) -> datetime:
    """The date a mail claims, unless it claims to come from the future."""
    return min(mail.sent_at, received_at) if mail.sent_at else received_at
