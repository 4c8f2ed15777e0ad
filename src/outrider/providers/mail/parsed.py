"""A mail taken apart: plain data that can cross a process boundary as JSON."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


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
    """One recipient block of a delivery report (RFC 3464 2.3). `command` is the SMTP command that was refused,
    `original` is
    the address the mail was first sent to, where it differs, `category` what the reporting system makes of it, or its kind ("x-unix": a local program).
    """

    address: str
    action: str
    status: str
    diagnostic: str
    command: str = ""
    category: str = ""
    original: str = ""


class ReportKind(StrEnum):
    DELIVERY = "delivery"  # RFC 3464
    DISPOSITION = "disposition"  # RFC 8098: a read receipt
    FEEDBACK = "feedback"  # RFC 5965: the recipient called the mail spam


@dataclass(frozen=True, slots=True)
class Report:
    """What a mail system says of a mail we sent, with that mail's Message-ID where it was returned.

    `recipients` is empty where only prose names them.
    """

    original_message_id: str | None
    recipients: tuple[ReportedRecipient, ...]
    kind: ReportKind = ReportKind.DELIVERY


@dataclass(frozen=True, slots=True)
class Forwarded:
    """A mail inside another one. `date` stands as its program wrote it, in any language; `note` are the words of
    whoever forwards it. A sender without an address has an empty one.
    """

    sender: Mailbox | None
    to: tuple[Mailbox, ...]
    cc: tuple[Mailbox, ...]
    subject: str
    date: str
    text: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class ParsedMail:
    """Message-IDs stand with their angle brackets. `text` and `html` are cut at 200,000 characters each.

    `headers` holds the headers that judge a mail, names lower-cased. `parts` are the content types found, a
    calendar's method with it ("text/calendar; method=reply"). `poison` says why a mail could not be read; what
    could be is filled in all the same.
    """

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
    parts: tuple[str, ...] = ()
    forwarded: Forwarded | None = None
    poison: str | None = None
