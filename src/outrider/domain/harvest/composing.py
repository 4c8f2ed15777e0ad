"""Mails that a client took apart itself, put together again so that they are read like any other."""

import base64
import binascii
from dataclasses import dataclass
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr

from outrider.core.errors import Invalid

# What tells a machine's mail from a person's, where the client has it.
KEPT = frozenset(
    [
        "auto-submitted",
        "list-id",
        "list-unsubscribe",
        "list-post",
        "precedence",
        "return-path",
        "organization",
        "x-spam-flag",
        "x-spam-status",
        "in-reply-to",
        "references",
        "feedback-id",
        "x-auto-response-suppress",
        "x-autoreply",
    ]
)
_LINE_ENDS = str.maketrans({"\r": " ", "\n": " ", "\0": ""})


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """An email in parts; addresses as `Name <address>` or bare."""

    sender: str
    to: tuple[str, ...] = ()
    reply_to: str = ""
    subject: str = ""
    text: str = ""
    html: str = ""
    message_id: str = ""
    sent_at: datetime | None = None
    headers: tuple[tuple[str, str], ...] = ()


def compose(parts: Parts) -> bytes:
    """Raises Invalid where there is no address to write back to."""
    mail = EmailMessage(policy=SMTP.clone(max_line_length=998))
    mail["From"] = _address(parts.sender, field="from")
    if parts.to:
        mail["To"] = tuple(_address(each, field="to") for each in parts.to)
    if parts.reply_to:
        mail["Reply-To"] = _address(parts.reply_to, field="reply_to")
    mail["Subject"] = _line(parts.subject)
    if parts.sent_at:
        mail["Date"] = format_datetime(parts.sent_at)
    if parts.message_id:
        mail["Message-ID"] = _line(parts.message_id)
    for name, value in parts.headers:
        if name.lower() in KEPT and name not in mail:
            mail[name] = _line(value)
    mail.set_content(parts.text)
    if parts.html:
        mail.add_alternative(parts.html, subtype="html")
    return mail.as_bytes()


def decoded(raw: str) -> bytes:
    """What Gmail calls `raw`: a whole mail in base64 for addresses (RFC 4648 5). Raises Invalid."""
    try:
        return base64.b64decode(raw + "=" * (-len(raw) % 4), altchars=b"-_", validate=True)
    except (ValueError, binascii.Error):
        raise Invalid("`raw` must be the whole mail in base64url.", field="raw") from None


def _address(written: str, *, field: str) -> Address:
    name, address = parseaddr(_line(written))
    user, at, domain = address.rpartition("@")
    try:
        if at and user and domain:
            return Address(name, user, domain)
    except (ValueError, LookupError):
        pass  # the library takes less than mail allows; said below
    raise Invalid(f"{written[:100]!r} is no address: write Name <name@example.com>.", field=field)


def _line(text: str) -> str:
    return text.translate(_LINE_ENDS).strip()
