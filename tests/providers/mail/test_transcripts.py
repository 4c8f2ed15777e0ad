"""What the prose of a bounce says of each recipient."""

import json

import pytest

from outrider.providers.mail import transcripts

US = {"me@example.com"}


def test_each_recipient_gets_what_is_said_of_them() -> None:
    text = (
        "This is the mail system. Your mail could not be delivered to some.\n\n"
        "<ann@example.org>: host mx.example.org said: 550 5.1.1 no such user\n    (in reply to RCPT TO command)\n\n"
        "<bob@example.org>: host mx.example.org said: 552 5.2.2 mailbox full\n    (in reply to end of DATA command)\n\n"
        "--- Below this line is a copy of the message.\n\nTo: carol@example.org\n"
    )
    ann, bob = transcripts.recipients(text, ours=US)
    assert (ann.address, ann.status, ann.command) == ("ann@example.org", "5.1.1", "RCPT")
    assert (bob.address, bob.status, bob.command) == ("bob@example.org", "5.2.2", "DATA")
    assert bob.diagnostic.startswith("552 5.2.2 mailbox full")


def test_what_describes_the_mail_is_not_who_failed() -> None:
    text = "Your message\n  To: list@example.org\n  Subject: x\ndid not reach:\n\nann@example.org on Monday\n  name is not recognized"
    assert [each.address for each in transcripts.recipients(text, ours=US)] == ["ann@example.org"]


def test_a_report_that_stands_in_the_text_is_read_as_one() -> None:
    text = (
        "A report:\nFinal-Recipient: rfc822; Ann@example.org\nAction: failed\nStatus: 5.0.0\n"
        "Diagnostic-Code: smtp; 550 5.1.1\n  user unknown\n"
    )
    (told,) = transcripts.recipients(text, ours=US)
    assert (told.address, told.action, told.status, told.diagnostic) == (
        "ann@example.org", "failed", "5.1.1", "550 5.1.1 user unknown",
    )  # fmt: skip


def test_a_notification_in_json_is_read() -> None:
    bounce = {"bounceType": "Permanent", "bouncedRecipients": [
        {"emailAddress": "Ann@example.org", "status": "5.1.1", "diagnosticCode": "smtp; 550 5.1.1 user unknown"}]}  # fmt: skip
    inner = json.dumps({"notificationType": "Bounce", "bounce": bounce})
    for text in (inner, json.dumps({"Type": "Notification", "Message": inner}), f"{inner}\n--\nUnsubscribe here"):
        (told,) = transcripts.recipients(text, ours=())
        assert (told.address, told.status) == ("ann@example.org", "5.1.1")
    assert transcripts.notification('{"notificationType": ' + "[" * 100_000) == {}


@pytest.mark.parametrize(
    ("text", "command"),
    [
        (">>> DATA\n<<< 550 no", "DATA"),
        (">>> RCPT To:<a@b.example>\n<<< 250 ok\n>>> DATA\n<<< 550 no", "DATA"),
        ("... while talking to mx:\n>>> MAIL From:<a@b.example>\n<<< 501 no", "MAIL"),
        ("550 no (in reply to RCPT TO command)", "RCPT"),
        ("550 no (in reply to end of DATA command)", "DATA"),
        ("SMTP error from remote mail server after initial connection: 550 no", "CONN"),
        ("192.0.2.1 does not like recipient.", "RCPT"),
        ("Connected to 192.0.2.1 but sender was rejected.", "MAIL"),
        ("192.0.2.1 failed after I sent the message.", "DATA"),
        ("550 no [RCPT_TO]", "RCPT"),
        ("550 no (state 17)", "DATA"),
        ("550 no", ""),
    ],
)
def test_the_refused_command_is_told_in_many_ways(text: str, command: str) -> None:
    assert transcripts.command_in(text) == command


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("5.1.0 - Unknown address error 550-'5.1.1 no such user'", "5.1.1"),
        ("550 5.1.0 rejected, said 4.7.1 before", "5.1.0"),
        ("5.0.0 (554 5.7.1 refused)", "5.7.1"),
        ("4.4.7 expired: 421 4.4.2 timed out", "4.4.2"),
        ("250 2.1.5 ok", "2.1.5"),
    ],
)
def test_the_code_that_says_most_counts(text: str, status: str) -> None:
    assert transcripts.status_in(text) == status


def test_the_returned_mail_gives_its_id_and_nothing_else() -> None:
    text = (
        "Not delivered.\n\n<ann@example.org>: no\n\n--- Original message follows ---\n"
        "Received: from x by y\nMessage-ID: <1@example.com>\nTo: dan@example.org\n"
    )
    assert "dan" not in transcripts.own_words(text)
    assert transcripts.returned_ids(text) == ["<1@example.com>"]
    assert transcripts.returned_ids("Message-ID: <2@example.com> is what I sent, says Ann.") == []
