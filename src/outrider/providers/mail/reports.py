"""Reports of mail systems on mail we sent: deliveries (RFC 3464), receipts (RFC 8098), complaints (RFC 5965)."""

import base64
import quopri
import re
from collections.abc import Iterator
from email import policy
from email.message import Message
from email.parser import Parser

from outrider.providers.mail import headers
from outrider.providers.mail.parsed import Report, ReportedRecipient, ReportKind

MAX_RECIPIENTS = 100
_LONGEST = 500
_LONGEST_KIND = 20
_DELIVERY = ("message/delivery-status", "message/global-delivery-status")
_KINDS = {
    **dict.fromkeys(_DELIVERY, ReportKind.DELIVERY),
    "message/disposition-notification": ReportKind.DISPOSITION,
    "message/global-disposition-notification": ReportKind.DISPOSITION,
    "message/feedback-report": ReportKind.FEEDBACK,
}
_MAIL = ("message/rfc822", "message/global")
_MAIL_HEADERS = ("text/rfc822-headers", "message/rfc822-headers", "message/global-headers")
_ID_LINE = re.compile(r"^message-id:\s*(<[^<>\s]+>)", re.IGNORECASE | re.MULTILINE)
_ORIGINAL_ID_LINE = re.compile(r"^original-message-id:\s*(<[^<>\s]+>)", re.IGNORECASE | re.MULTILINE)
_JUNK_REPORTER = "x-hmxmroriginalrecipient"
_FEEDBACK_FIELDS = re.compile(r"\s*(?:[\w-]{1,40}:[^\n]{0,300}\n){0,12}feedback-type:\s*\w", re.IGNORECASE)
_DELIVERY_FIELDS = re.compile(
    r"\s*reporting-mta:[^\n]{0,300}\n(?:[ \t]*\n|[\w-]{1,40}:[^\n]{0,300}\n|[ \t][^\n]{0,300}\n){0,12}?(?:final|original)-recipient:",
    re.IGNORECASE,
)
_COMPLAINED = re.compile(r"^(?:original-rcpt-to|removal-recipient):[ \t]*([^\n]{3,320})", re.IGNORECASE | re.MULTILINE)
_MUCH = 20_000
_STATUS = re.compile(r"(?<![\d.])([245]\.\d{1,3}\.\d{1,3})(?![\d.])")


def read(mail: Message) -> Report | None:
    """Returns what a report says of each recipient; None where the mail is none."""
    parts = list(_own_parts(mail))
    kind = _first_kind(parts)
    if kind is None and _is_from_nobody(mail):  # a gateway's own bounce, with the one it was told attached
        parts = [part for each in _attached(parts) for part in _own_parts(each)]
        kind = _first_kind(parts)
    if kind is None:
        return None
    told = [part for part in parts if part.get_content_type() in _DELIVERY or _is_delivery_as_text(part)]
    recipients = [recipient for part in told for recipient in _recipients(part)]
    if kind is ReportKind.FEEDBACK:
        recipients = _complainants(parts)
    return Report(_original_id(parts), tuple(recipients[:MAX_RECIPIENTS]), kind)


def _first_kind(parts: list[Message]) -> ReportKind | None:
    if kind := next((found for part in parts if (found := _kind(part))), None):
        return kind
    is_report = any(part.get_content_type() == "multipart/report" for part in parts)
    return ReportKind.DELIVERY if is_report and any(_is_delivery_as_text(part) for part in parts) else None


def _is_from_nobody(mail: Message) -> bool:
    sender = headers.addresses(headers.values(mail, "from")[:1])
    is_system = any(each.address.lower().startswith("mailer-daemon@") for each in sender)
    return is_system or str(mail.get("return-path", "")).strip() == "<>"


def _attached(parts: list[Message]) -> Iterator[Message]:
    for part in parts:
        payload = part.get_payload()
        if part.get_content_type() in _MAIL and isinstance(payload, list):
            yield from (each for each in payload[:1] if isinstance(each, Message))


def _is_delivery_as_text(part: Message) -> bool:
    """Some relabel the fields of RFC 3464 as plain text."""
    return part.get_content_type() == "text/plain" and bool(_DELIVERY_FIELDS.match(_text(part)[: _LONGEST * 4]))


def _kind(part: Message) -> ReportKind | None:
    content_type = part.get_content_type()
    if found := _KINDS.get(content_type):
        return found
    is_report = content_type.startswith("multipart/") and part.get_param("report-type") == "feedback-report"
    if is_report or _is_junk_report(part):
        return ReportKind.FEEDBACK
    # Some send the fields of RFC 5965 as plain text.
    is_text = content_type == "text/plain" and not isinstance(part.get_payload(), list)
    return ReportKind.FEEDBACK if is_text and _FEEDBACK_FIELDS.match(str(part.get_payload())[: _LONGEST * 4]) else None


def _is_junk_report(part: Message) -> bool:
    """Microsoft's junk mail reporting sends the mail alone, with the name of who complained in a header of its own."""
    payload = part.get_payload()
    inner = payload[0] if part.get_content_type() in _MAIL and isinstance(payload, list) and payload else None
    return isinstance(inner, Message) and _JUNK_REPORTER in inner


