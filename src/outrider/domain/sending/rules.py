"""Calculations of the outbox: Message-IDs, the mail itself, when to try again, what a refusal means."""

import random
import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from functools import lru_cache
from uuid import UUID

from outrider.domain.mailboxes.models import Mailbox
from outrider.domain.sending.letterhead import Letterhead
from outrider.domain.sending.models import Outgoing, Send

RETRIES = tuple(timedelta(minutes=minutes) for minutes in (5, 15, 30, 60, 120, 240))
GIVE_UP_AFTER = timedelta(hours=72)
JITTER = 0.2
RECONNECTS = tuple(timedelta(minutes=minutes) for minutes in (1, 2, 4))
# Clients and servers cut long reference lists; the first and the last ones carry the thread (RFC 5322 3.6.4).
MOST_REFERENCES = 20
# What stands in a header as it is: visible ASCII in words, none of them encoded (RFC 2047), no longer than one line may
# be with its colon and space.
PLAIN = re.compile(r"(?!.*=\?)[!-~]+(?: [!-~]+)*")
LONGEST_PLAIN = 76
LONGEST_LINE = 78  # RFC 5322 2.1.1; longer ones are folded by an encoding


def mint_message_id(send_id: UUID, sender: str) -> str:
    """Returns the Message-ID of a send, the same at every attempt: `<uuid@sending-domain>`."""
    return f"<{send_id}@{sender.rpartition('@')[2]}>"


def domain_of(address: str) -> str:
    return address.rpartition("@")[2].lower()


def retry_at(attempt: int, now: datetime, *, draw: float | None = None) -> datetime:
    """When to try again after failed attempt number `attempt` (from 1): 5 m, 15 m … 4 h, each within 20 % either way.

    Never sooner than five minutes: greylisting servers take a second try only after that.
    """
    draw = random.random() if draw is None else draw  # noqa: S311  # spreads load, hides nothing
    delay = RETRIES[min(attempt, len(RETRIES)) - 1]
    return now + max(delay * (1 + JITTER * (2 * draw - 1)), RETRIES[0])


def reconnect_after(failures: int, *, draw: float | None = None) -> timedelta:
    """How long to leave a server in peace after so many failed connections in a row (from 1), within 20 % either way.

    Short, so that mail flows again soon after the server does; spread, so that not all mailboxes come at once.
    """
    draw = random.random() if draw is None else draw  # noqa: S311  # spreads load, hides nothing
    return RECONNECTS[min(max(failures, 1), len(RECONNECTS)) - 1] * (1 + JITTER * (2 * draw - 1))


def references_of(message_id: str | None, earlier: Sequence[str]) -> list[str]:
    """Returns the References of an answer to a mail (RFC 5322 3.6.4), bounded."""
    chain = list(dict.fromkeys([*earlier, *([message_id] if message_id else [])]))
    return chain if len(chain) <= MOST_REFERENCES else [chain[0], *chain[-(MOST_REFERENCES - 1) :]]


def compose(mailbox: Mailbox, send: Send | Outgoing, letterhead: Letterhead, *, at: datetime) -> bytes:
    """Builds the mail's bytes. Every header is plain or goes through the library, so nothing can be injected."""
    mail = EmailMessage(policy=SMTP)
    _set(mail, "From", _address(_one_line(mailbox.name), mailbox.address))
    _set(mail, "To", _address(_one_line(send.recipient_name), send.recipient))
    _set(mail, "Subject", _one_line(send.subject))
    _set(mail, "Date", format_datetime(at))
    _set(mail, "Message-ID", send.message_id)
    if send.in_reply_to:
        _set(mail, "In-Reply-To", send.in_reply_to)
    if send.references:
        _set(mail, "References", " ".join(send.references))
    for name, value in letterhead.headers(send, mailbox):
        _set(mail, name, value)
    text = send.body + letterhead.footer(send)
    _set_text(mail, text)
    if (html := letterhead.html(send, text)) is not None:
        mail.add_alternative(html, subtype="html")
    raw = mail.as_bytes()
    return letterhead.signer.sign(raw) if letterhead.signer else raw


def _set(mail: EmailMessage, name: str, value: str | Address) -> None:
    """Adds a header. What needs neither encoding nor folding is kept as it is: the library's parser takes longer than
    all the rest of the mail.
    """
    spelled = str(value)
    if len(name) + len(spelled) <= LONGEST_PLAIN and PLAIN.fullmatch(spelled):
        mail.set_raw(name, spelled)
    else:
        mail[name] = value


def _set_text(mail: EmailMessage, text: str) -> None:
    """Makes a text the mail's body. One that needs no encoding gets the library's own headers without its parser."""
    lines = text.encode().splitlines()
    if not text.isascii() or max(map(len, lines), default=0) > LONGEST_LINE:
        mail.set_content(text)
        return
    mail.set_raw("MIME-Version", "1.0")
    mail.set_raw("Content-Type", 'text/plain; charset="utf-8"')
    mail.set_raw("Content-Transfer-Encoding", "7bit")
    mail.set_payload((b"\n".join(lines) + b"\n").decode())


@lru_cache(maxsize=1_000)
def _address(name: str, address: str) -> Address:
    return Address(name, addr_spec=address)


def _one_line(text: str) -> str:
    return " ".join(text.split())
