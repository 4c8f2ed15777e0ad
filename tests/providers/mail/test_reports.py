from pathlib import Path

import pytest

from outrider.providers.mail.mime import parse
from outrider.providers.mail.parsed import ReportedRecipient, ReportKind

SAMPLES = Path(__file__).parents[2] / "data" / "bounces"

REPORT = b"""From: MAILER-DAEMON@mx.example.org\r
Content-Type: multipart/report; report-type=%(type)s; boundary=b\r
\r
--b\r
Content-Type: text/plain\r
\r
Sorry.\r
--b\r
Content-Type: message/%(type)s\r
\r
%(fields)s\r
--b\r
Content-Type: text/rfc822-headers\r
\r
Message-ID: <ours@example.com>\r
Subject: Hello\r
--b--\r
"""


def test_a_delivery_report_names_recipients_and_the_mail_that_failed() -> None:
    fields = (
        b"Reporting-MTA: dns; mx.example.org\r\n\r\n"
        b"Final-Recipient: rfc822; Ann@Example.org\r\nAction: failed\r\nStatus: 5.1.1 (no such user)\r\n"
        b"Diagnostic-Code: smtp; 550 no such user\r\n\r\n"
        b"Original-Recipient: rfc822;bob@example.org\r\nAction: delayed\r\nStatus: 4.4.7\r\n"
    )
    report = parse(REPORT % {b"type": b"delivery-status", b"fields": fields}).report
    assert report is not None
    assert report.kind is ReportKind.DELIVERY
    assert report.original_message_id == "<ours@example.com>"
    assert report.recipients == (
        ReportedRecipient("ann@example.org", "failed", "5.1.1", "550 no such user"),
        ReportedRecipient("bob@example.org", "delayed", "4.4.7", ""),
    )


@pytest.mark.parametrize(
    ("name", "kind"),
    [(b"disposition-notification", ReportKind.DISPOSITION), (b"feedback-report", ReportKind.FEEDBACK)],
)
def test_receipts_and_complaints_are_reports_of_their_own_kind(name: bytes, kind: ReportKind) -> None:
    report = parse(REPORT % {b"type": name, b"fields": b"Original-Message-ID: <x@example.com>\r\n"}).report
    assert report is not None
    assert (report.kind, report.recipients) == (kind, ())
    assert report.original_message_id == "<x@example.com>"


def test_what_stands_in_a_field_of_a_gateways_own_counts_as_the_servers_words() -> None:
    fields = (
        b"Final-Recipient: rfc822; bob@example.org\r\nAction: failed\r\nStatus: 5.0.0\r\n"
        b"X-Supplementary-Info: <mx.example.org #5.0.0 smtp; 550 5.2.2 over quota>\r\n"
    )
    report = parse(REPORT % {b"type": b"delivery-status", b"fields": fields}).report
    assert report is not None
    assert report.recipients[0].diagnostic == "550 5.2.2 over quota"


def test_a_report_that_a_person_attaches_is_not_this_mails_report() -> None:
    inner = REPORT % {
        b"type": b"delivery-status",
        b"fields": b"Final-Recipient: rfc822; a@b.example\r\nAction: failed\r\n",
    }
    raw = b"Content-Type: multipart/mixed; boundary=o\r\n\r\n--o\r\n\r\nLook what came back.\r\n--o\r\n"
    mail = parse(raw + b"Content-Type: message/rfc822\r\n\r\n" + inner + b"\r\n--o--\r\n")
    assert mail.poison is None
    assert mail.report is None


@pytest.mark.parametrize(
    ("sample", "address", "status"),
    [
        ("amazonses", "kijitora@example.com", "5.7.1"),
        ("courier", "kijitora@example.cat", "5.0.0"),
        ("exchange2007", "kijitora@example.edu", "5.2.2"),
        ("outlook", "kijitora@example.jp", "5.1.1"),
        ("postfix", "nyaan@libsisimai.org", "5.0.0"),
        ("sendmail", "kijitora@example.co.jp", "5.7.9"),
    ],
)
def test_reports_of_real_systems_are_understood(sample: str, address: str, status: str) -> None:
    report = parse((SAMPLES / f"{sample}.eml").read_bytes()).report
    assert report is not None
    assert [(each.address, each.action, each.status) for each in report.recipients] == [(address, "failed", status)]