def _complainants(parts: list[Message]) -> list[ReportedRecipient]:
    found: list[str] = []
    for part in parts:
        payload = part.get_payload()
        inner = payload[0] if isinstance(payload, list) and payload and part.get_content_type() in _MAIL else None
        if isinstance(inner, Message) and inner.get(_JUNK_REPORTER):
            found += headers.values(inner, _JUNK_REPORTER)
        elif part.get_content_type() in _KINDS or _FEEDBACK_FIELDS.match(_text(part)[: _LONGEST * 4]):
            found += _COMPLAINED.findall(_text(part)[:_MUCH])
    addresses = dict.fromkeys(box.address for box in headers.addresses(found[:MAX_RECIPIENTS]))
    return [ReportedRecipient(address, "complained", "", "") for address in addresses]


def _own_parts(mail: Message) -> Iterator[Message]:
    """Every part, without looking into a mail that is attached: a bounce that a person forwards is their mail."""
    yield mail
    payload = mail.get_payload()
    if mail.get_content_maintype() == "multipart" and isinstance(payload, list):
        for part in payload:
            if isinstance(part, Message):
                yield from _own_parts(part)


def _recipients(part: Message) -> list[ReportedRecipient]:
    payload = part.get_payload()
    if isinstance(payload, list) and len(payload) > 1 and not _encoding(part):
        blocks = [block for block in payload if isinstance(block, Message)]
    else:  # one of a kind the library knows nothing of, or encoded
        parser = Parser(policy=policy.compat32)
        blocks = [parser.parsestr(block, headersonly=True) for block in re.split(r"\n\s*\n", _text(part))]
    return [found for block in blocks if (found := _recipient(block)) is not None]


def _text(part: Message) -> str:
    payload = part.get_payload()
    if isinstance(payload, list):
        return _decoded(part, "\n\n".join(block.as_string() for block in payload if isinstance(block, Message)))
    decoded = part.get_payload(decode=True)
    return decoded.decode("utf-8", "replace") if isinstance(decoded, bytes) else str(payload)


def _decoded(part: Message, text: str) -> str:
    """What is within a message/… part must not be encoded (RFC 2046 5.2), but some do."""
    try:
        if _encoding(part) == "base64":
            return base64.b64decode(text.encode()).decode("utf-8", "replace")
    except ValueError:
        return text
    if _encoding(part) == "quoted-printable":
        # The library takes the rest of a line that is broken softly for a body, and sets an empty line before it.
        return quopri.decodestring(text.replace("=\n\n", "=\n").encode()).decode("utf-8", "replace")
    return text


def _encoding(part: Message) -> str:
    encoding = str(part.get("content-transfer-encoding", "")).strip().lower()
    return encoding if encoding in {"base64", "quoted-printable"} else ""


def _recipient(block: Message) -> ReportedRecipient | None:
    original = _address(_value(block, "original-recipient"))
    address = _address(_value(block, "final-recipient"))
    if not headers.is_address(address) or "." not in address.partition("@")[2]:  # X.400, a file, a host of their own
        address = original or address
    if not address:
        return None
    diagnostic = _value(block, "diagnostic-code") or _supplement(_value(block, "x-supplementary-info"))
    status = _STATUS.search(_value(block, "status")) or _STATUS.search(diagnostic)
    return ReportedRecipient(
        address=address,
        action=_value(block, "action").lower().partition(" ")[0].strip(";,"),
        status=status[1] if status else "",
        diagnostic=diagnostic.partition(";")[2].strip() or diagnostic,
        category=_value(block, "x-powermta-bouncecategory").lower() or _local_kind(diagnostic),
        original=original if original != address else "",
    )


def _supplement(field: str) -> str:
    """What some send instead of a diagnostic: "<mx.example.com #5.0.0 smtp; 550 …>"."""
    return field.strip("<>").partition(" ")[2].partition(" ")[2] if field.startswith("<") else ""


def _address(field: str) -> str:
    bare = field.rpartition(";")[2].strip()
    mailboxes = headers.addresses([bare])
    return mailboxes[0].address if mailboxes else bare.lower()[:320]


def _local_kind(diagnostic: str) -> str:
    kind = diagnostic.partition(";")[0].strip().lower()
    return kind if kind.startswith("x-") and len(kind) < _LONGEST_KIND else ""


def _value(block: Message, name: str) -> str:
    return headers.decode(next(iter(headers.values(block, name)), ""))[:_LONGEST]


def _original_id(parts: list[Message]) -> str | None:
    for part in parts:
        kind = part.get_content_type()
        payload = part.get_payload()
        if kind in _MAIL:
            inner = payload[0] if isinstance(payload, list) and payload else None
            if isinstance(inner, Message) and (found := headers.message_id(str(inner.get("message-id", "")))):
                return found
        line = _ID_LINE if kind in _MAIL_HEADERS else _ORIGINAL_ID_LINE if kind in _KINDS else None
        if line is not None and (match := line.search(_text(part))):
            return match[1]
    return None
