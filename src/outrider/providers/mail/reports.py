"""Delivery reports (RFC 3464), as mail systems really write them."""

import re
from email import policy
from email.message import Message
from email.parser import Parser

from outrider.providers.mail import headers
from outrider.providers.mail.parsed import Report, ReportedRecipient

MAX_RECIPIENTS = 100
_LONGEST = 500
_ID_LINE = re.compile(r"^message-id:\s*(<[^<>\s]+>)", re.IGNORECASE | re.MULTILINE)


def read(mail: Message) -> Report | None:
    """Returns what a report says of each recipient; None where the mail is none."""
    parts = [part for part in mail.walk() if part.get_content_type() == "message/delivery-status"]
    if not parts:
        return None
    recipients = [recipient for part in parts for recipient in _recipients(part)]
    return Report(_original_id(mail), tuple(recipients[:MAX_RECIPIENTS]))


def _recipients(part: Message) -> list[ReportedRecipient]:
    payload = part.get_payload()
    if isinstance(payload, list):
        blocks = [block for block in payload if isinstance(block, Message)]
    else:
        parser = Parser(policy=policy.compat32)
        blocks = [parser.parsestr(block, headersonly=True) for block in re.split(r"\n\s*\n", str(payload))]
    return [found for block in blocks if (found := _recipient(block)) is not None]


def _recipient(block: Message) -> ReportedRecipient | None:
    address = _value(block, "final-recipient") or _value(block, "original-recipient")
    if not address:
        return None
    mailbox = headers.addresses([address.rpartition(";")[2]])
    return ReportedRecipient(
        address=mailbox[0].address if mailbox else address.rpartition(";")[2].strip().lower()[:320],
        action=_value(block, "action").lower().partition(" ")[0],
        status=_value(block, "status").partition(" ")[0],
        diagnostic=_value(block, "diagnostic-code").partition(";")[2].strip() or _value(block, "diagnostic-code"),
    )


def _value(block: Message, name: str) -> str:
    return headers.decode(str(block.get(name, "")))[:_LONGEST]


def _original_id(mail: Message) -> str | None:
    for part in mail.walk():
        kind = part.get_content_type()
        if kind == "message/rfc822":
            payload = part.get_payload()
            inner = payload[0] if isinstance(payload, list) and payload else None
            if isinstance(inner, Message) and (found := headers.message_id(str(inner.get("message-id", "")))):
                return found
        if kind == "text/rfc822-headers" and (match := _ID_LINE.search(str(part.get_payload()))):
            return match[1]
    return None
