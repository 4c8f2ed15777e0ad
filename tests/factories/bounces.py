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


# Reason, sender, subject and own words of bounces that have no report.
PROSE = [
    (
        "hostunknown",
        "Mail Delivery Subsystem <mailer-daemon@googlemail.com>",
        "Delivery Status Notification (Failure)",
        "Delivery to the following recipient failed permanently:\n\n     bob@b.example\n\nTechnical details of permanent failure: \nDNS Error: Domain name not found\n\n----- Original message -----\n",
    ),
    (
        "expired",
        "Mail Delivery Subsystem <mailer-daemon@googlemail.com>",
        "Delivery Status Notification (Failure)",
        "Delivery to the following recipient failed permanently:\n\n     bob@b.example\n\nTechnical details of permanent failure: \nThe recipient server did not accept our requests to connect. Learn more at http://support.google.com\n[b.example. (0): Connection timed out]\n\n----- Original message -----\n",
    ),
    (
        "userunknown",
        "Postmaster <postmaster@a.example>",
        "DELIVERY FAILURE: User bob (bob@b.example) not listed in Domino Directory",
        "Your message\n\n  Subject: Hello\n\nwas not delivered to:\n\n  bob@b.example\n\nbecause:\n\n  User bob (bob@b.example) not listed in Domino Directory\n",
    ),
    (
        "expired",
        "MAILER-DAEMON@a.example",
        "failure notice",
        "Hi. This is the qmail-send program at a.example.\nI'm afraid I wasn't able to deliver your message to the following addresses.\nThis is a permanent error; I've given up. Sorry it didn't work out.\n\n<bob@b.example>:\n192.0.2.1 failed after I sent the message.\nRemote host said: 451 timeout\nI'm not going to try again; this message has been in the queue too long.\n\n--- Below this line is a copy of the message.\n",
    ),
    (
        "hostunknown",
        "MAILER-DAEMON@a.example",
        "failure notice",
        "Hi. This is the qmail-send program at a.example.\n\n<bob@b.example>:\nSorry, I couldn't find any host named b.example. (#5.1.2)\n\n--- Below this line is a copy of the message.\n",
    ),
    (
        "blocked",
        "MAILER-DAEMON@a.example",
        "failure notice",
        "Hi. This is the qmail-send program at a.example.\n\n<bob@b.example>:\nConnected to 192.0.2.1 but my name was rejected.\nRemote host said: 501 5.0.0 Invalid domain name\n\n--- Below this line is a copy of the message.\n",
    ),
    (
        "userunknown",
        "MAILER-DAEMON@a.example",
        "failure notice",
        "Hi. This is the qmail-send program at a.example.\n\n<bob@b.example>:\nThis address no longer accepts mail.\n\n--- Below this line is a copy of the message.\n",
    ),
    (
        "userunknown",
        "Mail Delivery System <Mailer-Daemon@a.example>",
        "Mail delivery failed: returning message to sender",
        "This message was created automatically by mail delivery software.\n\nA message that you sent could not be delivered to one or more of its\nrecipients. This is a permanent error. The following address(es) failed:\n\n  bob@b.example\n    Unknown user\n\n------ This is a copy of the message, including all the headers. ------\n",
    ),
    (
        "hostunknown",
        "Mail Delivery System <Mailer-Daemon@a.example>",
        "Mail delivery failed: returning message to sender",
        "This message was created automatically by mail delivery software.\n\nA message that you sent could not be delivered to one or more of its\nrecipients. This is a permanent error. The following address(es) failed:\n\n  bob@b.example\n    Unrouteable address\n\n------ This is a copy of the message, including all the headers. ------\n",
    ),
    (
        "expired",
        "Mail Delivery System <Mailer-Daemon@a.example>",
        "Mail delivery failed: returning message to sender",
        "A message that you sent could not be delivered to one or more of its\nrecipients. This is a permanent error. The following address(es) failed:\n\n  bob@b.example\n    retry time not reached for any host after a long failure period\n\n------ This is a copy of the message, including all the headers. ------\n",
    ),
    (
        "mesgtoobig",
        "Mail Delivery System <Mailer-Daemon@a.example>",
        "Mail delivery failed: returning message to sender",
        "A message that you sent could not be delivered to one or more of its\nrecipients. This is a permanent error. The following address(es) failed:\n\n  bob@b.example\n    message is too big (transport limit = 5000000)\n\n------ This is a copy of the message, including all the headers. ------\n",
    ),
    (
        "expired",
        "MAILER-DAEMON@a.example (Mail Delivery System)",
        "Undelivered Mail Returned to Sender",
        "This is the mail system at host a.example.\n\n<bob@b.example>: connect to mx.b.example[192.0.2.1]:25: Connection refused\n",
    ),
    (
        "hostunknown",
        "MAILER-DAEMON@a.example (Mail Delivery System)",
        "Undelivered Mail Returned to Sender",
        "This is the mail system at host a.example.\n\n<bob@b.example>: Host or domain name not found. Name service error for\n    name=b.example type=MX: Host not found\n",
    ),
    (
        "networkerror",
        "MAILER-DAEMON@a.example (Mail Delivery System)",
        "Undelivered Mail Returned to Sender",
        "This is the mail system at host a.example.\n\n<bob@b.example>: mail for b.example loops back to myself\n",
    ),
    (
        "mailboxfull",
        "Mail Delivery Subsystem <MAILER-DAEMON@a.example>",
        "Returned mail: see transcript for details",
        "   ----- The following addresses had permanent fatal errors -----\n<bob@b.example>\n    (reason: 552 Quota exceeded)\n\n   ----- Transcript of session follows -----\n... while talking to mx.b.example.:\n>>> DATA\n<<< 552 Quota exceeded\n554 5.0.0 Service unavailable\n",
    ),
    (
        "rejected",
        "Mail Delivery Subsystem <MAILER-DAEMON@a.example>",
        "Returned mail: see transcript for details",
        "   ----- The following addresses had permanent fatal errors -----\n<bob@b.example>\n    (reason: 553 sorry)\n\n   ----- Transcript of session follows -----\n... while talking to mx.b.example.:\n>>> MAIL From:<me@a.example>\n<<< 553 sorry, no\n501 5.6.0 Data format error\n",
    ),
    (
        "userunknown",
        "postmaster@a.example",
        "Undeliverable: Hello",
        "Your message did not reach some or all of the intended recipients.\n\n      Subject:  Hello\n      Sent:     4/5/2026 10:15\n\nThe following recipient(s) could not be reached:\n\n      bob@b.example on 4/5/2026 10:15\n            The e-mail account does not exist at the organization this message was sent to.  Check the e-mail address, or contact the recipient directly to find out the correct address.\n            <mx.b.example #5.1.1>\n",
    ),
    (
        "mailboxfull",
        "postmaster@a.example",
        "Undeliverable: Hello",
        "Your message did not reach some or all of the intended recipients.\n\nThe following recipient(s) could not be reached:\n\n      bob@b.example on 4/5/2026 10:15\n            The recipient's mailbox is full and can't accept messages now.\n",
    ),
    (
        "userunknown",
        "postmaster@a.example",
        "Undeliverable: Hello",
        "Your message to bob@b.example couldn't be delivered.\n\nbob wasn't found at b.example.\n\nme  Office 365  bob\nAction Required  Recipient\nUnknown To address\n\nHow to Fix It\nThe address may be misspelled or may not exist.\n",
    ),
    (
        "spamdetected",
        "MAILER-DAEMON@a.example",
        "Undeliverable mail",
        "Your message was rejected by the recipient.\n\nbob@b.example\n   550 This message was classified as SPAM and may not be delivered\n",
    ),
    (
        "mailboxfull",
        "postmaster@kddi.example",
        "Mail System Error - Returned Mail",
        "<bob@b.example>\n\nThe user's mailbox is full.\n",
    ),
    (
        "mailboxfull",
        "Postmaster <postmaster@imail.example>",
        "Undeliverable Mail",
        "User mailbox exceeds allowed size: bob@b.example\n\nOriginal message follows.\n",
    ),
    (
        "userunknown",
        "Postmaster <postmaster@imail.example>",
        "Undeliverable Mail",
        "Unknown user: bob@b.example\n\nOriginal message follows.\n",
    ),
    (
        "hostunknown",
        "Postmaster <postmaster@imail.example>",
        "Undeliverable Mail",
        "Unknown host: bob@b.example\n\nOriginal message follows.\n",
    ),
]
