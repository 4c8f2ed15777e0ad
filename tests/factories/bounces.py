"""Bounces as twelve mail systems write them, about a mail of ours."""

import re
from collections.abc import Callable

HEAD = "To: {us}\nMIME-Version: 1.0\nMessage-ID: <report-{number}@mx.example>\nDate: Mon, 4 May 2026 10:15:00 +0000\n"
RETURNED = "From: {us}\nTo: {them}\nSubject: A proposal\nMessage-ID: {ours}\n"
REPLIES = {
    "550 5.1.1 <{them}>: Recipient address rejected: User unknown": ("userunknown", True),
    "552 5.2.2 <{them}>: The mailbox is full": ("mailboxfull", False),
    "550 5.7.1 Message rejected as spam": ("spamdetected", False),
    "554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using bl.example": ("blocked", False),
}


def _report(sender: str, subject: str, text: str, fields: str) -> str:
    return (
        f"Return-Path: <>\nFrom: {sender}\nSubject: {subject}\nAuto-Submitted: auto-replied\n{HEAD}"
        'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\n\n'
        f"--b\nContent-Type: text/plain\n\n{text}\n"
        f"--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example\n\n{fields}\n"
        f"--b\nContent-Type: message/rfc822\n\n{RETURNED}\nHello\n--b--\n"
    )


def _prose(sender: str, subject: str, text: str) -> str:
    return f"Return-Path: <>\nFrom: {sender}\nSubject: {subject}\n{HEAD}Content-Type: text/plain\n\n{text}\n{RETURNED}\nHello\n"


FIELDS = "Final-Recipient: rfc822; {them}\nAction: failed\nStatus: {status}\nDiagnostic-Code: smtp; {reply}\n"
SYSTEMS: dict[str, str] = {
    "postfix": _report(
        "MAILER-DAEMON@mx.example (Mail Delivery System)", "Undelivered Mail Returned to Sender",
        "This is the mail system at host mx.example.\n\n<{them}>: host mx.b.example[192.0.2.9] said: {reply}\n    (in reply to RCPT TO command)",
        FIELDS,
    ),
    "sendmail": _report(
        "Mail Delivery Subsystem <MAILER-DAEMON@mx.example>", "Returned mail: see transcript for details",
        "   ----- The following addresses had permanent fatal errors -----\n<{them}>\n    (reason: {reply})\n\n"
        "   ----- Transcript of session follows -----\n... while talking to mx.b.example.:\n>>> RCPT To:<{them}>\n<<< {reply}",
        FIELDS,
    ),
    "exim": _report(
        "Mail Delivery System <Mailer-Daemon@mx.example>", "Mail delivery failed: returning message to sender",
        "A message that you sent could not be delivered to one or more of its recipients.\n\n  {them}\n"
        "    host mx.b.example [192.0.2.9]\n    SMTP error from remote mail server after RCPT TO:<{them}>:\n    {reply}",
        FIELDS,
    ),
    "exchange": _report(
        "postmaster@mx.example", "Undeliverable: A proposal",
        "Delivery has failed to these recipients or groups:\n\n{them}\n\nDiagnostic information for administrators:\n"
        "Generating server: mx.example\n\n{them}\nRemote Server returned '{reply}'",
        FIELDS,
    ),
    "amazon": _report(
        "MAILER-DAEMON@amazonses.com", "Delivery Status Notification (Failure)",
        "An error occurred while trying to deliver the mail to the following recipients:\n{them}", FIELDS,
    ),
    "opensmtpd": _report(
        "Mailer Daemon <mailer-daemon@mx.example>", "Delivery status notification: failed",
        "    Hi!\n\n    An error has occurred while attempting to deliver a message for\n    the following list of recipients:\n\n{them}: {reply}",
        "Final-Recipient: rfc822; {them}\nAction: failed\nStatus: 5.0.0\n",
    ),
    "courier": _report(
        "Courier mail server at mx.example <postmaster@mx.example>", "NOTICE: mail delivery status.",
        "                           UNDELIVERABLE MAIL\n\nYour message to the following recipients cannot be delivered:\n\n"
        "<{them}>:\n    mx.b.example [192.0.2.9]:\n>>> RCPT TO:<{them}>\n<<< {reply}",
        FIELDS,
    ),
    "powermta": _report(
        "postmaster@mx.example", "Delivery report",
        "Hello, this is the mail server on mx.example.\n\n<{them}> delivery failed; will not continue trying", FIELDS,
    ),
    "qmail": _prose(
        "MAILER-DAEMON@mx.example", "failure notice",
        "Hi. This is the qmail-send program at mx.example.\nThis is a permanent error; I've given up. Sorry it didn't work out.\n\n"
        "<{them}>:\n192.0.2.9 does not like recipient.\nRemote host said: {reply}\nGiving up on 192.0.2.9.\n\n"
        "--- Below this line is a copy of the message.\n",
    ),
    "dragonfly": _prose(
        "MAILER-DAEMON <>", "Mail delivery failed",
        "This is the DragonFly Mail Agent v0.13 at mx.example.\n\nThere was an error delivering your mail to <{them}>.\n\n"
        "mx.b.example [192.0.2.9] did not like our RCPT TO:\n{reply}\n\nMessage headers follow.\n",
    ),
    "yahoo": _prose(
        "MAILER-DAEMON@mx.example", "Failure Notice",
        "Sorry, we were unable to deliver your message to the following address.\n\n<{them}>:\nRemote host said: {reply} [RCPT_TO]\n\n"
        "--- Below this line is a copy of the message.\n",
    ),
    "gmail": _prose(
        "Mail Delivery Subsystem <mailer-daemon@googlemail.com>", "Delivery Status Notification (Failure)",
        "Delivery to the following recipient failed permanently:\n\n     {them}\n\nTechnical details of permanent failure: \n"
        "The error that the other server returned was: {reply} (state 14).\n\n----- Original message -----\n",
    ),
}  # fmt: skip


def make_bounce(
    system: str, *, us: str, them: str, ours: str, reply: str, number: int = 1, disguise: str = ""
) -> bytes:
    """`ours` is the Message-ID of the mail that came back; with a disguise, the report pretends to answer in its thread."""
    said = reply.format(them=them)
    filled = SYSTEMS[system]
    values = {"us": us, "ours": ours, "reply": said, "status": said.split()[1], "number": str(number), "them": them}
    for name, value in values.items():
        filled = filled.replace("{" + name + "}", value)
    if disguise:
        filled = re.sub(r"^From: .*$", f"From: {them}", filled, count=1, flags=re.MULTILINE)
        filled = re.sub(r"^Subject: .*$", f"Subject: {disguise}", filled, count=1, flags=re.MULTILINE)
    return filled.encode()


Forger = Callable[[str, str, str], dict[str, str]]
# What a forger may know: whom we wrote to, or some mail of ours, never both. Each gets (us, them, ours).
FORGERS: dict[str, Forger] = {
    "knows whom we wrote to": lambda us, them, ours: {"us": us, "them": them, "ours": "<guessed@a.test>"},
    "joins the thread by its subject": lambda us, them, ours: {
        "us": us,
        "them": them,
        "ours": "<guessed@a.test>",
        "disguise": "Re: A proposal",
    },
    "returns our mail for another": lambda us, them, ours: {"us": us, "them": "eve@e.test", "ours": ours},
    "returns our mail for ourselves": lambda us, them, ours: {
        "us": us,
        "them": "mallory@" + us.partition("@")[2],
        "ours": ours,
    },
    "nearly knows our id": lambda us, them, ours: {"us": us, "them": them, "ours": ours.replace("@", "x@")},
}
