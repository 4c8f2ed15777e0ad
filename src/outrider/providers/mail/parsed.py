"""A mail taken apart: plain data that can cross a process boundary as JSON."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Mailbox:
    """One address of a header: `address` is lower-cased, `name` decoded, both without CR, LF or NUL."""

    address: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class Attachment:
    filename: str
    content_type: str
    size: int


@dataclass(frozen=True, slots=True)
class ReportedRecipient:
    """One recipient block of a delivery report (RFC 3464 2.3)."""

    address: str
    action: str
    status: str
    diagnostic: str


@dataclass(frozen=True, slots=True)
class Report:
    """A delivery report, with the Message-ID of the mail it speaks of where that was returned."""

    original_message_id: str | None
    recipients: tuple[ReportedRecipient, ...]


@dataclass(frozen=True, slots=True)
class ParsedMail:
    """`headers` holds the headers that judge a mail, names lower-cased. `poison` says why a mail could not be read."""

    message_id: str | None
    in_reply_to: tuple[str, ...]
    references: tuple[str, ...]
    subject: str
    sent_at: datetime | None
    sender: Mailbox | None
    reply_to: tuple[Mailbox, ...]
    to: tuple[Mailbox, ...]
    cc: tuple[Mailbox, ...]
    text: str
    html: str
    headers: dict[str, tuple[str, ...]]
    attachments: tuple[Attachment, ...]
    report: Report | None
    poison: str | None = None
